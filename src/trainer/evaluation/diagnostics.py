"""What the errors of a fit, and its parameters over the windows, tell about the model.

Each finding says in one sentence what it means here. What cannot be tested is not called fine.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from trainer.fit.prediction import Floats
from trainer.interruption import held_back

if TYPE_CHECKING:
    import pandas as pd

Mark = Literal["fine", "look"]

SIGNIFICANT = 0.05
FAR = 4.0
MOST_LISTED = 20
_FEWEST = 8
_LAGS_WITHOUT_SEASON = 10
_LAGS_BEYOND_FITTED = 3
_MAD_OF_NORMAL = 0.6744897501960817
_NO_SPREAD = 1e-6  # beside the usual spread: half of the errors are rounding
_SAME = 1e-14
_REPEATS, _LEAST_REPEAT = 3, 0.1
_TWO_SIDED = 1.96
_TAIL_OF_A_LEAN = 3.0  # excess kurtosis by squared skewness: 1.5 for all gamma distributions
_LARGE_MOVE = 2.0
_LARGE_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One test. What it cannot compute, or does not have (a p-value), is None."""

    name: str
    statistic: float | None
    p_value: float | None
    verdict: Mark
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """An error far from the others: `size` in the data's unit, `spreads` in robust deviations."""

    date: "pd.Timestamp"
    size: float
    spreads: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """What the errors of a fit tell, and the largest outliers in the order of time."""

    findings: tuple[Finding, ...]
    outliers: tuple[Outlier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """The parameters that one window led to; standard errors where the fit has them."""

    names: tuple[str, ...]
    numbers: tuple[float, ...]
    standard_errors: tuple[float, ...] | None = None


def examine_residuals(
    residuals: Floats, dates: "pd.DatetimeIndex", *, season: int, fitted: int
) -> Diagnostics:
    """Test the errors one step ahead (NaN: none) of a fit with `fitted` AR and MA coefficients."""
    known = np.flatnonzero(~np.isnan(residuals))
    if len(known) < _FEWEST:
        return _untold(f"{len(known)} errors are too few for this test")
    errors = residuals[known[0] : known[-1] + 1]
    centre, spread = _robust(residuals[known])
    if spread <= _SAME * float(np.nanmax(np.abs(errors))):
        return _untold("every error is the same")
    outliers = [
        Outlier(
            date=dates[place],
            size=float(residuals[place]),
            spreads=float(residuals[place] - centre) / spread,
        )
        for place in known.tolist()
        if abs(residuals[place] - centre) > FAR * spread
    ]
    largest = sorted(outliers, key=lambda outlier: -abs(outlier.spreads))[:MOST_LISTED]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        findings = (
            _autocorrelation(errors, len(known), season, fitted),
            _normality(residuals[known]),
            _variance(errors),
            _outliers(outliers, float(np.max(np.abs(residuals[known] - centre))) / spread),
        )
    return Diagnostics(
        findings=findings, outliers=tuple(sorted(largest, key=lambda outlier: outlier.date))
    )


def examine_parameters(windows: Sequence[Estimates]) -> Finding:
    """Return how far a parameter moves between the windows of a backtest, at the most.

    A move is the highest value less the lowest: in standard errors (the median of the windows'),
    large above 2; where there are none in shares of the largest value, large above 0.5.
    """
    if len({estimates.names for estimates in windows}) > 1:
        forms = len({estimates.names for estimates in windows})
        return _finding(
            "stability",
            None,
            None,
            f"{len(windows)} windows lead to {forms} models: the data do not determine one.",
        )
    if len(windows) < 2 or not windows[0].names:  # noqa: PLR2004 - a move needs two
        return _finding(
            "stability",
            None,
            None,
            "One window, or no parameter, cannot show a change: not tested.",
        )
    moves = {name: _move(windows, place) for place, name in enumerate(windows[0].names)}
    name = max(moves, key=lambda name: moves[name][0] / moves[name][1])
    move, limit, unit = moves[name]
    if move > limit:
        return _finding(
            "stability",
            move,
            None,
            f"{name} moves by {move:.1f} {unit} between the windows: what the series follows has "
            "changed; give a shorter history, or train more often.",
        )
    return _finding(
        "stability",
        move,
        None,
        f"No parameter moves by more than {move:.1f} {unit} between the windows.",
        verdict="fine",
    )


def _autocorrelation(errors: Floats, count: int, season: int, fitted: int) -> Finding:
    """Ljung and Box (1978); with gaps in the manner of Stoffer and Toloi (1992)."""
    with held_back():
        from scipy.stats import chi2  # noqa: PLC0415 - takes a second
        from statsmodels.tsa.stattools import acf, q_stat  # noqa: PLC0415 - takes a second

    usual = 2 * season if season > 1 else _LAGS_WITHOUT_SEASON
    lags = max(min(usual, count // 5), fitted + _LAGS_BEYOND_FITTED)
    name = "autocorrelation"
    if lags > count // 2:
        return _finding(name, None, None, f"{count} errors are too few to look for a pattern.")
    found = acf(errors, nlags=lags, fft=False, missing="conservative")[1:]
    statistic = float(q_stat(found, count)[0][-1])
    p_value = float(chi2.sf(statistic, lags - fitted))
    if not (isfinite(statistic) and isfinite(p_value)):
        return _finding(name, None, None, "The gaps are too many to look for a pattern.")
    if p_value >= SIGNIFICANT:
        sentence = f"The errors have no pattern over {lags} steps: the model has captured it all."
    elif _has_peak(found, season, count):
        sentence = (
            f"The errors still have a pattern of {season} steps (correlation "
            f"{found[season - 1]:+.2f}): the model misses a part of the season, and its intervals "
            "are probably too narrow."
        )
    else:
        lag = int(np.argmax(np.abs(found))) + 1
        sentence = (
            f"Errors are correlated over {lag} step{'s' if lag > 1 else ''} (correlation "
            f"{found[lag - 1]:+.2f}): the model misses something, and its intervals are probably "
            "too narrow."
        )
    return _tested(name, statistic, p_value, sentence)


def _has_peak(found: Floats, season: int, count: int) -> bool:
    """Say whether the correlation at the season is no chance, and above those beside it."""
    if season == 1 or season > len(found):
        return False
    beside = [*found[season - 2 : season - 1], *found[season : season + 1]]
    return bool(found[season - 1] > max(_TWO_SIDED / sqrt(count), *beside))


def _normality(errors: Floats) -> Finding:
    """Jarque and Bera (1987)."""
    with held_back():
        from scipy.stats import jarque_bera, kurtosis, skew  # noqa: PLC0415 - takes a second

    errors = errors / np.max(np.abs(errors))
    statistic, p_value = (float(number) for number in jarque_bera(errors))
    lean, tail = float(skew(errors)), float(kurtosis(errors))
    if p_value >= SIGNIFICANT:
        sentence = "The errors look normally distributed, as the intervals assume."
    elif lean * lean > _TWO_SIDED**2 * 6 / len(errors) and tail <= _TAIL_OF_A_LEAN * lean * lean:
        further, less = ("up", "down") if lean > 0 else ("down", "up")
        sentence = (
            f"Large errors go {further} rather than {less}: the intervals should reach further "
            f"{further} and less far {less}; a Box-Cox power may help."
        )
    elif tail > 0:
        sentence = (
            "Very large errors are more frequent than the intervals assume: now and then a value "
            "will lie far outside."
        )
    else:
        sentence = (
            "Errors of a middle size are more frequent than the intervals assume: the 80 % "
            "interval is probably too narrow and the 95 % one too wide."
        )
    return _tested("normality", statistic, p_value, sentence)


def _variance(errors: Floats) -> Finding:
    """Compare the last third's variance with the first's: the H test of Harvey (1990).

    Not Engle's ARCH test: intervals have one width, that of all errors, and what makes it wrong
    for the future is a spread that has changed. Clusters of large errors come and go within it.
    """
    with held_back():
        from statsmodels.tsa.stattools import breakvar_heteroskedasticity_test  # noqa: PLC0415

    errors = errors / np.nanmax(np.abs(errors))
    statistic, p_value = (float(number) for number in breakvar_heteroskedasticity_test(errors))
    third = round(len(errors) / 3)
    ratio = sqrt(float(np.nanmean(errors[-third:] ** 2) / np.nanmean(errors[:third] ** 2)))
    if not (isfinite(statistic) and isfinite(p_value) and isfinite(ratio)):
        sentence = "The first or the last third has too few errors to compare them."
        return _finding("variance", None, None, sentence)
    if p_value >= SIGNIFICANT:
        sentence = "The errors are about as large at the end as at the start."
    elif ratio > 1:
        sentence = (
            f"The errors of the last third are {ratio:.1f} times as large as those of the first: "
            "the intervals are too narrow by now; a Box-Cox power or a shorter history may help."
        )
    else:
        sentence = (
            f"The errors of the last third are {ratio:.2f} times as large as those of the first: "
            "the intervals are wider than they need be by now; a shorter history may help."
        )
    return _tested("variance", statistic, p_value, sentence)


def _outliers(outliers: Sequence[Outlier], furthest: float) -> Finding:
    if not outliers:
        sentence = f"No error is further than {FAR:g} spreads from the others."
        return _finding("outliers", furthest, None, sentence, verdict="fine")
    worst = max(outliers, key=lambda outlier: abs(outlier.spreads))
    date = worst.date.isoformat().removesuffix("T00:00:00")
    count = "1 error is" if len(outliers) == 1 else f"{len(outliers)} errors are"
    sentence = (
        f"{count} further than {FAR:g} spreads from the others, the furthest {worst.size:+,.4g} on "
        f"{date}: check the data there; they widen the intervals and may pull the parameters."
    )
    return _finding("outliers", furthest, None, sentence)


def _robust(errors: Floats) -> tuple[float, float]:
    """Return median and spread: by the median deviation, or where most are equal by the usual."""
    centre = float(np.median(errors))
    spread = float(np.median(np.abs(errors - centre))) / _MAD_OF_NORMAL
    usual = float(errors.std())
    return centre, spread if spread > _NO_SPREAD * usual else usual


def _move(windows: Sequence[Estimates], place: int) -> tuple[float, float, str]:
    """Return how far a parameter moves, what would be large, and the unit of both."""
    numbers = [estimates.numbers[place] for estimates in windows]
    errors = [
        estimates.standard_errors[place] for estimates in windows if estimates.standard_errors
    ]
    error = float(np.median(errors)) if errors else 0.0
    move = max(numbers) - min(numbers)
    if isfinite(error) and error > 0:
        return move / error, _LARGE_MOVE, "standard errors"
    largest = max(map(abs, numbers))
    return move / largest if largest > 0 else 0.0, _LARGE_SHARE, "times its size"


def _untold(reason: str) -> Diagnostics:
    """Return findings that say only that nothing could be tested."""
    names = ("autocorrelation", "normality", "variance", "outliers")
    sentence = f"Not tested: {reason}."
    return Diagnostics(
        findings=tuple(_finding(name, None, None, sentence) for name in names), outliers=()
    )


def _tested(name: str, statistic: float, p_value: float, sentence: str) -> Finding:
    verdict: Mark = "look" if p_value < SIGNIFICANT else "fine"
    return _finding(name, statistic, p_value, sentence, verdict=verdict)


def _finding(
    name: str,
    statistic: float | None,
    p_value: float | None,
    sentence: str,
    *,
    verdict: Mark = "look",
) -> Finding:
    return Finding(
        name=name, statistic=statistic, p_value=p_value, verdict=verdict, sentence=sentence
    )


def lacking_season(residuals: Floats, seasons: Sequence[int]) -> str | None:
    """Return a note on the natural season after which one-step errors repeat most; None: none.

    `residuals` of shape (rows,), NaN where there is none. A correlation counts from 0.1 on, if it
    is no chance and no correlation of the steps beside it.
    """
    known = residuals[~np.isnan(residuals)]
    found = dict[int, float]()
    for season in seasons:
        if len(known) >= _REPEATS * season:
            before, peak, after = (_repeats(residuals, season + by) for by in (-1, 0, 1))
            if peak > max(_LEAST_REPEAT, _TWO_SIDED / sqrt(len(known)), before, after):
                found[season] = peak
    if not found:
        return None
    season = max(found, key=lambda each: found[each])
    return (
        f"the errors repeat after {season} steps (correlation {found[season]:+.2f}): the model "
        f"lacks a part of this season; try --season {','.join(str(each) for each in seasons)}"
    )


def _repeats(residuals: Floats, lag: int) -> float:
    """Return the correlation of errors with those so many rows before."""
    pairs = np.stack([residuals[lag:], residuals[:-lag]])
    first, second = pairs[:, ~np.isnan(pairs).any(axis=0)]
    length = sqrt(float(np.sum(first * first)) * float(np.sum(second * second)))
    return float(np.sum(first * second)) / length if length > 0 else 0.0
