"""Theta, complex exponential smoothing, intermittent demand and the simple members, by hand."""

import numpy as np
import pytest

from tests.unit.trainer.series_samples import PASSENGERS, swinging
from trainer.fit.order import Floats
from trainer.kernel.smoothing import by_levels, by_probability, croston, theta_fit
from trainer.members import ces, cycles, demand, simple, theta
from trainer.members.adjustment import adjustment_of
from trainer.members.kinds import fit, run
from trainer.members.member import Member, MemberUnavailableError

SWINGING = np.array(swinging(40))
SEASONAL = np.array(PASSENGERS, dtype=np.float64)


def theta_by_hand(alpha: float, level: float, weight: float, values: Floats) -> list[float]:
    """Return the one-step forecasts as Fiorucci et al. (2016, section 2.3) write them."""
    forecasts = []
    for row in range(len(values)):
        before = values[:row]
        slope = np.polyfit(np.arange(1, row + 1), before, 1)[0] if row > 1 else 0.0
        mean = before.mean() if row else 0.0
        intercept = mean - slope * (row + 1) / 2
        share = (1 - alpha) ** row
        drift = slope * (1 - (1 - alpha) ** (row + 1)) / alpha
        forecasts.append(level + weight * (intercept * share + drift))
        level = alpha * values[row] + (1 - alpha) * level
    return forecasts


def test_theta_forecasts_each_row_as_its_authors_write_it() -> None:
    member = theta.fit(SWINGING, 1)
    alpha, level, weight = member.numbers
    counted = SWINGING - SWINGING[0]
    found = theta.run(member, SWINGING, 0).fitted
    by_hand = np.array(theta_by_hand(alpha, level, weight, counted)) + SWINGING[0]
    np.testing.assert_allclose(found, by_hand, rtol=1e-9)


def test_no_other_theta_has_smaller_errors() -> None:
    counted = SWINGING - SWINGING[0]
    numbers, squares = theta_fit(SWINGING)

    def squares_at(alpha: float, level: float, weight: float) -> float:
        errors = counted - theta_by_hand(alpha, level, weight, counted)
        return float(np.sum(errors[3:] ** 2))

    best = squares_at(*numbers)
    assert squares == pytest.approx(best, rel=1e-9)
    random = np.random.default_rng(2)
    for _ in range(20):
        weight = min(max(numbers[2] + random.normal() / 10, 0), 1)
        alpha = min(max(numbers[0] + random.normal() / 10, 0.1), 0.99)
        assert squares_at(alpha, numbers[1] + random.normal(), weight) >= best - 1e-9
    for alpha in np.linspace(0.1, 0.99, 20):
        assert squares_at(float(alpha), numbers[1], numbers[2]) >= best - 1e-9


def test_a_season_is_taken_out_only_where_the_test_finds_one() -> None:
    assert adjustment_of(SEASONAL, 12).how == "M"
    assert adjustment_of(SEASONAL - 300, 12).how == "A"
    assert adjustment_of(SWINGING, 12).how == "N"
    assert adjustment_of(SEASONAL[:24], 12).how == "N"


def test_an_adjustment_is_undone_without_a_trace() -> None:
    for values in (SEASONAL, SEASONAL - 300):
        adjustment = adjustment_of(values, 12)
        removed = adjustment.removed(values)
        np.testing.assert_allclose(adjustment.restored(removed, 0), values, rtol=1e-12)
    indices = adjustment_of(SEASONAL, 12).indices
    assert sum(indices) == pytest.approx(12)
    assert sum(adjustment_of(SEASONAL - 300, 12).indices) == pytest.approx(0, abs=1e-9)


def ces_by_hand(form: str, numbers: Floats, season: int, values: list[float]) -> list[float]:
    """Return the one-step forecasts; a complex number each for alpha and for the states."""
    alpha, beta = complex(numbers[0], numbers[1]), complex(numbers[2], numbers[3])
    lag = season if form == "simple" else 1
    states = numbers[4 : 4 + 2 * lag].reshape(lag, 2).tolist()
    rest = numbers[4 + 2 * lag :].reshape(-1, 2).tolist()
    found = []
    for row, value in enumerate(values):
        level, information = states[row % lag]
        forecast = level + (rest[row % season][0] if rest else 0)
        error = 0.0 if np.isnan(value) else value - forecast
        found.append(forecast)
        states[row % lag] = moved(level, information, alpha, error)
        if form == "partial":
            rest[row % season][0] += beta.real * error
        elif form == "full":
            level, information = rest[row % season]
            rest[row % season] = moved(level, information, beta, error)
    return found


def moved(level: float, information: float, weight: complex, error: float) -> list[float]:
    real, imaginary = weight.real, weight.imag
    return [
        level - (1 - imaginary) * information + (real - imaginary) * error,
        level + (1 - real) * information + (real + imaginary) * error,
    ]


@pytest.mark.parametrize("form", ["none", "simple", "partial", "full"])
def test_ces_forecasts_as_its_authors_write_it(form: str) -> None:
    member = ces.fit_form(form, SEASONAL, 12)
    ahead = ces.run(member, SEASONAL, 5)
    values = [*SEASONAL.tolist(), *[np.nan] * 5]
    by_hand = ces_by_hand(form, np.array(member.numbers), 12, values)
    np.testing.assert_allclose([*ahead.fitted, *ahead.mean], by_hand, rtol=1e-10)


def test_ces_chooses_a_seasonal_form_of_a_seasonal_series() -> None:
    assert ces.fit(SEASONAL, 12).form != "none"
    assert ces.fit(SEASONAL, 1).form == "none"


DEMAND = np.array([0, 4, 0, 0, 2, 0, 6], dtype=np.float64)


def test_croston_smooths_sizes_and_intervals() -> None:
    # Sizes 4, 2, 6 and intervals 2, 3, 2, smoothed by 0.5 and 0.2.
    sizes, intervals = [4.0, 3.0, 4.5], [2.0, 2.2, 2.16]
    expected = [0, 0, *[sizes[0] / intervals[0]] * 3, *[sizes[1] / intervals[1]] * 2]
    found = croston(DEMAND, 0.5, 0.2, 1.0)
    np.testing.assert_allclose(found, [*expected, sizes[2] / intervals[2]])


def test_sba_takes_half_the_interval_s_smoothing_from_croston() -> None:
    one, other = (demand.fit(kind, DEMAND, 1) for kind in ("croston", "sba"))
    assert one.numbers == other.numbers
    factor = 1 - one.numbers[1] / 2
    found = demand.run(other, DEMAND, 3).mean
    np.testing.assert_allclose(found, factor * demand.run(one, DEMAND, 3).mean)


def test_a_probability_falls_while_there_is_no_demand() -> None:
    forecasts = by_probability(np.array([2.0, 0, 0, 3]), 0.5, 0.5)
    np.testing.assert_allclose(forecasts, [0, 2, 1, 0.5, 2.5 * 0.625])


def test_imapa_is_the_mean_over_levels_of_sums_that_end_with_the_last_row() -> None:
    # Level 1: 0, 4, 0, 0, 2, 0, 6 smoothed by 0.5; level 2: 4, 2 and 6 of rows 2 to 7, by 0.25.
    single = 0.0
    for value in DEMAND[1:]:
        single += 0.5 * (value - single)
    pairs = 4.0
    for value in (2.0, 6.0):
        pairs += 0.25 * (value - pairs)
    found = by_levels(DEMAND, np.array([0.5, 0.25]))
    assert found[-1] == pytest.approx((single + pairs / 2) / 2)


@pytest.mark.parametrize(
    ("values", "why"),
    [([1.0, 0, -2, 0], "negative"), ([0.0, 0, 3, 0], "two demands"), ([1.0, 2, 3], "zero")],
)
def test_series_that_are_no_demand_are_refused(values: list[float], why: str) -> None:
    with pytest.raises(MemberUnavailableError, match=why):
        demand.fit("sba", np.array(values), 1)


GAPPED = np.array([1.0, 4, np.nan, 2, np.nan, 6, np.nan])


@pytest.mark.parametrize(
    ("kind", "season", "expected"),
    [
        ("mean", 1, [3.25, 3.25, 3.25]),
        ("naive", 1, [6, 6, 6]),
        ("drift", 1, [8, 9, 10]),
        ("seasonal_naive", 2, [6, np.nan, 6]),
    ],
)
def test_simple_members_skip_gaps(kind: str, season: int, expected: list[float]) -> None:
    values = GAPPED.copy()
    if kind == "seasonal_naive":
        values[4], expected = 7.0, [6, 7, 6]
    np.testing.assert_allclose(
        simple.run(simple.fit(kind, values, season), values, 3).mean, expected
    )


def test_the_spread_of_the_simple_members_grows_as_theirs_does() -> None:
    values = np.array([1.0, 3, 2, 6, 5, 9, 7, 8])
    naive = simple.run(simple.fit("naive", values, 1), values, 3).standard_error
    np.testing.assert_allclose(naive / naive[0], np.sqrt([1, 2, 3]))
    drift = simple.run(simple.fit("drift", values, 1), values, 2).standard_error
    np.testing.assert_allclose(drift[1] / drift[0], np.sqrt(2 * (1 + 2 / 7) / (1 + 1 / 7)))
    seasonal = simple.run(simple.fit("seasonal_naive", values, 4), values, 5).standard_error
    np.testing.assert_allclose(seasonal / seasonal[0], np.sqrt([1, 1, 1, 1, 2]))


def test_a_season_without_a_known_position_is_refused() -> None:
    with pytest.raises(MemberUnavailableError, match="position"):
        simple.fit("seasonal_naive", np.array([1.0, np.nan, 3, np.nan]), 2)


def cycles_by_hand(member: Member, values: list[float]) -> list[float]:
    """Taylor's equations, one row after the other; a gap counts as its forecast."""
    alpha, phi, *shares = member.numbers[:5]
    lengths = [int(part) for part in member.form.split("+")]
    level, rest = member.numbers[5], list(member.numbers[6:])
    seasons = []
    for length in lengths:
        seasons.append(rest[:length])
        rest = rest[length:]
    forecasts, carried = [], 0.0
    for row, value in enumerate(values):
        plain = level + sum(s[row % len(s)] for s in seasons)
        forecasts.append(plain + phi * carried)
        carried = phi * carried if np.isnan(value) else value - plain
        level += alpha * carried
        for share, season in zip(shares, seasons, strict=False):
            season[row % len(season)] += share * carried
    return forecasts


def _week() -> Floats:
    hours = np.arange(24 * 7 * 4)
    noise = np.random.default_rng(8).normal(size=len(hours))
    values = 50 + 5 * np.sin(2 * np.pi * hours / 24) + 3 * (hours // 24 % 7 < 5) + noise
    values[[5, 300, 301]] = np.nan
    return np.array(values)


def test_cycles_forecast_as_their_author_writes_it() -> None:
    values = _week()
    member = cycles.fit(values, (24, 168))
    assert member.form == "24+168"
    ahead = cycles.run(member, values, 5)
    by_hand = cycles_by_hand(member, [*values.tolist(), *[np.nan] * 5])
    np.testing.assert_allclose([*ahead.fitted, *ahead.mean], by_hand, rtol=1e-12)


def test_cycles_count_what_an_innovation_does_to_later_steps() -> None:
    values = _week()
    member = cycles.fit(values, (24,))
    ahead = cycles.run(member, values, 30)
    shocked = np.concatenate([values, [ahead.mean[0] + 1]])
    effects = cycles.run(member, shocked, 29).mean - ahead.mean[1:]
    variances = member.variance * (1 + np.cumsum([0, *(effects * effects)]))
    np.testing.assert_allclose(ahead.standard_error**2, variances, rtol=1e-9)


def test_cycles_take_seasons_that_the_rows_hold_twice() -> None:
    assert cycles.fit(_week()[:300], (24, 168)).form == "24"
    with pytest.raises(MemberUnavailableError, match="no season twice"):
        cycles.fit(_week()[:40], (24, 168))


@pytest.mark.parametrize("form", ["", "24+24", "168+24", "024", "24+", "1", "24+168+300+400", "٢"])
def test_a_form_of_cycles_that_is_none_is_refused(form: str) -> None:
    assert not cycles.has(form, 24, 5 + 1 + 24)
    assert cycles.has("24", 24, 30)
    assert not cycles.has("24", 24, 31)
    assert not cycles.has("24", 12, 30)


def test_the_seasonal_mean_is_of_four_seasons_at_the_level_of_the_last_rows() -> None:
    weeks = np.array([[1.0, 2, 3, 5], [2, 4, 6, 8], [0, 2, 0, 2], [3, 3, 5, 5], [2, 5, 4, 9]])
    member = fit("seasonal_mean", weeks.ravel(), 2, (4,))
    assert (member.form, member.season) == ("2", 4)
    profile = weeks[1:].mean(axis=0)
    level = weeks[-1, 2:].mean() - profile[2:].mean()
    ahead = run(member, weeks.ravel(), 9)
    np.testing.assert_allclose(ahead.mean, np.resize(profile, 9) + level)
    first = weeks[0, 2:].mean() - weeks[0, 2:].mean()  # one season is its own mean
    assert ahead.fitted[4] == weeks[0, 0] + first
    assert np.isnan(ahead.fitted[:4]).all()


def test_a_gap_of_the_seasonal_mean_is_the_last_known_value_at_its_position() -> None:
    weeks = np.tile([1.0, 5, 3, 9], 5)
    weeks[[0, 9, 10, 18, 19]] = np.nan
    found = run(fit("seasonal_mean", weeks, 2, (4,)), weeks, 8).mean
    np.testing.assert_allclose(found, [1, 5, 3, 9] * 2)
    with pytest.raises(MemberUnavailableError, match="position"):
        fit("seasonal_mean", weeks[:4], 2, (4,))
