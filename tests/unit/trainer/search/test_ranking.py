import numpy as np
import pytest

from trainer.fit.fitting import Data
from trainer.fit.order import Order
from trainer.search.ranking import Ranking, has_clear_roots, limits_of

EMPTY = Order(p=0, d=0, q=0, seasonal_d=1, season=7)


def _weekly(count: int = 120) -> Data:
    steps = np.random.default_rng(4).normal(size=count)
    return Data(np.tile([1.0, 3, 2, 6, 4, 8, 5], count // 7 + 1)[:count] * 3 + steps)


@pytest.mark.parametrize("whole_grid", [True, False])
def test_orders_come_by_aicc_and_are_tops(*, whole_grid: bool) -> None:
    ranked = Ranking(_weekly(), EMPTY).rank(whole_grid=whole_grid, best=6)
    assert len(ranked) == 6
    assert [f.aicc for f in ranked] == sorted(f.aicc for f in ranked)
    assert all(f.order.seasonal_d == 1 for f in ranked)
    assert ranked[0].is_converged


def test_the_whole_grid_is_never_worse_than_the_steps() -> None:
    stepwise = Ranking(_weekly(), EMPTY)
    whole = Ranking(_weekly(), EMPTY)
    step, best = stepwise.rank(whole_grid=False, best=1), whole.rank(whole_grid=True, best=1)
    assert best[0].aicc <= step[0].aicc + 0.01  # climbs of a search are bounded
    assert whole.count > stepwise.count


def test_a_short_series_bears_few_lags() -> None:
    assert limits_of(_weekly(20), EMPTY).seasonal_lags == 0
    plain = Order(p=0, d=0, q=0)
    for rows, lags, together in ((7, 1, 1), (19, 1, 1), (35, 3, 3), (80, 5, 8), (200, 5, 10)):
        limits = limits_of(Data(np.linspace(0.0, 6.0, rows)), plain)
        assert (limits.lags, limits.together) == (lags, together)


def test_a_short_series_is_fitted_fewer_orders_than_a_long_one() -> None:
    counts = []
    for rows in (19, 40, 120):
        steps = np.random.default_rng(5).normal(size=rows)
        ranking = Ranking(Data(steps), Order(p=0, d=0, q=0))
        ranking.rank(whole_grid=True, best=1)
        counts.append(ranking.count)
    assert counts[0] < 20
    assert counts == sorted(counts)


def test_each_fit_is_told() -> None:
    told: list[int] = []
    ranking = Ranking(_weekly(), EMPTY, progress=told.append)
    ranking.rank(whole_grid=False, best=1)
    assert told == list(range(1, ranking.count + 1))


def test_a_root_at_the_unit_circle_is_seen() -> None:
    steps = np.random.default_rng(1).normal(size=300)
    walk = (10 * steps + 5).cumsum()
    found = Ranking(Data(walk), Order(p=0, d=0, q=0)).rank(whole_grid=False, best=1)[0]
    assert not has_clear_roots(found)
    calm = Ranking(_weekly(), EMPTY).rank(whole_grid=False, best=1)[0]
    assert has_clear_roots(calm)
