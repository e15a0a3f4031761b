"""A run's figures as the texts of its files: metric.json and forecast.csv. No times in them.

The same data, options and image give the same bytes, but for metric.json's `run_id` and `run`.
"""

from dataclasses import asdict
from typing import Any

import pandas as pd

from trainer.evaluation.metrics import Scores
from trainer.fit.fitting import Fitted, parameters
from trainer.fit.order import Order
from trainer.fit.prediction import Prediction
from trainer.outcome import Evaluated, Outcome
from trainer.record import versions, write_json
from trainer.search.found import Candidate, Found
from trainer.search.ranking import has_clear_roots

SCHEMA_VERSION = 1
_TOLD_CANDIDATES = 15


def write_metric(outcome: Outcome) -> bytes:
    """Return metric.json. What names time or place stands in `run_id` and in the block `run`."""
    series, split, found = outcome.series, outcome.split, outcome.train_model
    order = found.order
    missing = int(sum(value != value for value in series.values.tolist()))  # noqa: PD011, PLR0124 - no pandas; NaN
    return write_json(
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": outcome.settings.place.run_id,
            "model_name": outcome.settings.model_name,
            "RMSE": outcome.scores.rmse,
            "R2": outcome.scores.r2,
            "MAE": outcome.scores.mae,
            "naive_RMSE": outcome.naive.rmse,
            "naive_MAE": outcome.naive.mae,
            "holdout": asdict(outcome.scores),
            **_backtest(outcome.evaluated),
            "order": list(order.trio),
            "seasonal_order": list(order.seasonal),
            "has_constant": order.has_constant,
            "box_cox": None if found.box_cox is None else found.box_cox.power,
            "combination": _combination(outcome.final_model),
            "floor": found.floor,
            "engine": outcome.engine,
            **_fit_figures(found.best, outcome.regressors),
            "final_model": _fit_figures(outcome.final_model.best, outcome.regressors),
            "search": _search(found),
            "diagnostics": [asdict(finding) for finding in outcome.findings],
            "outliers": [
                {"date": dated(o.date), "size": o.size, "spreads": o.spreads}
                for o in outcome.outliers
            ],
            "value_column": series.value_name,
            "date_column": series.date_name,
            "calendar": series.calendar.code,
            "season": series.calendar.season,
            "first_date": dated(series.dates[0]),
            "last_date": dated(series.dates[-1]),
            "split_date": dated(split.holdout.dates[0]),
            "train_rows": len(split.train.values),
            "holdout_rows": len(split.holdout.values),
            "scored_rows": outcome.scores.scored,
            "missing_values": missing,
            "data_sha256": series.sha256,
            "versions": versions(),
            "run": {"input": series.source},
        }
    )


def write_forecast(dates: pd.DatetimeIndex, forecast: Prediction) -> bytes:
    """Return forecast.csv. Numbers have all their digits: reading them back gives the same ones."""
    lines = ["date,forecast,lower_80,upper_80,lower_95,upper_95"]
    columns = (forecast.point, *forecast.bounds(0.80), *forecast.bounds(0.95))
    for date, *numbers in zip(dates, *(column.tolist() for column in columns), strict=True):
        lines.append(",".join([dated(date), *map(repr, numbers)]))
    return ("\n".join(lines) + "\n").encode()


def parameter_names(order: Order, regressors: tuple[str, ...]) -> tuple[str, ...]:
    """Return a name for each of a model's parameters, as statsmodels names them."""
    return (
        *(["intercept"] if order.has_constant else []),
        *regressors,
        *(f"ar.L{lag}" for lag in range(1, order.p + 1)),
        *(f"ma.L{lag}" for lag in range(1, order.q + 1)),
        *(f"ar.S.L{order.season * lag}" for lag in range(1, order.seasonal_p + 1)),
        *(f"ma.S.L{order.season * lag}" for lag in range(1, order.seasonal_q + 1)),
        "sigma2",
    )


def saved_facts(outcome: Outcome) -> dict[str, Any]:
    """Return what the saved model says of itself besides its numbers: nothing of time or place."""
    series = outcome.series
    return {
        "model_name": outcome.settings.model_name,
        "value_column": series.value_name,
        "date_column": series.date_name,
        "calendar": series.calendar.code,
        "season": series.calendar.season,
        "first_date": dated(series.dates[0]),
        "last_date": dated(series.dates[-1]),
        "regressor_names": list(outcome.regressors),
        "given_regressors": list(outcome.given_regressors),
        "calendar_regressors": asdict(outcome.settings.calendar),
        "data_sha256": series.sha256,
        "versions": versions(),
    }


def dated(date: Any) -> str:  # noqa: ANN401 - a pandas timestamp
    """Return a date as ISO 8601, without the time where it is midnight."""
    text: str = date.isoformat()
    return text.removesuffix("T00:00:00")


def _backtest(evaluated: Evaluated | None) -> dict[str, Any]:
    if evaluated is None:
        nothing = ("skill", "skill_p_value", "best_baseline", "verdict", "backtest")
        return dict.fromkeys(nothing)
    backtest, verdict = evaluated.backtest, evaluated.verdict
    return {
        "skill": verdict.skill,
        "skill_p_value": verdict.p_value,
        "best_baseline": verdict.best_baseline,
        "verdict": verdict.sentence,
        "backtest": {
            "windows": len(backtest.windows),
            "step": evaluated.step,
            "horizon": backtest.windows[0].steps,
            "measure": verdict.measure,
            "scores": {name: _scores(track.scores) for name, track in backtest.tracks.items()},
            "failures": {
                name: [failure.reason for failure in track.failures]
                for name, track in backtest.tracks.items()
                if track.failures
            },
        },
    }


def _scores(scores: Scores | None) -> dict[str, Any] | None:
    return None if scores is None else asdict(scores)


def _combination(found: Found) -> dict[str, Any] | None:
    """Return weights and widths; all other figures of a fit, and the pickle, are ARIMA's alone."""
    if found.team is None:
        return None
    return {
        "weights": {
            f"arima {found.order}": found.team.arima,
            **{member.name: weight for weight, member in found.team.others},
        },
        "interval_widths": list(found.team.widths),
        "pickle": f"arima {found.order}",
    }


def _search(found: Found) -> dict[str, Any]:
    return {
        "reason": found.reason,
        "fitted": found.fits,
        "evidence": list(found.evidence),
        "members": [_candidate(member) for member in found.members],
        "candidates": [_candidate(candidate) for candidate in found.candidates[:_TOLD_CANDIDATES]],
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    error = candidate.error
    return {
        "order": str(candidate.fitted.order),
        "AICc": _finite(candidate.fitted.aicc),
        "backtest_MAE": None if error is None else _finite(error),
        "weight": candidate.weight,
    }


def _fit_figures(fit: Fitted, regressors: tuple[str, ...]) -> dict[str, Any]:
    names = parameter_names(fit.order, regressors)
    return {
        "log_likelihood": fit.log_likelihood,
        "AIC": fit.aic,
        "AICc": _finite(fit.aicc),
        "converged": fit.is_converged,
        "at_boundary": fit.is_at_boundary,
        "clear_roots": has_clear_roots(fit),
        "largest_slope": _finite(fit.slope),
        "parameters": dict(zip(names, parameters(fit), strict=True)),
        "starts": [
            {"name": start.name, "log_likelihood": start.log_likelihood} for start in fit.starts
        ],
    }


def _finite(number: float) -> float | None:
    return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124 - NaN
