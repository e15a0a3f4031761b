from dataclasses import replace

import numpy as np
import pytest

from trainer.fit.fitting import Data, Likelihood, fit
from trainer.fit.order import Floats
from trainer.search.find import find_model, is_long
from trainer.search.found import Select


def weekly(count: int = 140, seed: int = 3) -> Floats:
    steps = np.random.default_rng(seed).normal(size=count)
    return 50 + np.tile([1.0, 3, 2, 6, 4, 8, 5], count // 7 + 1)[:count] * 2 + steps


def test_aicc_takes_the_best_at_the_tested_differencing() -> None:
    found = find_model(weekly(), season=7, select="aicc")
    assert len(found.members) == 1
    assert found.aicc == min(c.fitted.aicc for c in found.candidates)
    assert {c.fitted.order.seasonal_d for c in found.candidates} == {1}
    assert found.evidence
    assert "lowest AICc" in found.reason


def test_a_backtest_lets_differencings_compete_and_takes_one_of_the_better_half() -> None:
    found = find_model(weekly(), season=7, select="backtest")
    differencings = {(c.fitted.order.d, c.fitted.order.seasonal_d) for c in found.candidates}
    assert differencings == {(0, 0), (1, 0), (0, 1), (1, 1)}
    errors = sorted(c.error for c in found.candidates if c.error is not None)
    assert len(found.members) == 1
    chosen = found.members[0].error
    assert chosen is not None
    assert chosen <= errors[len(errors) // 2]
    assert "differenced by season" in found.evidence[0]
    is_another = (found.order.d, found.order.seasonal_d) != (0, 1)
    assert is_another == any("the backtest chose" in text for text in found.evidence)


def test_a_note_names_a_differencing_that_the_tests_do_not_name() -> None:
    # A season that fades: the tests see it, and the backtest's later origins hardly do.
    fading = (weekly() - 50) * np.linspace(1.0, 0.0, 140) ** 2 + 50
    found = find_model(fading, season=7, select="backtest")
    assert (found.order.d, found.order.seasonal_d) == (0, 0)
    assert "the backtest chose d=0, D=0, and not d=0, D=1 as these tests do" in found.evidence


def test_an_average_forecasts_the_weighted_mean_with_the_spread_between() -> None:
    found = find_model(weekly(), season=7, select="average")
    assert sum(m.weight for m in found.members) == pytest.approx(1)
    assert len(found.members) > 5
    single = [replace(found, members=(replace(m, weight=1.0),)).predict(5) for m in found.members]
    mean = sum(m.weight * p.mean for m, p in zip(found.members, single, strict=True))
    whole = found.predict(5)
    np.testing.assert_allclose(whole.mean, mean, rtol=1e-12)
    least = min(p.standard_error[0] for p in single)
    assert least <= whole.standard_error[0]


@pytest.mark.parametrize(
    "select", ["aicc", *(pytest.param(s, marks=pytest.mark.slow) for s in ("backtest", "average"))]
)
def test_the_same_series_gives_the_same_bits(select: Select) -> None:
    first, second = (find_model(weekly(), season=7, select=select).predict(9) for _ in range(2))
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.standard_error.tobytes() == second.standard_error.tobytes()


def test_a_given_differencing_is_kept() -> None:
    found = find_model(weekly(), season=7, select="backtest", differencing=(1, 1))
    assert {(c.fitted.order.d, c.fitted.order.seasonal_d) for c in found.candidates} == {(1, 1)}


def test_less_than_three_seasons_are_searched_without_season() -> None:
    assert find_model(weekly(20), season=7).order.season == 0
    assert find_model(weekly(21), season=7).candidates


def test_a_short_series_says_that_there_was_no_backtest() -> None:
    found = find_model(weekly(14), season=7)
    assert "too short for a backtest" in found.reason


def test_gaps_are_no_values() -> None:
    values = weekly()
    values[[5, 40, 41, 42, 99]] = np.nan
    found = find_model(values, season=7)
    ahead = found.predict(7).mean
    assert np.isfinite(ahead).all()
    np.testing.assert_allclose(ahead, weekly(147)[140:], atol=5)


def test_progress_is_told_for_orders_and_backtest() -> None:
    told: list[str] = []
    find_model(weekly(), season=7, progress=lambda what, _count: told.append(what))
    assert any(text.startswith("orders with d=0, D=1") for text in told)
    assert any(text.startswith("backtest of") for text in told)


def hourly(count: int) -> Floats:
    """Two rows of memory beside a day; the last rows are the same however many there are."""
    steps = np.random.default_rng(8).normal(size=count)[::-1]
    return 100 + 30 * np.sin(2 * np.pi * np.arange(-count, 0) / 24) + steps + np.roll(steps, 1)


@pytest.mark.slow
def test_the_search_of_a_longer_series_is_no_longer_and_all_rows_estimate() -> None:
    short, long = hourly(600), hourly(1200)
    first, second = (find_model(v, season=24, select="aicc") for v in (short, long))
    assert is_long(short, 24)
    assert [c.fitted.order for c in first.candidates] == [c.fitted.order for c in second.candidates]
    assert first.fits == second.fits
    assert second.values is long
    for found, values in ((first, short), (second, long)):
        assert f"of {len(values)} rows" in found.evidence[-1]
        again = fit(
            Likelihood(Data(values), found.order), [("a", found.best.point)], tolerance=1e-9
        )
        assert found.best.log_likelihood == pytest.approx(again.log_likelihood, abs=1e-3)
        assert found.best.is_converged


def test_usual_series_are_searched_whole() -> None:
    assert not is_long(np.arange(800.0), 12)
    assert not is_long(np.arange(1200.0), 7)
    assert not is_long(np.arange(4000.0), 1)
    assert is_long(np.arange(5000.0), 1)


def test_gaps_do_not_count_as_rows_to_search() -> None:
    values = np.arange(1000.0)
    values[400:] = np.nan
    assert not is_long(values, 24)
