"""What the MLflow page's container accepts as a finished run."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from board.finished_run import RunInvalidError, read_finished_run
from board.import_runs import import_new


def sealed(record: dict[str, Any]) -> bytes:
    """Return a record as a training writes it."""
    body = (json.dumps(record, indent=2) + "\n").encode()
    whole = {**record, "sha256": hashlib.sha256(body).hexdigest()}
    return (json.dumps(whole, indent=2) + "\n").encode()


def write_run(folder: Path, metric: object = None, **changes: object) -> Path:
    """Write a small finished run."""
    folder.mkdir()
    figures = {
        "model_name": "mine", "RMSE": 1.5, "order": [1, 0, 0], "train_rows": 9, "skill": None,
        "verdict": "Good.", "holdout": {"mase": 0.5}, "starts": [{"x": 1}],
    }  # fmt: skip
    content = json.dumps(figures if metric is None else metric).encode()
    (folder / "metric.json").write_bytes(content)
    record = {
        "run_id": folder.name, "status": "succeeded",
        "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:05Z",
        "inputs": [{"name": "input", "sha256": "a" * 64}],
        "image": {"lock_sha256": "b" * 64, "base": None},
        "manifest": {"metric.json": {"sha256": hashlib.sha256(content).hexdigest()}},
    }  # fmt: skip
    (folder / "record.json").write_bytes(sealed({**record, **changes}))
    return folder


def test_a_finished_run_becomes_figures_texts_and_files(tmp_path: Path) -> None:
    run = read_finished_run(write_run(tmp_path / "r1"))
    assert (run.run_id, run.experiment, run.ended_ms - run.started_ms) == ("r1", "mine", 5000)
    assert run.metrics == (("RMSE", 1.5), ("holdout/mase", 0.5))
    assert dict(run.parameters)["order"] == "1,0,0"
    assert dict(run.tags)["input_sha256.input"] == "a" * 64
    assert dict(run.tags)["lock_sha256"] == "b" * 64
    assert [name for name, _ in run.files] == ["metric.json", "record.json"]


def _fifo(run: Path) -> None:
    (run / "metric.json").unlink()
    os.mkfifo(run / "metric.json")


def _link(run: Path) -> None:
    (run / "metric.json").rename(run.parent / "elsewhere")
    (run / "metric.json").symlink_to(run.parent / "elsewhere")


def _rewritten(**changes: object) -> Callable[[Path], object]:
    def change(run: Path) -> None:
        record = json.loads((run / "record.json").read_bytes())
        del record["sha256"]
        (run / "record.json").write_bytes(sealed({**record, **changes}))

    return change


HOSTILE: dict[str, Callable[[Path], object]] = {
    "a pipe": _fifo,
    "a link": _link,
    "another metric.json": lambda run: (run / "metric.json").write_text("{}"),
    "no record": lambda run: (run / "record.json").unlink(),
    "a changed record": lambda run: (run / "record.json").write_bytes(
        (run / "record.json").read_bytes().replace(b"2026", b"2025")
    ),
    "a deep record": lambda run: (run / "record.json").write_text("[" * 100_000),
    "a large record": lambda run: os.truncate(run / "record.json", 1 << 23),
    "a record that is a list": lambda run: (run / "record.json").write_text("[]"),
    "another run's id": _rewritten(run_id="r2"),
    "a failure": _rewritten(status="failed"),
    "a digest that is none": _rewritten(inputs=[{"name": "x", "sha256": "$(id)"}]),
    "a name that is none": _rewritten(inputs=[{"name": "\x1b[2J", "sha256": "a" * 64}]),
    "a time that is none": _rewritten(ended="soon"),
    "a day that is none": _rewritten(ended="2026-13-40T00:00:00Z"),
    "no manifest": _rewritten(manifest=None),
    "inputs that are none": _rewritten(inputs=7),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_unchanged_run_is_refused(tmp_path: Path, case: str) -> None:
    run = write_run(tmp_path / "r1")
    HOSTILE[case](run)
    with pytest.raises(RunInvalidError):
        read_finished_run(run)


def test_hostile_figures_are_left_out_or_cleaned(tmp_path: Path) -> None:
    figures: dict[str, Any] = {
        "model_name": "a\x1b[31m\nb", "inf": float("inf"), "huge": 10**400, "\x1b": 1.0,
        "deep": {"a": {"b": {"c": 1.0}}}, "x" * 300: 2.0, "text": "y" * 10_000,
        **{f"m{number}": float(number) for number in range(500)},
    }  # fmt: skip
    run = read_finished_run(write_run(tmp_path / "r1", figures))
    assert run.experiment == "a[31mb"
    names = {name for name, _ in (*run.metrics, *run.parameters)}
    assert not names & {"inf", "\x1b", "deep/a/b/c", "x" * 300}
    assert len(run.metrics) == 200
    assert max(len(text) for _, text in run.parameters) <= 500


class Store:
    """MLflow's client, as far as the import needs it."""

    def __init__(self) -> None:
        self.runs: dict[str, Any] = {}
        self.fails = False

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id="1", name=name)

    def search_runs(self, _experiments: list[str], condition: str) -> list[Any]:
        wanted = condition.split("'")[1]
        return [run for run in self.runs.values() if run.data.tags["run_id"] == wanted]

    def create_run(self, _experiment: str, *, tags: dict[str, str], **_rest: object) -> Any:
        made = SimpleNamespace(
            info=SimpleNamespace(run_id=f"m{len(self.runs)}", status="RUNNING"),
            data=SimpleNamespace(tags=tags),
        )
        self.runs[made.info.run_id] = made
        return made

    def delete_run(self, run_id: str) -> None:
        del self.runs[run_id]

    def log_batch(self, _run: str, **_values: object) -> None: ...

    def log_artifact(self, _run: str, _path: str) -> None:
        if self.fails:
            raise OSError("no room")

    def set_terminated(self, run_id: str, *, end_time: int) -> None:
        assert end_time
        self.runs[run_id].info.status = "FINISHED"


def test_each_run_is_imported_once_and_again_when_its_record_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entities = SimpleNamespace(Metric=lambda *_: 0, Param=lambda *_: 0)
    monkeypatch.setitem(__import__("sys").modules, "mlflow", SimpleNamespace(entities=entities))
    monkeypatch.setitem(__import__("sys").modules, "mlflow.entities", entities)
    store = Store()
    run = write_run(tmp_path / "r1")
    (tmp_path / ".incoming").mkdir()
    (tmp_path / "unfinished").mkdir()
    store.fails = True
    import_new(store, tmp_path, {})  # ends in the middle, as with a container that is stopped
    store.fails = False
    for _ in range(2):
        import_new(store, tmp_path, {})
        assert [one.info.status for one in store.runs.values()] == ["FINISHED"]
    before = [one.data.tags["record_sha256"] for one in store.runs.values()]
    _rewritten(outside={"image": "x"})(run)
    import_new(store, tmp_path, {})
    after = [one.data.tags["record_sha256"] for one in store.runs.values()]
    assert len(after) == 1
    assert after != before
