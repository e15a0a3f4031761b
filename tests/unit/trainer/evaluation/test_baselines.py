# ruff: noqa: PD011 - a Series here is no pandas series

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainer.evaluation.made import NAN, daily, swinging
from trainer.evaluation.backtest import cut_series
from trainer.evaluation.baselines import (
    BASELINES,
    BaselineUnavailableError,
    baselines_of,
    ets,
    naive,
    season_mean,
    seasonal_naive,
    theta,
)
from trainer.evaluation.metrics import score
from trainer.fit.prediction import Forecaster, Prediction
from trainer.input.data import Series

PASSENGERS = swinging(120, season=12, power=1.0)


def share_inside(forecaster: Forecaster, made: list[Series], steps: int) -> float:
    """The share of last values inside the 80 % interval of a forecast `steps` ahead."""
    inside = 0
    for series in made:
        prediction = forecaster(cut_series(series, len(series.values) - steps), steps)
        low, high = prediction.bounds(0.8)
        inside += bool(low[-1] <= series.values[-1] <= high[-1])
    return inside / len(made)


def test_baselines_stand_in_a_fixed_order() -> None:
    assert list(BASELINES) == [
        *("naive", "seasonal_naive", "long_seasonal_naive", "season_mean", "ets", "theta"),
    ]
    with pytest.raises(TypeError):
        BASELINES["naive"] = ets  # type: ignore[index]


def test_naive_repeats_the_last_value_and_grows_like_a_random_walk() -> None:
    found = naive(daily([3, 5, 4, 8]), 4)
    assert found.mean.tolist() == [8, 8, 8, 8]
    step = (4 + 1 + 16) / 3
    np.testing.assert_allclose(found.standard_error, np.sqrt(step * np.arange(1, 5)))


def test_naive_is_less_sure_the_longer_the_last_value_is_ago() -> None:
    found = naive(daily([3, 5, NAN, 8, NAN, NAN]), 2)
    step = (4 + 9 / 2) / 2
    assert found.mean.tolist() == [8, 8]
    np.testing.assert_allclose(found.standard_error, np.sqrt(step * np.array([3, 4])))


def test_seasonal_naive_repeats_the_last_season_and_grows_by_seasons() -> None:
    values = [1.0, 2, 3, 2, 4, 6, 5, 5, 5]
    found = seasonal_naive(daily(values, season=3), 7)
    assert found.mean.tolist() == [5, 5, 5, 5, 5, 5, 5]
    step = float(np.mean([(values[row] - values[row - 3]) ** 2 for row in range(3, 9)]))
    seasons = np.array([1, 1, 1, 2, 2, 2, 3])
    np.testing.assert_allclose(found.standard_error, np.sqrt(step * seasons))


def test_seasonal_naive_takes_the_last_known_value_of_each_position() -> None:
    found = seasonal_naive(daily([1.0, 2, 3, 2, 4, 6, NAN, 5, 7], season=3), 3)
    assert found.mean.tolist() == [2, 5, 7]
    step = (1 + 4 + 9 + 1 + 1) / 5
    np.testing.assert_allclose(found.standard_error, np.sqrt(step * np.array([2, 1, 1])))


def test_the_long_seasonal_naive_repeats_the_longest_natural_season() -> None:
    values = np.random.default_rng(4).normal(size=70)
    plain = daily(values)
    plain = replace(plain, calendar=replace(plain.calendar, seasons=(7,)))
    assert "long_seasonal_naive" not in baselines_of(plain)
    both = replace(plain, calendar=replace(plain.calendar, seasons=(7, 21)))
    found = baselines_of(both)["long_seasonal_naive"](both, 30)
    np.testing.assert_array_equal(found.mean, [*values[-21:], *values[-21:-12]])
    step = np.mean((values[21:] - values[:-21]) ** 2)
    np.testing.assert_allclose(found.standard_error**2, step * np.repeat([1, 2], [21, 9]))


def test_season_mean_is_the_weekday_s_mean_with_the_error_of_a_regression() -> None:
    values = np.random.default_rng(1).normal(size=40)
    values[[3, 11, 20]] = NAN
    series = daily(values)
    found = season_mean(series, 9)
    table = pd.DataFrame({"day": series.dates.day_of_week, "value": values}).dropna()
    groups = table.groupby("day")["value"]
    ahead = pd.date_range(series.dates[-1], periods=10, freq="D")[1:].day_of_week
    np.testing.assert_allclose(found.mean, groups.mean().loc[ahead])
    spread = ((table["value"] - groups.transform("mean")) ** 2).sum() / (37 - 7)
    expected = np.sqrt(spread * (1 + 1 / groups.count().loc[ahead]))
    np.testing.assert_allclose(found.standard_error, expected)


def test_season_mean_without_season_is_the_mean() -> None:
    found = season_mean(daily([1, 2, 6], season=1), 2)
    assert found.mean.tolist() == [3, 3]
    np.testing.assert_allclose(found.standard_error, sqrt(7 * (1 + 1 / 3)))


def test_weekday_mean_of_2013_is_as_good_as_was_measured(days_2013: Series) -> None:
    train = cut_series(days_2013, 138)
    actual = days_2013.values[138:]
    found = score(actual, season_mean(train, 16), train=train.values, season=7)
    assert found.rmse == pytest.approx(451.9, abs=0.05)
    assert found.scored == 16


@pytest.mark.slow
def test_ets_is_the_form_with_the_lowest_aicc() -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    data = pd.Series(PASSENGERS.values / 2.0**5)  # near the unit that the baseline fits in
    fits = [
        ETSModel(
            data,
            error="mul" if season == "mul" else "add",
            trend="add" if trend else None,
            damped_trend=trend == "damped",
            seasonal=season,
            seasonal_periods=12 if season else None,
        ).fit(disp=False)
        for trend in (None, "add", "damped")
        for season in (None, "add", "mul")
    ]
    best = min(fits, key=lambda fit: fit.aicc)
    assert best.model.error == "mul"
    expected = best.forecast(6).to_numpy() * 2.0**5
    np.testing.assert_allclose(ets(PASSENGERS, 6).mean, expected, rtol=0.01)


def test_ets_error_is_that_of_simple_smoothing_where_there_is_no_more() -> None:
    generator = np.random.default_rng(3)
    levels = np.cumsum(generator.normal(size=200)) * 0.4
    series = daily(levels + generator.normal(size=200), season=1)
    found = ets(series, 5).standard_error
    growth = (found / found[0]) ** 2
    np.testing.assert_allclose(np.diff(growth), growth[1] - 1)  # 1 + (h - 1) alpha²
    assert 0.05 < growth[1] - 1 < 0.5


def test_theta_is_statsmodels_own_forecast() -> None:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    expected = ThetaModel(PASSENGERS.values, period=12).fit().forecast(20)
    np.testing.assert_allclose(theta(PASSENGERS, 20).mean, expected, rtol=1e-3)


def test_theta_error_grows_by_the_square_of_alpha() -> None:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    series = swinging(80, season=1)
    found = theta(series, 5).standard_error
    alpha = ThetaModel(series.values, deseasonalize=False).fit().params["alpha"]
    np.testing.assert_allclose((found / found[0]) ** 2, 1 + np.arange(5) * alpha**2, rtol=1e-3)


@pytest.mark.parametrize("season", [1, 7])
def test_theta_errors_are_those_of_its_forecasts_one_step_ahead(season: int) -> None:
    from statsmodels.tsa.forecasting.theta import ThetaModel, ThetaModelResults

    series = swinging(70, season=season)
    values = series.values
    model = ThetaModel(values, period=season, deseasonalize=season > 1, method="additive")
    fit = model.fit()
    slope, alpha = fit.params
    pattern = fit.forecast_components(7).seasonal.to_numpy() if season > 1 else np.zeros(7)
    adjusted = values - pattern[np.arange(70) % 7]  # 70 rows are ten weeks: positions agree
    errors = []
    for row in range(1, 70):
        level = adjusted[0]
        for value in adjusted[:row]:
            level += alpha * (value - level)
        part = ThetaModel(adjusted[:row], deseasonalize=False)
        ahead = ThetaModelResults(slope, alpha, None, level, np.empty(0), False, part)
        errors.append(adjusted[row] - float(ahead.forecast(1).iloc[0]))
    # centred data have no sign: the season is additive there as well
    found = theta(daily(values - values.mean(), season=season), 1).standard_error[0]
    assert found == pytest.approx(sqrt(np.mean(np.square(errors))), rel=1e-3)


def test_theta_of_a_season_that_multiplies_is_less_sure_where_the_season_is_high() -> None:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    values = swinging(70, power=1.0).values
    fit = ThetaModel(values, period=7).fit()
    pattern = fit.forecast_components(7).seasonal.to_numpy()
    slope, alpha = fit.params
    adjusted = values / np.resize(pattern, 70)
    level, errors = adjusted[0], []
    for row in range(1, 70):
        trend = slope * (1 - (1 - alpha) ** row) / alpha
        errors.append(adjusted[row] - level - trend / 2)
        level += alpha * (adjusted[row] - level)
    growth = 1 + np.arange(7) * alpha**2
    expected = pattern * np.sqrt(np.mean(np.square(errors)) * growth)
    np.testing.assert_allclose(theta(daily(values), 7).standard_error, expected, rtol=1e-3)
    assert max(pattern) > 1.1 * min(pattern)


@pytest.mark.parametrize("name", list(BASELINES))
def test_a_level_far_from_zero_changes_no_more_than_the_level(name: str) -> None:
    values = np.random.default_rng(6).normal(size=60) + 3 * (np.arange(60) % 7 == 2)
    found = BASELINES[name](daily(values), 9)
    high = BASELINES[name](daily(values + 2.0**30), 9)
    np.testing.assert_allclose(high.mean - 2.0**30, found.mean, atol=0.01)
    np.testing.assert_allclose(high.standard_error, found.standard_error, rtol=0.01)


@pytest.mark.parametrize(
    ("forecaster", "count"),
    [(naive, 200), (seasonal_naive, 200), pytest.param(theta, 100, marks=pytest.mark.slow)],
)
def test_intervals_hold_as_often_as_they_say_on_series_of_their_own_kind(
    forecaster: Forecaster, count: int
) -> None:
    generator = np.random.default_rng(11)
    made = []
    for _ in range(count):
        if forecaster is naive:
            made.append(daily(np.cumsum(generator.normal(size=80)), season=1))
        elif forecaster is seasonal_naive:
            walks = np.cumsum(generator.normal(size=(12, 7)), axis=0)
            made.append(daily(walks.ravel()))
        else:
            levels = np.cumsum(generator.normal(size=80)) * 0.3
            made.append(daily(levels + generator.normal(size=80), season=1))
    assert share_inside(forecaster, made, 10) == pytest.approx(0.8, abs=0.09)


def test_season_mean_holds_as_often_as_it_says_even_on_two_weeks() -> None:
    generator = np.random.default_rng(12)
    made = [daily(generator.normal(size=15)) for _ in range(400)]
    assert 0.7 < share_inside(season_mean, made, 1) < 0.9


@pytest.mark.slow
def test_libraries_beat_the_naive_forecasts_where_level_and_season_move() -> None:
    train, actual = cut_series(PASSENGERS, 96), PASSENGERS.values[96:]
    rmse = {
        name: score(actual, forecaster(train, 24), train=train.values, season=12).rmse
        for name, forecaster in BASELINES.items()
    }
    assert max(rmse["ets"], rmse["theta"]) < min(rmse["naive"], rmse["seasonal_naive"])


# The baselines that cannot be computed for an odd series.
REFUSED = {
    "zeros": {"ets", "theta"},
    "constant": {"ets", "theta"},
    "four": {"seasonal_naive", "long_seasonal_naive", "season_mean", "ets"},
    "half missing": {"long_seasonal_naive"},
    "two weeks": {"long_seasonal_naive"},
    "one value": set(BASELINES),
}


def odd(kind: str) -> Series:
    noise = np.random.default_rng(5).normal(size=60)
    gapped = noise.copy()
    gapped[1::2] = NAN
    values = {
        "zeros": np.zeros(60),
        "constant": np.full(60, 0.1),
        "huge": noise * 1e12,
        "tiny": noise * 1e-12,
        "high and quiet": noise + 1e12,
        "one outlier": np.where(np.arange(60) == 30, 1e9, noise),
        "level shift": noise + 1000 * (np.arange(60) > 40),
        "half missing": gapped,
        "ends in a gap": np.where(np.arange(60) > 50, NAN, noise),
        "repeats": np.tile([1.0, 2, 3, 4, 5, 6, 9], 9),
        "line": np.arange(60.0),
        "mostly zero": np.where(np.arange(60) % 9 == 0, 5.0, 0),
        "four": np.array([1.0, 2, 4, 3]),
        "two weeks": noise[:14],
        "one value": np.array([1.0]),
    }
    return daily(values[kind])


@pytest.mark.parametrize(
    "kind",
    [
        "zeros",
        "constant",
        "huge",
        "tiny",
        "high and quiet",
        "one outlier",
        "level shift",
        "half missing",
        "ends in a gap",
        "repeats",
        "line",
        "mostly zero",
        "four",
        "two weeks",
        "one value",
    ],
)
def test_odd_series_give_finite_numbers_or_a_reason_and_no_print(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    series = odd(kind)
    before = series.values.copy()
    refused = set()
    for name, forecaster in BASELINES.items():
        try:
            found = forecaster(series, 9)
        except BaselineUnavailableError:
            refused.add(name)
            continue
        assert found.mean.shape == found.standard_error.shape == (9,)
        assert np.isfinite(found.mean).all()
        assert np.isfinite(found.standard_error).all()
        assert (found.standard_error >= 0).all()
    assert refused == REFUSED.get(kind, set())
    np.testing.assert_array_equal(series.values, before)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("forecaster", "values", "season", "reason"),
    [
        (naive, [1.0], 7, "two known values"),
        (seasonal_naive, [1.0, 2, 3], 1, "no season"),
        (seasonal_naive, [1.0, 2, 3], 7, "position"),
        (seasonal_naive, [1.0, 2, 3], 3, "two known values"),
        (season_mean, [1.0, NAN, 3, 4, NAN, 5], 3, "position"),
        (season_mean, [1.0, 2, 3], 3, "one season"),
        (ets, [4.0] * 20, 1, "never changes"),
        (ets, [4.0, 5], 1, "too few values"),
        (theta, [4.0] * 20, 1, "never changes"),
    ],
)
def test_what_cannot_be_computed_says_why(
    forecaster: Forecaster, values: list[float], season: int, reason: str
) -> None:
    with pytest.raises(BaselineUnavailableError, match=reason):
        forecaster(daily(values, season=season), 2)


def test_a_library_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from statsmodels.tsa.forecasting.theta import ThetaModel

    def fail(*_args: Any, **_options: Any) -> None:
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(ThetaModel, "fit", fail)
    with pytest.raises(BaselineUnavailableError, match="SVD did not converge"):
        theta(PASSENGERS, 2)


def same(first: Prediction, second: Prediction, unit: float = 1.0) -> None:
    np.testing.assert_array_equal(first.mean * unit, second.mean)
    np.testing.assert_array_equal(first.standard_error * unit, second.standard_error)


@pytest.mark.parametrize("name", list(BASELINES))
def test_a_forecast_has_the_same_bits_each_time_and_in_any_unit(name: str) -> None:
    forecaster, unit = BASELINES[name], 2.0**-40
    found = forecaster(PASSENGERS, 15)
    same(found, forecaster(PASSENGERS, 15))
    same(found, forecaster(daily(PASSENGERS.values * unit, season=12), 15), unit)


@settings(max_examples=60)
@given(
    values=st.lists(
        st.one_of(st.floats(min_value=-1e9, max_value=1e9), st.just(NAN)), min_size=2, max_size=30
    ).filter(lambda values: values[0] == values[0]),
    season=st.sampled_from([1, 2, 7]),
    steps=st.integers(min_value=1, max_value=20),
)
def test_longer_steps_are_never_surer_and_a_season_ahead_is_the_same_point(
    values: list[float], season: int, steps: int
) -> None:
    for forecaster in (naive, seasonal_naive):
        period = 1 if forecaster is naive else season
        try:
            found = forecaster(daily(values, season=season), steps + period)
        except BaselineUnavailableError:
            continue
        np.testing.assert_array_equal(found.mean[period:], found.mean[:steps])
        assert (found.standard_error[period:] >= found.standard_error[:steps]).all()
