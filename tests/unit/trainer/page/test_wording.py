import numpy as np
import pytest

from tests.unit.trainer.page.reading import plain
from trainer.page.wording import (
    aligned,
    clean,
    count,
    date,
    escaped,
    fixed,
    listed,
    number,
    percent,
    probability,
    seconds,
    shortened,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (461.6123, "461.6"),
        (-0.0123456, "-0.01235"),
        (1234567.8, "1,234,568"),
        (3.2e18, "3.20*10¹⁸"),
        (-4.5e-9, "-4.50*10⁻⁹"),
        (None, "(none)"),
        (float("nan"), "(none)"),
        (float("-inf"), "(none)"),
    ],
)
def test_a_number_has_four_digits_and_a_power_of_ten_only_far_from_one(
    value: float | None, words: str
) -> None:
    assert plain(number(value)) == words


def test_a_minus_is_the_sign_and_stands_before_no_zero() -> None:
    assert fixed(-0.0001, 2) == "0.00"
    assert "-" not in fixed(-0.01, 2)
    assert plain(fixed(-0.01, 2)) == "-0.01"


def test_a_column_has_the_decimals_of_its_largest_number() -> None:
    assert [*map(plain, aligned([1.5, 100.25, None]))] == ["1.5", "100.2", "(none)"]
    assert [*map(plain, aligned([2e-9, 1e-10]))] == ["2.00*10⁻⁹", "1.00*10⁻¹⁰"]
    assert [*map(plain, aligned([None, None]))] == ["(none)", "(none)"]


def test_shares_and_chances_are_said_as_people_say_them() -> None:
    assert percent(0.776) == "77.6\u00a0%"
    assert plain(percent(None)) == "(none)"
    assert probability(0.0004) == "< 0.001"
    assert probability(0.0412) == "= 0.041"
    assert (count(1, "row"), count(1200, "row")) == ("1 row", "1,200 rows")
    assert listed(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (np.datetime64("1958", "Y"), "1958"),
        (np.datetime64("1958-03", "M"), "Mar 1958"),
        (np.datetime64("2024-02-29", "D"), "29 Feb 2024"),
        (np.datetime64("2024-02-29T00:00", "ns"), "29 Feb 2024"),
        (np.datetime64("2024-02-29T06:30", "m"), "29 Feb 2024 06:30"),
        (np.datetime64("2024-02-29T06:30:05", "s"), "29 Feb 2024 06:30:05"),
        (np.datetime64("NaT"), "(none)"),
    ],
)
def test_a_date_is_as_fine_as_its_unit(moment: np.datetime64, words: str) -> None:
    assert plain(date(moment)) == words


def test_dates_of_every_unit_are_seconds_since_1970() -> None:
    assert seconds(np.array(["1970-01-02"], dtype="datetime64[D]")).tolist() == [86400]
    assert seconds(np.array(["1969-12"], dtype="datetime64[M]")).tolist() == [-31 * 86400]


def test_text_of_others_loses_what_breaks_a_page() -> None:
    assert clean("a\x00b\u202ec\u2066d\ne\ud800") == "a bcd e�"
    assert escaped("<b a=\"1\" c='2'>&") == "&lt;b a=&quot;1&quot; c=&#x27;2&#x27;&gt;&amp;"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"
