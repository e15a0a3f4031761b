"""Each chart says in words what it shows, and is well-formed for every kind of numbers."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.unit.trainer.page.reading import SVG, drawings, words
from tests.unit.trainer.page.sample import bare, nasty, sample
from trainer.page.backtest_charts import horizon_figure, spread, windows_figure
from trainer.page.content import Backtest, Content, Forecast
from trainer.page.forecast_chart import first_row, forecast_figure
from trainer.page.residual_charts import residual_figures


@pytest.fixture(scope="module")
def content() -> Content:
    return sample()


def backtest_of(content: Content) -> Backtest:
    assert content.backtest is not None
    return content.backtest


def test_the_first_chart_says_the_last_value_the_error_and_the_forecast(content: Content) -> None:
    said = words(forecast_figure(content))
    assert "757 known values from 2 Jan 2023 to 30 Jan 2025" in said
    assert "3 are missing" in said
    assert re.search(r"held out, misses by [\d.]+ on average and by [\d.]+ at most", said)
    assert re.search(r"from [\d.]+ on 31 Jan 2025 to [\d.]+ on 27 Feb 2025", said)
    assert re.search(r"80 % interval is [\d.]+ to [\d.]+", said)


def test_a_short_series_is_shown_whole_and_a_long_one_also_as_a_strip() -> None:
    short = sample(rows=150, horizon=15, held_out=15)
    assert first_row(short.history, 15) == 0
    assert "all rows" not in forecast_figure(short)
    long = sample(rows=20_000, horizon=14, held_out=2000)
    start = first_row(long.history, 14)
    assert 14 / (20_000 - start + 14) > 0.03
    assert "all rows" in forecast_figure(long)
    assert "the strip below it has all 20,000 rows" in forecast_figure(long)


def test_intervals_that_grow_beyond_the_picture_are_told(content: Content) -> None:
    growth = 10.0 ** np.arange(len(content.forecast.point))
    wide = replace(
        content.forecast,
        lower_95=content.forecast.point - growth,
        upper_95=content.forecast.point + growth,
    )
    assert "beyond the picture" in forecast_figure(replace(content, forecast=wide))
    assert "beyond the picture" not in forecast_figure(content)


def test_each_window_says_what_came_and_what_was_predicted(content: Content) -> None:
    said = words(windows_figure(backtest_of(content)))
    assert said.count("From ") == 2 * 5
    assert re.search(
        r"From 22 Nov 2024, 14 steps: [\d.]+ on average, predicted [\d.]+, mean error [\d.]+,"
        r" \d+ of 14 inside the 80 % interval",
        said,
    )


def test_of_many_windows_the_last_ones_are_shown_and_told() -> None:
    figure = windows_figure(backtest_of(sample(windows=30)))
    assert "The last 12 of 30 windows" in figure
    assert words(figure).count("From ") == 2 * 12


def test_the_error_against_horizon_names_model_and_baselines(content: Content) -> None:
    figure = horizon_figure(backtest_of(content))
    said = words(figure)
    for name in ("ARIMA", "naive", "seasonal naive", "season mean", "ETS", "Theta"):
        assert f"{name}: " in said
        assert figure.count(f">{name}</text>") == 2
    assert re.search(r"ARIMA: [\d.]+ one step ahead, [\d.]+ 14 steps ahead", said)


def test_names_of_lines_that_end_together_are_moved_apart() -> None:
    places = spread([100.0, 101.0, 102.0, 200.0], 30, 240)
    assert min(np.diff(places)) >= 15
    places = spread([236.0, 238.0, 239.0], 30, 240)
    assert places[-1] <= 240
    assert min(np.diff(places)) >= 15
    assert spread([], 0, 1) == []


def test_residual_charts_count_what_is_outside_and_name_the_lags(content: Content) -> None:
    figures = residual_figures(content.residuals)
    said = words(figures)
    assert re.search(r"753 residuals; \d+ \([\d.]+\u00a0%\) lie outside ±[\d.]+", said)
    assert "The largest is 85.00 on 12 Sep 2023" in said
    assert re.search(r"Mean -?[\d.]+, standard deviation [\d.]+", said)
    assert re.search(r"bar leaves it: lag 11 \(0\.07\)", said)


def test_the_highest_bar_of_the_histogram_holds_what_it_says(content: Content) -> None:
    figures = residual_figures(content.residuals)
    found = re.search(r"The highest bar has (\d+), from (-?[\d.]+) to (-?[\d.]+)\.", words(figures))
    assert found
    amount, low, high = map(float, found.groups())
    values = content.residuals.values
    assert abs(np.sum((values >= low) & (values < high)) - amount) <= 2


@cache
def extremes() -> dict[str, Content]:
    base = sample(rows=150, horizon=15, held_out=15)
    cases = {"nasty": nasty(), "bare": bare(), "long": sample(rows=20_000, windows=20)}
    for name, values in {
        "constant": np.full(150, 7.0),
        "zero": np.zeros(150),
        "missing": np.full(150, np.nan),
        "huge": base.history.values * 1e12,
        "tiny": 100 + base.history.values * 1e-12,
        "half": np.where(np.arange(150) % 2, base.history.values, np.nan),
    }.items():
        history = replace(base.history, values=values, prediction=values[-15:])
        residuals = replace(base.residuals, values=values - np.nan_to_num(np.nanmax([*values, 0])))
        cases[name] = replace(base, history=history, residuals=residuals)
    infinite = np.full(15, np.inf)
    fan = replace(base.forecast, upper_80=infinite, upper_95=infinite, lower_95=-infinite)
    cases["infinite"] = replace(base, forecast=fan)
    cases["one step"] = replace(base, forecast=_cut(base.forecast, 1))
    return cases


def _cut(forecast: Forecast, steps: int) -> Forecast:
    return Forecast(
        dates=forecast.dates[:steps],
        point=forecast.point[:steps],
        lower_80=forecast.lower_80[:steps],
        upper_80=forecast.upper_80[:steps],
        lower_95=forecast.lower_95[:steps],
        upper_95=forecast.upper_95[:steps],
    )


@pytest.mark.parametrize("name", sorted(extremes()))
def test_every_coordinate_is_a_number_inside_its_drawing(name: str) -> None:
    content = extremes()[name]
    figures = forecast_figure(content) + residual_figures(content.residuals)
    if content.backtest:
        figures += windows_figure(content.backtest) + horizon_figure(content.backtest)
    found = drawings(figures)
    assert len(found) >= 2
    for drawing in found:
        width, height = map(float, drawing.attrib["viewBox"].split()[2:])
        for element in drawing.iter():
            for text in (element.get("d", ""), element.get("x", ""), element.get("y", "")):
                assert re.fullmatch(r"[-MLHVZh\d. ]*", text)
                assert not [n for n in re.findall(r"-?[\d.]+", text) if float(n) < -1]
                assert all(float(n) <= max(width, height) + 1 for n in re.findall(r"[\d.]+", text))


@pytest.mark.parametrize("name", ["nasty", "long", "constant"])
def test_every_drawing_has_a_role_a_title_and_a_description_of_its_own(name: str) -> None:
    content = extremes()[name]
    figures = forecast_figure(content) + residual_figures(content.residuals)
    found = drawings(figures)
    ids = [e.attrib["id"] for drawing in found for e in drawing.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids)) == 2 * len(found)
    for drawing in found:
        assert drawing.attrib["role"] == "img"
        title, description = (drawing.find(f"{SVG}{tag}") for tag in ("title", "desc"))
        assert title is not None
        assert description is not None
        named = [title.attrib["id"], description.attrib["id"]]
        assert drawing.attrib["aria-labelledby"].split() == named
        assert len(drawing.findtext(f"{SVG}desc", "")) > 30
