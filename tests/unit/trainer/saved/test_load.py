import csv
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

import trainer
from tests.unit.trainer.saved.made import reseal_record
from tests.unit.trainer.trained import KINDS
from trainer.errors import (
    PickleRefusedError,
    SavedModelChangedError,
    SavedModelMissingError,
    SavedModelUnreadableError,
    TrainerError,
)
from trainer.record import write_json
from trainer.saved import files, model_file

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained
JSON, PICKLE = "models/arima_model.json", "models/arima_model.pkl"
WITHOUT_REGRESSORS = sorted(set(KINDS) - {"calendar", "price", "mixed"})


@pytest.fixture
def good(runs: Path, tmp_path: Path) -> Path:
    """Return a copy of a run, to be changed."""
    shutil.copytree(runs / "good", tmp_path / "good")
    return tmp_path / "good"


class Payload:
    """What runs a command when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("kind", WITHOUT_REGRESSORS)
@pytest.mark.parametrize("file", [JSON, PICKLE])
def test_both_files_forecast_the_bits_of_the_run(runs: Path, kind: str, file: str) -> None:
    loaded = trainer.load(runs / kind / file)
    ahead = loaded.predict(14)
    with (runs / kind / "forecast.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert ahead.point.tolist() == [float(row["forecast"]) for row in rows]
    lower, upper = ahead.bounds(0.95)
    assert lower.tolist() == [float(row["lower_95"]) for row in rows]
    assert upper.tolist() == [float(row["upper_95"]) for row in rows]
    assert (loaded.library is not None) == (file == PICKLE)
    assert loaded.notes == ()


@pytest.mark.parametrize("kind", KINDS)
def test_the_pickle_is_still_the_library_s_own(runs: Path, kind: str) -> None:
    library = trainer.load(runs / kind / PICKLE).library
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
    assert trainer.load("arima_model.pkl").library is not None
    assert trainer.load("./arima_model.json").library is None


def _payload(run: Path, witness: Path) -> None:
    (run / PICKLE).write_bytes(pickle.dumps(Payload(witness)))


def _payload_of_that_length(run: Path, witness: Path) -> None:
    content = pickle.dumps(Payload(witness))
    (run / PICKLE).write_bytes(content.ljust((run / PICKLE).stat().st_size, b"\0"))


def _payload_with_a_wrong_seal(run: Path, witness: Path) -> None:
    """Let the record vouch for the payload, but not for itself."""
    _payload(run, witness)
    record = json.loads((run / "record.json").read_text())
    digest = hashlib.sha256((run / PICKLE).read_bytes()).hexdigest()
    record["manifest"][PICKLE]["sha256"] = digest
    (run / "record.json").write_bytes(write_json(record))


def _without_record(run: Path, witness: Path) -> None:
    _payload(run, witness)
    (run / "record.json").unlink()


def _as_json(run: Path, witness: Path) -> None:
    _payload(run, witness)
    (run / PICKLE).replace(run / JSON)


def _elsewhere(run: Path, witness: Path) -> None:
    _payload(run, witness)
    (run / PICKLE).rename(run / "model.bin")


PAYLOADS: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "another pickle": (_payload, PICKLE),
    "of the same length": (_payload_of_that_length, PICKLE),
    "a record with a wrong seal": (_payload_with_a_wrong_seal, PICKLE),
    "no record": (_without_record, PICKLE),
    "named as JSON": (_as_json, JSON),
    "with another name": (_elsewhere, "model.bin"),
}


@pytest.mark.parametrize("case", PAYLOADS)
def test_a_payload_does_not_run(good: Path, tmp_path: Path, case: str) -> None:
    change, file = PAYLOADS[case]
    witness = tmp_path / "it ran"
    change(good, witness)
    with pytest.raises(PickleRefusedError, match="not opened") as caught:
        trainer.load(good / file)
    assert not witness.exists()
    assert str(good / file) in caught.value.what
    joblib.load(good / file)
    assert witness.exists(), "the payload would have run"


def test_every_changed_byte_of_a_pickle_is_refused(good: Path) -> None:
    content = (good / PICKLE).read_bytes()
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1
        (good / PICKLE).write_bytes(bytes(changed))
        with pytest.raises(PickleRefusedError, match="not opened"):
            trainer.load(good / PICKLE)


def test_every_changed_byte_of_the_record_is_refused(good: Path) -> None:
    content = (good / "record.json").read_bytes()
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        (good / "record.json").write_bytes(bytes(changed))
        with pytest.raises(PickleRefusedError, match="not opened"):
            trainer.load(good / PICKLE)


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
def test_a_record_that_says_otherwise_vouches_for_nothing(
    good: Path, changes: dict[str, object], told: str
) -> None:
    reseal_record(good / "record.json", **changes)
    with pytest.raises(PickleRefusedError, match=told):
        trainer.load(good / PICKLE)


def test_a_record_that_was_completed_outside_vouches_all_the_same(good: Path) -> None:
    reseal_record(good / "record.json", outside={"hakobune": "0.1.0"})
    assert trainer.load(good / PICKLE).library is not None


def test_the_record_of_another_run_vouches_for_nothing(good: Path, runs: Path) -> None:
    shutil.copy(runs / "poor" / "record.json", good / "record.json")
    with pytest.raises(PickleRefusedError, match="belongs to another run"):
        trainer.load(good / PICKLE)


def _cannot(_content: bytes) -> object:
    raise AttributeError("module 'statsmodels' has no attribute 'SARIMAX'")


def test_what_the_libraries_cannot_open_loads_from_the_json_and_a_note_says_so(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trainer.load(good / JSON).predict(14).mean
    monkeypatch.setattr(model_file, "load_model", _cannot)
    loaded = trainer.load(good / PICKLE)
    assert loaded.library is None
    assert loaded.predict(14).mean.tobytes() == expected.tobytes()
    (note,) = loaded.notes
    assert note.startswith("arima_model.pkl: the libraries here cannot open it (AttributeError: ")
    assert note.endswith("the model is loaded from arima_model.json beside it")


OTHERS = {
    b"\x80\x04cno_such_library\nThing\n.": "ModuleNotFoundError",
    b"\x80\x04cstatsmodels.api\nNoSuchName\n.": "AttributeError",
    b"\x80\x04N": "cannot open it",  # it ends too early
    pickle.dumps({"a": 1}): "it contains only the library's object",
    **dict.fromkeys(
        map(pickle.dumps, ([], [1, 2, 3], [(1,)], [[]], [(1, 2, 3)], ["ab"], [(1, 2)], None)),
        "it contains only the library's object",
    ),
    b"no pickle": "cannot open it",
}


@pytest.mark.parametrize("content", OTHERS)
def test_a_pickle_that_the_record_knows_and_the_libraries_do_not(
    good: Path, content: bytes
) -> None:
    (good / PICKLE).write_bytes(content)
    manifest = json.loads((good / "record.json").read_text())["manifest"]
    manifest[PICKLE] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    reseal_record(good / "record.json", manifest=manifest)
    loaded = trainer.load(good / PICKLE)
    assert OTHERS[content] in loaded.notes[0]
    expected = trainer.load(good / JSON).predict(14).mean
    assert loaded.predict(14).mean.tobytes() == expected.tobytes()


def test_the_json_beside_must_be_that_of_the_run(
    good: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "load_model", _cannot)
    shutil.copy(runs / "poor" / JSON, good / JSON)
    with pytest.raises(SavedModelChangedError, match="has another sha256"):
        trainer.load(good / PICKLE)
    (good / JSON).unlink()
    with pytest.raises(SavedModelMissingError, match="cannot open it"):
        trainer.load(good / PICKLE)


def test_memory_that_is_not_enough_is_not_taken_for_another_release(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(_content: bytes) -> object:
        raise MemoryError

    monkeypatch.setattr(model_file, "load_model", exhausted)
    with pytest.raises(MemoryError):
        trainer.load(good / PICKLE)


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
    def refused(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
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
