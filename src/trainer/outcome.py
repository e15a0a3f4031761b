"""Everything that a run found, as one value: what its files are written from."""

from dataclasses import dataclass

import pandas as pd

from trainer.evaluation.backtest import Backtest
from trainer.evaluation.diagnostics import Finding, Outlier
from trainer.evaluation.metrics import Scores
from trainer.evaluation.skill import Verdict
from trainer.fit.order import Floats
from trainer.fit.prediction import Prediction
from trainer.input.data import Series, Split
from trainer.search.found import Found
from trainer.settings import Settings

MODEL_NAME = "arima"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A backtest with the verdict that it leads to; None where there was none."""

    backtest: Backtest
    verdict: Verdict
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run found.

    `train_model` saw the training part and is scored on the holdout; `final_model` saw all rows and
    makes the forecast. `residuals` are those of the training part. The last of the regressors, the
    given ones, are columns of the input.
    """

    settings: Settings
    series: Series
    split: Split
    regressors: tuple[str, ...]
    given_regressors: tuple[str, ...]
    engine: str
    train_model: Found
    final_model: Found
    holdout: Prediction
    scores: Scores
    naive: Scores
    evaluated: Evaluated | None
    residuals: Floats
    findings: tuple[Finding, ...]
    outliers: tuple[Outlier, ...]
    dates: pd.DatetimeIndex
    forecast: Prediction
    notes: tuple[str, ...]
