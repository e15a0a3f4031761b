"""The page of many series: its verdict and counts are right, its size has a bound."""

import re
from dataclasses import replace
from math import inf

import pytest

from tests.unit.trainer.many.page_sample import (
    HOSTILE,
    content_of,
    many_sample,
    merged,
    ok,
    unusable,
)
from tests.unit.trainer.page.reading import outline, plain, text
from trainer.many.series import Result
from trainer.page.many_page import write_many_page
from trainer.printable import limited

LARGEST = 2_000_000


def page(results: list[Result]) -> bytes:
    return write_many_page(content_of(merged(results, len(results))))


def split(better: int, worse: int, equal: int = 0) -> list[Result]:
    errors = [1.0] * better + [3.0] * worse + [2.0] * equal
    return [ok(f"s{place:03d}", error) for place, error in enumerate(errors)]


@pytest.mark.parametrize(
    ("results", "kind", "p_value"),
    [
        (split(8, 0), "win", 2 / 2**8),
        (split(5, 0, 90), "unclear", 2 / 2**5),
        (split(0, 8), "lose", 2 / 2**8),
        (split(4, 4), "unclear", 1.0),
        (split(0, 0, 9), "unclear", None),
        ([unusable("a", "no value")], "none", None),
    ],
)
def test_the_verdict_is_that_of_the_sign_test(
    results: list[Result], kind: str, p_value: float | None
) -> None:
    totals = merged(results, len(results)).totals
    assert totals.outcome() == kind
    assert totals.p_value == (None if p_value is None else pytest.approx(p_value))
    assert totals.figures()["sign_test_p_value"] == totals.p_value
    assert plain(totals.verdict()) in plain(text(page(results)))
    is_open = kind == "unclear" and p_value is not None
    assert ("no significant difference" in totals.verdict()) == is_open


def test_the_page_says_what_metric_json_says() -> None:
    counted = merged([*split(30, 8, 2), unusable("x", "line 3: no")], 41)
    figures, content = counted.totals.figures(), content_of(counted)
    assert figures["series_better_than_baseline"] == 30
    assert figures["series_worse_than_baseline"] == 8
    assert ("Series", "41: 40 ok, 1 unusable") in content.facts
    better = next(figure for figure in content.figures if figure[0] == "Better")
    assert better[1] == "75.0\N{NO-BREAK SPACE}%"
    assert f"of {figures['series_with_backtest']} series" in better[2]
    shares = {share.member: share.weight for share in content.shares}
    assert shares == {
        "ARIMA": pytest.approx(figures["member_weights"]["arima"]),
        "ETS": pytest.approx(figures["member_weights"]["ets"]),
    }


def test_who_beats_whom_is_counted_for_each_baseline_and_member() -> None:
    results = [ok("a", 1.0, 2.0, ets=4.0), ok("b", 2.0, 1.0, ets=2.0), ok("c", 1.0, 4.0)]
    duels = {duel.rival: duel for duel in merged(results, 3).tally.duels()}
    naive, ets = duels["naive"], duels["ETS"]
    assert (naive.better, naive.equal, naive.worse, naive.best) == (2, 0, 1, 3)
    assert naive.relative == pytest.approx((1 / 2 * 2 * 1 / 4) ** (1 / 3))
    assert (ets.better, ets.equal, ets.worse, ets.is_baseline) == (1, 1, 0, False)


def test_intermittent_series_have_a_table_of_their_own_with_both_measures_and_the_bias() -> None:
    usual = ok("a", 1.0, 2.0)
    sparse = replace(
        ok("b", 3.0, 2.9),
        demand={"combination": [3.0, 1.2, 0.02], "naive": [2.9, 0.8, -1.0]},
    )
    other = replace(
        sparse, name="c", demand={"combination": [5.0, 1.0, 0.04], "naive": [2.9, 0.8, -1.0]}
    )
    raw = page([usual, sparse, other])
    shown = plain(text(raw))
    assert "Intermittent series" in shown
    assert "the forecast4.000+3.0 %1.1002" in shown
    assert "naive2.900-100 %0.8002" in shown
    assert "2 series have mostly values of 0: their errors here are" in shown
    assert "Skill -0.034: RMSE 3" in shown
    assert "Skill 0.500: MAE 1" in shown
    assert "Intermittent series" not in text(page([usual]))


def test_calendars_have_plain_names() -> None:
    codes = ["MS", "ME", "W-MON", "30min", "QS-FEB", "D", "2h", "min"]
    results = [replace(ok(f"s{place}"), calendar=code) for place, code in enumerate(codes)]
    facts = dict(content_of(merged(results, len(results))).facts)
    assert facts["Calendars"].startswith("monthly: 2, weekly: 1, every 30 minutes: 1, quarterly: 1")
    assert "every 2 hours: 1" in facts["Calendars"]
    assert "every minute: 1" in facts["Calendars"]


def test_an_error_of_rounding_does_not_decide_the_mean() -> None:
    duels = merged([ok("a", 1.0, 1e-12)], 1).tally.duels()
    assert duels[0].relative == pytest.approx(100)


def test_every_skill_is_in_one_bar() -> None:
    errors = {"a": 4.0, "b": 0.0, "c": 3.9, "d": 1e300, "e": 2.0, "f": 1.9, "g": 4.1}
    results = [ok(name, error) for name, error in errors.items()]
    results.append(ok("h", inf))
    counts = {(bar.low, bar.high): bar.count for bar in merged(results, 8).tally.bars()}
    assert sum(counts.values()) == 8
    assert counts[None, -1.0] == 3
    assert counts[-1.0, -0.9] == 2
    assert counts[0.0, 0.1] == 2
    assert counts[0.9, 1.0] == 1


def test_failures_are_grouped_by_their_reason_without_what_varies() -> None:
    reasons = [f"line {place}: y: '{place}x' is not a number" for place in range(9)]
    reasons += ["the series has no value", "line 7: 2024-01-01 is already on line 6"]
    counted = merged([unusable(f"s{i}", why) for i, why in enumerate(reasons)], 11)
    failures, rest = counted.tally.failures()
    assert [(failure.count, failure.names) for failure in failures] == [
        (9, ("s0", "s1", "s2")),
        (1, ("s9",)),
        (1, ("s10",)),
    ]
    assert failures[0].reason == reasons[0]
    assert rest == 0


def test_reasons_beyond_the_table_are_counted() -> None:
    letters = [unusable(f"s{i:04d}", "x" * (i + 1)) for i in range(1500)]
    failures, rest = merged(letters, 1500).tally.failures()
    assert (len(failures), sum(failure.count for failure in failures) + rest) == (20, 1500)
    assert "1,480 more series failed for other reasons" in text(page(letters))


def test_hostile_names_are_shown_and_not_run() -> None:
    found = outline(write_many_page(many_sample()))
    assert not {tag for tag, _ in found.tags} & {"script", "b", "img", "link", "iframe", "object"}
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"] for tag, a in found.tags if tag == "a"}
    assert links <= {f"#{name}" for name in ids}
    assert sum("series-" in (link or "") for link in links) == 18
    raw = write_many_page(many_sample()).decode()
    assert not re.search("[\0\x1b\u202e\u200b]", raw)
    shown = "".join(found.texts)
    for name in HOSTILE:
        assert limited(name).strip()[:35] in shown, name
    assert "“ a”" in shown
    assert "a <note>" in shown
    assert "/nowhere" not in shown


def test_each_series_is_in_the_index_by_name() -> None:
    names = [f"shop {place:04d}" for place in range(3000)]
    raw = page([ok(name) for name in names]).decode()
    listed = re.findall(r"<li>(?:<a [^>]+>)?<bdi>(shop \d+)</bdi>", raw)
    assert listed == names
    assert len(raw) < LARGEST


@pytest.mark.slow
@pytest.mark.parametrize("name", ["{:06d}", "{:06d}" + "<'&\">" * 58, "{:06d}" + "\u202e" * 294])
def test_the_page_of_100000_series_is_small_and_says_what_is_left_out(name: str) -> None:
    good, bad = ok(""), unusable("", "'" + "<&>" * 99)
    results = (replace(good if i % 1000 else bad, name=name.format(i)) for i in range(100_000))
    content = content_of(merged(results, 100_000))
    raw = write_many_page(content)
    assert len(raw) < LARGEST
    words = text(raw)
    assert "The 100,000 series are too many to be listed one by one here" in words
    assert "metrics.csv.gz has a row for each series" in words
    assert (len(content.index), sum(part.series for part in content.index)) == (500, 100_000)
    assert not any(part.entries for part in content.index)


def test_the_same_results_give_the_same_bytes_whatever_the_seconds_are() -> None:
    slow = [ok(f"s{i}") for i in range(9)]
    assert page(slow) == page(split(0, 0) + slow)


def test_a_table_of_one_series_has_a_page() -> None:
    words = text(page([ok("only")]))
    assert "1 of 1 series" in words
    assert "No series is long enough" in text(page([unusable("only", "it has no rows")]))
