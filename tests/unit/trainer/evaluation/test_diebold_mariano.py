from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trainer.evaluation.diebold_mariano import Comparison, compare_errors

NAN = float("nan")
FIRST = np.array([1.0, -2, 3, 0, 1, 2])
SECOND = np.array([2.0, -1, 3, 2, -3, 2])


def test_squared_errors_one_step_ahead_worked_by_hand() -> None:
    # d = -3, 3, 0, -4, -8, 0: mean -2, variance (1 + 25 + 4 + 4 + 36 + 4) / 6 = 74 / 6
    found = compare_errors(FIRST, SECOND, horizon=1)
    statistic = -2 / sqrt(74 / 6 / 6) * sqrt((6 + 1 - 2 + 0) / 6)
    assert found.loss_difference == pytest.approx(-2)
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(2 * stats.t.cdf(statistic, 5))
    assert found.compared == 6


def test_absolute_errors_two_steps_ahead_worked_by_hand() -> None:
    # d = -1, 1, 0, -2, -2, 0: mean -2/3; deviations (-1, 5, 2, -4, -4, 2) / 3
    found = compare_errors(FIRST, SECOND, horizon=2, loss="absolute")
    gamma0 = (1 + 25 + 4 + 16 + 16 + 4) / 9 / 6
    gamma1 = (-5 + 10 - 8 + 16 - 8) / 9 / 6
    correction = (6 + 1 - 4 + 2 / 6) / 6
    statistic = -2 / 3 / sqrt((gamma0 + 2 * gamma1) / 6) * sqrt(correction)
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(2 * stats.t.cdf(statistic, 5))


def test_one_step_ahead_it_is_the_t_test_of_the_loss_difference() -> None:
    found = compare_errors(FIRST, SECOND, horizon=1, alternative="first_better")
    expected = stats.ttest_1samp(FIRST**2 - SECOND**2, 0, alternative="less")
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_a_variance_that_is_not_positive_is_replaced_by_bartlett_s() -> None:
    swings = np.array([1.0, -1] * 5) + 0.1
    second = np.zeros(10)
    losses = np.abs(swings)
    centred = losses - losses.mean()
    gamma = [float(centred[lag:] @ centred[: 10 - lag]) / 10 for lag in (0, 1)]
    assert gamma[0] + 2 * gamma[1] < 0
    found = compare_errors(swings, second, horizon=2, loss="absolute")
    correction = sqrt((10 + 1 - 4 + 2 / 10) / 10)
    expected = losses.mean() / sqrt((gamma[0] + gamma[1]) / 10) * correction
    assert found.statistic == pytest.approx(expected)


def test_rows_without_an_error_are_left_out() -> None:
    first, second = np.append(FIRST, [NAN, 4]), np.append(SECOND, [7, NAN])
    assert compare_errors(first, second, horizon=1) == compare_errors(FIRST, SECOND, horizon=1)


def test_equal_errors_are_certainly_no_difference() -> None:
    found = compare_errors(FIRST, -FIRST, horizon=1)
    assert found == Comparison(loss_difference=0.0, statistic=0.0, p_value=1.0, compared=6)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_not_more_rows_than_steps_ahead_cannot_tell(rows: int) -> None:
    found = compare_errors(FIRST[:rows], SECOND[:rows], horizon=3)
    assert (found.statistic, found.p_value, found.compared) == (None, None, rows)


def test_no_row_and_one_row_cannot_tell() -> None:
    found = compare_errors(np.array([NAN]), np.array([1.0]), horizon=1)
    assert found == Comparison(loss_difference=None, statistic=None, p_value=None, compared=0)
    assert compare_errors(FIRST[:1], SECOND[:1], horizon=1).p_value is None


def test_the_same_difference_everywhere_cannot_tell() -> None:
    found = compare_errors(np.full(9, 0.1), np.full(9, 0.3), horizon=1)
    assert found.loss_difference == pytest.approx(-0.08)
    assert (found.statistic, found.p_value) == (None, None)


def test_errors_of_different_rows_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="one length"):
        compare_errors(FIRST, SECOND[:-1], horizon=1)
    with pytest.raises(ValueError, match="at least 1"):
        compare_errors(FIRST, SECOND, horizon=0)


@settings(deadline=None)  # the first example loads scipy
@given(
    errors=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=30),
    horizon=st.integers(1, 8),
)
def test_changing_places_changes_the_sign_and_one_side_is_half_of_both(
    errors: list[tuple[float, float]], horizon: int
) -> None:
    first, second = np.array(errors).T
    there = compare_errors(first, second, horizon=horizon)
    back = compare_errors(second, first, horizon=horizon)
    one = compare_errors(first, second, horizon=horizon, alternative="first_better")
    assert there.p_value == back.p_value
    assert there.p_value is None or 0 <= there.p_value <= 1
    if there.statistic and there.p_value is not None:
        assert back.statistic == -there.statistic
        assert one.p_value is not None
        assert min(one.p_value, 1 - one.p_value) == pytest.approx(there.p_value / 2, abs=1e-12)
        assert (one.p_value < 0.5) == (there.statistic < 0) or there.p_value > 0.999


@pytest.mark.parametrize("horizon", [1, 3])
def test_equally_good_forecasts_are_told_apart_as_seldom_as_the_level_says(horizon: int) -> None:
    generator = np.random.default_rng(4)
    weights = np.ones(horizon)
    rejected = 0
    for _ in range(600):
        first, second = (
            np.convolve(generator.normal(size=40 + horizon - 1), weights, "valid") for _ in range(2)
        )
        p_value = compare_errors(first, second, horizon=horizon).p_value
        rejected += p_value is not None and p_value < 0.1
    assert rejected / 600 == pytest.approx(0.1, abs=0.05)


def test_a_better_forecast_is_found() -> None:
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=60), 1.6 * generator.normal(size=60)
    found = compare_errors(first, second, horizon=1, alternative="first_better")
    assert found.p_value is not None
    assert found.p_value < 0.01
