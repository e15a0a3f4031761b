"""What a run finds, from the command line on, without its files."""

from pathlib import Path

import numpy as np
import pytest

from trainer.errors import SeriesTooShortError, SkillMissingError
from trainer.outcome import Evaluated, Outcome
from trainer.settings import complete, parse_arguments, place_run
from trainer.training import explore

pytestmark = pytest.mark.slow


def found(csv: Path, *options: str) -> Outcome:
    raw = parse_arguments(["--input", str(csv), "--order", "1,0,0", *options])
    return explore(complete(raw, place_run(raw, {"HAKOBUNE_RUN_ID": "r1"})))


def backtest_of(csv: Path, *options: str) -> Evaluated:
    evaluated = found(csv, *options).evaluated
    assert evaluated is not None
    return evaluated


def test_windows_step_and_horizon_are_those_of_the_options(short_csv: Path) -> None:
    plain = backtest_of(short_csv, "--backtest_windows", "1")
    assert plain.step != 3
    assert [window.steps for window in plain.backtest.windows] == [4]
    asked = backtest_of(
        short_csv, "--backtest_windows", "2", "--backtest_step", "3", "--backtest_horizon", "5"
    )
    assert asked.step == 3
    assert [window.steps for window in asked.backtest.windows] == [5, 5]
    first, second = sorted(window.origin for window in asked.backtest.windows)
    assert second - first == 3


def test_a_model_below_the_skill_that_is_required_is_refused(short_csv: Path) -> None:
    few = ("--backtest_windows", "1")
    skill = backtest_of(short_csv, *few).verdict.skill
    assert skill is not None
    assert found(short_csv, *few, "--require_skill", f"{skill - 0.01}").evaluated is not None
    with pytest.raises(SkillMissingError):
        found(short_csv, *few, "--require_skill", f"{skill + 0.01}")


def test_a_required_skill_without_a_backtest_is_refused(short_csv: Path) -> None:
    assert found(short_csv, "--backtest_windows", "0").evaluated is None
    with pytest.raises(SeriesTooShortError):
        found(short_csv, "--backtest_windows", "0", "--require_skill", "0")


def test_the_last_model_knows_all_rows_and_the_first_only_those_before_the_holdout(
    short_csv: Path,
) -> None:
    outcome = found(short_csv, "--backtest_windows", "0", "--holdout", "14")
    assert (len(outcome.train_model.values), len(outcome.final_model.values)) == (26, 40)


def test_the_naive_forecast_to_beat_repeats_the_last_season(short_csv: Path) -> None:
    outcome = found(short_csv, "--backtest_windows", "0", "--holdout", "14")
    values = np.asarray(outcome.series.values)
    errors = values[26:] - np.tile(values[19:26], 2)
    assert outcome.naive.rmse == pytest.approx(np.sqrt(np.mean(errors**2)))


def test_a_forecast_that_is_longer_than_its_series_is_noted(short_csv: Path) -> None:
    for horizon, is_noted in (("40", False), ("41", True)):
        outcome = found(short_csv, "--backtest_windows", "0", "--horizon", horizon)
        assert any("longer than the series" in note for note in outcome.notes) == is_noted
