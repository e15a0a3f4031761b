"""The compiled kernel as Python holds it: what memory a call may see, and which file is refused."""

import gc
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from trainer.errors import LibraryMissingError
from trainer.kernel import library, smoothing
from trainer.kernel.library import address, load

PACKAGE = Path(library.__file__).parents[1]
BUILT = PACKAGE / "kernel/arima.so"


def test_an_array_lives_as_long_as_its_address() -> None:
    array = np.zeros(8)
    place, alive = address(array), weakref.ref(array)
    del array
    gc.collect()
    assert alive() is not None
    del place
    gc.collect()
    assert alive() is None


def test_a_run_of_exponential_smoothing_keeps_its_work_array_until_the_call_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, seen = list[weakref.ref[np.ndarray]](), list[bool]()

    def work(_form: object, series: object) -> object:
        array = np.zeros(1)
        made.append(weakref.ref(array))
        return array

    def run(*_arguments: object) -> int:
        gc.collect()
        seen.extend(ref() is not None for ref in made)
        return 1

    monkeypatch.setattr(smoothing.EtsForm, "_work", work)
    monkeypatch.setattr(smoothing, "kernel_library", lambda: SimpleNamespace(ets_run=run))
    smoothing.EtsForm(1, 0, 0, 1).run(np.zeros(3), np.zeros(7), 1.0, 2)
    assert seen == [True]


@pytest.mark.process
def test_a_long_series_runs_through_exponential_smoothing_without_ending_the_process() -> None:
    program = (
        "import numpy as np\n"
        "from trainer.kernel.smoothing import EtsForm\n"
        "values = np.arange(400_000.0) % 7 + 10\n"
        "form = EtsForm(1, 1, 1, 7)\n"
        "numbers = np.zeros(form.places)\n"
        "numbers[:4], numbers[4] = (0.1, 0.01, 0.1, 1), 13\n"
        "for _ in range(3):\n"
        "    assert np.isfinite(form.run(values, numbers, 1.0, 5).means).all()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """Return a copy of the built kernel with a C file of the same age."""
    built = tmp_path / "arima.so"
    shutil.copyfile(BUILT, built)
    (tmp_path / "ets.c").write_bytes((PACKAGE / "kernel/ets.c").read_bytes())
    os.utime(built, ns=(10**18, 10**18))
    os.utime(tmp_path / "ets.c", ns=(10**18, 10**18))
    return built


def test_a_kernel_as_old_as_its_source_loads(beside: Path) -> None:
    assert load(beside).ets_fit


@pytest.mark.parametrize("name", ["ets.c", "arima.h"])
def test_a_kernel_older_than_its_source_is_refused_by_the_name_of_the_source(
    beside: Path, name: str
) -> None:
    (beside.parent / name).write_bytes(b"")
    os.utime(beside.parent / name, ns=(10**18 + 1, 10**18 + 1))
    with pytest.raises(LibraryMissingError, match=f"older than its source {name}") as caught:
        load(beside)
    assert "hakobune compile" in (caught.value.remedy or "")


def test_a_kernel_without_one_of_the_functions_is_refused_by_its_name(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_RESULTS", (*library._RESULTS, (None, ("later_fit",))))
    with pytest.raises(LibraryMissingError, match="later_fit"):
        load(beside)


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "arima.so").write_text("no library")
    with pytest.raises(LibraryMissingError, match="failed to load"):
        load(tmp_path / "arima.so")
