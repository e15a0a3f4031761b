"""What a search returns: the orders that it fitted, and the model of its choice."""

from dataclasses import dataclass
from typing import Any, Literal

from trainer.combine.team import Team
from trainer.fit.fitting import (
    Fitted,
)
from trainer.fit.order import Floats, Order
from trainer.fit.prediction import BoxCox, Prediction
from trainer.kernel.library import NO_COLUMNS
from trainer.members.simple import OF_LONGEST, SEASONAL_MEAN
from trainer.saved.json_file import SavedModel

Select = Literal["combination", "aicc", "backtest", "average"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An order that was fitted, its mean absolute error in the backtest (None: not taken there)."""

    fitted: Fitted
    error: float | None
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the search found: `members` are one model, or several to be averaged by weight.

    `candidates` are the best of what was tried, the best first; `fits` counts all. `team` joins
    them with forecasters of other kinds; `floor` is the least value that is forecast.
    `is_simplest`: nothing could be estimated (search/simplest.py).
    """

    select: Select
    values: Floats
    columns: Floats
    box_cox: BoxCox | None
    members: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    evidence: tuple[str, ...]
    reason: str
    fits: int
    team: Team | None = None
    floor: float | None = None
    is_simplest: bool = False

    @property
    def best(self) -> Fitted:
        """Return the model, or that of the largest weight."""
        return max(self.members, key=lambda member: member.weight).fitted

    @property
    def order(self) -> Order:
        """Return the order of the best member."""
        return self.best.order

    @property
    def title(self) -> str:
        """Return who forecasts, as a report names it."""
        if self.team is not None:
            shares = [(f"ARIMA {self.order}", self.team.arima)]
            shares += [(member.name, weight) for weight, member in self.team.others]
            return ", ".join(
                f"{name} {100 * weight:.0f} %" for name, weight in shares if weight > 0
            )
        if len(self.members) > 1:
            return f"the mean of {len(self.members)} models, first of all {self.order}"
        return str(self.order)

    @property
    def has_several_seasons(self) -> bool:
        """Return whether regressors or another member stand for a season beside that of ARIMA."""
        others = () if self.team is None else self.team.others
        kinds = {member.kind for _, member in others}
        return bool(self.columns.size or kinds & {"cycles", OF_LONGEST, SEASONAL_MEAN})

    @property
    def aicc(self) -> float:
        """Return the AICc of the best member."""
        return self.best.aicc

    def saved(self, facts: dict[str, Any] | None = None) -> SavedModel:
        """Return what is kept of it: enough to forecast, and no more."""
        return SavedModel(
            members=tuple((member.weight, member.fitted) for member in self.members),
            values=self.values,
            columns=self.columns,
            box_cox=self.box_cox,
            team=self.team,
            floor=self.floor,
            facts=facts or {},
        )

    def predict(self, steps: int, future: Floats = NO_COLUMNS) -> Prediction:
        """Return what follows the series; `future` are its regressors, shape (columns, steps)."""
        return self.saved().predict(steps, future)
