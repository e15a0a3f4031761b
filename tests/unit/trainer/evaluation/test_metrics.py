import math
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from trainer.errors import ModelNotFittedError, ValuesMissingError
from trainer.evaluation.metrics import Scores, Trial, pool, score
from trainer.fit.prediction import BoxCox, Floats, Prediction

NAN = float("nan")
numbers = st.floats(min_value=-1e6, max_value=1e6)


def sure(*points: float, error: float = 1.0) -> Prediction:
    return Prediction(mean=np.array(points), standard_error=np.full(len(points), error))


def scored(
    actual: list[float], *points: float, train: list[float] | None = None, season: int = 1
) -> Scores:
    past = np.array([1.0, 2, 4] if train is None else train)
    return score(np.array(actual), sure(*points), train=past, season=season)


def test_errors_are_those_of_the_formulas() -> None:
    found = scored([1, 2, 3, 4], 1, 2, 3, 2)
    assert found.rmse == 1.0
    assert found.mae == 0.5
    assert found.smape == pytest.approx(200 * (2 / 6) / 4)
    assert found.r2 == pytest.approx(1 - 4 / 5)
    assert found.scored == 4


def test_mase_and_rmsse_are_scaled_by_the_seasonal_naive_inside_the_training_part() -> None:
    train = [1.0, 10, 3, 14, 4, 20]  # at lag 2: 2, 4, 1, 6
    found = scored([5, 6], 4, 3, train=train, season=2)
    assert found.mase == pytest.approx(2 / (13 / 4))
    assert found.rmsse == pytest.approx(sqrt((10 / 2) / (57 / 4)))


def test_without_season_the_scale_is_that_of_the_naive_forecast() -> None:
    found = scored([5, 6], 4, 3, train=[1, 2, 4, 8], season=1)
    assert found.mase == pytest.approx(2 / (7 / 3))


def test_gaps_of_the_training_part_are_left_out_of_the_scale() -> None:
    gapped = scored([5], 4, train=[1, NAN, 4, 6, NAN, 7, 8, 8], season=2)
    assert gapped.mase == pytest.approx(1 / ((3 + 1 + 1) / 3))


def test_missing_values_are_not_scored() -> None:
    found = score(
        np.array([1.0, NAN, 3]),
        Prediction(mean=np.array([2.0, 99, 4]), standard_error=np.array([1.0, 50, 1])),
        train=np.array([1.0, 2]),
        season=1,
    )
    assert (found.rmse, found.scored) == (1.0, 2)
    assert found == scored([1, 3], 2, 4, train=[1, 2])


def test_holdout_without_values_is_refused() -> None:
    with pytest.raises(ValuesMissingError):
        scored([NAN], 1)


def test_prediction_that_is_no_number_is_refused_where_it_is_scored() -> None:
    with pytest.raises(ModelNotFittedError):
        scored([1, 2], 1, NAN)
    assert scored([1, NAN], 1, NAN).rmse == 0


@pytest.mark.parametrize("actual", [[5.0, 5.0], [5.0], [0.1] * 3, [0.3, 0.1 + 0.2]])
def test_r2_is_undefined_where_the_holdout_never_changes(actual: list[float]) -> None:
    assert scored(actual, *[4.0] * len(actual)).r2 is None


@pytest.mark.parametrize("train", [[3.0, 3, 3], [1.0], [1.0, NAN, 2], [1.0, 2]])
def test_mase_is_undefined_without_a_scale(train: list[float]) -> None:
    found = scored([5, 6], 4, 3, train=train, season=1 if train[0] == 3 else 2)
    assert (found.mase, found.rmsse) == ((None, None) if train != [1.0, NAN, 2] else (2.0, sqrt(5)))


def test_rounding_is_no_scale() -> None:
    found = scored([5, 6], 4, 3, train=[0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2])
    assert (found.mase, found.rmsse) == (None, None)
    assert scored([1e-17], 0, train=[1e-16, 2e-16]).mase == pytest.approx(0.1)


def test_smape_is_undefined_where_value_and_forecast_are_zero() -> None:
    assert scored([0, 1], 0, 1).smape is None
    assert scored([0, 1], 1, 1).smape == pytest.approx(100)


def test_coverage_is_the_share_inside_and_width_the_mean_between_the_bounds() -> None:
    distances = [0, 1.28, -1.29, 1.95, 1.97]
    found = scored(distances, 0, 0, 0, 0, 0)
    assert found.coverage_80 == pytest.approx(2 / 5)
    assert found.coverage_95 == pytest.approx(4 / 5)
    assert found.width_80 == pytest.approx(2 * norm.ppf(0.9))
    assert found.width_95 == pytest.approx(2 * norm.ppf(0.975))


def crps_by_quadrature(actual: float, cumulated: Callable[[float], float], reach: float) -> float:
    """Integrate (F(x) - [x ≥ actual])² on both sides of the step."""
    below, _ = quad(lambda x: cumulated(x) ** 2, actual - reach, actual, limit=200)
    above, _ = quad(lambda x: (cumulated(x) - 1) ** 2, actual, actual + reach, limit=200)
    return float(below + above)


@pytest.mark.parametrize(("actual", "mean", "spread"), [(1, 1, 2), (3, 0, 1), (-4, 2, 3)])
def test_crps_of_a_normal_prediction_is_the_integral(
    actual: float, mean: float, spread: float
) -> None:
    found = score(
        np.array([actual], dtype=np.float64),
        sure(mean, error=spread),
        train=np.array([1.0, 2]),
        season=1,
    )
    expected = crps_by_quadrature(actual, norm(mean, spread).cdf, 40)
    assert found.crps == pytest.approx(expected, rel=1e-6)


def test_crps_of_a_sure_prediction_is_the_absolute_error() -> None:
    found = score(np.array([3.0, 5]), sure(4, 5, error=0), train=np.array([1.0, 2, 4]), season=1)
    assert found.crps == pytest.approx(0.5)
    assert (found.coverage_95, found.width_95) == (0.5, 0)


def test_crps_of_a_box_cox_prediction_is_near_the_integral() -> None:
    prediction = Prediction(
        mean=np.array([1.0]), standard_error=np.array([0.3]), box_cox=BoxCox(power=0)
    )
    found = score(np.array([4.0]), prediction, train=np.array([1.0, 2]), season=1)

    def cumulated(x: float) -> float:
        return float(norm(1, 0.3).cdf(np.log(x))) if x > 0 else 0.0

    assert found.crps == pytest.approx(crps_by_quadrature(4, cumulated, 30), rel=0.01)
    assert found.mae == pytest.approx(4 - math.e)
    assert found.width_80 == pytest.approx(
        np.exp(1 + 0.3 * norm.ppf(0.9)) - np.exp(1 + 0.3 * norm.ppf(0.1))
    )


def test_infinite_bounds_have_no_width_and_no_warning() -> None:
    prediction = Prediction(
        mean=np.array([0.5]), standard_error=np.array([2.0]), box_cox=BoxCox(power=-1)
    )
    found = score(np.array([2.0]), prediction, train=np.array([1.0, 2]), season=1)
    assert (found.width_80, found.width_95, found.crps) == (None, None, None)
    assert found.rmse == pytest.approx(0, abs=1e-12)


def test_one_trial_pooled_has_its_own_scores() -> None:
    actual, train = np.array([1.0, 5, 2]), np.array([1.0, 2, 4, 3])
    trial = Trial(actual=actual, prediction=sure(2, 2, 2), train=train)
    assert pool([trial], season=1) == score(actual, sure(2, 2, 2), train=train, season=1)


def test_pooling_takes_rows_together_and_scaled_errors_by_trial() -> None:
    trials = [
        Trial(actual=np.array([1.0, 3]), prediction=sure(0, 0), train=np.array([0.0, 2])),
        Trial(actual=np.array([10.0]), prediction=sure(4), train=np.array([0.0, 3])),
        Trial(actual=np.array([5.0, 9]), prediction=sure(5, 5), train=np.array([7.0, 7])),
    ]
    found = pool(trials, season=1)
    assert found.rmse == pytest.approx(sqrt((1 + 9 + 36 + 0 + 16) / 5))
    assert found.mae == pytest.approx((1 + 3 + 6 + 0 + 4) / 5)
    assert found.mase == pytest.approx((2 / 2 + 6 / 3) / 2)
    assert found.rmsse == pytest.approx((sqrt(5) / 2 + 6 / 3) / 2)
    assert found.r2 == pytest.approx(1 - 62 / (2 + 0 + 8))
    assert found.scored == 5


def test_trials_without_values_are_left_out_of_the_pool() -> None:
    trial = Trial(actual=np.array([1.0]), prediction=sure(0), train=np.array([0.0, 2]))
    empty = Trial(actual=np.array([NAN]), prediction=sure(0), train=np.array([0.0, 9]))
    assert pool([trial, empty], season=1) == pool([trial], season=1)


@given(
    actual=st.lists(numbers, min_size=2, max_size=20),
    power=st.integers(min_value=-40, max_value=40),
    seed=st.integers(min_value=0, max_value=1000),
)
def test_scores_follow_the_unit_of_the_data(actual: list[float], power: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values, train = np.array(actual), generator.normal(size=30)
    points, spread = generator.normal(size=len(values)), np.full(len(values), 0.5)

    def at(unit: float) -> Scores:
        prediction = Prediction(mean=points * unit, standard_error=spread * unit)
        return score(values * unit, prediction, train=train * unit, season=7)

    def figures(scores: Scores, names: list[str]) -> Floats:
        found = [getattr(scores, name) for name in names]
        return np.array([NAN if number is None else number for number in found])

    unit = 2.0**power  # exact: rounding cannot hide a difference
    free = ["smape", "mase", "rmsse", "r2", "coverage_80", "coverage_95"]
    bound = ["rmse", "mae", "width_80", "width_95", "crps"]
    np.testing.assert_allclose(figures(at(unit), free), figures(at(1), free), rtol=1e-9)
    np.testing.assert_allclose(figures(at(unit), bound), figures(at(1), bound) * unit, rtol=1e-9)


@given(
    actual=st.lists(numbers, min_size=1, max_size=20),
    error=st.floats(min_value=0, max_value=1e6),
)
def test_no_score_leaves_its_range(actual: list[float], error: float) -> None:
    found = score(
        np.array(actual),
        sure(*[1.0] * len(actual), error=error),
        train=np.array([0.0, 1]),
        season=1,
    )
    assert found.mae <= found.rmse * (1 + 1e-12)
    assert 0 <= found.coverage_80 <= found.coverage_95 <= 1
    assert found.smape is not None
    assert 0 <= found.smape <= 200 * (1 + 1e-12)
    assert found.crps is not None
    assert 0 <= found.crps <= found.mae + 0.6 * error
    assert found.r2 is None or found.r2 <= 1
