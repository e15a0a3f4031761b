import numpy as np
import pytest

from trainer.fit.order import Floats
from trainer.search.differencing import find_differencing, kpss_statistic, seasonal_strength

NOISE = np.random.default_rng(2).normal(size=210)
WEEK = np.tile([0.0, 1, 5, 2, 8, 3, 9], 30)


@pytest.mark.parametrize(
    ("values", "season", "expected"),
    [
        (NOISE, 1, (0, 0)),
        (NOISE.cumsum(), 1, (1, 0)),
        (NOISE.cumsum().cumsum(), 1, (2, 0)),
        (NOISE + WEEK, 7, (0, 1)),
        (NOISE, 7, (0, 0)),
    ],
)
def test_what_was_put_in_is_taken_out(
    values: Floats, season: int, expected: tuple[int, int]
) -> None:
    found = find_differencing(values, season)
    assert (found.d, found.seasonal_d) == expected


def test_few_rows_are_not_differenced_twice() -> None:
    growing = NOISE.cumsum().cumsum()
    for rows in (12, 20, 24):
        assert find_differencing(growing[:rows] + 2.0 ** np.arange(rows), 1).d <= 1
    assert find_differencing(2.0 ** np.arange(25) + NOISE[:25], 1).d == 2


def test_each_thing_seen_is_told_with_its_number() -> None:
    found = find_differencing(NOISE + WEEK, 7)
    strength = seasonal_strength(NOISE + WEEK, 7)
    assert found.evidence[0].startswith(f"seasonal strength {strength:.2f}")
    assert "differenced by season" in found.evidence[0]
    assert found.evidence[1].startswith("KPSS ")


def test_strength_is_0_without_and_near_1_with_a_season() -> None:
    assert seasonal_strength(WEEK * 100 + NOISE, 7) > 0.99
    assert seasonal_strength(NOISE, 7) < 0.5


def test_kpss_tells_a_level_from_a_random_walk() -> None:
    level, critical = kpss_statistic(NOISE)
    walk, _ = kpss_statistic(NOISE.cumsum())
    assert level < critical < walk


def test_a_series_whose_differences_never_change_is_not_tested_on() -> None:
    assert find_differencing(np.arange(50.0), 1).d == 1
    assert find_differencing(WEEK, 7).seasonal_d == 1
