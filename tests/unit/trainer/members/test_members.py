"""Rules of every kind of member: what JSON keeps, what a backtest sees, and odd series."""

import json
import math

import numpy as np
import pytest

from tests.unit.trainer.series_samples import PASSENGERS
from trainer.fit.order import Floats
from trainer.members.kinds import KINDS, fit, member_of, refit, run
from trainer.members.member import Member, MemberUnavailableError, middle

OF_ALL_ROWS = ("mean", "recent_mean", "drift")
SEASONAL = np.array(PASSENGERS, dtype=np.float64)
DEMAND = np.array([0, 0, 3, 0, 1, 0, 0, 0, 4, 2, 0, 0, 1, 0, 0, 0, 0, 5, 0, 2], dtype=np.float64)


def series_for(kind: str) -> Floats:
    return DEMAND if kind in ("croston", "sba", "tsb", "imapa") else SEASONAL


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_json_keeps_a_member_to_the_last_bit(kind: str) -> None:
    values = series_for(kind)
    member = fit(kind, values, 12)
    again = member_of(json.loads(json.dumps(member.to_dict(), allow_nan=False)))
    assert again == member
    ahead, other = run(member, values, 7), run(again, values, 7)
    np.testing.assert_array_equal(ahead.mean, other.mean)
    np.testing.assert_array_equal(ahead.standard_error, other.standard_error)


def test_a_row_s_forecast_sees_nothing_that_follows(kind: str) -> None:
    values = series_for(kind)
    member = fit(kind, values, 4)
    if kind in OF_ALL_ROWS:
        return
    whole = run(member, values, 1)
    for rows in (len(values) - 6, len(values) - 1):
        part = run(member, values[:rows], 2)
        np.testing.assert_array_equal(part.fitted, whole.fitted[:rows])
        assert part.mean[0] == whole.fitted[rows]


def test_a_refit_does_not_depend_on_what_followed(kind: str) -> None:
    values = series_for(kind)
    head = values[:-4]
    other = np.concatenate([head, values[-4:] * 3])
    one, two = fit(kind, values, 4), fit(kind, other, 4)
    if one.form != two.form:
        return
    found = [run(refit(member, head), head, 4).mean for member in (one, two)]
    np.testing.assert_allclose(found[0], found[1], rtol=2e-2)


def test_a_power_of_two_changes_no_bit_but_the_unit(kind: str) -> None:
    values = series_for(kind)
    ahead = run(fit(kind, values, 4), values, 5)
    for factor in (2.0**40, 2.0**-40):
        scaled = run(fit(kind, values * factor, 4), values * factor, 5)
        np.testing.assert_array_equal(scaled.mean, ahead.mean * factor)
        np.testing.assert_array_equal(scaled.standard_error, ahead.standard_error * factor)


def test_gaps_are_no_values(kind: str) -> None:
    values = series_for(kind).copy()
    values[[5, 13]] = np.nan
    member = fit(kind, values, 4)
    ahead = run(member, values, 6)
    assert np.isfinite(ahead.mean).all()
    assert np.isfinite(ahead.standard_error).all()
    assert (np.diff(ahead.standard_error) >= 0).all() or member.form.endswith("M")


ODD = {
    "constant": np.full(30, 5.0),
    "zeros": np.zeros(30),
    "line": np.arange(30.0),
    "tail of zeros": np.concatenate([10 + np.sin(np.arange(30)), np.zeros(20)]),
    "step": np.repeat([1.0, 9.0], 20),
    "eight values": np.array([3.0, 1, 4, 1, 5, 9, 2, 6]),
    "one value": np.array([4.0]),
    "one spike": np.concatenate([np.zeros(29), [1.0]]),
    "a gap first": np.concatenate([np.full(10, np.nan), 5 + np.sin(np.arange(30))]),
    "huge": 1e12 * (3 + np.sin(np.arange(40))),
    "tiny": 1e-9 * (3 + np.sin(np.arange(40))),
    "at the limits": np.resize([1e99, -1e99], 30),
    "below the limit": np.resize([1e-99, 2e-99], 30),
    "exponential": np.exp(np.arange(60.0)),
    "negative": -100 + np.sin(np.arange(60)),
}


@pytest.mark.parametrize("name", ODD)
def test_every_series_gets_a_finite_forecast_from_each_kind_that_takes_it(name: str) -> None:
    values = ODD[name]
    taken = []
    for kind in KINDS:
        for season in (1, 4):
            try:
                member = fit(kind, values, season)
            except MemberUnavailableError:
                continue
            ahead = run(member, values, 9)
            assert np.isfinite(ahead.mean).all(), (kind, season)
            assert np.isfinite(ahead.standard_error).all(), (kind, season)
            json.dumps(member.to_dict(), allow_nan=False)
            taken.append(kind)
    assert "naive" in taken


def test_a_line_is_continued_by_exponential_smoothing_and_theta() -> None:
    values = 7 + 3 * np.arange(30.0)
    for kind in ("ets", "theta", "drift"):
        np.testing.assert_allclose(
            run(fit(kind, values, 1), values, 5).mean, 7 + 3 * np.arange(30.0, 35.0), rtol=1e-6
        )


@pytest.mark.parametrize("values", [[np.nan] * 5, [1.0, np.inf, 2.0], [1e101, 1.0], [1e-101, 0.0]])
def test_values_that_no_kind_takes_are_refused_with_a_reason(values: list[float]) -> None:
    for kind in KINDS:
        with pytest.raises(MemberUnavailableError):
            fit(kind, np.array(values), 1)


FIELDS = fit("theta", SEASONAL, 12).to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "prophet"},
        {"kind": []},
        {"form": "/Q"},
        {"form": None},
        {"season": 0},
        {"season": True},
        {"season": 13},
        {"season": 10**9},
        {"numbers": [1.0]},
        {"numbers": [math.nan] * 15},
        {"numbers": "123"},
        {"variance": -1.0},
        {"variance": math.inf},
        {"count": -1},
        {"count": 1.5},
        {"aicc": math.nan},
        {"log_likelihood": "high"},
        {"more": 1},
    ],
    ids=str,
)
def test_fields_that_no_member_has_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a member"):
        member_of({**FIELDS, **change})


@pytest.mark.parametrize("fields", [None, [], {}, {"kind": "ets"}], ids=str)
def test_what_is_no_member_is_refused(fields: object) -> None:
    with pytest.raises(ValueError, match="a member"):
        member_of(fields)


def test_a_member_that_diverges_on_other_rows_forecasts_nan() -> None:
    member = fit("ets", SEASONAL, 12)
    assert member.form[0] == "M"
    assert np.isnan(run(member, -SEASONAL, 3).mean).all()


def test_the_middle_is_halfway_from_mean_to_median() -> None:
    forecasts = [np.array([1.0, 5]), np.array([2.0, 5]), np.array([9.0, 5])]
    np.testing.assert_array_equal(middle(forecasts), [3, 5])
    np.testing.assert_array_equal(middle([*forecasts, np.array([8.0, 5])]), [5, 5])


def test_the_name_is_kind_and_form() -> None:
    member = Member(kind="ets", form="ANN", season=1, numbers=(), variance=1.0, count=3)
    assert member.name == "ets ANN"
    assert fit("naive", SEASONAL, 1).name == "naive"
