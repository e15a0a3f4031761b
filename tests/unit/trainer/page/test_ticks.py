import numpy as np
import pytest

from tests.unit.trainer.page.reading import plain
from trainer.page.ticks import date_ticks, number_ticks, step_ticks, value_range, widened
from trainer.page.wording import seconds


def span(first: str, last: str) -> tuple[float, float]:
    low, high = seconds(np.array([first, last], dtype="datetime64[s]")).tolist()
    return low, high


@pytest.mark.parametrize(
    ("low", "high", "labels", "unit"),
    [
        (0, 100, ["0", "20", "40", "60", "80", "100"], ""),
        (-0.1, 0.12, ["-0.10", "-0.05", "0.00", "0.05", "0.10"], ""),
        (0, 2.4e9, ["0.0", "0.5", "1.0", "1.5", "2.0"], "billions"),
        (0, 5e-8, ["0", "10", "20", "30", "40", "50"], "times 10⁻⁹"),
        (
            100.00000019,
            100.00000071,
            ["200", "400", "600"],
            "times 10⁻⁹, above 100",
        ),
        (-3e19, 1e19, ["-30", "-20", "-10", "0", "10"], "times 10¹⁸"),
    ],
)
def test_number_ticks_are_round_and_short(
    low: float, high: float, labels: list[str], unit: str
) -> None:
    ticks = number_ticks(low, high, 5)
    assert [plain(label) for label in ticks.labels] == labels
    assert ticks.unit == unit


@pytest.mark.parametrize("exponent", range(-14, 16))
def test_number_ticks_lie_inside_and_are_told_apart(exponent: int) -> None:
    for offset in (0.0, 7.0, -123.4):
        scale = 10.0**exponent
        low, high = (offset - 0.37) * scale, (offset + 1.1) * scale
        ticks = number_ticks(low, high, 6)
        assert 2 <= len(ticks.places) <= 7
        assert len(set(ticks.labels)) == len(ticks.labels)
        assert max(map(len, ticks.labels)) <= 10
        air = 1e-6 * scale
        assert all(low - air <= place <= high + air for place in ticks.places)


@pytest.mark.parametrize(
    ("first", "last", "labels", "second_line"),
    [
        ("2024-11-20", "2025-03-10", ["Dec", "Jan", "Feb", "Mar"], ["2024", "2025", "", ""]),
        ("1870-06-01", "1968-01-01", ["1880", "1900", "1920", "1940", "1960"], [""] * 5),
        ("2024-02-26", "2024-03-12", ["26 Feb", "4 Mar", "11 Mar"], ["2024", "", ""]),
        (
            "2024-02-28T20:00",
            "2024-02-29T18:00",
            ["00:00", "06:00", "12:00", "18:00"],
            ["29 Feb 2024", "", "", ""],
        ),
        ("2024-01-01T00:00:00", "2024-01-01T00:00:04", ["00:00", "00:00:01"], ["1 Jan 2024", ""]),
    ],
)
def test_dates_stand_at_round_moments_and_say_their_year_or_day_once(
    first: str, last: str, labels: list[str], second_line: list[str]
) -> None:
    ticks = date_ticks(*span(first, last), 5)
    assert list(ticks.labels)[: len(labels)] == labels
    assert list(ticks.second_line)[: len(labels)] == second_line


@pytest.mark.parametrize("years", [0.001, 0.01, 0.1, 0.4, 1, 3, 8, 40, 200, 3000])
def test_dates_are_never_more_than_asked_for(years: float) -> None:
    low = seconds(np.array(["1999-12-25T07:00"], dtype="datetime64[s]"))[0]
    high = low + years * 365.25 * 86400
    ticks = date_ticks(low, high, 6)
    assert 1 <= len(ticks.places) <= 7
    assert all(low <= place <= high for place in ticks.places)


def test_steps_begin_at_one_or_follow_the_season() -> None:
    assert step_ticks(3, 8).labels == ("1", "2", "3")
    assert step_ticks(14, 4).labels == ("1", "5", "10")
    assert step_ticks(28, 8, season=7).labels == ("7", "14", "21", "28")
    assert step_ticks(40, 4, season=4).labels == ("12", "24", "36")


def test_a_range_has_air_and_is_never_empty() -> None:
    low, high = value_range(np.array([1.0, np.nan, 3.0, np.inf]))
    assert low == pytest.approx(0.9)
    assert high == pytest.approx(3.1)
    assert value_range(np.array([np.nan])) == (0.0, 1.0)
    for constant in (0.0, 5.0, -1e12, 1e-12):
        low, high = value_range(np.full(3, constant))
        assert low < constant < high


def test_bounds_that_explode_do_not_squeeze_the_values() -> None:
    assert widened((0.0, 10.0), (-2.0, 12.0)) == (-2.0, 12.0)
    assert widened((0.0, 10.0), (-1e9, float("inf"))) == (-15.0, 25.0)
