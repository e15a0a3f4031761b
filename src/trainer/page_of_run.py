"""What report.html tells of a run: the outcome as the page's own values."""

from collections.abc import Sequence

import numpy as np

from trainer.evaluation.backtest import Track
from trainer.evaluation.baselines import TITLES
from trainer.evaluation.metrics import Scores
from trainer.fit.fitting import parameters
from trainer.fit.order import Floats
from trainer.outcome import MODEL_NAME, Evaluated, Outcome
from trainer.page import content as page
from trainer.page.wording import as_fine_as
from trainer.record import versions
from trainer.report import dated, parameter_names
from trainer.search.found import Found

_CONFIDENT = 1.96
_LISTED = 15
# Where a run goes is no part of what it is: the page is the same bytes wherever it lies.
_PLACE = ("--output", "--run_id")


def page_of(outcome: Outcome, notes: Sequence[str], arguments: Sequence[str]) -> page.Content:
    """Return the page's content."""
    held = outcome.split.holdout
    return page.Content(
        head=_head(outcome),
        figures=page.KeyFigures(
            scored_on=f"the last {len(held.values)} rows, held out, from {dated(held.dates[0])}",
            scores=_scores(outcome.scores),
        ),
        history=page.History(
            dates=as_fine_as(outcome.series.dates, outcome.series.calendar.code),
            values=outcome.series.values,
            prediction=outcome.holdout.point,
        ),
        forecast=_forecast(outcome),
        backtest=_backtest(outcome),
        residuals=_residuals(outcome),
        search=_search(outcome.train_model) if outcome.settings.order is None else None,
        notes=tuple(notes),
        run=_run(outcome, arguments),
    )


def _head(outcome: Outcome) -> page.Head:
    series = outcome.series
    found = outcome.train_model
    return page.Head(
        verdict=_verdict(outcome.evaluated),
        model_name=outcome.settings.model_name,
        run_id=outcome.settings.place.run_id,
        series_name=series.value_name,
        calendar=series.calendar.name,
        order=found.title,
        first_date=dated(series.dates[0]),
        last_date=dated(series.dates[-1]),
        rows=len(series.values),
    )


def _verdict(evaluated: Evaluated | None) -> page.Verdict:
    if evaluated is None:
        sentence = "No backtest was run: the model was not compared with the baselines."
        return page.Verdict(kind="none", sentence=sentence)
    verdict = evaluated.verdict
    kind: page.Kind = "none" if verdict.best_baseline is None else "unclear"
    if verdict.is_significant:
        kind = "lose" if verdict.is_lost else "win"
    return page.Verdict(kind=kind, sentence=verdict.sentence)


def _scores(scores: Scores | None) -> page.Scores:
    if scores is None:
        return page.Scores()
    return page.Scores(
        rmse=scores.rmse,
        r2=scores.r2,
        mae=scores.mae,
        smape=scores.smape,
        mase=scores.mase,
        rmsse=scores.rmsse,
        coverage_80=scores.coverage_80,
        coverage_95=scores.coverage_95,
        width_80=scores.width_80,
        width_95=scores.width_95,
        crps=scores.crps,
    )


def _forecast(outcome: Outcome) -> page.Forecast:
    lower_80, upper_80 = outcome.forecast.bounds(0.80)
    lower_95, upper_95 = outcome.forecast.bounds(0.95)
    return page.Forecast(
        dates=as_fine_as(outcome.dates, outcome.series.calendar.code),
        point=outcome.forecast.point,
        lower_80=lower_80,
        upper_80=upper_80,
        lower_95=lower_95,
        upper_95=upper_95,
    )


def _backtest(outcome: Outcome) -> page.Backtest | None:
    evaluated = outcome.evaluated
    if evaluated is None:
        return None
    backtest = evaluated.backtest
    dates = as_fine_as(outcome.series.dates, outcome.series.calendar.code)
    windows = []
    own = backtest.tracks[MODEL_NAME]
    for window, actual, prediction in zip(
        backtest.windows, backtest.actuals, own.predictions, strict=True
    ):
        if prediction is not None:
            lower, upper = prediction.bounds(0.80)
            windows.append(
                page.Window(
                    dates=dates[window.origin : window.stop],
                    actual=actual,
                    prediction=prediction.point,
                    lower_80=lower,
                    upper_80=upper,
                )
            )
    others = {name: track for name, track in backtest.tracks.items() if name != MODEL_NAME}
    failed = [
        f"{_title(name)}: {failure.reason}"
        for name, track in backtest.tracks.items()
        for failure in track.failures[:1]
    ]
    return page.Backtest(
        windows=tuple(windows),
        model=_contender(MODEL_NAME, own),
        baselines=tuple(_contender(name, track) for name, track in others.items()),
        remark="; ".join(failed),
    )


def _title(name: str) -> str:
    return "this model" if name == MODEL_NAME else TITLES[name].removeprefix("the ")


def _contender(name: str, track: Track) -> page.Contender:
    errors = [np.nan if error is None else error for error in track.mae_by_step]
    return page.Contender(
        name=_title(name), scores=_scores(track.scores), errors_by_step=np.array(errors)
    )


def _residuals(outcome: Outcome) -> page.Residuals:
    errors, season = outcome.residuals, outcome.series.calendar.season
    known = errors[~np.isnan(errors)]
    lags = max(1, min(max(3 * season, 20), len(known) // 3))
    return page.Residuals(
        dates=as_fine_as(outcome.split.train.dates, outcome.series.calendar.code),
        values=errors,
        autocorrelations=_autocorrelations(errors, lags),
        limit=_CONFIDENT / max(1.0, float(len(known))) ** 0.5,
        season=season,
        diagnostics=tuple(
            page.Diagnostic(
                name=finding.name,
                p_value=finding.p_value,
                verdict=finding.verdict,
                sentence=finding.sentence,
            )
            for finding in outcome.findings
        ),
    )


def _autocorrelations(errors: Floats, lags: int) -> Floats:
    """Return the sample autocorrelations from lag 1; pairs with a gap are left out."""
    centred = np.nan_to_num(errors - np.nanmean(errors))
    whole = float(np.sum(centred * centred))
    found = [float(np.sum(centred[lag:] * centred[:-lag])) for lag in range(1, lags + 1)]
    return np.array([value / whole if whole > 0 else 0.0 for value in found])


def _search(found: Found) -> page.Search:
    chosen = {member.fitted.order for member in found.members}
    is_average = len(found.members) > 1
    return page.Search(
        evidence=found.evidence,
        candidates=tuple(
            page.Candidate(
                order=str(candidate.fitted.order),
                is_chosen=candidate.fitted.order in chosen,
                aicc=candidate.fitted.aicc,
                backtest=candidate.error,
                weight=candidate.weight if is_average else None,
                remark="at the boundary" if candidate.fitted.is_at_boundary else "",
            )
            for candidate in found.candidates[:_LISTED]
        ),
        reason=found.reason[0].upper() + found.reason[1:] + ".",
        fitted=found.fits,
        backtest_name="MAE",
    )


def _run(outcome: Outcome, arguments: Sequence[str]) -> page.Run:
    best = outcome.final_model.best
    names = parameter_names(best.order, outcome.regressors)
    return page.Run(
        arguments=tuple(pair for pair in _pairs(arguments) if pair[0] not in _PLACE),
        versions=tuple((name, version or "not there") for name, version in versions().items()),
        data_sha256=outcome.series.sha256,
        parameters=tuple(
            page.Parameter(name=name, value=value)
            for name, value in zip(names, parameters(best), strict=True)
        ),
    )


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return option and value pairs of a command line."""
    pairs: list[tuple[str, str]] = []
    for text in arguments:
        if text.startswith("--"):
            name, mark, value = text.partition("=")
            pairs.append((name, value if mark else ""))
        elif pairs and not pairs[-1][1]:
            pairs[-1] = (pairs[-1][0], text)
        else:
            pairs.append((text, ""))
    return pairs
