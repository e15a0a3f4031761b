"""A run from the input to the outputs: the story, top to bottom."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np

from trainer.backtesting import demand_skill, evaluate
from trainer.console import show_findings, show_notes, show_result, stage
from trainer.errors import (
    MemoryExhaustedError,
    ModelNotFittedError,
    TrainerError,
)
from trainer.evaluation.baselines import BASELINES, BaselineUnavailableError
from trainer.evaluation.diagnostics import (
    Finding,
    Outlier,
    examine_residuals,
    lacking_season,
)
from trainer.evaluation.metrics import Scores, score
from trainer.fit.order import Order
from trainer.fit.recipe import Recipe, find, find_again
from trainer.input.data import Loaded, Series, Split, load, split_series
from trainer.interruption import held_back
from trainer.kernel.library import NO_COLUMNS
from trainer.outcome import Evaluated, Outcome
from trainer.outputs import RECORD, Publication
from trainer.page.page import write_page
from trainer.page_of_run import page_of
from trainer.pictures import draw_prediction, draw_residuals
from trainer.record import InputFacts, RunClock, processor_notes, write_record
from trainer.regressors.whole import Regressors, make_regressors
from trainer.report import saved_facts, write_forecast, write_metric
from trainer.saved.json_file import write_saved
from trainer.saved.library_object import Sample, disagreement, residuals, too_large_to_open
from trainer.saved.pickle_file import dump_mixture, dump_results, dump_search
from trainer.search.found import Found
from trainer.search.library_search import NAME as LIBRARY_SEARCH
from trainer.seasons import are_seasons, season_of_arima, with_seasons, with_waves
from trainer.settings import Settings, read_environment, read_tracking

MODEL_FILE = "models/arima_model.pkl"
SAVED_FILE = "models/arima_model.json"
_KERNEL = "exact likelihood (Chandrasekhar recursions), fitted from many starts"


def train(settings: Settings, publication: Publication, clock: RunClock) -> None:
    """Read, search, fit, evaluate and write. Raises TrainerError; publishes all or nothing."""
    with _notes_instead_of_warnings() as warned, _memory_translated(settings):
        outcome = explore(settings)
        with stage("write") as current:
            files = _files(outcome)
            notes = (*outcome.notes, *_warnings(warned))
            files["report.html"] = write_page(page_of(outcome, notes, clock.arguments))
            notes = (*notes, *processor_notes())  # of the run, and not of what it found
            files[RECORD] = write_record(settings.place.run_id, clock, notes, files, _data(outcome))
            publication.publish(files)
            current.outcome = str(settings.place.output)
    if note := _tell_tracking(outcome, clock, tuple(files)):
        show_notes((note,))
        others = {name: content for name, content in files.items() if name != RECORD}
        # The run is whole without this note, should the disk be full by now.
        with suppress(TrainerError):
            record = write_record(
                settings.place.run_id, clock, (*notes, note), others, _data(outcome)
            )
            publication.publish({RECORD: record})
    show_result(_result(outcome, list(files)))


def _data(outcome: Outcome) -> InputFacts:
    path = outcome.settings.input
    return InputFacts(
        path=None if path is None else str(path),
        source=outcome.series.source,
        sha256=outcome.series.sha256,
    )


def _tell_tracking(outcome: Outcome, clock: RunClock, files: Sequence[str]) -> str | None:
    """Tell MLflow of the published run, where the environment names one; return what went wrong."""
    tracking = read_tracking(read_environment())
    if tracking is None:
        return None
    with held_back():
        from trainer.tracking.track import NotTrackedError, track  # noqa: PLC0415 - seldom needed

    # The model stays where it is: it is an output of the run already.
    told = [name for name in files if name not in (MODEL_FILE, SAVED_FILE)]
    with stage("track") as current:
        try:
            current.outcome = track(tracking, outcome, told, started_s=clock.started_s)
        except NotTrackedError as failure:
            current.outcome = "failed; the run itself is complete"
            return f"logging to MLflow was incomplete: {failure}"
    return None


def explore(settings: Settings) -> Outcome:
    """Return all that a run finds, and write nothing. Raises TrainerError."""
    show_notes(processor_notes())
    with stage("read") as current:
        loaded = load(
            settings.input,
            settings.read_as,
            date=settings.date_column,
            value=settings.value_column,
            others=settings.regressors,
        )
        loaded = with_seasons(settings, loaded)
        split = split_series(loaded.series, settings.holdout)
        current.outcome = _described(loaded.series, split)
    steps = settings.horizon or len(split.holdout.values)
    settings, notes = with_waves(settings, loaded.series, split)
    regressors = _regressors(loaded, split, settings, steps)
    regressors = replace(regressors, notes=(*notes, *regressors.notes))
    show_notes((*loaded.series.notes, *regressors.notes))
    season = 1 if notes else season_of_arima(settings, loaded.series)
    recipe = replace(_recipe(settings, loaded.series, regressors), season=season)
    with stage("search" if settings.order is None else "fit") as current:
        found = find(
            recipe,
            split.train.values,
            horizon=len(split.holdout.values),
            progress=current.progress,
        )
        current.outcome = found.title
    show_notes(found.evidence)
    with stage("backtest") as current:
        evaluated, stability = evaluate(settings, recipe, loaded.series, steps, current)
        current.outcome = "none" if evaluated is None else evaluated.verdict.sentence
    if settings.required_skill is not None:
        demand_skill(evaluated, settings.required_skill)
    with stage("fit all") as current:
        outcome = _outcome(settings, (loaded.series, split), regressors, found, evaluated)
        outcome = _examined(outcome, stability)
        current.outcome = _checked(outcome.final_model)
    show_findings([f.sentence for f in outcome.findings if f.verdict == "look" and f.statistic])
    return outcome


def _regressors(loaded: Loaded, split: Split, settings: Settings, steps: int) -> Regressors:
    return make_regressors(
        loaded,
        settings.calendar,
        settings.regressors,
        train_rows=len(split.train.values),
        steps=steps,
    )


def _recipe(settings: Settings, series: Series, regressors: Regressors) -> Recipe:
    order = None
    if settings.order is not None:
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
    return Recipe(
        order=order,
        engine=settings.engine,
        select=settings.select,
        power=settings.power,
        is_mean=settings.is_mean,
        season=series.calendar.season,
        has_floor=settings.has_floor,
        columns=regressors.matrix,
        seasons=series.calendar.seasons or (series.calendar.season,),
        are_seasons=are_seasons(settings),
    )


def _outcome(
    settings: Settings,
    parts: tuple[Series, Split],
    regressors: Regressors,
    found: Found,
    evaluated: Evaluated | None,
) -> Outcome:
    """Fit the model again on all rows, and forecast; score the first model on the holdout."""
    series, split = parts
    rows, train_rows = len(series.values), len(split.train.values)
    columns = regressors.matrix
    steps = settings.horizon or rows - train_rows
    final = find_again(found, series.values, columns[:, :rows] if columns.size else NO_COLUMNS)
    held = columns[:, train_rows:rows] if columns.size else NO_COLUMNS
    future = columns[:, rows:] if columns.size else NO_COLUMNS
    holdout = found.predict(rows - train_rows, held)
    forecast = final.predict(steps, future)
    if not np.isfinite(forecast.mean).all() or not np.isfinite(forecast.standard_error).all():
        raise ModelNotFittedError(
            f"the model {final.order} produced non-finite forecasts",
            remedy="choose another --order, or hold out fewer rows",
        )
    season, train = series.calendar.season, split.train.values
    return Outcome(
        settings=settings,
        series=series,
        split=split,
        regressors=regressors.names,
        given_regressors=regressors.given,
        engine=_engine(settings),
        train_model=found,
        final_model=final,
        holdout=holdout,
        scores=score(split.holdout.values, holdout, train=train, season=season),
        naive=_naive_scores(split, season),
        evaluated=evaluated,
        residuals=residuals(found),
        findings=(),
        outliers=(),
        dates=series.calendar.after(series.dates[-1], steps),
        forecast=forecast,
        notes=(*series.notes, *regressors.notes, *found.evidence),
    )


def _naive_scores(split: Split, season: int) -> Scores:
    """Return the scores of the seasonal naive forecast of the holdout, or of the plain one."""
    steps = len(split.holdout.values)
    try:
        prediction = BASELINES["seasonal_naive"](split.train, steps)
    except BaselineUnavailableError:
        prediction = BASELINES["naive"](split.train, steps)
    return score(split.holdout.values, prediction, train=split.train.values, season=season)


def _examined(outcome: Outcome, stability: Finding | None) -> Outcome:
    order = outcome.train_model.order
    diagnostics = examine_residuals(
        outcome.residuals,
        outcome.split.train.dates,
        season=outcome.series.calendar.season,
        fitted=order.lags,
    )
    findings = (*diagnostics.findings, *([stability] if stability else []))
    outliers: tuple[Outlier, ...] = diagnostics.outliers
    notes = outcome.notes
    if len(outcome.dates) > len(outcome.series.values):
        notes = (*notes, "the forecast is longer than the series: its end is unreliable")
    if outcome.final_model.team is not None:
        notes = (*notes, f"residuals, and {MODEL_FILE}, are of ARIMA {order} alone")
    seasons = outcome.series.calendar.seasons
    is_one_of_several = len(seasons) > 1 and not outcome.final_model.has_several_seasons
    lacking = lacking_season(outcome.residuals, seasons) if is_one_of_several else None
    if lacking:
        show_notes((lacking,))
        notes = (*notes, lacking)
    told = _why_no_pickle(outcome)
    if told is None and len(outcome.final_model.members) == 1:
        told = disagreement(_sample(outcome), outcome.final_model.best)
    if told:
        show_notes((told,))
        notes = (*notes, told)
    return replace(outcome, findings=findings, outliers=outliers, notes=notes)


def _why_no_pickle(outcome: Outcome) -> str | None:
    """Return why there is no library's object: opening the largest member takes too much memory."""
    rows = len(outcome.series.values)
    told = [too_large_to_open(member.fitted.order, rows) for member in outcome.final_model.members]
    return next((text for text in told if text), None)


def _sample(outcome: Outcome) -> Sample:
    series, model = outcome.series, outcome.final_model
    return Sample(
        name=series.value_name,
        numbers=model.values,
        first_date=series.dates[0],
        frequency=series.calendar.code,
        columns=model.columns,
        column_names=outcome.regressors,
    )


def _files(outcome: Outcome) -> dict[str, bytes]:
    saved = write_saved(outcome.final_model.saved(saved_facts(outcome)))
    is_opened = _why_no_pickle(outcome) is None
    return {
        **({MODEL_FILE: _model_bytes(outcome, saved)} if is_opened else {}),
        SAVED_FILE: saved,
        "metric.json": write_metric(outcome),
        "forecast.csv": write_forecast(outcome.dates, outcome.forecast),
        "res.png": draw_residuals(outcome),
        "pred.png": draw_prediction(outcome),
    }


def _model_bytes(outcome: Outcome, saved: bytes) -> bytes:
    """Return the library's object: statsmodels for a given order, pmdarima for a searched one."""
    model, sample = outcome.final_model, _sample(outcome)
    if len(model.members) > 1:
        return dump_mixture(sample, tuple((m.weight, m.fitted) for m in model.members), saved)
    if outcome.settings.order is None or model.box_cox is not None:
        return dump_search(sample, model.best, model.box_cox, saved)
    return dump_results(sample, model.best, saved)


def _result(outcome: Outcome, files: Sequence[str]) -> list[tuple[str, str]]:
    scores, place = outcome.scores, outcome.settings.place
    verdict = "no backtest" if outcome.evaluated is None else outcome.evaluated.verdict.sentence
    return [
        ("run id", place.run_id),
        ("order", outcome.train_model.title),
        ("RMSE", f"{scores.rmse:.4f}  (naive forecast: {outcome.naive.rmse:.4f})"),
        ("R2", "not defined" if scores.r2 is None else f"{scores.r2:.4f}"),
        ("MAE", f"{scores.mae:.4f}"),
        ("verdict", verdict),
        ("folder", str(place.output)),
        ("files", ", ".join(files)),
    ]


def _described(series: Series, split: Split) -> str:
    rows, held = len(split.train.values), len(split.holdout.values)
    return f"{series.source}: {rows} rows to train on, {held} held out, {series.calendar.name}"


def _checked(found: Found) -> str:
    best = found.best
    verdict = "optimum checked" if best.is_converged else "NOT CONVERGED"
    return f"log-likelihood {best.log_likelihood:.3f}, {verdict}"


def _engine(settings: Settings) -> str:
    if settings.order is not None:
        return _KERNEL
    if settings.engine == "pmdarima":
        return f"{LIBRARY_SEARCH}; {_KERNEL}"
    return f"search by {settings.select}; {_KERNEL}"


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
            f"not enough memory for order {settings.order or 'auto'}",
            remedy="give the run more memory, or choose a smaller order or season",
        ) from exc
