import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import trainer
from tests.unit.trainer.saved.made import reseal_record
from tests.unit.trainer.trained import KINDS
from trainer.errors import (
    PickleRefusedError,
    SavedModelChangedError,
    SavedModelInvalidError,
    SavedModelMissingError,
    SavedModelUnreadableError,
    TrainerError,
)
from trainer.saved import files, pickle_reader

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained
JSON, PICKLE = "models/arima_model.json", "models/arima_model.pkl"
WITHOUT_REGRESSORS = sorted(set(KINDS) - {"calendar", "price", "mixed"})


@pytest.fixture
def good(runs: Path, tmp_path: Path) -> Path:
    """Return a copy of a run, to be changed."""
    shutil.copytree(runs / "good", tmp_path / "good")
    return tmp_path / "good"


NOT_OPENED = (
    "arima_model.pkl: a pickle is not opened without --trust-pickle: the model is loaded from "
    "arima_model.json beside it"
)


@pytest.mark.parametrize("kind", WITHOUT_REGRESSORS)
@pytest.mark.parametrize("trust", [False, True], ids=["default", "trusted"])
@pytest.mark.parametrize("file", [JSON, PICKLE])
def test_both_files_forecast_the_bits_of_the_run(
    runs: Path, kind: str, file: str, *, trust: bool
) -> None:
    loaded = trainer.load(runs / kind / file, trust_pickle=trust)
    ahead = loaded.predict(14)
    with (runs / kind / "forecast.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert ahead.point.tolist() == [float(row["forecast"]) for row in rows]
    lower, upper = ahead.bounds(0.95)
    assert lower.tolist() == [float(row["lower_95"]) for row in rows]
    assert upper.tolist() == [float(row["upper_95"]) for row in rows]
    assert (loaded.library is not None) == (trust and file == PICKLE)
    assert loaded.notes == ((NOT_OPENED,) if file == PICKLE and not trust else ())


@pytest.mark.parametrize("kind", KINDS)
def test_the_pickle_is_still_the_library_s_own(runs: Path, kind: str) -> None:
    library = trainer.load(runs / kind / PICKLE, trust_pickle=True).library
    first = library[0][1] if isinstance(library, list) else library
    assert type(first).__module__.partition(".")[0] in ("statsmodels", "pmdarima")
    assert first.saved_model.encode() == (runs / kind / JSON).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_json_tells_nothing_of_time_or_place(runs: Path, kind: str) -> None:
    content = (runs / kind / JSON).read_text()
    assert f"run-{kind}" not in content
    assert str(runs) not in content
    assert str(os.getuid()) not in {str(v) for v in json.loads(content).values()}


def test_a_path_may_be_text_and_relative(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(good / "models")
    assert trainer.load("arima_model.pkl", trust_pickle=True).library is not None
    assert trainer.load("arima_model.pkl").notes == (NOT_OPENED,)
    assert trainer.load("./arima_model.json").library is None


def test_a_pickle_without_a_json_beside_it_is_refused(good: Path) -> None:
    (good / JSON).unlink()
    with pytest.raises(PickleRefusedError, match="can run any code") as caught:
        trainer.load(good / PICKLE)
    assert "--trust-pickle" in caught.value.remedy
    assert trainer.load(good / PICKLE, trust_pickle=True).library is not None


@pytest.mark.parametrize("name", ["models/arima_model.json", "model.bin", "models/m.joblib"])
def test_what_begins_like_a_pickle_is_one_whatever_its_name(good: Path, name: str) -> None:
    (good / PICKLE).replace(good / name)
    if name != JSON:
        (good / JSON).unlink()
    with pytest.raises((PickleRefusedError, SavedModelChangedError)):
        trainer.load(good / name)


def test_every_changed_byte_of_a_pickle_is_refused(good: Path) -> None:
    content = (good / PICKLE).read_bytes()
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        (good / PICKLE).write_bytes(bytes(changed))
        with pytest.raises(SavedModelChangedError, match="has another sha256"):
            trainer.load(good / PICKLE, trust_pickle=True)


@pytest.mark.parametrize("trust", [False, True])
def test_every_changed_byte_of_the_record_is_refused(good: Path, *, trust: bool) -> None:
    content = (good / "record.json").read_bytes()
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        (good / "record.json").write_bytes(bytes(changed))
        with pytest.raises(SavedModelInvalidError):
            trainer.load(good / PICKLE, trust_pickle=trust)


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema_version": 3}, "has form 3"),
        ({"status": "failed"}, "status .failed"),
        ({"manifest": {}}, "has another sha256"),
        ({"manifest": []}, "not the record of a run"),
        ({"manifest": {PICKLE: {"bytes": 1}}}, "not the record of a run"),
    ],
)
def test_a_record_that_says_otherwise_is_an_error(
    good: Path, changes: dict[str, object], told: str, *, trust: bool
) -> None:
    reseal_record(good / "record.json", **changes)
    with pytest.raises((SavedModelInvalidError, SavedModelChangedError), match=told):
        trainer.load(good / PICKLE, trust_pickle=trust)


def test_a_record_that_was_completed_outside_vouches_all_the_same(good: Path) -> None:
    reseal_record(good / "record.json", outside={"hakobune": "0.1.0"})
    assert trainer.load(good / PICKLE, trust_pickle=True).library is not None


def test_the_record_of_another_run_vouches_for_nothing(good: Path, runs: Path) -> None:
    shutil.copy(runs / "poor" / "record.json", good / "record.json")
    for trust in (False, True):
        with pytest.raises(SavedModelChangedError, match="belongs to another run"):
            trainer.load(good / PICKLE, trust_pickle=trust)


def test_a_record_or_json_behind_a_link_or_a_pipe_is_an_error(good: Path) -> None:
    for name in ("record.json", JSON):
        whole = (good / name).read_bytes()
        (good / name).unlink()
        os.mkfifo(good / name)
        with pytest.raises(SavedModelUnreadableError, match="not a regular file"):
            trainer.load(good / PICKLE)
        (good / name).unlink()
        (good / "elsewhere").write_bytes(whole)
        (good / name).symlink_to(good / "elsewhere")
        with pytest.raises(SavedModelUnreadableError, match="is a link"):
            trainer.load(good / PICKLE)
        (good / "elsewhere").rename(good / name)


def _cannot(_content: bytes) -> object:
    raise AttributeError("module 'statsmodels' has no attribute 'SARIMAX'")


def test_what_the_libraries_cannot_open_loads_from_the_json_and_a_note_says_so(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trainer.load(good / JSON).predict(14).mean
    monkeypatch.setattr(pickle_reader, "read_pickle", _cannot)
    loaded = trainer.load(good / PICKLE, trust_pickle=True)
    assert loaded.library is None
    assert loaded.predict(14).mean.tobytes() == expected.tobytes()
    (note,) = loaded.notes
    assert note.startswith("arima_model.pkl: the libraries here cannot open it (AttributeError: ")
    assert note.endswith("the model is loaded from arima_model.json beside it")


def test_the_json_beside_must_be_that_of_the_run(
    good: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickle_reader, "read_pickle", _cannot)
    shutil.copy(runs / "poor" / JSON, good / JSON)
    for trust in (False, True):
        with pytest.raises(SavedModelChangedError, match="has another sha256"):
            trainer.load(good / PICKLE, trust_pickle=trust)
    (good / JSON).unlink()
    with pytest.raises(SavedModelMissingError, match="cannot open it"):
        trainer.load(good / PICKLE, trust_pickle=True)


def test_memory_that_is_not_enough_is_not_taken_for_another_release(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(_content: bytes) -> object:
        raise MemoryError

    monkeypatch.setattr(pickle_reader, "read_pickle", exhausted)
    with pytest.raises(MemoryError):
        trainer.load(good / PICKLE, trust_pickle=True)


@pytest.mark.parametrize(
    ("path", "failure", "told"),
    [
        ("nowhere.json", SavedModelMissingError, "there is no file"),
        ("models/arima_model.json/x", SavedModelMissingError, "there is no file"),
        ("models", SavedModelUnreadableError, "is a folder"),
        ("x\0y", SavedModelUnreadableError, "cannot be read"),
        ("x" * 5000, SavedModelUnreadableError, "cannot be read"),
        ("/dev/null", SavedModelUnreadableError, "not a regular file"),
    ],
)
def test_what_is_wrong_with_a_path_is_named(
    good: Path, path: str, failure: type[TrainerError], told: str
) -> None:
    with pytest.raises(failure, match=told) as caught:
        trainer.load(good / path)
    assert caught.value.remedy


def test_a_file_that_may_not_be_read_is_named(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path, _largest: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "read_regular", refused)
    with pytest.raises(SavedModelUnreadableError, match="may not be read by this user"):
        trainer.load(good / JSON)


def test_a_file_that_is_larger_than_any_model_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "m.json").open("wb") as file:
        file.truncate(files.LARGEST_BYTES + 1)  # a hole: it takes no room
    with pytest.raises(SavedModelUnreadableError, match="no model has more than"):
        trainer.load(tmp_path / "m.json")


def _modules_after(code: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_and_the_json_numpy_alone(good: Path) -> None:
    alone = _modules_after("import trainer; trainer.__version__, trainer.load")
    assert {name for name in alone if name.startswith("trainer")} == {"trainer"}
    assert "numpy" not in alone
    code = "import trainer; trainer.load(sys.argv[1]).predict(3).bounds(0.8)"
    loaded = _modules_after(code, str(good / JSON))
    assert "numpy" in loaded
    assert not loaded & {"pandas", "statsmodels", "pmdarima", "scipy", "joblib"}


def test_regressors_of_the_future_are_given_as_columns(runs: Path) -> None:
    loaded = trainer.load(runs / "price" / JSON)
    ahead = loaded.predict(2, np.zeros((1, 2)))
    assert np.isfinite(ahead.mean).all()
