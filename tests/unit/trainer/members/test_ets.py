"""Exponential smoothing: likelihood, gradient, optimum and forecasts."""

import warnings

import numpy as np
import pytest

from tests.unit.trainer.series_samples import PASSENGERS, swinging
from trainer.fit.order import Floats
from trainer.kernel.smoothing import EtsForm
from trainer.members import ets
from trainer.members.member import Member, MemberUnavailableError

FORMS = [
    (error, trend, seasonal)
    for error in (1, 2)
    for trend in (0, 1, 2)
    for seasonal in (0, 1, 2)
    if error == 2 or seasonal < 2
]
POINT = np.array([0.3, 0.1, 0.2, 0.9, 10.0, 0.1, 0.1, -0.2, 0.05, 0.05])


def kernel_and_point(error: int, trend: int, seasonal: int) -> tuple[EtsForm, Floats]:
    kernel = EtsForm(error, trend, seasonal, 4 if seasonal else 1)
    point = POINT[: kernel.places].copy()
    point[[1, 5]] *= trend > 0
    point[2] *= seasonal > 0
    point[3] = (0.0, 1.0, 0.9)[trend]
    point[6:] = point[6:] + (seasonal == 2) if seasonal else 0
    return kernel, point


def noise(rows: int, *, gaps: bool = False) -> Floats:
    values = 10 + np.random.default_rng(3).normal(size=rows)
    values[[4, 11] if gaps else []] = np.nan
    return values


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_slopes_are_those_of_the_likelihood(form: tuple[int, int, int]) -> None:
    kernel, point = kernel_and_point(*form)
    series = noise(40, gaps=True)
    _, slopes = kernel.evaluate(series, point)
    _, trend, seasonal = form
    absent = {*(() if trend else (1, 3, 5)), *(() if seasonal else (2, 6))}
    for place in set(range(kernel.places)) - absent:
        step = np.zeros(kernel.places)
        step[place] = 1e-6
        above, below = (kernel.evaluate(series, point + sign * step)[0] for sign in (1, -1))
        assert slopes[place] == pytest.approx((above - below) / 2e-6, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_likelihood_is_that_of_a_recursion_written_by_hand(form: tuple[int, int, int]) -> None:
    kernel, point = kernel_and_point(*form)
    series = noise(40, gaps=True)
    passed = kernel.run(series, point, 1.0, 6)
    assert passed is not None
    fitted, ahead, value = by_hand(form, point, series, 6)
    np.testing.assert_allclose(passed.fitted, fitted, rtol=1e-13)
    np.testing.assert_allclose(passed.means, ahead, rtol=1e-13)
    assert kernel.evaluate(series, point)[0] == pytest.approx(value, rel=1e-12)


def by_hand(
    form: tuple[int, int, int], point: Floats, series: Floats, steps: int
) -> tuple[list[float], list[float], float]:
    """Return one-step forecasts, forecasts and log-likelihood as the book writes the models."""
    error, _, seasonal = form
    alpha, beta, gamma, phi, level, trend, *season = point.tolist()
    found, errors = [], []
    for row, value in enumerate([*series.tolist(), *[np.nan] * steps]):
        place = row % len(season)
        base = level + phi * trend
        forecast = base * season[place] if seasonal == 2 else base + season[place]
        found.append(forecast)
        wrong = value - forecast
        if np.isnan(wrong):
            wrong = 0.0
        else:
            errors.append((wrong, forecast))
        share = wrong / season[place] if seasonal == 2 else wrong
        if seasonal:
            season[place] += gamma * (wrong / base if seasonal == 2 else wrong)
        level, trend = base + alpha * share, phi * trend + beta * share
    counted = np.array([e / f if error == 2 else e for e, f in errors])
    value = -len(counted) / 2 * (np.log(2 * np.pi * np.mean(counted**2)) + 1)
    value -= sum(np.log(f) for _, f in errors) if error == 2 else 0
    return found[: len(series)], found[len(series) :], float(value)


def test_the_airline_model_is_at_least_as_likely_as_that_of_r() -> None:
    values = np.array(PASSENGERS, dtype=np.float64)
    rows = len(values)
    # R's forecast::ets finds MAdM with AIC 1395.166, which leaves out this constant.
    constant = rows * (np.log(2 * np.pi / rows) + 1)
    _, value = EtsForm(2, 2, 2, 12).fit(values, values, tolerance=1e-7, most=1000, starts=4)
    assert -2 * value - constant + 2 * 18 <= 1395.166
    best = ets.fit(values, 12)
    assert best.aicc is not None
    assert best.aicc - constant <= 1395.166 + 2 * 18 * 19 / (rows - 19)
    assert best.form in ("MAM", "MAdM")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["AAN", "ANA", "AAdA", "MAM"])
def test_no_optimum_of_statsmodels_within_the_bounds_is_higher(form: str) -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    values = np.array(PASSENGERS, dtype=np.float64)[:84]
    words = {"A": "add", "M": "mul", "N": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ETSModel(
            values,
            error=words[form[0]],
            trend=words[form[1]],
            damped_trend="d" in form,
            seasonal=words[form[-1]],
            seasonal_periods=12 if form[-1] != "N" else None,
        ).fit(disp=False)
    trend = ("N", "A", "Ad").index(form[1:-1])
    season = 12 if form[-1] != "N" else 1
    kernel = EtsForm("AM".index(form[0]) + 1, trend, "NAM".index(form[-1]), season)
    _, value = kernel.fit(values, values, tolerance=1e-7, most=1000, starts=4)
    assert value >= theirs.llf - 1e-3


def test_the_variance_of_added_errors_is_that_of_many_paths() -> None:
    kernel, point = kernel_and_point(1, 2, 1)
    series = noise(24)
    passed = kernel.run(series, point, 1.0, 6)
    assert passed is not None
    # An error of 1 at a step moves later forecasts by its weight; their squares add up.
    variances = np.ones(6)
    for step in range(5):
        ahead = kernel.run(series, point, 1.0, step)
        assert ahead is not None
        path = np.concatenate([series, ahead.means, [passed.means[step] + 1]])
        moved = kernel.run(path, point, 1.0, 5 - step)
        assert moved is not None
        variances[step + 1 :] += (moved.means - passed.means[step + 1 :]) ** 2
    np.testing.assert_allclose(passed.variances, variances, rtol=1e-9)


def test_a_multiplied_variance_without_season_is_the_exact_one() -> None:
    kernel, point = kernel_and_point(2, 0, 0)
    passed = kernel.run(noise(24), point, 0.01, 3)
    assert passed is not None
    mean, alpha = passed.means[0], point[0]
    # y(1) = l (1 + e1); y(2) = l (1 + alpha e1) (1 + e2): the mean of its square less its square.
    second = mean**2 * ((1 + alpha**2 * 0.01) * 1.01 - 1)
    assert passed.variances[:2] == pytest.approx([mean**2 * 0.01, second])


def test_a_season_of_more_than_24_steps_is_taken_out_before() -> None:
    pattern = np.random.default_rng(5).uniform(80, 120, size=52)
    values = np.tile(pattern, 4) + np.random.default_rng(6).normal(size=208)
    member = ets.fit(values, 52)
    assert member.form.endswith("N/M")
    ahead = ets.run(member, values, 52)
    assert np.abs(ahead.mean - pattern).mean() < 2


def test_errors_multiply_only_where_all_values_are_positive() -> None:
    values = np.array(swinging(60))
    member = ets.fit(values - 51, 1)
    assert member.form[0] == "A"
    positive = ets.fit(values, 1)
    changed = Member(**{**positive.to_dict(), "form": "MNN", "numbers": (0.5, 0, 0, 0, 50.0, 0, 0)})
    with pytest.raises(MemberUnavailableError, match="positive"):
        ets.refit(changed, values - 51)


def test_no_fit_lets_an_old_error_grow() -> None:
    """Of a trend and a season that is admissible (Hyndman et al. 2008, ch. 10)."""
    random = np.random.default_rng(8)
    kernel, largest = EtsForm(1, 2, 1, 12), 0.0
    for _ in range(20):
        # Seasons that change and a slope that follows each error: the corner that is not allowed.
        series = random.normal(size=60).cumsum().cumsum() + np.tile(random.normal(size=12), 5)
        numbers, value = kernel.fit(series, series, tolerance=1e-4, most=300, starts=2)
        assert np.isfinite(value)
        alpha, beta, gamma, phi = numbers[:4].tolist()
        largest = max(largest, spectral_radius(alpha, beta, gamma, phi, 12))
    assert largest < 1 + 1e-8
    assert spectral_radius(0.327, 0.323, 0.215, 0.942, 11) > 1.005  # within the usual bounds


def spectral_radius(alpha: float, beta: float, gamma: float, phi: float, season: int) -> float:
    """Return the largest eigenvalue of what an error leaves of the state; a constant is free."""
    size = 2 + season
    moves, seen, gain = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    moves[0, :2] = 1, phi
    moves[1, 1] = phi
    moves[2, -1] = 1
    moves[3:, 2:-1] = np.eye(season - 1)
    seen[:2] = 1, phi
    seen[-1] = 1
    gain[:3] = alpha, beta, gamma
    return float(np.max(np.abs(np.linalg.eigvals(moves - np.outer(gain, seen)))))
