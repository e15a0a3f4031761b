"""Both models and the baseline forecast the same windows, and a test says what is chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.compare.entrant import Entrant
from trainer.compare.options import Loss
from trainer.compare.window import NewWindow
from trainer.errors import ComparisonImpossibleError
from trainer.evaluation.backtest import Progress, Track, run_backtest
from trainer.evaluation.baselines import BASELINES
from trainer.evaluation.diebold_mariano import Comparison, compare_errors
from trainer.evaluation.metrics import Scores
from trainer.evaluation.skill import skill
from trainer.fit.order import Floats
from trainer.input.data import Series

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The scores of all three; the baseline's are None where it cannot forecast every window.

    `losses` are the means over the origins, champion first. `skill` is the challenger's against the
    baseline, and None where it is not known.
    """

    champion: Scores
    challenger: Scores
    baseline: Scores | None
    baseline_name: str
    losses: tuple[float, float]
    test: Comparison
    skill: float | None

    @property
    def are_alike(self) -> bool:
        """Return whether the losses differ by no more than rounding."""
        return abs(self.losses[1] - self.losses[0]) <= _ROUNDING * max(self.losses)


def hold_contest(
    series: Series,
    entrants: tuple[Entrant, Entrant],
    window: NewWindow,
    loss: Loss,
    progress: Progress | None = None,
) -> Contest:
    """Return how champion and challenger did. Refuses a model that fails in any window."""
    baseline = "seasonal_naive" if series.calendar.season > 1 else "naive"
    backtest = run_backtest(
        series,
        {entrant.contender.role: entrant.predict for entrant in entrants}
        | {baseline: BASELINES[baseline]},
        window.windows,
        progress,
    )
    tracks = [_complete(backtest.tracks[e.contender.role], e.contender.role) for e in entrants]
    first, second = (_losses(track, backtest.actuals, window.horizon, loss) for track in tracks)
    scores, other = [track.scores for track in tracks], backtest.tracks[baseline]
    champion, challenger = scores
    if champion is None or challenger is None:
        raise ValueError("a complete track has scores")
    standard = other.scores if other.is_complete else None
    return Contest(
        champion=champion,
        challenger=challenger,
        baseline=standard,
        baseline_name=baseline,
        losses=(float(np.nanmean(first)), float(np.nanmean(second))),
        # The losses are absolute already, or squared: taking their size changes nothing.
        test=compare_errors(
            second, first, horizon=window.lags, loss="absolute", alternative="first_better"
        ),
        skill=None if standard is None else skill(challenger, standard),
    )


def _complete(track: Track, role: str) -> Track:
    if not track.is_complete:
        failure = track.failures[0]
        raise ComparisonImpossibleError(
            f"the {role} cannot forecast these data: "
            f"{len(track.failures)} forecasts failed, the first with: "
            f"{failure.reason}",
            remedy="train that model again",
        )
    return track


def _losses(track: Track, actuals: Sequence[Floats], horizon: int, loss: Loss) -> Floats:
    """Return one loss for each origin, NaN where no value came.

    Sums over the horizon, not means over what came: their mean then is in proportion to that of all
    rows, and the test compares the MAE or MSE that is shown.
    """
    losses = []
    for prediction, actual in zip(track.predictions, actuals, strict=True):
        if prediction is None or np.isnan(actual).all():
            losses.append(np.nan)
            continue
        errors = actual - prediction.point
        sizes = np.abs(errors) if loss == "absolute" else errors * errors
        losses.append(float(np.nansum(sizes)) / horizon)
    return np.array(losses)
