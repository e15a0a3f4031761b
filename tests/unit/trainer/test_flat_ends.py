"""Series that end constant or straight: errors, variances and scales that are 0 or rounding."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.trainer.series_samples import csv_text
from trainer.errors import SeriesConstantError, ValuesTooSmallError
from trainer.fit.order import Floats
from trainer.fit.recipe import Recipe, find, find_again
from trainer.search.differencing import seasonal_strength
from trainer.search.find import find_model
from trainer.search.found import Select

Run = Callable[..., int]
Shape = Literal["constant", "zero", "straight", "season"]
_WEEK = np.array([1.0, 3, 2, 6, 4, 8, 5])


def _series(shape: Shape, rows: int, start: int, *, scale: float = 1.0, level: float = 0) -> Floats:
    """Noise, and from `start` on no more of it; from 0 on the whole series has the shape."""
    values = np.random.default_rng(rows).normal(size=rows)
    steps = np.arange(rows - start)
    end = {
        "constant": np.full(rows - start, values[max(start - 1, 0)]),
        "zero": np.zeros(rows - start),
        "straight": values[max(start - 1, 0)] + 0.5 * steps,
        "season": _WEEK[steps % 7],
    }
    values[start:] = end[shape]
    return level + scale * values


shapes = st.sampled_from(["constant", "zero", "straight", "season"])


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=shapes,
    rows=st.integers(12, 40),
    share=st.floats(0, 0.95),
    scale=st.sampled_from([1e-4, 0.1, 1.0, 3e3, 1e12]),
    level=st.sampled_from([0.0, 1.0, -50.0, 1e6]),
    select=st.sampled_from(["backtest", "average", "aicc"]),
    season=st.sampled_from([1, 7]),
)
def test_a_model_is_found_and_forecasts_finite_numbers_or_the_series_is_refused(  # noqa: PLR0913 - drawn
    *,
    shape: Shape,
    rows: int,
    share: float,
    scale: float,
    level: float,
    select: Select,
    season: int,
) -> None:
    values = _series(shape, rows, int(share * rows), scale=scale, level=level)
    recipe = Recipe(order=None, engine="kernel", select=select, power=None, season=season)
    train = values[:-3]
    try:
        found = find(recipe, train, horizon=3, thorough=False)
    except (SeriesConstantError, ValuesTooSmallError):
        return
    assert sum(member.weight for member in found.members) == pytest.approx(1)
    assert all(member.weight > 0 for member in found.members)
    for prediction in (
        found.predict(3),
        find_again(found, values, recipe.columns).predict(5),
    ):
        assert np.isfinite(prediction.mean).all()
        assert np.isfinite(prediction.standard_error).all()
        assert np.abs(prediction.mean).max() <= 1e3 * (np.abs(values).max() + scale)


@pytest.mark.parametrize("select", ["backtest", "average"])
@pytest.mark.parametrize("shape", ["constant", "zero", "straight"])
def test_orders_without_an_error_share_the_weight(shape: Shape, select: Select) -> None:
    values = _series(shape, 50, 17, scale=1e10, level=-50)
    found = find_model(values, season=1, select=select)
    assert all(candidate.error is not None for candidate in found.candidates)
    assert np.isfinite(found.predict(4).mean).all()
    if shape != "straight":
        np.testing.assert_allclose(found.predict(4).mean, values[-1], atol=1e-2 * 1e10)


@pytest.mark.parametrize("rows", [30, 61])
def test_rounding_has_no_season(rows: int) -> None:
    assert seasonal_strength(1e6 + 0.1 * np.arange(rows, dtype=np.float64), 7) == 0
    assert seasonal_strength(np.full(rows, 0.1), 7) == 0


def test_a_power_is_not_found_where_no_part_of_the_series_varies() -> None:
    recipe = Recipe(order=None, engine="kernel", select="aicc", power="auto", season=7)
    found = find(recipe, np.repeat([5.0, 7, 6, 7, 5, 9], 7), horizon=3, thorough=False)
    assert found.box_cox is not None
    assert found.box_cox.power == 1


@pytest.mark.parametrize("season", [1, 7])
@pytest.mark.parametrize(
    "values", [3 + 0.1 * np.arange(40, dtype=np.float64), np.tile(_WEEK, 3), np.arange(24.0)]
)
def test_a_straight_line_and_an_exact_season_are_refused_as_such(
    values: Floats, season: int
) -> None:
    recipe = Recipe(order=None, engine="kernel", select="aicc", power=None, season=season)
    if season == 1 and values[-1] == _WEEK[-1]:
        return  # without its season it varies
    with pytest.raises(SeriesConstantError, match="the training part is a straight line, or rep"):
        find(recipe, values, horizon=3, thorough=False)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["zero", "straight"])
def test_a_run_ends_with_whole_outputs(shape: Shape, run: Run, tmp_path: Path) -> None:
    values = _series(shape, 30, 12, scale=100).tolist()
    (tmp_path / "y.csv").write_text(csv_text(values))
    assert run("--input", "y.csv", "--backtest_windows", "1") == 0
    forecast = (tmp_path / "out" / "forecast.csv").read_text().splitlines()[1:]
    numbers = [float(cell) for line in forecast for cell in line.split(",")[1:]]
    assert np.isfinite(numbers).all()
    verdict = json.loads((tmp_path / "out" / "metric.json").read_text())["verdict"]
    assert verdict.startswith(("A baseline wins", "The model is as good", "The model's error is"))
