"""The same model: trainings in containers that differ in all that must not matter, and its price.

Compared with the first training of the same data and options in the image as it is: both models,
the forecast, and metric.json without what names time and place. The processors that are emulated
need Debian's qemu-user; the trainings that they would have been vary otherwise where it is absent.
"""

import hashlib
import io
import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

from hakobune.transform.grade_results import without_place
from measure import ROOT, image_tag, report, report_head, run

Row = tuple[str, int, int]
Files = Mapping[str, bytes]

MODEL = ("models/arima_model.pkl", "models/arima_model.json", "forecast.csv")
METRIC, RECORD = "metric.json", "record.json"
DATA = ROOT.parent / "shared/data/adventureworks"
ROUNDS = 5
COST_BOUND = 1.10
_WORKERS = 2
_TIMEOUT_S = 600
_ABOUT = 20
_EMULATOR = "qemu-x86_64"
_TRAIN = ("python", "-m", "trainer")
_VARIABLES = (
    *("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"),
    *("NPY_DISABLE_CPU_FEATURES", "PYTHONHASHSEED"),
)
# The same program with arithmetic left free: neither the image's variables nor its own.
_FREELY = """
import sys
from trainer import settings
settings.library_variables = lambda environment: {}
from trainer.__main__ import main
sys.exit(main())
"""
_FREE = ("env", *(f"--unset={name}" for name in _VARIABLES), "python", "-c", _FREELY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A series (`data` is a file's name below DATA, or None) and the options of its training."""

    name: str
    options: tuple[str, ...]
    data: str | None = None
    is_kernel: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What a container is given otherwise; `row` is the table's row that it counts for.

    `online` is what the kernel is made to say of its CPUs, which `os.cpu_count()` follows.
    `is_claimed` is false on processors of which the model and its forecast alone are compared.
    """

    row: str
    engine: tuple[str, ...] = ()
    online: str = ""
    options: tuple[str, ...] = ()
    processor: str | None = None
    file: str | None = None
    is_claimed: bool = True


def _given(row: str, *variables: str, is_claimed: bool = True) -> Variation:
    engine = tuple(text for variable in variables for text in ("--env", variable))
    return Variation(row=row, engine=engine, is_claimed=is_claimed)


def _without(row: str, *features: str, is_claimed: bool = True) -> Variation:
    masked = ",".join(f"-{feature}" for feature in features)
    return _given(row, f"GLIBC_TUNABLES=glibc.cpu.hwcaps={masked}", is_claimed=is_claimed)


_AGAIN = "again and again"
_USER = "as uid 0, 1000, 12345"
_CPUS = "on 1 or 2 CPUs; 16 CPUs visible, and as many BLAS and OpenMP threads asked for"
_HASH = "PYTHONHASHSEED 0, 1, random"
_LOCALE = "time zone, locale"
_WHERE = "run id, output folder, file name, memory limit"
_BLAS = "OPENBLAS_CORETYPE SkylakeX, Zen, Nehalem, Prescott"
_LOOPS = "NPY_DISABLE_CPU_FEATURES empty, AVX512, AVX2"
_GLIBC = "glibc without AVX-512, ERMS"
_OLD_GLIBC = "glibc without AVX2 or FMA (model and forecast: the rest is not claimed)"
_NEW = "emulated Haswell, EPYC, EPYC-Milan, Skylake-Server, Icelake-Server"
_OLD = "emulated Nehalem, SandyBridge (model and forecast: the rest is not claimed)"

VARIATIONS = (
    Variation(row=_AGAIN),
    *(Variation(row=_USER, engine=("--user", uid)) for uid in ("0:0", "1000:1000", "12345:12345")),
    *(Variation(row=_CPUS, engine=("--cpuset-cpus", cpus)) for cpus in ("0", "0-1")),
    Variation(row=_CPUS, online="0-15"),
    replace(
        _given(_CPUS, "OPENBLAS_NUM_THREADS=16", "OMP_NUM_THREADS=16", "PYTHON_CPU_COUNT=16"),
        online="0-15",
    ),
    *(_given(_HASH, f"PYTHONHASHSEED={seed}") for seed in ("0", "1", "random")),
    _given(_LOCALE, "TZ=Asia/Kathmandu", "LANG=tr_TR.UTF-8"),
    _given(_LOCALE, "TZ=America/St_Johns", "LC_ALL=de_DE.UTF-8"),
    _given(_LOCALE, "TZ=:nowhere", "LC_ALL=POSIX"),
    Variation(row=_WHERE, options=("--run_id", "another", "--output", "elsewhere/{run_id}")),
    Variation(row=_WHERE, file="another name.csv"),
    Variation(row=_WHERE, engine=("--memory", "600m")),
    *(_given(_BLAS, f"OPENBLAS_CORETYPE={x}") for x in ("SkylakeX", "Zen", "Nehalem", "Prescott")),
    *(
        _given(_LOOPS, f"NPY_DISABLE_CPU_FEATURES={names}")
        for names in ("", "AVX512_ICL", "X86_V3 X86_V4 AVX512_ICL")
    ),
    _without(_GLIBC, "AVX512F", "AVX512VL", "AVX512BW", "AVX512DQ"),
    _without(_GLIBC, "ERMS", "FSRM"),
    _without(_OLD_GLIBC, "AVX2", is_claimed=False),
    _without(_OLD_GLIBC, "FMA", is_claimed=False),
)
EMULATED = (
    *(
        Variation(row=_NEW, processor=name)
        for name in ("Haswell-v1", "EPYC", "EPYC-Milan", "Skylake-Server", "Icelake-Server")
    ),
    *(Variation(row=_OLD, processor=name, is_claimed=False) for name in ("Nehalem", "SandyBridge")),
)
GIVEN: tuple[str, ...] = ("--order", "2,0,2", "--seasonal_order", "1,0,1,7")
# Thirty times slower than the processor itself: one short training each.
SHORT = Subject(
    name="the built-in series, (2,1,1)(0,1,1)[12]",
    options=("--order", "2,1,1", "--seasonal_order", "0,1,1,12", "--backtest_windows", "1"),
)


def table(trainings: int = 100) -> list[Row]:
    """Run this many trainings; return variation, equal ones and all of each row of the table."""
    counts: dict[str, list[int]] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_WORKERS) as pool:
        emulator = _emulator(Path(folder))
        plan = _plan(trainings, emulator=emulator)
        subjects = list(dict.fromkeys(subject for subject, _ in plan))
        plain = pool.map(lambda subject: _train(subject, Variation(row=_AGAIN)), subjects)
        first = dict(zip(subjects, plain, strict=True))
        running = {pool.submit(_train, *pair, emulator=emulator): pair for pair in plan}
        for number, done in enumerate(as_completed(running), 1):
            subject, variation = running[done]
            told = _difference(first[subject], done.result(), variation)
            count = counts.setdefault(variation.row, [0, 0])
            count[0] += told is None
            count[1] += 1
            what = " ".join((*variation.engine, variation.processor or ""))
            line = f"{number} of {trainings}: {variation.row} {what}: {subject.name}: "
            took = f"  ({time.monotonic() - began:.0f} s)"
            print(line + (told or "same") + took, file=sys.stderr, flush=True)
    rows = dict.fromkeys(variation.row for variation in (*VARIATIONS, *EMULATED))
    return [(row, counts[row][0], counts[row][1]) for row in rows if row in counts]


def cost() -> bool:
    """Print what fixing arithmetic costs; return whether it keeps its bound."""
    kept = True
    report_head()
    for subject in _subjects():
        free, fixed = [], []
        for _ in range(ROUNDS):
            free.append(_seconds(_train(subject, Variation(row=""), program=_FREE)))
            fixed.append(_seconds(_train(subject, Variation(row=""))))
        mine, theirs = statistics.median(fixed), statistics.median(free)
        bound = f"{COST_BOUND:.2f}x"
        report(subject.name[:46], f"{mine:.2f} s", f"{theirs:.2f} s", mine / theirs, bound)
        kept &= mine / theirs <= COST_BOUND
    return kept


def _seconds(files: Files) -> float:
    """Return how long the run took by its own record: starting a container is no part of it."""
    return float(json.loads(files[RECORD])["seconds"])


def _subjects() -> list[Subject]:
    """Return what is trained: each engine and selection, on the file where there is one."""
    data: str | None = "mlops_forecast_data2014.csv"
    what, given = "daily amounts", GIVEN
    if not (DATA / str(data)).exists():
        data, what, given = None, "the built-in series", SHORT.options
    fewer, none = ("--backtest_windows", "2"), ("--backtest_windows", "0")
    library = ("--engine", "pmdarima", *none)
    return [
        Subject(name="the built-in series, searched", options=fewer),
        Subject(name=f"{what}, average", options=("--select", "average", *fewer), data=data),
        Subject(name=f"{what}, given order", options=given, data=data),
        Subject(name=f"{what}, pmdarima's search", options=library, data=data, is_kernel=False),
    ]


def _plan(trainings: int, *, emulator: Path | None) -> list[tuple[Subject, Variation]]:
    """Return pairs: the emulated ones, which take longest, and the others in turn."""
    subjects = _subjects()
    library = (subjects[-1], Variation(row=_NEW, processor="Haswell-v1"))
    emulated = [library, *((SHORT, variation) for variation in EMULATED)] if emulator else []
    pairs = [
        (subject, variation)
        for subject in subjects
        for variation in VARIATIONS
        if (subject.is_kernel or variation.is_claimed) and (subject.data or not variation.file)
    ]
    # Shuffled, always alike: some trainings of each row and of each subject also where there are
    # fewer trainings than pairs.
    random.Random(0).shuffle(pairs)
    return [*emulated, *islice(cycle(pairs), max(0, trainings - len(emulated)))][:trainings]


def _train(
    subject: Subject,
    variation: Variation,
    *,
    emulator: Path | None = None,
    program: tuple[str, ...] = _TRAIN,
) -> Files:
    """Return the files of one training in a container of its own; a failure ends the proof."""
    engine = ["--network", "none", *variation.engine]
    options = [*subject.options]
    if subject.data:
        name = variation.file or subject.data
        engine += ["--mount", f"type=bind,readonly,src={DATA / subject.data},dst=/data/{name}"]
        options += ["--input", f"/data/{name}"]
    if variation.processor:
        assert emulator is not None
        engine += ["--mount", f"type=bind,readonly,src={emulator},dst=/emulator"]
        loader = ("/emulator/ld-linux-x86-64.so.2", "--library-path", "/emulator")
        emulated = (f"/emulator/{_EMULATOR}", "-cpu", variation.processor, "/venv/bin/python")
        program = (*loader, *emulated, *program[1:])
    place = variation.options or ("--run_id", "one", "--output", "outputs")
    command = [*program, *options, *place]
    with _online(variation.online) as mounted:
        return dict(_members(_output_of([*engine, *mounted], command, place, variation.row)))


@contextmanager
def _online(cpus: str) -> Iterator[tuple[str, ...]]:
    """Give the engine's options that let the kernel name these CPUs."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(f"{cpus}\n")
        file.flush()
        Path(file.name).chmod(0o644)
        mount = (
            "--mount",
            f"type=bind,readonly,src={file.name},dst=/sys/devices/system/cpu/online",
        )
        yield mount if cpus else ()


def _output_of(
    engine: Sequence[str], command: Sequence[str], place: tuple[str, ...], row: str
) -> bytes:
    """Run a container to its end; return its output folder as a tar archive."""
    container = run(["docker", "create", *engine, image_tag(), *command]).strip()
    try:
        done = subprocess.run(
            ["docker", "start", "--attach", container],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
        if done.returncode != 0:
            sys.exit(f"{row}: {' '.join(command)}\n{done.stderr[-2000:]}")
        copied = ["docker", "cp", f"{container}:/workspace/{_output(place)}", "-"]
        return subprocess.run(copied, capture_output=True, check=True, timeout=_TIMEOUT_S).stdout
    finally:
        run(["docker", "rm", "--force", container])


def _output(place: tuple[str, ...]) -> str:
    options = dict(zip(place[::2], place[1::2], strict=True))
    return options["--output"].replace("{run_id}", options["--run_id"])


def _members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the folder in a tar archive by their paths in it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                yield member.name.partition("/")[2], file.read()


def _difference(first: Files, files: Files, variation: Variation) -> str | None:
    """Return the first place where the files that are compared differ, or None."""
    names = MODEL if not variation.is_claimed else (*MODEL, METRIC)
    for name in names:
        one, other = without_place(name, first[name]), without_place(name, files[name])
        if hashlib.sha256(one).digest() != hashlib.sha256(other).digest():
            same = zip(one, other, strict=False)
            place = next((n for n, (a, b) in enumerate(same) if a != b), min(len(one), len(other)))
            window = slice(max(0, place - _ABOUT), place + _ABOUT)
            return f"DIFFERENT: {name}, byte {place}: {one[window]!r}, {other[window]!r}"
    return None


def _emulator(folder: Path) -> Path | None:
    """Return a folder with the emulator and its libraries, for containers that have none."""
    program = shutil.which(_EMULATOR)
    if program is None:
        print("no qemu-x86_64 (Debian: qemu-user): no processor is emulated", file=sys.stderr)
        return None
    for path in (program, *re.findall(r"/\S+", run(["ldd", program]))):
        shutil.copy(path, folder)
    folder.chmod(0o755)
    return folder
