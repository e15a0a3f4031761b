"""The same bits: on emulated processors, with kernels compiled otherwise, with any BLAS setting."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from search.daily import HELD_OUT, WEEK, daily_series, without_season
from search.engines import ROOT, environment
from search.hard import hard_cases
from search.mixed import simulated_series
from search.protocol import Task, write_tasks
from search.table import Row

TITLE = "the same bits of order, parameters and forecast as on this machine as it is"
# OpenBLAS takes AVX code on the emulated Nehalem, which has none, and dies: it is told.
_EMULATED: dict[str, dict[str, str]] = {
    "Nehalem": {"OPENBLAS_CORETYPE": "Nehalem"},
    "Haswell-v1": {},
    "EPYC": {},
}
_LEVELS = ("-O1", "-O2", "-O3")
_CORES = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
_SELECTIONS = ("aicc", "default", "average")
_EMULATOR = "qemu-x86_64"
# NumPy takes other loops where it is told that these are missing; names unknown to it are ignored.
_FEWER = "AVX512F AVX512CD AVX512_SKX AVX2 FMA3 X86_V4 X86_V3"


def rows() -> Iterator[Row]:
    """Yield one row a variation."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = folder / "tasks"
        write_tasks(tasks, _tasks())
        here = _digests(tasks)
        for processor, extra in _EMULATED.items():
            if shutil.which(_EMULATOR) is None:
                # Not measured is not met.
                reference = "qemu-user not installed"
                yield Row(what=f"emulated {processor}", ours="", reference=reference, is_met=False)
                continue
            found = _digests(tasks, before=(_EMULATOR, "-cpu", processor), extra=extra)
            yield _row(f"emulated {processor}", here, found)
        for core in _CORES:
            found = _digests(tasks, extra={"OPENBLAS_CORETYPE": core})
            yield _row(f"OPENBLAS_CORETYPE={core}", here, found)
        found = _digests(tasks, extra={"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"})
        yield _row("two BLAS threads", here, found)
        found = _digests(tasks, extra={"NPY_DISABLE_CPU_FEATURES": _FEWER})
        yield _row("NumPy without AVX2 and AVX-512", here, found)
        for level in _LEVELS:
            source = _compiled(folder / level, level)
            paths = os.pathsep.join((str(ROOT / "benchmarks"), str(source)))
            found = _digests(tasks, extra={"PYTHONPATH": paths})
            yield _row(f"kernel compiled with {level}", here, found)


def _tasks() -> list[Task]:
    """Return few and small series: an emulated processor is some thirty times slower.

    The random draws are made here: their last bits may depend on the processor.
    """
    days = [
        Task(name=f"daily-{n}", values=tuple(row.tolist()), season=WEEK, horizon=HELD_OUT)
        for n, row in enumerate(daily_series(2)[:, :140])
    ]
    plain = without_season(200)
    one = Task(name="no-season", values=tuple(plain.tolist()), season=1, horizon=HELD_OUT)
    gaps = (*plain[:60], *([float("nan")] * 3), *plain[63:120])
    missing = Task(name="gaps", values=tuple(map(float, gaps)), season=1, horizon=HELD_OUT)
    mixed = [task for task in simulated_series()[:5] if task.season in (1, 4)]
    fixed = [
        Task(name=case.name, values=tuple(case.values.tolist()), season=1, horizon=HELD_OUT)
        for case in hard_cases()
        if case.name in ("weekdays as 2,0,2", "fixed months")
    ]
    return [*days, one, missing, *mixed, *fixed]


def _digests(
    tasks: Path, *, before: Sequence[str] = (), extra: Mapping[str, str] | None = None
) -> list[str]:
    """Return the lines of all selections, one after the other."""
    lines = []
    for select in _SELECTIONS:
        done = subprocess.run(
            [*before, sys.executable, "-m", "search.bits", "--select", select, str(tasks)],
            env=environment(extra),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            print(done.stderr[-2000:], file=sys.stderr)
            return []
        lines += done.stdout.splitlines()
    return lines


def _row(what: str, here: Sequence[str], there: Sequence[str]) -> Row:
    same = sum(a == b for a, b in zip(here, there, strict=False))
    return Row(
        what=what,
        ours=f"{same}",
        reference=f"of {len(here)}",
        bound="all",
        is_met=same == len(here) == len(there) > 0,
    )


def _compiled(folder: Path, level: str) -> Path:
    """Return a copy of the source whose libraries were compiled at another level."""
    source = folder / "src"
    shutil.copytree(ROOT / "src", source)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["tool"]["hakobune"]
    root, cache = source / Path(project["source"]).name, Path.home() / ".cache/hakobune/zig"
    program = _program()
    program.FLAGS = tuple(level if flag == "-O2" else flag for flag in program.FLAGS)  # type: ignore[attr-defined]  # read from a file
    assert level in program.FLAGS
    for library, files in project["libraries"].items():
        code = program.compile_library(cache, root, root / library, files)
        assert code == 0, f"{library} could not be compiled with {level}"
    return source


def _program() -> ModuleType:
    """Return the program that compiles the libraries of the image, loaded anew from its file."""
    path = ROOT / "src" / "hakobune" / "data" / "compile_library.py"
    spec = importlib.util.spec_from_file_location("compile_library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
