from math import ceil

import numpy as np
import pytest

from trainer.compare.contest import Contest, _losses
from trainer.compare.verdict import decide
from trainer.compare.window import FEWEST_FOR_EACH_LAG
from trainer.evaluation.backtest import Track
from trainer.evaluation.diebold_mariano import Comparison, compare_errors
from trainer.evaluation.metrics import Scores
from trainer.fit.prediction import Prediction

NAN = float("nan")


def _contest(champion: float, challenger: float, p_value: float | None) -> Contest:
    scores = Scores(
        rmse=1.0,
        mae=1.0,
        smape=None,
        mase=None,
        rmsse=None,
        r2=None,
        coverage_80=0.8,
        coverage_95=0.9,
        width_80=None,
        width_95=None,
        crps=None,
        scored=9,
    )
    return Contest(
        champion=scores,
        challenger=scores,
        baseline=None,
        baseline_name="naive",
        losses=(champion, challenger),
        test=Comparison(
            loss_difference=challenger - champion, statistic=None, p_value=p_value, compared=9
        ),
        skill=None,
    )


@pytest.mark.parametrize(
    ("champion", "challenger", "p_value", "promote", "told"),
    [
        (2.0, 1.0, 0.049, True, "50.0 % below the champion's, and chance is unlikely"),
        (2.0, 1.0, 0.05, False, "50.0 % below the champion's, but that may be chance"),
        (2.0, 1.0, None, False, "the test cannot rule out chance"),
        (1.0, 2.0, 0.999, False, "100.0 % above the champion's"),
        # A lower loss is asked for beside the test.
        (1.0, 2.0, 0.001, False, "100.0 % above the champion's"),
        (0.0, 2.0, 0.9, False, "error is above the champion's"),
        (0.0, 0.0, 1.0, False, "the same"),
        # What is left of equal forecasts after rounding may look significant.
        (1.0, 1.0 - 1e-12, 0.001, False, "the same"),
    ],
)
def test_only_a_lower_loss_that_is_no_chance_promotes(
    champion: float, challenger: float, p_value: float | None, promote: object, told: str
) -> None:
    decided, reason = decide(_contest(champion, challenger, p_value), 0.05)
    assert decided is promote
    assert told in reason


def test_the_mean_of_the_losses_is_in_proportion_to_the_error_of_all_rows() -> None:
    actuals = (np.array([1.0, 2.0]), np.array([NAN, 4.0]), np.array([NAN, NAN]))
    one = Prediction(mean=np.array([3.0, 1.0]), standard_error=np.ones(2))
    track = Track(predictions=(one, one, one), failures=(), scores=None, mae_by_step=())
    absolute = _losses(track, actuals, 2, "absolute")
    squared = _losses(track, actuals, 2, "squared")
    np.testing.assert_array_equal(absolute, [1.5, 1.5, NAN])
    np.testing.assert_array_equal(squared, [2.5, 4.5, NAN])


@pytest.mark.parametrize(
    ("rows", "horizon"), [(42, 7), pytest.param(80, 10, marks=pytest.mark.slow), (16, 2)]
)
def test_of_two_equally_good_forecasts_one_is_seldom_called_better(rows: int, horizon: int) -> None:
    # The fewest rows that are let pass, or twice them; forecasts too high and too low by the same.
    generator, called, times = np.random.default_rng(11), 0, 400
    for _ in range(times):
        values = np.zeros(rows + 20)
        for place, step in enumerate(generator.normal(size=rows + 19)):
            values[place + 1] = 0.3 * values[place] + step
        values = values[20:]
        origins = range(1, rows - horizon + 1)
        assert len(origins) >= FEWEST_FOR_EACH_LAG * ceil(horizon / 1)
        errors = [
            values[o : o + horizon] - 0.3 ** np.arange(1, horizon + 1) * values[o - 1]
            for o in origins
        ]
        losses = [np.array([np.abs(e + bias).mean() for e in errors]) for bias in (0.5, -0.5)]
        found = compare_errors(
            losses[0], losses[1], horizon=horizon, loss="absolute", alternative="first_better"
        )
        called += found.p_value is not None and found.p_value < 0.05
    assert called / times < 0.12
