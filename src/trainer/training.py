"""A run from the input to the outputs: the story, top to bottom."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trainer.console import show_notes, show_result, stage
from trainer.data import Series, Split, fill_missing, load_series, split_series
from trainer.errors import MemoryExhaustedError
from trainer.evaluate import naive_forecast, score
from trainer.likelihood import Floats, Order
from trainer.model import (
    Fit,
    Sample,
    build_results,
    fit_model,
    forecast,
    require_length,
    residuals,
)
from trainer.model_file import dump_model, load_model
from trainer.outputs import RECORD, Publication
from trainer.pictures import Story, draw_prediction, draw_residuals, shortened
from trainer.record import RunClock, write_record
from trainer.report import Outcome, write_forecast, write_metric
from trainer.search import ENGINE as SEARCH_ENGINE
from trainer.search import search_order
from trainer.settings import Settings

MODEL_FILE = "models/arima_model.pkl"
_FIT_ENGINE = "statsmodels SARIMAX, fitted from several starts"


def train(settings: Settings, publication: Publication, clock: RunClock) -> None:
    """Read, search, fit, evaluate and write. Raises TrainerError; publishes all or nothing."""
    with _notes_instead_of_warnings() as warned, _memory_translated(settings):
        with stage("read") as current:
            series = load_series(settings)
            split = split_series(series, settings.holdout)
            current.outcome = _described(series, split)
        show_notes(series.notes)
        values = fill_missing(split.train.values)
        with stage("search" if settings.order is None else "order") as current:
            order = _order(settings, values, series)
            current.outcome = str(order)
        with stage("fit") as current:
            train_fit, final_fit = _fit_twice(series, split, values, order)
            current.outcome = _checked(train_fit)
        with stage("evaluate") as current:
            steps = settings.horizon or len(split.holdout.values)
            model_bytes = dump_model(final_fit.model)
            results = build_results(train_fit.model)
            prediction = forecast(results, len(split.holdout.values)).mean
            naive = naive_forecast(values, len(prediction), series.calendar.season)
            outcome = Outcome(
                settings=settings,
                series=series,
                split=split,
                engine=_engine(settings),
                train_fit=train_fit,
                final_fit=final_fit,
                scores=score(split.holdout.values, prediction),
                naive=score(split.holdout.values, naive),
                forecast=forecast(load_model(model_bytes), steps),
                notes=(*series.notes, *train_fit.notes, *final_fit.notes),
            )
            current.outcome = f"RMSE {outcome.scores.rmse:.2f}"
        with stage("write") as current:
            story = _story(outcome, residuals(results, order), prediction)
            files = {MODEL_FILE: model_bytes, **_files(outcome, story)}
            notes = (*outcome.notes, *_warnings(warned))
            files[RECORD] = write_record(settings.place.run_id, clock, notes, files)
            publication.publish(files)
            current.outcome = str(settings.place.output)
    show_result(_result(outcome, list(files)))


def _order(settings: Settings, values: Floats, series: Series) -> Order:
    """Return the order that was given, or find one."""
    if settings.order is None:
        return search_order(values, season=series.calendar.season)
    p, d, q = settings.order
    seasonal_p, seasonal_d, seasonal_q, season = settings.seasonal_order
    order = Order(
        p=p,
        d=d,
        q=q,
        seasonal_p=seasonal_p,
        seasonal_d=seasonal_d,
        seasonal_q=seasonal_q,
        season=season,
        has_constant=d + seasonal_d == 0,
    )
    require_length(len(values), order)
    return order


def _fit_twice(series: Series, split: Split, values: Floats, order: Order) -> tuple[Fit, Fit]:
    """Return the model of the training part, to be scored, and that of all values, to be kept."""
    first = fit_model(_sample(split.train, values), order)
    everything = _sample(series, fill_missing(series.values))
    return first, fit_model(everything, order, warm=first.model.coefficients)


def _sample(part: Series, numbers: Floats) -> Sample:
    return Sample(
        name=part.value_name,
        numbers=numbers,
        first_date=part.dates[0],
        frequency=part.calendar.code,
    )


def _files(outcome: Outcome, story: Story) -> dict[str, bytes]:
    return {
        "metric.json": write_metric(outcome),
        "forecast.csv": write_forecast(outcome.forecast),
        "res.png": draw_residuals(story),
        "pred.png": draw_prediction(story),
    }


def _story(outcome: Outcome, errors: Floats, prediction: Floats) -> Story:
    scores, split = outcome.scores, outcome.split
    r2 = "" if scores.r2 is None else f", R² {scores.r2:.3f}"
    errors[split.train.values != split.train.values] = float("nan")
    return Story(
        title=f"{shortened(split.train.value_name)}: known values and forecast",
        subtitle=f"ARIMA{outcome.train_fit.model.order}; holdout: RMSE {scores.rmse:,.2f}{r2}",
        train=split.train,
        holdout=split.holdout,
        residuals=errors,
        prediction=prediction,
        forecast=outcome.forecast,
    )


def _result(outcome: Outcome, files: Sequence[str]) -> list[tuple[str, str]]:
    scores, place = outcome.scores, outcome.settings.place
    return [
        ("run id", place.run_id),
        ("order", str(outcome.train_fit.model.order)),
        ("RMSE", f"{scores.rmse:.4f}  (naive forecast: {outcome.naive.rmse:.4f})"),
        ("R2", "not defined" if scores.r2 is None else f"{scores.r2:.4f}"),
        ("MAE", f"{scores.mae:.4f}"),
        ("folder", str(place.output)),
        ("files", ", ".join(files)),
    ]


def _described(series: Series, split: Split) -> str:
    rows, held = len(split.train.values), len(split.holdout.values)
    return f"{series.source}: {rows} rows to train on, {held} held out, {series.calendar.name}"


def _checked(fit: Fit) -> str:
    verdict = "optimum checked" if fit.is_converged else "NOT CONVERGED"
    return f"log-likelihood {fit.log_likelihood:.3f}, best of {len(fit.starts)} starts, {verdict}"


def _engine(settings: Settings) -> str:
    return _FIT_ENGINE if settings.order else f"{SEARCH_ENGINE}; {_FIT_ENGINE}"


@contextmanager
def _notes_instead_of_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Collect what libraries warn of, once each, instead of printing it."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        yield warned


def _warnings(warned: Sequence[warnings.WarningMessage]) -> list[str]:
    texts = (
        f"{entry.category.__name__}: {' '.join(str(entry.message).split())}" for entry in warned
    )
    return list(dict.fromkeys(texts))


@contextmanager
def _memory_translated(settings: Settings) -> Iterator[None]:
    try:
        yield
    except MemoryError as exc:
        raise MemoryExhaustedError(
            f"the memory is not enough for order {settings.order or 'auto'}",
            remedy="give the run more memory, or choose a smaller order or season",
        ) from exc
