from dataclasses import replace

import numpy as np
import pytest

from trainer.outcome import Outcome
from trainer.page.page import write_page
from trainer.page_of_run import page_of

pytestmark = pytest.mark.process  # a whole run asks for fonts and processors


def test_the_page_tells_the_run_s_own_figures(outcome: Outcome) -> None:
    page = page_of(
        outcome, ("a note",), ("--order", "1,0,0", "--output", "here", "--horizon=6", "--x")
    )
    assert page.figures.scores.rmse == outcome.scores.rmse
    assert page.head.order == "(1,0,0) with constant"
    assert page.notes == ("a note",)
    assert page.run.arguments == (("--order", "1,0,0"), ("--horizon", "6"), ("--x", ""))
    assert [p.name for p in page.run.parameters] == ["intercept", "ar.L1", "sigma2"]
    assert page.search is None
    assert page.backtest is not None
    assert page.backtest.model.name == "this model"
    assert "season mean" in [b.name for b in page.backtest.baselines]
    assert len(page.backtest.windows) == 5
    np.testing.assert_array_equal(page.forecast.point, outcome.forecast.point)


def test_the_verdict_is_what_the_backtest_says(outcome: Outcome) -> None:
    assert outcome.evaluated is not None
    for skill, is_complete, p_value, kind in (
        (0.2, True, 0.01, "win"),
        (-0.2, True, 0.01, "lose"),
        (0.2, True, 0.4, "unclear"),
        (-0.2, True, None, "unclear"),
        (0.0, True, 1.0, "unclear"),
        (None, True, None, "lose"),
        (None, False, None, "unclear"),
    ):
        verdict = replace(
            outcome.evaluated.verdict, skill=skill, is_complete=is_complete, p_value=p_value
        )
        changed = replace(outcome, evaluated=replace(outcome.evaluated, verdict=verdict))
        page = page_of(changed, (), ())
        assert page.head.verdict.kind == kind
        assert page.head.verdict.sentence == verdict.sentence


def test_without_a_backtest_the_page_says_so(outcome: Outcome) -> None:
    page = page_of(replace(outcome, evaluated=None), (), ())
    assert page.backtest is None
    assert "No backtest was run" in page.head.verdict.sentence


def test_the_page_can_be_written_and_is_the_same_twice(outcome: Outcome) -> None:
    first = write_page(page_of(outcome, (), ()))
    assert first == write_page(page_of(outcome, (), ()))
    assert outcome.series.value_name.encode() in first
