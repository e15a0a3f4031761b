from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trainer.evaluation.made import NAN, daily, swinging
from trainer.errors import SeriesTooShortError, ValuesMissingError
from trainer.evaluation.backtest import Window, cut_series, plan_windows, run_backtest
from trainer.evaluation.baselines import BASELINES, BaselineUnavailableError, naive
from trainer.evaluation.metrics import Trial, pool
from trainer.fit.prediction import BoxCox, Forecaster, Prediction
from trainer.input.data import Series


@dataclass
class Recorder:
    """A forecaster that keeps what it saw, and spoils it afterwards."""

    seen: list[Series] = field(default_factory=list)

    def __call__(self, series: Series, steps: int) -> Prediction:
        copied = replace(series, values=series.values.copy(), dates=series.dates.copy())
        self.seen.append(copied)
        prediction = Prediction(
            mean=np.full(steps, series.values[0]), standard_error=np.ones(steps)
        )
        series.values[:] = -1e9
        return prediction


def windows_of(*origins: int, steps: int) -> tuple[Window, ...]:
    return tuple(Window(origin=origin, stop=origin + steps) for origin in origins)


def test_the_last_window_ends_at_the_last_row() -> None:
    found = plan_windows(100, windows=3, step=7, horizon=14, fewest=20)
    assert found == windows_of(72, 79, 86, steps=14)


def test_a_short_series_has_fewer_windows_but_one() -> None:
    assert plan_windows(40, windows=9, step=7, horizon=14, fewest=19) == windows_of(
        19, 26, steps=14
    )
    assert plan_windows(40, windows=9, step=7, horizon=14, fewest=26) == windows_of(26, steps=14)


def test_a_series_too_short_for_one_window_is_refused() -> None:
    with pytest.raises(SeriesTooShortError, match="40 rows are too few to predict 14"):
        plan_windows(40, windows=1, step=7, horizon=14, fewest=27)


@pytest.mark.parametrize("name", ["windows", "step", "horizon", "fewest"])
def test_a_plan_of_nothing_is_a_mistake_of_the_caller(name: str) -> None:
    plan = {"windows": 1, "step": 1, "horizon": 1, "fewest": 1, name: 0}
    with pytest.raises(ValueError, match="at least 1"):
        plan_windows(40, **plan)


@given(
    rows=st.integers(1, 200),
    windows=st.integers(1, 30),
    step=st.integers(1, 20),
    horizon=st.integers(1, 30),
    fewest=st.integers(1, 60),
)
def test_a_plan_has_every_window_that_there_is_room_for(
    rows: int, windows: int, step: int, horizon: int, fewest: int
) -> None:
    if rows < horizon + fewest:
        return
    found = plan_windows(rows, windows=windows, step=step, horizon=horizon, fewest=fewest)
    assert found[-1].stop == rows
    assert all(window.steps == horizon for window in found)
    assert {after.origin - before.origin for before, after in pairwise(found)} <= {step}
    assert found[0].origin >= fewest
    assert len(found) == windows or found[0].origin - step < fewest


def test_a_forecaster_sees_the_rows_before_the_origin_and_shares_no_memory() -> None:
    series, recorder = swinging(60), Recorder()
    kept = series.values.copy()
    windows = plan_windows(60, windows=3, step=5, horizon=10, fewest=10)
    run_backtest(series, {"first": recorder, "second": recorder}, windows)
    assert len(recorder.seen) == 6
    for seen, window in zip(recorder.seen, [*windows, *windows], strict=True):
        np.testing.assert_array_equal(seen.values, kept[: window.origin])
        assert seen.dates[-1] == series.dates[window.origin - 1]
        assert seen.calendar == series.calendar
        assert seen.notes == ()
    np.testing.assert_array_equal(series.values, kept)


def test_a_cut_series_leads_to_no_later_value() -> None:
    cut = cut_series(daily([1.0, 2, 3, 4]), 2)
    assert cut.values.tolist() == [1, 2]
    assert cut.values.base is None


@pytest.mark.parametrize("name", list(BASELINES))
def test_no_change_of_the_future_changes_a_prediction(name: str) -> None:
    series = swinging(70)
    window = Window(origin=56, stop=66)
    gone = series.values.copy()
    gone[20:25] = NAN
    changed = gone.copy()
    changed[window.origin :] = [1e9, NAN, -5, *np.arange(11)]
    forecasters = {name: BASELINES[name]}
    first, second = (
        run_backtest(replace(series, values=values), forecasters, [window]).tracks[name]
        for values in (gone, changed)
    )
    assert first.predictions[0] is not None
    assert second.predictions[0] is not None
    np.testing.assert_array_equal(first.predictions[0].mean, second.predictions[0].mean)
    np.testing.assert_array_equal(
        first.predictions[0].standard_error, second.predictions[0].standard_error
    )
    assert first.scores != second.scores


def test_scores_are_pooled_over_the_windows() -> None:
    series = swinging(60)
    windows = plan_windows(60, windows=3, step=5, horizon=10, fewest=10)
    found = run_backtest(series, {"naive": naive}, windows)
    trials = [
        Trial(
            actual=series.values[window.origin : window.stop],
            prediction=naive(cut_series(series, window.origin), 10),
            train=series.values[: window.origin],
        )
        for window in windows
    ]
    assert found.tracks["naive"].scores == pool(trials, season=7)
    assert found.tracks["naive"].is_complete
    for actual, trial in zip(found.actuals, trials, strict=True):
        np.testing.assert_array_equal(actual, trial.actual)


def test_error_by_step_is_the_mean_over_the_windows_of_known_values() -> None:
    series = daily([1.0, 1, 1, 4, NAN, 2, NAN])
    found = run_backtest(series, {"naive": naive}, windows_of(2, 3, 4, steps=3))
    # origin 2: 1 1 1 against 1 4 -; origin 3: against 4 - 2; origin 4: 4 4 4 against - 2 -
    assert found.tracks["naive"].mae_by_step == (1.5, 2.5, 1.0)
    alone = run_backtest(series, {"naive": naive}, windows_of(4, steps=3))
    assert alone.tracks["naive"].mae_by_step == (None, 2.0, None)


def failing_at(origin: int, exception: Exception) -> Forecaster:
    def forecast(series: Series, steps: int) -> Prediction:
        if len(series.values) == origin:
            raise exception
        return naive(series, steps)

    return forecast


def test_a_forecaster_that_fails_is_told_and_scored_on_the_rest() -> None:
    windows = windows_of(20, 25, steps=5)
    forecasters = {
        "model": failing_at(20, SeriesTooShortError("20 rows are too few", remedy="more")),
        "other": failing_at(25, BaselineUnavailableError("no season")),
        "naive": naive,
    }
    found = run_backtest(swinging(30), forecasters, windows)
    model, other = found.tracks["model"], found.tracks["other"]
    assert [(failure.window.origin, failure.reason) for failure in model.failures] == [
        (20, "20 rows are too few")
    ]
    assert [failure.reason for failure in other.failures] == ["no season"]
    assert model.predictions[0] is None
    assert model.scores is not None
    assert model.scores.scored == 5
    assert not model.is_complete
    assert list(found.tracks) == ["model", "other", "naive"]


def test_a_forecaster_that_always_fails_has_no_scores() -> None:
    forecaster = failing_at(20, BaselineUnavailableError("no"))
    track = run_backtest(swinging(30), {"x": forecaster}, windows_of(20, steps=3)).tracks["x"]
    assert (track.scores, track.predictions, track.mae_by_step) == (None, (None,), (None,) * 3)
    assert not track.is_complete


@pytest.mark.parametrize(
    ("prediction", "reason"),
    [
        (Prediction(mean=np.ones(2), standard_error=np.ones(2)), "2 steps instead of 3"),
        (Prediction(mean=np.ones(3), standard_error=np.ones(2)), "instead of 3"),
        (Prediction(mean=np.array([1, NAN, 1]), standard_error=np.ones(3)), "non-finite"),
        (Prediction(mean=np.ones(3), standard_error=np.full(3, np.inf)), "non-finite"),
        (Prediction(mean=np.ones(3), standard_error=-np.ones(3)), "non-finite"),
        (
            Prediction(mean=np.full(3, 9.0), standard_error=np.ones(3), box_cox=BoxCox(power=-1)),
            "non-finite",
        ),
    ],
)
def test_a_prediction_that_is_no_prediction_is_a_failure(
    prediction: Prediction, reason: str
) -> None:
    found = run_backtest(swinging(30), {"x": lambda *_: prediction}, windows_of(20, steps=3))
    assert [reason in failure.reason for failure in found.tracks["x"].failures] == [True]


def test_a_bug_of_a_forecaster_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        run_backtest(
            swinging(30), {"x": failing_at(20, ZeroDivisionError())}, windows_of(20, steps=3)
        )


def test_windows_without_a_known_value_are_refused_and_one_alone_is_not_scored() -> None:
    values = swinging(30).values.copy()
    values[20:23] = NAN
    series = daily(values)
    with pytest.raises(ValuesMissingError, match="no window"):
        run_backtest(series, {"naive": naive}, windows_of(20, steps=3))
    track = run_backtest(series, {"naive": naive}, windows_of(20, 23, steps=3)).tracks["naive"]
    assert track.scores is not None
    assert track.scores.scored == 3
    assert track.is_complete


def test_progress_counts_every_prediction() -> None:
    calls = list[tuple[int, int, str]]()
    run_backtest(
        swinging(30),
        {"a": naive, "b": naive},
        windows_of(20, 25, steps=5),
        lambda done, total, name: calls.append((done, total, name)),
    )
    assert calls == [(1, 4, "a"), (2, 4, "a"), (3, 4, "b"), (4, 4, "b")]


def test_the_weekday_mean_beats_both_naive_forecasts_on_real_days(days_2013: Series) -> None:
    windows = plan_windows(len(days_2013.values), windows=5, step=7, horizon=14, fewest=60)
    names = ("season_mean", "seasonal_naive", "naive")
    found = run_backtest(days_2013, {name: BASELINES[name] for name in names}, windows)
    scores = [found.tracks[name].scores for name in names]
    rmse = [kept.rmse for kept in scores if kept is not None]
    assert len(rmse) == 3
    assert rmse == sorted(rmse)
