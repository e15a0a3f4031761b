import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainer.compare.answered import Compare
from tests.unit.trainer.saved.made import reseal_record, resealed
from trainer.compare import contender
from trainer.compare.contender import read_contender
from trainer.errors import SavedModelChangedError, SavedModelInvalidError
from trainer.record import write_json
from trainer.regular_file import read_beneath

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained

Change = Callable[[Path], object]


def _changed_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def _replaced_run_id(path: Path) -> None:
    path.write_text(path.read_text().replace("run-good", "run-best"))


def _vouched_anew(run: Path) -> None:
    """Exchange the figures, and let the record name them, but not itself."""
    (run / "metric.json").write_text("{}")
    record = json.loads((run / "record.json").read_text())
    record["manifest"]["metric.json"]["sha256"] = hashlib.sha256(b"{}").hexdigest()
    (run / "record.json").write_bytes(write_json(record))


def _made_a_folder(run: Path) -> None:
    (run / "res.png").unlink()
    (run / "res.png").mkdir()


def _made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _made_a_link(path: Path) -> None:
    """Let the same content come from outside the run."""
    outside = path.parent.parent / f"outside-{path.name}"
    path.rename(outside)
    path.symlink_to(outside)


CHANGES: dict[str, tuple[Change, str]] = {
    "no folder": (shutil.rmtree, "there is no "),
    "unfinished": (lambda run: (run / "record.json").unlink(), "is not a complete run"),
    "failed": (lambda run: (run / "failure.json").write_text("{}"), "failed"),
    "empty record": (lambda run: (run / "record.json").write_text(""), "not the record of a run"),
    "record is a list": (
        lambda run: (run / "record.json").write_text("[]"),
        "not the record of a run",
    ),
    "changed record": (
        lambda run: _replaced_run_id(run / "record.json"),
        "its seal does not match",
    ),
    "record with another manifest": (_vouched_anew, "its seal does not match"),
    "record of another form": (
        lambda run: reseal_record(run / "record.json", schema_version=9),
        "has form 9",
    ),
    "record of a failure": (
        lambda run: reseal_record(run / "record.json", status="failed"),
        "the status 'failed'",
    ),
    "manifest leads outside": (
        lambda run: reseal_record(run / "record.json", manifest={"../x": {"sha256": "0" * 64}}),
        "names ../x, outside",
    ),
    "manifest without model": (
        lambda run: reseal_record(run / "record.json", manifest={}),
        "did not write",
    ),
    "no model": (lambda run: (run / "models" / "arima_model.json").unlink(), "there is no "),
    "changed model": (
        lambda run: _changed_byte(run / "models" / "arima_model.json"),
        "models/arima_model.json: changed after",
    ),
    "no figures": (lambda run: (run / "metric.json").unlink(), "there is no "),
    "changed figures": (lambda run: _changed_byte(run / "metric.json"), "metric.json: changed"),
    "folder for a file": (_made_a_folder, "res.png is a folder"),
    "pipe for a file": (lambda run: _made_a_pipe(run / "res.png"), "not a regular file"),
    "pipe for the record": (
        lambda run: _made_a_pipe(run / "record.json"),
        "not a regular file",
    ),
    "link for a file": (lambda run: _made_a_link(run / "res.png"), "res.png is a link"),
    "link for a folder": (
        lambda run: _made_a_link(run / "models"),
        "arima_model.json is a link, or",
    ),
    "link for the record": (lambda run: _made_a_link(run / "record.json"), "record.json is a link"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("role", ["champion", "challenger"])
def test_a_run_that_is_not_whole_and_unchanged_is_no_promotion(
    runs: Path,
    tmp_path_factory: pytest.TempPathFactory,
    compare: Compare,
    name: str,
    role: str,
) -> None:
    change, told = CHANGES[name]
    copy = tmp_path_factory.mktemp("copy") / "copy"
    shutil.copytree(runs / "good", copy)
    change(copy)
    answered = compare(*((copy, "good") if role == "champion" else ("poor", copy)))
    assert answered.exit_code == 10
    assert answered.verdict["promote"] is False
    assert told in answered.verdict["reason"]
    assert answered.verdict["reason"].startswith(f"the {role} {copy}")


def test_a_file_that_may_not_be_read_is_no_promotion(
    runs: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_beneath

    def refused(folder: Path, name: str, largest: int) -> bytes:
        if name == "forecast.csv":
            raise PermissionError(13, "Permission denied")
        return read(folder, name, largest)

    monkeypatch.setattr(contender, "read_beneath", refused)
    answered = compare("poor", "good")
    assert answered.exit_code == 10
    assert "may not be read by this user" in answered.verdict["reason"]


FIELDS: dict[str, object] = {
    "values": [],
    "calendar": None,
    "last_date": "soon",
    "first_date": "2030-01-01",
    "regressor_names": ["price"],
    "regressors": [[1.0, 2.0]],
    "given_regressors": ["price"],
    "calendar_regressors": {"weekday": True},
    "members": [],
    "box_cox": "log",
}
MEMBER_FIELDS: list[dict[str, Any]] = [
    {"variance": 0.0},
    {"variance": float("nan")},
    {"mean": float("inf")},
    {"beta": [1.0]},
    {"weight": -1.0},
    {"order": [1, 3, 0]},
    {"order": [1, float("inf"), 0]},
    {"seasonal_order": [0, 1, 1, 0]},
    {"seasonal_order": [0, 1, 1, 100_000]},
    {"point": [0.1, 0.2, 0.3]},
    {"point": [0.1, float("nan")]},
]


def _saved(runs: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((runs / "good" / "models" / "arima_model.json").read_text())
    return found


@pytest.mark.parametrize("field", FIELDS)
def test_a_saved_model_with_another_form_is_refused(runs: Path, tmp_path: Path, field: str) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(resealed(_saved(runs) | {field: FIELDS[field]}))
    with pytest.raises(SavedModelInvalidError, match="the challenger"):
        read_contender(path, "challenger")


@pytest.mark.parametrize("fields", MEMBER_FIELDS, ids=str)
def test_numbers_that_are_no_model_are_refused_before_the_kernel_gets_them(
    runs: Path, tmp_path: Path, fields: dict[str, Any]
) -> None:
    raw = _saved(runs)
    raw["members"][0] |= fields
    path = tmp_path / "model.json"
    path.write_bytes(resealed(raw))
    with pytest.raises(SavedModelInvalidError, match="not a saved model"):
        read_contender(path, "champion")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"[" * 100_000, b"{}", b"null"])
def test_a_file_that_is_no_saved_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises((SavedModelInvalidError, SavedModelChangedError)):
        read_contender(path, "champion")


def test_a_model_is_known_by_its_bytes_and_by_what_it_says_of_its_series(runs: Path) -> None:
    found = read_contender(runs / "price", "champion")
    assert found.run_id == "run-price"
    assert (found.origin.calendar, found.origin.regressors) == ("D", ("price",))
    assert (str(found.origin.first.date()), str(found.origin.last.date())) == (
        "2024-01-01",
        "2024-04-21",
    )
    record = json.loads((runs / "price" / "record.json").read_text())
    assert found.sha256 == record["manifest"]["models/arima_model.json"]["sha256"]
    alone = read_contender(runs / "price" / "models" / "arima_model.json", "champion")
    assert (alone.sha256, alone.run_id) == (found.sha256, None)
