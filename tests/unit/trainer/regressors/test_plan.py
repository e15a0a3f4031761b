import pytest

from trainer.errors import RegressorsInvalidError
from trainer.regressors.plan import Plan, parse_names, parse_plan, plan_seasons


def test_texts_become_a_plan() -> None:
    plan = parse_plan(calendar=["weekday, month", "holidays:DE"], fourier=["365.25:3", "30.5:2"])
    assert plan == Plan(weekday=True, month=True, holidays="DE", fourier=((365.25, 3), (30.5, 2)))
    assert parse_plan() == Plan()


@pytest.mark.parametrize(
    ("text", "code"),
    [("de", "DE"), ("DE-by", "DE-BY"), ("DEU", "DEU"), ("us-CA", "US-CA"), (" gb-SCT ", "GB-SCT")],
)
def test_codes_of_countries_and_their_parts_are_read_in_any_case(text: str, code: str) -> None:
    assert parse_plan(calendar=[f"holidays:{text}"]).holidays == code


@pytest.mark.parametrize(
    ("text", "near"),
    [("Germany", "DE"), ("united states", "US"), ("DEE", "DE"), ("DE-BYY", "BY")],
)
def test_an_unknown_code_names_near_ones(text: str, near: str) -> None:
    with pytest.raises(RegressorsInvalidError) as caught:
        parse_plan(calendar=[f"holidays:{text}"])
    told = caught.value.remedy.partition("near are ")[2].partition(";")[0].split(", ")
    assert near in told


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        ("weekdays", "the nearest is weekday"),
        ("", "unknown"),
        ("weekday,weekday", "is given twice"),
        ("weekday:DE", "does not accept"),
        ("holidays", "name a country"),
        ("holidays:", "no holidays are known"),
        ("holidays:US-", "has no part ''"),
    ],
)
def test_a_wrong_calendar_is_refused(calendar: str, said: str) -> None:
    with pytest.raises(RegressorsInvalidError) as caught:
        parse_plan(calendar=[calendar])
    assert said in caught.value.what + caught.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("365.25", "not a period and a number"),
        ("365.25:", "not a period and a number"),
        ("-7:1", "not a period and a number"),
        ("1e3:1", "not a period and a number"),
        ("nan:1", "not a period and a number"),
        ("7:0", "1 to 3 pairs"),
        ("7:4", "1 to 3 pairs"),
        ("365.25:21", "1 to 20 pairs"),
        ("1.5:1", "at least 2 steps"),
        ("7:1,7.0:2", "is given twice"),
    ],
)
def test_a_wrong_period_is_refused(text: str, said: str) -> None:
    with pytest.raises(RegressorsInvalidError, match=said) as caught:
        parse_plan(fourier=[text])
    assert "365.25:3" in caught.value.remedy


def test_columns_are_named_once() -> None:
    assert parse_names(["price, promo", "rain"]) == ("price", "promo", "rain")
    for texts in (["a,a"], ["a,"], ["a", "a"], [""]):
        with pytest.raises(RegressorsInvalidError):
            parse_names(texts)


def test_several_seasons_and_long_ones_become_fourier_pairs() -> None:
    assert plan_seasons(Plan(), (48, 336)).fourier == ((48.0, 8), (336.0, 20))
    assert plan_seasons(Plan(), (4, 28)).fourier == ((4.0, 2), (28.0, 14))
    assert plan_seasons(Plan(), (365,)).fourier == ((365.0, 8),)
    for seasons in ((), (24,), (52,)):
        assert plan_seasons(Plan(), seasons) == Plan()
    given = Plan(fourier=((365.25, 3),))
    assert plan_seasons(given, (48, 336)) == given
