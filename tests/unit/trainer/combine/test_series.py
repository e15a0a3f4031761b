import json
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from trainer.combine.period import shown_period
from trainer.combine.series import SeriesForecast, _bias, forecast_series
from trainer.combine.team import joined
from trainer.combine.trials import ARIMA, Trials, combined, make_trials, weigh
from trainer.errors import HorizonInvalidError, ValuesMissingError
from trainer.saved.json_file import read_saved, write_saved

Floats = npt.NDArray[np.float64]


def _monthly(rows: int, seed: int = 3) -> Floats:
    generator = np.random.default_rng(seed)
    season = 10 * np.sin(2 * np.pi * np.arange(rows) / 12)
    values: Floats = 100 + 0.2 * np.arange(rows) + season + generator.normal(size=rows)
    return values


def _trials(errors: dict[str, float], origins: int, **told: Any) -> Trials:
    actual = np.zeros(2)
    return Trials(
        origins=tuple(range(10, 10 + origins)),
        actuals=(actual,) * origins,
        forecasts={
            name: ((np.full(2, error), np.ones(2)),) * origins for name, error in errors.items()
        },
        **told,
    )


def _bounds(found: SeriesForecast) -> tuple[Floats, Floats]:
    return found.prediction.bounds(0.95)


def test_fewer_than_three_origins_weigh_all_the_same() -> None:
    names = {"arima": 1.0, "ets": 9.0}
    assert weigh(_trials(names, 2), tuple(names)) == {"arima": 0.5, "ets": 0.5}


def test_from_three_origins_on_a_member_that_the_data_reject_has_no_weight() -> None:
    names = {"arima": 1.0, "ets": 1.2, "theta": 2.3}
    weights = weigh(_trials(names, 3), tuple(names))
    assert weights["theta"] == 0
    assert weights["arima"] > weights["ets"] > 1 / 3
    assert sum(weights.values()) == pytest.approx(1)


def test_weights_are_nearer_to_equal_the_fewer_the_origins() -> None:
    names = {"arima": 1.0, "ets": 1.4}
    heaviest = [weigh(_trials(names, count), tuple(names))["arima"] for count in (2, 3, 5, 8)]
    assert all(fewer < more for fewer, more in pairwise(heaviest))


def test_of_members_that_do_not_know_the_week_only_the_nearest_have_a_weight() -> None:
    names = {"ets": 1.2, "theta": 1.05, "cycles": 1.0, "seasonal_mean": 1.8, "naive": 2.2}
    blind = frozenset({"ets", "theta"})
    weights = weigh(_trials(names, 9, blind=blind), tuple(names))
    assert [name for name in names if weights[name] > 0] == ["theta", "cycles", "seasonal_mean"]
    # Where the best one does not know it, the week is worth little, and the usual rule holds.
    names |= {"ets": 0.9, "cycles": 1.4}
    weights = weigh(_trials(names, 9, blind=blind), tuple(names))
    assert [name for name in names if weights[name] > 0] == ["ets", "theta"]


def test_few_origins_of_several_seasons_leave_the_members_that_know_the_longest() -> None:
    names = {"arima": 1.0, "ets": 1.0, "cycles": 1.0, "seasonal_mean": 1.0}
    told = {"blind": frozenset({"arima", "ets"}), "has_several": True}
    weights = weigh(_trials(names, 2, **told), tuple(names))
    assert weights == {"arima": 0, "ets": 0, "cycles": 0.5, "seasonal_mean": 0.5}
    weights = weigh(_trials(names, 2, blind=told["blind"]), tuple(names))
    assert set(weights.values()) == {0.25}


def test_the_join_is_halfway_from_weighted_mean_to_weighted_median() -> None:
    parts = [(np.array([value]), np.ones(1)) for value in (1.0, 2.0, 9.0)]
    mean, _ = joined([1 / 3] * 3, parts)
    assert mean[0] == pytest.approx((4 + 2) / 2)
    mean, _ = joined([0.6, 0.2, 0.2], parts)
    assert mean[0] == pytest.approx((0.6 + 0.4 + 1.8 + 1) / 2)


def test_trials_see_nothing_after_their_origin() -> None:
    values = _monthly(96)
    other = values.copy()
    other[70:] = np.random.default_rng(9).normal(500, 90, size=26)
    names = (ARIMA, "ets", "theta")
    one, two = (make_trials(given, 12, [60, 70], 6, names) for given in (values, other))
    for name in names:
        for ours, theirs in zip(one.forecasts[name], two.forecasts[name], strict=True):
            assert ours is not None
            assert theirs is not None
            assert ours[0].tobytes() == theirs[0].tobytes()


def test_the_combination_s_own_errors_use_the_weights_of_earlier_origins() -> None:
    names = {"arima": 1.0, "ets": 4.0}
    forecasts = [each for each in combined(_trials(names, 4), tuple(names)) if each is not None]
    assert [float(mean[0]) for mean, _ in forecasts] == pytest.approx([2.5, 2.5, 2.5, 1.0])


def test_a_long_seasonal_series_is_combined_and_better_than_its_baselines() -> None:
    values = _monthly(132)
    found = forecast_series(values[:120], season=12, horizon=12)
    assert {name.split()[0] for name in found.weights} >= {"arima", "ets"}
    assert sum(found.weights.values()) == pytest.approx(1)
    assert found.origins >= 3
    assert found.skill is not None
    assert found.skill > 0
    assert float(np.mean(np.abs(found.prediction.point - values[120:]))) < 2


ODD = {
    "constant": (np.full(40, 5.0), 12),
    "zeros": (np.zeros(40), 12),
    "line": (3.0 * np.arange(40) + 1, 12),
    "one": (np.array([3.0]), 1),
    "three": (np.array([1.0, 2.0, 4.0]), 1),
    "eight": (np.array([3.0, 4, 6, 5, 7, 8, 6, 9]), 12),
    "zeros at the end": (np.r_[np.arange(50) % 7, np.zeros(60)], 12),
    "step": (np.r_[np.full(30, 5.0), np.full(30, 9.0)], 12),
    "1e12": (1e12 * _monthly(60), 12),
    "1e-9": (1e-9 * _monthly(60), 12),
    "repeats": (np.tile([1.0, 5, 2, 9], 12), 4),
    "few known": (np.r_[1.0, np.full(50, np.nan), 3.0, 4.0], 12),
    "negative": (np.full(9, -2.0), 1),
    "one demand": (np.eye(1, 50, 20)[0], 12),
    "infinite": (np.r_[_monthly(30), np.inf], 12),
}


@pytest.mark.parametrize("name", ODD)
def test_every_series_has_a_finite_forecast_and_a_reason(name: str) -> None:
    values, season = ODD[name]
    found = forecast_series(values, season=season, horizon=5)
    lower, upper = _bounds(found)
    assert np.isfinite([found.prediction.point, lower, upper]).all()
    assert (lower <= upper).all()
    assert found.reason


def test_a_line_goes_on_and_a_constant_stays() -> None:
    rows: Floats = np.array([3.0 * row + 1 for row in range(40)])
    line = forecast_series(rows, season=12, horizon=3).prediction.point
    assert line == pytest.approx([121, 124, 127])
    assert forecast_series(np.array([7.0] * 9), horizon=2).prediction.point.tolist() == [7, 7]
    assert forecast_series(np.tile([1.0, 5, 2], 9), season=3, horizon=4).prediction.point == (
        pytest.approx([1, 5, 2, 1])
    )


def test_forecasts_stay_above_zero_where_all_values_do_unless_told_otherwise() -> None:
    noise = np.random.default_rng(1).normal(size=41)
    falling: Floats = np.array([max(0.0, 40.0 - row + each) for row, each in enumerate(noise)])
    shifted: Floats = falling - np.full(41, 3.0)
    lower, _ = _bounds(forecast_series(falling, horizon=12))
    assert lower.min() == 0
    lower, _ = _bounds(forecast_series(falling, horizon=12, has_floor=False))
    assert lower.min() < 0
    lower, _ = _bounds(forecast_series(shifted, horizon=12))
    assert lower.min() < 0


def test_intermittent_series_are_forecast_by_members_for_demand() -> None:
    demand = np.random.default_rng(4).poisson(0.3, size=60).astype(float)
    found = forecast_series(demand, season=12, horizon=6)
    assert set(found.weights) <= {"tsb", "imapa", "sba", "mean", "recent_mean"}
    assert 0.1 < float(found.prediction.point[0]) < 0.6


def test_zeros_that_a_season_explains_are_no_intermittent_demand() -> None:
    hours = np.arange(24 * 21)
    sun = np.maximum(0.0, np.sin((hours - 6.5) * 2 * np.pi / 24) - 0.3)
    clouds = np.random.default_rng(1).uniform(0.7, 1, size=21).repeat(24)
    assert np.count_nonzero(sun == 0) > len(sun) / 2
    found = forecast_series((sun * clouds)[:-24], season=24, horizon=24)
    assert not {"tsb", "imapa", "mean"} & set(found.weights)
    assert np.abs(found.prediction.point - (sun * clouds)[-24:]).mean() < 0.1


def test_errors_of_intermittent_demand_are_squared_and_its_bias_is_told() -> None:
    demand = np.random.default_rng(4).poisson(0.3, size=60).astype(float) * 5
    found = forecast_series(demand, season=12, horizon=6)
    size = demand.mean()
    for name, scaled in found.demand.items():
        assert scaled.rmse == pytest.approx(found.errors[name] / size)
        assert scaled.mae <= scaled.rmse
    assert found.best_baseline is not None
    assert found.skill == 1 - found.errors["combination"] / found.errors[found.best_baseline]
    assert forecast_series(_monthly(60), season=12, horizon=6).demand == {}


def test_a_forecast_of_nothing_has_the_bias_of_all_demand() -> None:
    demand = np.array([0.0, 0, 0, 3, 0, 0, 0, 5] * 8)
    actuals = (demand[40:44], demand[48:52])
    nothing = (np.zeros(4), np.ones(4))
    assert _bias(actuals, (nothing, nothing)) == -3 / 4


def test_four_weeks_of_hours_are_forecast_by_their_week() -> None:
    hours = np.arange(24 * 7 * 5)
    noise = np.random.default_rng(3).normal(size=len(hours))
    shape = np.where(hours // 24 % 7 < 5, 10 * np.sin(2 * np.pi * hours / 24), 0.0) + 100
    values, actual = (shape + noise)[: -24 * 7], shape[-24 * 7 :]
    found = forecast_series(values, season=24, horizon=24 * 7)
    assert found.origins >= 3
    assert np.abs(found.prediction.point - actual).mean() < 1
    assert {name.partition(" ")[0] for name in found.weights} <= {
        *("cycles", "long_seasonal_naive", "seasonal_mean")
    }


def test_intervals_of_intermittent_demand_are_demands_that_were() -> None:
    demand = np.random.default_rng(4).poisson(0.3, size=60).astype(float) * 5
    prediction = forecast_series(demand, season=12, horizon=6).prediction
    low, high = prediction.bounds(0.95)
    assert low.tolist() == [0.0] * 6
    assert set(high.tolist()) <= set(demand.tolist())
    assert prediction.quantile(0.5).tolist() == [0.0] * 6  # most values are


def test_a_week_is_found_in_hours_that_have_one() -> None:
    hours = np.arange(24 * 7 * 5)
    noise = np.random.default_rng(3).normal(size=len(hours))
    shape = np.where(hours // 24 % 7 < 5, 10 * np.sin(2 * np.pi * hours / 24), 0.0) + 100
    values, actual = (shape + noise)[:-48], shape[-48:]
    one = forecast_series(values, season=24, horizon=48, seasons=(24,))
    two = forecast_series(values, season=24, horizon=48)  # a day's steps: a week is tried too
    errors = [float(np.abs(found.prediction.point - actual).mean()) for found in (one, two)]
    assert errors[1] < 0.5 * errors[0]
    assert "cycles 24+168" in two.weights
    assert two.best_baseline == "long_seasonal_naive"


def test_a_period_that_nobody_named_is_found_in_the_steps() -> None:
    weeks = np.arange(260)
    noise = np.random.default_rng(2).normal(size=260)
    year = 20 * np.cos(2 * np.pi * weeks / 52) ** 5 + weeks / 5
    assert shown_period(year + noise, (12, 52)) == 52
    assert shown_period(noise.cumsum(), (7, 12, 24, 48, 52)) is None
    assert shown_period(noise, (7, 12, 24, 48, 52)) is None
    assert shown_period(np.ones(200), (7, 12)) is None
    assert shown_period((year + noise)[:99], (12, 24)) is None
    values, actual = (year + noise)[:-20], year[-20:]
    named, unnamed, none = (
        forecast_series(values, season=season, seasons=seasons, horizon=20).prediction.point
        for season, seasons in ((52, ()), (1, ()), (1, (1,)))
    )
    assert named.tobytes() == unnamed.tobytes()
    assert np.abs(unnamed - actual).mean() < 0.5 * np.abs(none - actual).mean()


def test_intervals_are_conformal_by_step_from_enough_origins() -> None:
    noise = np.random.default_rng(6).normal(size=400)
    long = forecast_series(50 + noise, season=1, horizon=4)
    assert long.origins == 24
    assert "conformal by step, from the errors from 24 origins" in long.intervals
    assert long.model.team is not None
    assert len(long.model.team.widths) == 4
    low, high = long.prediction.bounds(0.95)
    assert (high - low > 3).all()
    assert (high - low < 7).all()  # 3.92 standard deviations
    short = forecast_series(50 + noise[:40], season=1, horizon=4)
    assert "what is usual" in short.intervals
    assert short.model.team is not None
    assert len(short.model.team.widths) == 1


def test_the_saved_model_forecasts_the_same_bits() -> None:
    for values in (_monthly(80), np.full(20, 5.0), ODD["zeros at the end"][0]):
        found = forecast_series(values, season=12, horizon=7)
        again = read_saved(write_saved(found.model), "model").predict(7)
        assert again.point.tobytes() == found.prediction.point.tobytes()
        assert again.bounds(0.95)[1].tobytes() == _bounds(found)[1].tobytes()


@pytest.mark.parametrize("change", ["weight", "width", "kind"])
def test_a_saved_team_that_is_none_is_refused(change: str) -> None:
    content = json.loads(write_saved(forecast_series(_monthly(80), season=12, horizon=7).model))
    team = content["team"]
    match change:
        case "weight":
            team["arima"] = 5.0
        case "width":
            team["widths"] = [-1.0]
        case _:
            team["others"][0]["kind"] = "oracle"
    from trainer.errors import SavedModelInvalidError
    from trainer.saved.seal import sealed

    content.pop("sha256")
    with pytest.raises(SavedModelInvalidError):
        read_saved(sealed(content), "model")


def test_a_series_without_a_value_and_a_horizon_of_nothing_are_refused() -> None:
    with pytest.raises(ValuesMissingError):
        forecast_series(np.array([np.nan]), horizon=1)
    with pytest.raises(HorizonInvalidError):
        forecast_series(np.array([1.0]), horizon=0)


@pytest.mark.parametrize("rise", [0.0, 4.0, -5.0])
def test_a_season_with_the_same_rise_each_time_rises_again(rise: float) -> None:
    season = np.arange(12.0) ** 2
    values = np.concatenate([season + rise * year for year in range(4)]) + 100
    found = forecast_series(values, season=12, horizon=12)
    np.testing.assert_allclose(found.prediction.point, season + rise * 4 + 100, rtol=1e-9)
    assert found.reason.startswith("the values repeat themselves every 12 rows")
    assert (f"each time {rise:+.4g}" in found.reason) is (rise != 0)
