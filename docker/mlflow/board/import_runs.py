"""Imports the finished runs of ./runs into MLflow's store, again every few seconds.

The trainings know nothing of it: their container has no way to the store, and this one may only
read the runs. A run is imported once; one whose record changed since is imported anew.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

from board.finished_run import (
    NAME,
    RECORD,
    FinishedRun,
    RunInvalidError,
    read_finished_run,
)

RUNS = Path("/workspace/runs")
SERVER = "http://127.0.0.1:5000"
_PAUSE_S = 3.0
_AT_ONCE = 100
_LOG = logging.getLogger("board")
State = tuple[int, int, int]


def main() -> None:
    """Import until the container ends."""
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - takes seconds

    _wait_for_server()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    client = MlflowClient(SERVER)
    seen: dict[str, State] = {}
    while True:
        import_new(client, RUNS, seen)
        time.sleep(_PAUSE_S)


def _wait_for_server() -> None:
    while True:
        with suppress(OSError), urlopen(f"{SERVER}/health", timeout=_PAUSE_S):  # noqa: S310 - ours
            return
        time.sleep(_PAUSE_S)


def import_new(client: Any, runs: Path, seen: dict[str, State]) -> None:  # noqa: ANN401 - mlflow's
    """Import each run that is new or has another record; `seen` are those that were looked at."""
    for folder in sorted(path for path in runs.iterdir() if NAME.fullmatch(path.name)):
        try:
            status = (folder / RECORD).lstat()
        except OSError:
            continue  # not finished
        state = status.st_ino, status.st_mtime_ns, status.st_size
        if seen.get(folder.name) == state:
            continue
        try:
            _import(client, folder)
            seen[folder.name] = state
        except Exception as exc:  # noqa: BLE001 - the server is not up yet, or refuses this run
            _LOG.info("%s: %s: %.200s", folder.name, type(exc).__name__, ascii(str(exc)))


def _import(client: Any, folder: Path) -> None:  # noqa: ANN401 - as above
    try:
        run = read_finished_run(folder)
    except RunInvalidError as exc:
        _LOG.warning("not imported: %s: %.300s", folder.name, ascii(str(exc)))
        return
    found = client.get_experiment_by_name(run.experiment)
    known = () if found is None else _known(client, found.experiment_id, run.run_id)
    if any(_is_same(one, run) for one in known):
        return
    for one in known:
        client.delete_run(one.info.run_id)
    experiment = client.create_experiment(run.experiment) if found is None else found.experiment_id
    _add(client, str(experiment), run)
    _LOG.info("imported: %s", run.run_id)


def _known(client: Any, experiment: str, run_id: str) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    # The id has no quotes: NAME allows none.
    return tuple(client.search_runs([experiment], f"tags.run_id = '{run_id}'"))


def _is_same(one: Any, run: FinishedRun) -> bool:  # noqa: ANN401 - as above
    tags, is_whole = one.data.tags, one.info.status == "FINISHED"
    return bool(is_whole and tags.get("record_sha256") == run.record_sha256)


def _add(client: Any, experiment: str, run: FinishedRun) -> None:  # noqa: ANN401 - as above
    from mlflow.entities import Metric, Param  # noqa: PLC0415 - is loaded

    made = client.create_run(
        experiment, start_time=run.started_ms, run_name=run.run_id, tags=dict(run.tags)
    ).info.run_id
    for start in range(0, len(run.parameters), _AT_ONCE):
        part = run.parameters[start : start + _AT_ONCE]
        client.log_batch(made, params=[Param(name, text) for name, text in part])
    metrics = [Metric(name, value, run.ended_ms, 0) for name, value in run.metrics]
    client.log_batch(made, metrics=metrics)
    with TemporaryDirectory() as folder:
        for name, content in run.files:
            path = Path(folder) / name
            path.write_bytes(content)
            client.log_artifact(made, str(path))
    # Last: a run that is not ended is imported again.
    client.set_terminated(made, end_time=run.ended_ms)


if __name__ == "__main__":
    main()
