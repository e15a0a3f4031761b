"""The options of the backtest, from the command line to what a run finds."""

from pathlib import Path

import pytest

from trainer.errors import SeriesTooShortError, SkillMissingError
from trainer.outcome import Evaluated, Outcome
from trainer.settings import complete, parse_arguments, place_run
from trainer.training import explore


def found(csv: Path, *options: str) -> Outcome:
    raw = parse_arguments(["--input", str(csv), "--order", "1,0,0", *options])
    return explore(complete(raw, place_run(raw, {"HAKOBUNE_RUN_ID": "r1"})))


def backtest_of(csv: Path, *options: str) -> Evaluated:
    evaluated = found(csv, *options).evaluated
    assert evaluated is not None
    return evaluated


def test_windows_step_and_horizon_are_those_of_the_options(short_csv: Path) -> None:
    plain = backtest_of(short_csv)
    assert plain.step != 3
    windows = plain.backtest.windows
    assert (len(windows), windows[0].steps) != (2, 5)
    asked = backtest_of(
        short_csv, "--backtest_windows", "2", "--backtest_step", "3", "--backtest_horizon", "5"
    )
    assert asked.step == 3
    assert [window.steps for window in asked.backtest.windows] == [5, 5]
    first, second = sorted(window.origin for window in asked.backtest.windows)
    assert second - first == 3


def test_a_model_below_the_skill_that_is_required_is_refused(short_csv: Path) -> None:
    skill = backtest_of(short_csv).verdict.skill
    assert skill is not None
    assert found(short_csv, "--require_skill", f"{skill - 0.01}").evaluated is not None
    with pytest.raises(SkillMissingError):
        found(short_csv, "--require_skill", f"{skill + 0.01}")


def test_a_required_skill_without_a_backtest_is_refused(short_csv: Path) -> None:
    assert found(short_csv, "--backtest_windows", "0").evaluated is None
    with pytest.raises(SeriesTooShortError):
        found(short_csv, "--backtest_windows", "0", "--require_skill", "0")
