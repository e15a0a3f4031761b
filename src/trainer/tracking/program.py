"""Tells MLflow of a run: a program of its own, started by `tracking.py` with the file's path.

It reads one JSON document and answers with one, and never with a traceback. A process of its own,
because MLflow takes seconds to load, prints, retries for minutes and leaves threads behind: a
process can be ended whatever it does. Nothing of the trainer is imported here.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

# Azure ML takes 250 rows of metrics and MLflow 100 parameters in one request.
_METRICS_AT_ONCE = 200
_PARAMETERS_AT_ONCE = 100


class StepTooSlowError(BaseException):
    """A step took too long. No `except Exception` of a library swallows it."""


class StepFailedError(Exception):
    """A step failed: which one, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The run that is told of, and whether it began here and so ends here."""

    run_id: str
    name: str
    is_ours: bool


def main() -> NoReturn:
    """Do what the document on standard input says, and answer on standard output."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    document = json.load(sys.stdin)
    try:
        answer = _send(document)
    except StepFailedError as failure:
        answer = {"failed": str(failure)}
    os.write(answers, json.dumps(answer).encode())
    os._exit(0)  # threads that libraries left behind do not hold the training up


def _send(document: dict[str, Any]) -> dict[str, str]:
    limit_s = document["step_s"]
    with _step("load mlflow", document["load_s"]):
        from mlflow.tracking import MlflowClient  # noqa: PLC0415 - takes seconds and may be absent
    with _step("reach the server", limit_s):
        client = MlflowClient(document["uri"])
        run = _run(client, document)
    with _step("log parameters and metrics", limit_s):
        _log_values(client, run, document)
    for file in document["files"]:
        path = Path(file)
        with _step(f"log {path.name}", limit_s):
            client.log_artifact(run.run_id, str(path))
    if run.is_ours:
        with _step("end the run", limit_s):
            client.set_terminated(run.run_id, end_time=document["ended_ms"])
    return {"run": run.name}


def _run(client: Any, document: dict[str, Any]) -> Run:  # noqa: ANN401 - mlflow's, which is not loaded yet
    """Go on with the run that the environment names, or begin one."""
    if document["run_id"]:
        info = client.get_run(document["run_id"]).info
        return Run(run_id=info.run_id, name=info.run_name or info.run_id, is_ours=False)
    info = client.create_run(
        document["experiment_id"] or _experiment(client, document["experiment"]),
        start_time=document["started_ms"],
        run_name=document["run_name"],
        tags=document["tags_of_new_run"],
    ).info
    return Run(run_id=info.run_id, name=document["run_name"], is_ours=True)


def _experiment(client: Any, name: str) -> str:  # noqa: ANN401 - as above
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            # Another run may have made it in the meantime.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _log_values(client: Any, run: Run, document: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

    at_ms = document["ended_ms"]
    metrics = [Metric(name, value, at_ms, step) for name, value, step in document["metrics"]]
    parameters = [Param(name, text) for name, text in document["parameters"]]
    tags = [RunTag(name, text) for name, text in document["tags"]]
    client.log_batch(run.run_id, tags=tags)
    for start in range(0, len(parameters), _PARAMETERS_AT_ONCE):
        client.log_batch(run.run_id, params=parameters[start : start + _PARAMETERS_AT_ONCE])
    for start in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(run.run_id, metrics=metrics[start : start + _METRICS_AT_ONCE])


@contextmanager
def _step(name: str, limit_s: float) -> Iterator[None]:
    """Give a step its time. Raises StepFailedError for whatever goes wrong in it."""
    signal.signal(signal.SIGALRM, _too_slow)
    # Again each second, for what catches the first one.
    signal.setitimer(signal.ITIMER_REAL, limit_s, 1.0)
    started = time.monotonic()
    try:
        yield
    except StepTooSlowError:
        seconds = time.monotonic() - started
        raise StepFailedError(f"{name}: no answer within {seconds:.0f} s") from None
    except Exception as exc:  # noqa: BLE001 - the boundary to a library that raises anything
        raise StepFailedError(f"{name}: {_reason(exc)}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _reason(failure: BaseException) -> str:
    """Return what the operating system said, where the failure comes from that; else its text."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror + (f": {cause.filename}" if cause.filename else "")
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(failure).split()) or type(failure).__name__


def _too_slow(_number: int, _frame: object) -> NoReturn:
    raise StepTooSlowError


if __name__ == "__main__":
    main()
