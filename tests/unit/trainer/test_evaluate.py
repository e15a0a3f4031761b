import numpy as np
import pytest

from trainer.errors import ValuesMissingError
from trainer.evaluate import naive_forecast, score


def test_scores_are_those_of_the_formulas() -> None:
    found = score(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 3, 2]))
    assert found.rmse == 1.0
    assert found.mae == 0.5
    assert found.r2 == pytest.approx(1 - 4 / 5)


def test_missing_values_are_not_scored() -> None:
    found = score(np.array([1.0, np.nan, 3]), np.array([2.0, 99, 4]))
    assert (found.rmse, found.scored) == (1.0, 2)


def test_r2_is_undefined_where_the_holdout_never_changes() -> None:
    assert score(np.array([5.0, 5.0]), np.array([4.0, 5.0])).r2 is None
    assert score(np.array([5.0]), np.array([4.0])).r2 is None


def test_holdout_without_values_is_refused() -> None:
    with pytest.raises(ValuesMissingError):
        score(np.array([np.nan]), np.array([1.0]))


def test_naive_forecast_repeats_the_last_season_or_the_last_value() -> None:
    train = np.arange(10.0)
    assert naive_forecast(train, 5, 3).tolist() == [7, 8, 9, 7, 8]
    assert naive_forecast(train, 3, 1).tolist() == [9, 9, 9]
    assert naive_forecast(train, 2, 24).tolist() == [9, 9]
