"""The model's recipe beside the baselines: windows, each predicted from its own past."""

from typing import TYPE_CHECKING

from trainer.console import Stage
from trainer.errors import SeriesTooShortError
from trainer.evaluation.backtest import plan_windows, run_backtest
from trainer.evaluation.baselines import baselines_of
from trainer.evaluation.diagnostics import Estimates, Finding, examine_parameters
from trainer.evaluation.skill import judge, require_skill
from trainer.fit.fitting import parameters
from trainer.fit.prediction import Prediction
from trainer.fit.recipe import Recipe, find
from trainer.input.data import Series
from trainer.kernel.library import NO_COLUMNS
from trainer.outcome import MODEL_NAME, Evaluated
from trainer.report import parameter_names
from trainer.settings import Settings

if TYPE_CHECKING:
    from trainer.search.found import Found

_FEWEST_ROWS = 10


def evaluate(
    settings: Settings, recipe: Recipe, series: Series, steps: int, current: Stage
) -> tuple[Evaluated | None, Finding | None]:
    """Return the scores of the recipe and the baselines, and how stable its parameters are.

    Both are None where no windows are wanted, or the series is too short for one.
    """
    plan = settings.backtest
    horizon = min(plan.horizon or steps, max(1, len(series.values) // 4))
    step = plan.step or max(1, horizon // 2)
    if not plan.windows:
        return None, None
    rows, season = len(series.values), series.calendar.season
    # A series without three seasons before some origin has fewer windows rather than none.
    fewest = max(_FEWEST_ROWS, rows // 3, min(3 * season, rows // 2))
    try:
        windows = plan_windows(
            len(series.values), windows=plan.windows, step=step, horizon=horizon, fewest=fewest
        )
    except SeriesTooShortError:
        return None, None
    estimates: list[Estimates] = []
    earlier: Found | None = None  # of the window before: they come in the order of time

    def forecaster(known: Series, ahead: int) -> Prediction:
        rows = len(known.values)
        nonlocal earlier
        found = find(recipe, known.values, horizon=ahead, thorough=False, earlier=earlier)
        earlier = found
        names = tuple(f"{found.order} {name}" for name in parameter_names(found.order, ()))
        estimates.append(
            Estimates(names=names[:-1], numbers=parameters(found.best)[: len(names) - 1])
        )
        future = recipe.columns[:, rows : rows + ahead] if recipe.columns.size else NO_COLUMNS
        return found.predict(ahead, future)

    baselines = baselines_of(series)
    backtest = run_backtest(
        series,
        {MODEL_NAME: forecaster, **baselines},
        windows,
        lambda done, total, name: current.progress(f"windows of {name}", done, total),
    )
    verdict = judge(backtest, MODEL_NAME, baselines)
    stability = None if recipe.columns.size else examine_parameters(estimates)
    return Evaluated(backtest=backtest, verdict=verdict, step=step), stability


def demand_skill(evaluated: Evaluated | None, least: float) -> None:
    """Refuse a model without the skill of `--require_skill` (SkillMissingError)."""
    if evaluated is None:
        raise SeriesTooShortError(
            "--require_skill needs a backtest, and none was run",
            remedy="give a longer series, or --backtest_windows of at least 1",
        )
    require_skill(evaluated.verdict, least)
