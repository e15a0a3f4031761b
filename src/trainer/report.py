"""A run's figures as the texts of its files: metric.json and forecast.csv. No times in them."""

from dataclasses import dataclass
from typing import Any

from trainer.data import Series, Split
from trainer.evaluate import Scores
from trainer.model import Fit, Forecast
from trainer.record import SCHEMA_VERSION, versions, write_json
from trainer.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that a run found."""

    settings: Settings
    series: Series
    split: Split
    engine: str
    train_fit: Fit
    final_fit: Fit
    scores: Scores
    naive: Scores
    forecast: Forecast
    notes: tuple[str, ...]


def write_metric(outcome: Outcome) -> bytes:
    """Return metric.json."""
    fit, series, split = outcome.train_fit, outcome.series, outcome.split
    order = fit.model.order
    missing = int(sum(value != value for value in series.values.tolist()))  # noqa: PLR0124 - NaN
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
            "order": list(order.trio),
            "seasonal_order": list(order.seasonal),
            "has_constant": order.has_constant,
            "engine": outcome.engine,
            **_fit_figures(fit),
            "final_model": _fit_figures(outcome.final_fit),
            "value_column": series.value_name,
            "date_column": series.date_name,
            "calendar": series.calendar.code,
            "first_date": _date(series.dates[0]),
            "last_date": _date(series.dates[-1]),
            "split_date": _date(split.holdout.dates[0]),
            "train_rows": len(split.train.values),
            "holdout_rows": len(split.holdout.values),
            "scored_rows": outcome.scores.scored,
            "missing_values": missing,
            "input": series.source,
            "data_sha256": series.sha256,
            "versions": versions(),
        }
    )


def write_forecast(forecast: Forecast) -> bytes:
    """Return forecast.csv. Numbers have all their digits: reading them back gives the same ones."""
    lines = ["date,forecast,lower_80,upper_80,lower_95,upper_95"]
    columns = zip(
        forecast.mean.tolist(),
        forecast.lower_80.tolist(),
        forecast.upper_80.tolist(),
        forecast.lower_95.tolist(),
        forecast.upper_95.tolist(),
        strict=True,
    )
    for date, numbers in zip(forecast.dates, columns, strict=True):
        lines.append(",".join([_date(date), *map(repr, numbers)]))
    return ("\n".join(lines) + "\n").encode()


def _fit_figures(fit: Fit) -> dict[str, Any]:
    return {
        "log_likelihood": fit.log_likelihood,
        "AIC": fit.aic,
        "AICc": fit.aicc,
        "converged": fit.is_converged,
        "at_boundary": fit.is_at_boundary,
        "largest_slope": fit.largest_slope,
        "parameters": list(fit.model.parameters),
        "starts": [
            {"name": start.name, "log_likelihood": start.log_likelihood} for start in fit.starts
        ],
    }


def _date(date: Any) -> str:  # noqa: ANN401 - a pandas timestamp
    text: str = date.isoformat()
    return text.removesuffix("T00:00:00")
