import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.errors import RegressorsInvalidError
from trainer.regressors.design import Design, design, dropped_notes, independent
from trainer.regressors.plan import Plan

FULL = Plan(weekday=True, month=True, holidays="DE", fourier=((365.25, 2), (7.0, 1)))


def _daily(start: str, count: int) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq="D")


@settings(max_examples=20, deadline=None)  # the first call loads the holidays
@given(cut=st.integers(1, 799), plan=st.sampled_from([FULL, Plan(fourier=((30.4375, 3),))]))
def test_columns_of_a_forecast_continue_those_of_the_training_part(cut: int, plan: Plan) -> None:
    dates = _daily("2023-03-01", 800)
    whole = design(plan, dates, 0)
    parts = design(plan, dates[:cut], 0), design(plan, dates[cut:], cut)
    assert parts[0].names == parts[1].names == whole.names
    np.testing.assert_array_equal(np.vstack([part.matrix for part in parts]), whole.matrix)


def test_columns_have_full_rank_beside_the_constant() -> None:
    plan = Plan(weekday=True, month=True, holidays="DE", fourier=((30.5, 2),))
    found = design(plan, _daily("2022-01-01", 1000), 0)
    assert found.matrix.shape == (1000, 6 + 11 + 1 + 4)
    with_constant = np.column_stack([np.ones(1000), found.matrix])
    assert np.linalg.matrix_rank(with_constant) == with_constant.shape[1]
    assert independent(found.matrix) == tuple(range(22))


def test_days_and_months_are_told_apart_from_monday_and_january() -> None:
    found = design(Plan(weekday=True, month=True), _daily("2024-01-01", 60), 0)
    assert not found.matrix[0].any()
    names = [[n for n, x in zip(found.names, row, strict=True) if x] for row in found.matrix]
    assert names[6] == ["weekday_sunday"]
    assert names[31] == ["weekday_thursday", "month_02"]


def test_holidays_are_those_of_the_country_and_its_part() -> None:
    dates = _daily("2024-01-01", 366)

    def days(code: str) -> set[str]:
        found = design(Plan(holidays=code), dates, 0)
        assert found.names == (f"holiday_{code}",)
        return {str(day.date()) for day in dates[found.matrix[:, 0] == 1]}

    assert "2024-10-03" in days("DE")
    assert days("DE-BY") - days("DE") >= {"2024-01-06", "2024-11-01"}
    assert days("US") >= {"2024-07-04", "2024-11-28"}


def test_a_holiday_moved_over_new_year_is_found() -> None:
    found = design(Plan(holidays="US"), _daily("2021-12-31", 1), 0)
    assert found.matrix.tolist() == [[1.0]]


def test_holidays_are_for_hours_and_business_days_and_not_for_weeks() -> None:
    hours = pd.date_range("2024-12-24 12:00", periods=24, freq="h")
    assert design(Plan(holidays="US"), hours, 0).matrix.sum() == 12
    two = pd.DatetimeIndex(["2024-05-03", "2024-05-06"])
    assert design(Plan(holidays="US"), two, 0).matrix.shape == (2, 1)
    for freq in ("W-MON", "MS"):
        with pytest.raises(RegressorsInvalidError, match="holidays lie between"):
            design(Plan(holidays="US"), pd.date_range("2024-01-01", periods=9, freq=freq), 0)


def test_an_empty_plan_has_no_columns() -> None:
    found = design(Plan(), _daily("2024-01-01", 5), 0)
    assert (found.names, found.matrix.shape) == ((), (5, 0))
    assert independent(found.matrix) == ()


def test_bits_of_the_design_are_known() -> None:
    plan = Plan(fourier=((365.25, 3), (30.4375, 2)))
    matrix = design(plan, _daily("2024-01-01", 500), 0).matrix
    digest = hashlib.sha256(matrix.astype("<f8").tobytes()).hexdigest()
    assert digest == "1a7f026d768c988e1e48493becfda97eeca0acb2b5e34acf95a18ed94f08f66d"


def test_what_never_changes_or_follows_from_others_is_dropped_and_told() -> None:
    one = np.arange(20.0) % 3
    two = np.arange(20.0) ** 2
    matrix = np.column_stack([np.full(20, 7.0), one, two, 3 * one - 1e6 * two + 5, np.zeros(20)])
    kept = independent(matrix)
    assert kept == (1, 2)
    names = ("a", "b", "c", "d", "e")
    assert dropped_notes(names, matrix, kept) == (
        "regressor a never changes in the training part: dropped",
        "regressor d follows from the others in the training part: dropped",
        "regressor e never changes in the training part: dropped",
    )
    rest = Design(names=names, matrix=matrix).kept(kept)
    assert rest.names == ("b", "c")
    np.testing.assert_array_equal(rest.matrix, matrix[:, [1, 2]])


@settings(deadline=None)
@given(
    scale=st.floats(1e-100, 1e100),
    level=st.floats(-1e6, 1e6),
    columns=st.permutations(range(5)),
)
def test_units_and_levels_decide_nothing(scale: float, level: float, columns: list[int]) -> None:
    steps = np.arange(60)
    base = np.column_stack([(steps * k) % p for k, p in ((1, 7), (3, 11), (5, 13), (2, 17))])
    matrix = np.column_stack([base, base[:, 0] - base[:, 1]])[:, columns].astype(np.float64)
    assert len(independent((matrix + level) * scale)) == 4


def test_five_day_weeks_lose_the_days_that_they_lack() -> None:
    dates = pd.bdate_range("2024-01-01", periods=200)
    found = design(Plan(weekday=True), dates, 0)
    kept = found.kept(independent(found.matrix))
    assert kept.names == tuple(
        f"weekday_{day}" for day in ("tuesday", "wednesday", "thursday", "friday")
    )


def test_designs_of_the_same_steps_stand_side_by_side() -> None:
    dates = _daily("2024-01-01", 9)
    both = design(Plan(weekday=True), dates, 0).beside(design(Plan(fourier=((7.0, 1),)), dates, 0))
    assert both.names[5:] == ("weekday_sunday", "sin_7_1", "cos_7_1")
    assert both.matrix.shape == (9, 8)
