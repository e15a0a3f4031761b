import pandas as pd
import pytest

from trainer.errors import DatesIrregularError
from trainer.input.frequency import find_calendar


@pytest.mark.parametrize(
    ("freq", "season"),
    [
        ("D", 7),
        ("B", 5),
        ("h", 24),
        ("MS", 12),
        ("ME", 12),
        ("QS-JAN", 4),
        ("QE-MAR", 4),
        ("QS-FEB", 4),
        ("W-MON", 1),
        ("W-SUN", 1),
        ("YS-JAN", 1),
        ("YE-DEC", 1),
        ("15min", 1),
        ("2h", 12),
    ],
)
def test_calendar_is_found_with_and_without_gaps(freq: str, season: int) -> None:
    dates = pd.date_range("2021-03-01", periods=40, freq=freq)
    whole = find_calendar(dates, "x.csv")
    assert whole.between(dates[0], dates[-1]).equals(dates)
    assert whole.season == season
    holed = find_calendar(dates.delete([7, 20, 21]), "x.csv")
    assert holed.between(dates[0], dates[-1]).equals(dates)


def test_dates_after_the_last_go_on() -> None:
    calendar = find_calendar(pd.date_range("2024-01-31", periods=5, freq="ME"), "x.csv")
    after = calendar.after(pd.Timestamp("2024-05-31"), 2)
    assert [str(date.date()) for date in after] == ["2024-06-30", "2024-07-31"]


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-01", "2024-01-02", "2024-01-20", "2024-03-03", "2024-03-04"],
        [
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:01",
            "2024-06-01T00:00:00",
            "2025-01-01T00:00:00",
        ],
        ["1700-01-01T00:00:00", "1700-01-01T00:00:01", "2200-01-01T00:00:00"],
    ],
)
def test_dates_without_a_calendar_are_refused(texts: list[str]) -> None:
    with pytest.raises(DatesIrregularError, match="follow no calendar"):
        find_calendar(pd.DatetimeIndex(pd.to_datetime(texts)), "x.csv")


@pytest.mark.parametrize(
    ("freq", "rows", "seasons"),
    [
        ("5min", 6100, (288, 2016)),
        ("15min", 2016, (96, 672)),
        ("30min", 1008, (48, 336)),
        ("30min", 1007, (48,)),
        ("30min", 143, ()),
        ("h", 504, (24, 168)),
        ("7h", 600, ()),  # a day is no whole number of steps
        ("D", 21, (7,)),
        ("W-SUN", 156, (52,)),
        ("W-SUN", 155, ()),
        ("MS", 36, (12,)),
        ("YS-JAN", 60, ()),
    ],
)
def test_natural_seasons_are_those_that_the_dates_hold_three_times(
    freq: str, rows: int, seasons: tuple[int, ...]
) -> None:
    found = find_calendar(pd.date_range("2021-01-01", periods=rows, freq=freq), "x.csv")
    assert found.seasons == seasons
    assert found.season == (seasons or (1,))[0]
