"""Whether a model is worth using: its error against that of the best baseline."""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil

import numpy as np

from trainer.errors import SkillMissingError
from trainer.evaluation.backtest import Backtest, Track
from trainer.evaluation.baselines import TITLES
from trainer.evaluation.diebold_mariano import compare_errors
from trainer.evaluation.metrics import Scores
from trainer.fit.prediction import Floats

_LEAST = 0.1
_ROUNDING = 1e-9  # of a MASE: less is no error
_SIGNIFICANCE = 0.05
_MANY = 9.0  # from ten times the error on it is told in times, not in percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The best baseline, what it was ranked by, and the model's skill against it.

    `skill` is 1 - error / error of the baseline: 0.1 is a tenth less error, below 0 the baseline
    wins. None: no baseline, or the model, predicted every window (`is_complete`: the model did), or
    the baseline alone makes no error. `p_value` is that of equal errors by the test of Diebold and
    Mariano over the `windows`; None where these are too few.
    """

    model: str
    best_baseline: str | None
    measure: str
    skill: float | None
    is_complete: bool = True
    p_value: float | None = None
    windows: int = 0

    @property
    def _title(self) -> str:
        return _title(self.best_baseline or "")

    @property
    def sentence(self) -> str:
        """Return what the figures mean."""
        if self.best_baseline is None:
            return "No baseline could be computed for every window: the model's skill is undefined."
        if not self.is_complete:
            return f"The model failed in some window: it cannot be compared with {self._title}."
        what = f"{self._title} ({self.measure})"
        if self.skill is None:
            return f"A baseline wins: {what} makes no error in the backtest, and the model does."
        compared = _compared(self.skill, what)
        if self.p_value is None:
            count = f"{self.windows} window{'s' if self.windows > 1 else ''}"
            return f"{compared} {count} cannot show whether that is chance."
        test = f"Diebold-Mariano test over {self.windows} windows: p = {self.p_value:.2g}"
        if self.is_significant:
            return f"{'A baseline wins. ' if self.is_lost else ''}{compared} {test}."
        return f"No significant difference. {compared} {test}."

    @property
    def is_significant(self) -> bool:
        """Return whether chance alone seldom makes such a difference (p below 0.05)."""
        if self.skill is None:
            return self.is_lost
        return self.p_value is not None and self.p_value < _SIGNIFICANCE

    @property
    def is_lost(self) -> bool:
        """Return whether a baseline is better than the model."""
        if self.skill is None:
            return self.best_baseline is not None and self.is_complete
        return self.skill < 0


def _compared(skill: float, what: str) -> str:
    share = 100 * abs(skill)
    size = f"{share:.1f} %" if share >= _LEAST else f"less than {_LEAST} %"
    if skill < -_MANY:
        times = f"{1 - skill:,.0f} times"
        return f"The model's error is {times} that of the best baseline, {what}."
    if skill > 0:
        return f"The model's error is {size} below that of the best baseline, {what}."
    if skill == 0:
        return f"The model is as good as the best baseline, {what}, and no better."
    return f"The model's error is {size} above that of the best baseline, {what}."


def judge(backtest: Backtest, model: str, baselines: Collection[str]) -> Verdict:
    """Return the model's skill against the best of the baselines that predicted every window.

    The best has the lowest MASE, or RMSE where some MASE is not defined; of equals the first.
    """
    ranked = {
        name: track.scores
        for name, track in backtest.tracks.items()
        if name in baselines and track.is_complete and track.scores is not None
    }
    track = backtest.tracks[model]
    own = track.scores if track.is_complete else None
    everyone = [*ranked.values(), *([] if own is None else [own])]
    has_mase = all(map(_has_mase, everyone))
    errors = {name: _error(scores, has_mase=has_mase) for name, scores in ranked.items()}
    best = min(errors, key=errors.__getitem__, default=None)
    return Verdict(
        model=model,
        best_baseline=best,
        measure="MASE" if has_mase else "RMSE",
        skill=None
        if own is None or best is None
        else _less(_error(own, has_mase=has_mase), errors[best]),
        is_complete=own is not None,
        p_value=None if best is None else _p_value(backtest, track, backtest.tracks[best]),
        windows=len(backtest.windows),
    )


def _p_value(backtest: Backtest, model: Track, baseline: Track) -> float | None:
    """Return how often chance makes such a difference between the mean errors of the windows.

    Windows that share rows are correlated, so the variance counts as many lags.
    """
    origins = [window.origin for window in backtest.windows]
    step = origins[1] - origins[0] if len(origins) > 1 else 1
    lags = ceil(backtest.windows[0].steps / step)
    own, other = (_losses(backtest, track) for track in (model, baseline))
    return compare_errors(own, other, horizon=lags, loss="absolute").p_value


def _losses(backtest: Backtest, track: Track) -> Floats:
    """Return the mean absolute error of each window, NaN where there is none."""
    losses = []
    for prediction, actual in zip(track.predictions, backtest.actuals, strict=True):
        if prediction is None or np.isnan(actual).all():
            losses.append(np.nan)
        else:
            losses.append(float(np.nanmean(np.abs(actual - prediction.point))))
    return np.array(losses)


def skill(model: Scores, baseline: Scores) -> float | None:
    """Return 1 - MASE / MASE of the baseline, of RMSE where a MASE is not defined.

    0 where neither makes an error; None where the baseline alone makes none.
    """
    has_mase = _has_mase(model) and _has_mase(baseline)
    return _less(_error(model, has_mase=has_mase), _error(baseline, has_mase=has_mase))


def require_skill(verdict: Verdict, least: float) -> None:
    """Refuse a model whose skill is not above `least`. A skill that is not known is none."""
    if verdict.skill is None or verdict.skill <= least:
        raise SkillMissingError(
            f"{verdict.sentence} A skill above {least:g} is required.",
            remedy=f"use {_title(verdict.best_baseline)} instead, another order, or more data"
            if verdict.best_baseline
            else "give a longer series, or leave out --require_skill",
        )


def _title(name: str) -> str:
    return TITLES.get(name, name)


def _less(own: float, other: float) -> float | None:
    if other == 0:
        return 0.0 if own == 0 else None
    return 1 - own / other


def _has_mase(scores: Scores) -> bool:
    """Return whether the MASE tells of the errors: not if those are in windows that have none."""
    return scores.mase is not None and (scores.mase > 0 or scores.rmse == 0)


def _error(scores: Scores, *, has_mase: bool) -> float:
    if not has_mase or scores.mase is None:
        return scores.rmse
    return scores.mase if scores.mase > _ROUNDING else 0.0
