from dataclasses import replace

import numpy as np
import pytest

from tests.unit.trainer.evaluation.made import NAN
from trainer.errors import SkillMissingError
from trainer.evaluation.backtest import Backtest, Failure, Track, Window
from trainer.evaluation.metrics import Scores, score
from trainer.evaluation.skill import Verdict, judge, require_skill, skill
from trainer.fit.prediction import Prediction

WINDOW = Window(origin=10, stop=12)
NAMES = ("one", "two", "three")


def scores(error: float, *, scale: float = 2.0) -> Scores:
    """Scores with this RMSE; the MASE is half of it, or not defined where the scale is 0."""
    prediction = Prediction(mean=np.array([error]), standard_error=np.ones(1))
    return score(np.zeros(1), prediction, train=np.array([0, scale]), season=1)


def track(found: Scores | None, *, failed: bool = False) -> Track:
    failures = (Failure(window=WINDOW, reason="too short"),) if failed else ()
    return Track(predictions=(None,), failures=failures, scores=found, mae_by_step=(None,))


def backtest(**tracks: Track) -> Backtest:
    return Backtest(windows=(WINDOW,), actuals=(np.array([NAN]),), tracks=tracks)


def verdict(**tracks: Track) -> Verdict:
    return judge(backtest(**tracks), "model", NAMES)


def test_skill_is_the_error_that_is_saved() -> None:
    assert skill(scores(3), scores(4)) == pytest.approx(0.25)
    assert skill(scores(5), scores(4)) == pytest.approx(-0.25)
    assert skill(scores(4), scores(4)) == 0


def test_skill_is_of_rmse_where_a_mase_is_not_defined() -> None:
    assert scores(3, scale=0).mase is None
    assert skill(scores(3, scale=0), scores(4)) == pytest.approx(0.25)


def test_skill_against_no_error_is_none_but_for_a_tie() -> None:
    assert skill(scores(1), scores(0)) is None
    assert skill(scores(0), scores(0)) == 0


def test_an_error_of_rounding_is_none() -> None:
    found = verdict(one=track(scores(0)), two=track(scores(1)), model=track(scores(1e-12)))
    assert found.skill == 0
    assert not found.is_lost
    assert skill(scores(1e-13), scores(1e-12)) == 0


def test_a_baseline_without_error_wins() -> None:
    found = verdict(one=track(scores(0)), model=track(scores(1)))
    assert (found.skill, found.is_lost) == (None, True)
    expected = "A baseline wins: one (MASE) makes no error in the backtest, and the model does."
    assert found.sentence == expected
    failed = verdict(one=track(scores(0)), model=track(scores(1), failed=True))
    assert not failed.is_lost
    assert failed.sentence.startswith("The model failed in some window")


def test_errors_in_windows_without_a_mase_are_not_overlooked() -> None:
    half = replace(scores(4), mase=0.0)
    found = verdict(one=track(half), two=track(scores(3)), model=track(scores(2)))
    assert (found.best_baseline, found.measure) == ("two", "RMSE")


def test_the_best_baseline_has_the_least_error() -> None:
    found = verdict(
        one=track(scores(5)), two=track(scores(4)), three=track(scores(6)), model=track(scores(3))
    )
    assert (found.best_baseline, found.measure) == ("two", "MASE")
    assert found.skill == pytest.approx(0.25)
    assert (
        found.sentence == "The model's error is 25.0 % below that of the best baseline, two (MASE)."
        " 1 window cannot show whether that is chance."
    )


def test_of_equal_baselines_the_first_is_best() -> None:
    found = verdict(one=track(scores(4)), two=track(scores(4)), model=track(scores(4)))
    assert (found.best_baseline, found.skill) == ("one", 0)
    assert "as good as" in found.sentence


def _windows(*, model: list[float], one: list[float]) -> Verdict:
    """The verdict over windows of one step with these errors."""
    windows = tuple(Window(origin=10 + at, stop=11 + at) for at in range(len(model)))
    tracks = {}
    for name, errors in {"model": model, "one": one}.items():
        made = [Prediction(mean=np.array([e]), standard_error=np.ones(1)) for e in errors]
        mean = float(np.mean(np.abs(errors)))
        tracks[name] = replace(track(scores(mean)), predictions=tuple(made))
    found = Backtest(windows=windows, actuals=(np.zeros(1),) * len(windows), tracks=tracks)
    return judge(found, "model", NAMES)


def test_a_difference_that_chance_makes_is_not_significant() -> None:
    same = _windows(model=[1.0, 5.0, 2.0, 4.0, 3.0], one=[2.0, 4.0, 3.0, 3.0, 3.5])
    assert same.p_value is not None
    assert same.p_value > 0.5
    assert not same.is_significant
    assert same.sentence.startswith("No significant difference. The model's error is 3.2 % below")
    better = _windows(model=[1.0, 1.1, 0.9, 1.0, 1.05], one=[2.0, 2.2, 1.9, 2.1, 2.0])
    assert better.p_value is not None
    assert better.p_value < 0.001
    assert better.is_significant
    assert not better.is_lost
    assert "Diebold-Mariano test over 5 windows: p = " in better.sentence
    worse = _windows(model=[2.0, 2.2, 1.9, 2.1, 2.0], one=[1.0, 1.1, 0.9, 1.0, 1.05])
    assert worse.is_lost
    assert worse.is_significant
    assert worse.sentence.startswith("A baseline wins. The model's error is 102.0 % above")


def test_one_window_shows_no_significance() -> None:
    found = _windows(model=[1.0], one=[2.0])
    assert found.p_value is None
    assert not found.is_significant
    assert found.sentence.endswith("1 window cannot show whether that is chance.")


def test_windows_that_overlap_count_as_correlated() -> None:
    apart = _windows(model=[1.0, 1.2, 0.8, 1.1, 1.0], one=[2.0, 1.7, 1.9, 2.4, 2.2])
    wide = tuple(Window(origin=10 + at, stop=12 + at) for at in range(5))
    tracks = {}
    for name, errors in {
        "model": [1.0, 1.2, 0.8, 1.1, 1.0],
        "one": [2.0, 1.7, 1.9, 2.4, 2.2],
    }.items():
        made = [Prediction(mean=np.array([e, e]), standard_error=np.ones(2)) for e in errors]
        tracks[name] = replace(track(scores(float(np.mean(errors)))), predictions=tuple(made))
    found = judge(Backtest(windows=wide, actuals=(np.zeros(2),) * 5, tracks=tracks), "model", NAMES)
    assert found.p_value is not None
    assert apart.p_value is not None
    assert found.p_value > apart.p_value


def test_a_baseline_that_failed_in_some_window_is_not_ranked() -> None:
    found = verdict(one=track(scores(1), failed=True), two=track(scores(4)), model=track(scores(5)))
    assert found.best_baseline == "two"
    assert found.sentence.startswith("The model's error is 25.0 % above that of the best baseline")


def test_where_one_mase_is_not_defined_all_are_ranked_by_rmse() -> None:
    found = verdict(
        one=track(scores(4, scale=0)), two=track(scores(5, scale=100)), model=track(scores(2))
    )
    assert (found.best_baseline, found.measure, found.skill) == ("one", "RMSE", 0.5)


@pytest.mark.parametrize(
    "found",
    [
        verdict(one=track(None, failed=True), model=track(scores(1))),
        verdict(model=track(scores(1))),
        verdict(one=track(scores(4)), model=track(scores(1), failed=True)),
        verdict(one=track(scores(4)), model=track(None, failed=True)),
        verdict(one=track(scores(0)), model=track(scores(1))),
    ],
)
def test_a_skill_that_is_not_known_is_refused(found: Verdict) -> None:
    assert found.skill is None
    with pytest.raises(SkillMissingError) as caught:
        require_skill(found, -1.0)
    assert caught.value.remedy


def test_the_model_itself_is_no_baseline() -> None:
    found = judge(backtest(one=track(scores(4)), model=track(scores(1))), "model", (*NAMES, "x"))
    assert found.best_baseline == "one"


@pytest.mark.parametrize(
    ("error", "least", "passes"),
    [(3, 0, True), (4, 0, False), (3, 0.25, False), (3, 0.24, True), (5, -0.3, True)],
)
def test_a_skill_has_to_be_above_what_was_asked(
    error: float, least: float, *, passes: bool
) -> None:
    found = verdict(one=track(scores(4)), model=track(scores(error)))
    if passes:
        require_skill(found, least)
        return
    with pytest.raises(SkillMissingError, match="is required"):
        require_skill(found, least)
