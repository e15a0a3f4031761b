"""What MLflow is told of a published run, and how: in a process of its own, within bounded time.

A training never fails because of it: whatever goes wrong becomes one sentence. MLflow itself is
loaded in that process alone (`program.py`).
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import trainer
from trainer.evaluation.metrics import Scores
from trainer.interruption import InterruptedBySignal
from trainer.outcome import MODEL_NAME, Evaluated, Outcome
from trainer.settings import RunPlace, Tracking

# The first request ends within this, so that a server that is away costs no more than 15 s in all.
STEP_S = 8.0
LOAD_S = 30.0
ALL_S = 90.0
# What Azure ML takes (https://aka.ms/azure-machine-learning-limits); MLflow itself takes more.
LONGEST_TEXT = 500
_STEPS_TOLD = 200
_LONGEST_REASON = 300
_PROGRAM = Path(__file__).with_name("program.py")
_ADDRESS_SECRETS = re.compile(r"(?<=//)[^/\s@]+@|\?[^\s'\")]*")  # a name and password, a signature
_SECRET_NAME = re.compile(r"TOKEN|PASSWORD|SECRET|KEY$")


class NotTrackedError(Exception):
    """The run was not logged to MLflow, or not completely; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure; `step` is how far ahead it looks, for those that are a row of figures."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What MLflow is told of a run; `files` are those of its folder, `verdict` is one sentence."""

    place: RunPlace
    experiment: str
    verdict: str
    parameters: tuple[tuple[str, str], ...]
    metrics: tuple[Metric, ...]
    files: tuple[str, ...]


def track(tracking: Tracking, outcome: Outcome, files: Sequence[str], *, started_s: float) -> str:
    """Tell MLflow of a training that lies in its output folder; see `tell`."""
    verdict = outcome.evaluated.verdict.sentence if outcome.evaluated else "No backtest was run."
    told = Told(
        place=outcome.settings.place,
        experiment=outcome.settings.model_name,
        verdict=verdict,
        parameters=parameters(outcome),
        metrics=metrics(outcome),
        files=tuple(files),
    )
    return tell(tracking, told, started_s=started_s)


def tell(tracking: Tracking, told: Told, *, started_s: float) -> str:
    """Tell MLflow of the run that lies in its output folder; return where it can be looked at.

    Raises NotTrackedError for whatever goes wrong but a signal.
    """
    document = _document(tracking, told, started_s=started_s)
    answer = _answer(tracking, json.dumps(document).encode())
    if "failed" in answer:
        raise NotTrackedError(_public(answer["failed"], tracking))
    return f"run {answer['run']} at {_public(tracking.uri, tracking)}"


def metrics(outcome: Outcome) -> tuple[Metric, ...]:
    """Return the figures, at most as many names as Azure ML takes; undefined ones are left out."""
    found = [
        *figures(
            "",
            RMSE=outcome.scores.rmse,
            R2=outcome.scores.r2,
            MAE=outcome.scores.mae,
            naive_RMSE=outcome.naive.rmse,
            naive_MAE=outcome.naive.mae,
            log_likelihood=outcome.train_model.best.log_likelihood,
            AIC=outcome.train_model.best.aic,
            AICc=outcome.train_model.best.aicc,
        ),
        *figures("holdout/", **_scaled(outcome.scores)),
    ]
    if outcome.evaluated is not None:
        found += figures("", skill=outcome.evaluated.verdict.skill)
        for name, track_of in outcome.evaluated.backtest.tracks.items():
            if name != MODEL_NAME and track_of.scores is not None:
                scores = track_of.scores
                found += figures(f"baseline/{name}_", RMSE=scores.rmse, MASE=scores.mase)
        found += _backtest(outcome.evaluated)
    return tuple(found)


def parameters(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """Return what was asked for and what was found, as text."""
    settings, series, model = outcome.settings, outcome.series, outcome.train_model
    asked = settings.order
    values = {
        "model_name": settings.model_name,
        "input": series.source,
        "data_sha256": series.sha256,
        "value_column": series.value_name,
        "calendar": series.calendar.code,
        "season": series.calendar.season,
        "first_date": series.dates[0].isoformat(),
        "last_date": series.dates[-1].isoformat(),
        "train_rows": len(outcome.split.train.values),
        "holdout_rows": len(outcome.split.holdout.values),
        "horizon": len(outcome.dates),
        "order": "auto" if asked is None else ",".join(map(str, asked)),
        "engine": settings.engine if asked is None else None,
        "select": settings.select if asked is None else None,
        "box_cox": settings.power,
        "regressors": ", ".join(outcome.regressors),
        "found_order": ",".join(map(str, model.order.trio)),
        "found_seasonal_order": ",".join(map(str, model.order.seasonal)),
        "found_constant": model.order.has_constant,
        "found_power": None if model.box_cox is None else model.box_cox.power,
        "models_averaged": len(model.members),
    }
    if outcome.evaluated is not None:
        values["backtest_windows"] = len(outcome.evaluated.backtest.windows)
        values["backtest_step"] = outcome.evaluated.step
        values["backtest_horizon"] = outcome.evaluated.backtest.windows[0].steps
    return as_texts(values)


def as_texts(values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return parameters as MLflow takes them: what has no value is left out."""
    texts = {name: str(value) for name, value in values.items() if value is not None}
    return tuple((name, _shortened(text)) for name, text in texts.items() if text)


def _document(tracking: Tracking, told: Told, *, started_s: float) -> dict[str, object]:
    place, verdict = told.place, told.verdict
    tags = [("run_id", place.run_id), ("verdict", verdict), ("trainer", trainer.__version__)]
    return {
        "uri": tracking.uri,
        "run_id": tracking.run_id,
        "experiment": tracking.experiment or told.experiment,
        "experiment_id": tracking.experiment_id,
        "run_name": place.run_id,
        "started_ms": int(started_s * 1000),
        "ended_ms": int(time.time() * 1000),
        "tags": [(name, _shortened(text)) for name, text in tags],
        # MLflow's UI shows the note as the run's description.
        "tags_of_new_run": {
            "mlflow.source.name": "python -m trainer",
            "mlflow.source.type": "JOB",
            "mlflow.note.content": _shortened(verdict),
        },
        "parameters": told.parameters,
        "metrics": [(m.name, m.value, m.step) for m in told.metrics],
        "files": [str((place.output / name).resolve()) for name in told.files],
        "step_s": STEP_S,
        "load_s": LOAD_S,
    }


def _answer(tracking: Tracking, document: bytes) -> dict[str, str]:
    """Run the program; return what it answers, also where it does not."""
    # -P: the folder of the program holds modules whose names libraries use too. A session of its
    # own: Ctrl-C on a terminal comes to this process, which then ends the other.
    process = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(tracking.variables),
        start_new_session=True,
    )
    try:
        answer, _ = process.communicate(document, timeout=ALL_S)
    except subprocess.TimeoutExpired:
        _end(process)
        return {"failed": f"it was not finished within {ALL_S:.0f} s"}
    except InterruptedBySignal:
        _end(process)
        raise
    try:
        found: dict[str, str] = json.loads(answer)
    except ValueError:
        return {"failed": f"its process ended with code {process.returncode}"}
    return found


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process; where not even that can be done in a second, leave it."""
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=1)


def figures(prefix: str, **values: float | None) -> Iterator[Metric]:
    """Yield the figures that are numbers."""
    for name, value in values.items():
        if value is not None and isfinite(value):
            yield Metric(name=prefix + name, value=float(value))


def _scaled(scores: Scores) -> dict[str, float | None]:
    return {
        "sMAPE": scores.smape,
        "MASE": scores.mase,
        "RMSSE": scores.rmsse,
        "coverage_80": scores.coverage_80,
        "coverage_95": scores.coverage_95,
        "width_80": scores.width_80,
        "width_95": scores.width_95,
        "CRPS": scores.crps,
    }


def _backtest(evaluated: Evaluated) -> Iterator[Metric]:
    """Yield the model's own scores over the windows, and its error for each step ahead."""
    own = evaluated.backtest.tracks[MODEL_NAME]
    if own.scores is not None:
        plain = {"RMSE": own.scores.rmse, "R2": own.scores.r2, "MAE": own.scores.mae}
        yield from figures("backtest/", **plain, **_scaled(own.scores))
    for ahead, error in enumerate(own.mae_by_step[:_STEPS_TOLD], start=1):
        if error is not None and isfinite(error):
            yield Metric(name="backtest/MAE_by_step", value=float(error), step=ahead)


def _shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _public(text: str, tracking: Tracking) -> str:
    """Return a text without the secrets of addresses and of the environment."""
    text = _ADDRESS_SECRETS.sub("", text)
    for name, value in tracking.variables.items():
        if value and _SECRET_NAME.search(name):
            text = text.replace(value, "***")
    return _shortened(text, _LONGEST_REASON)
