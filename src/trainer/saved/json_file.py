"""A model as JSON: order, parameters and the values to go on from. Loading it executes nothing.

It forecasts the same bits as the run that wrote it, by the kernel alone: neither pandas nor
statsmodels is loaded. `docs/reference/trainer.md` lists the fields.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.combine.team import Team
from trainer.errors import SavedModelChangedError, SavedModelFormError, SavedModelInvalidError
from trainer.fit.fitting import Fitted, parameters, predict
from trainer.fit.order import Floats, Order
from trainer.fit.prediction import BoxCox, Prediction
from trainer.kernel.library import NO_COLUMNS
from trainer.members.kinds import member_of
from trainer.saved.seal import is_sealed, sealed
from trainer.settings import LARGEST_ORDER, LARGEST_SEASONAL_ORDER

SCHEMA_VERSION = 3
_ROUNDING = 1e-9
_LARGEST = (*LARGEST_ORDER, *LARGEST_SEASONAL_ORDER)
_FAILURES = (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError)
_REMEDY = "use the file as the run wrote it, or train again"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """Members (weight and model) over one series; `values` are on the model's scale.

    `members` are ARIMA models; `team` joins them with members of other kinds. `floor` is the least
    value that is forecast, in the data's unit. `facts` are further fields of the file: names,
    dates, digests.
    """

    members: tuple[tuple[float, Fitted], ...]
    values: Floats
    columns: Floats
    box_cox: BoxCox | None
    facts: dict[str, Any]
    team: Team | None = None
    floor: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the orders of the ARIMA models, and the names of the other members."""
        others = () if self.team is None else self.team.others
        return (
            *(str(fitted.order) for _, fitted in self.members),
            *(member.name for _, member in others),
        )

    def predict(self, steps: int, future: Floats = NO_COLUMNS) -> Prediction:
        """Return what follows the series; `future` are its regressors, shape (columns, steps).

        Several members are a mixture: its mean, and its variance with the means' own spread.
        """
        columns = np.hstack([self.columns, future]) if self.columns.size else NO_COLUMNS
        parts = [predict(fitted, self.values, steps, columns) for _, fitted in self.members]
        mean, variance = np.zeros(steps), np.zeros(steps)
        for (weight, _), (part, _) in zip(self.members, parts, strict=True):
            mean = mean + weight * part
        for (weight, _), (part, spread) in zip(self.members, parts, strict=True):
            variance = variance + weight * (spread + (part - mean) ** 2)
        demands = None
        if self.team is not None:
            mean, variance = self.team.forecast((mean, variance), self.values, steps)
            if self.team.is_demand:
                demands = np.sort(self.values[self.values > 0])
        return Prediction(
            mean=mean,
            standard_error=np.sqrt(variance),
            box_cox=self.box_cox,
            floor=self.floor,
            demands=demands,
        )


def write_saved(model: SavedModel) -> bytes:
    """Return the file's bytes, sealed. Numbers have all their digits."""
    content = {
        "schema_version": SCHEMA_VERSION,
        **model.facts,
        "box_cox": None if model.box_cox is None else model.box_cox.power,
        "box_cox_point": "mean" if model.box_cox and model.box_cox.is_mean else "median",
        "members": [
            {
                "weight": weight,
                "order": list(fitted.order.trio),
                "seasonal_order": list(fitted.order.seasonal),
                "has_constant": fitted.order.has_constant,
                "point": fitted.point.tolist(),
                "mean": fitted.mean,
                "beta": fitted.beta.tolist(),
                "variance": fitted.variance,
                "log_likelihood": fitted.log_likelihood,
                "parameters": list(parameters(fitted)),
            }
            for weight, fitted in model.members
        ],
        "team": None if model.team is None else _team_fields(model.team),
        "floor": model.floor,
        "regressors": model.columns.tolist(),
        "values": [None if value != value else value for value in model.values.tolist()],  # noqa: PLR0124 - NaN
    }
    return sealed(content)


def _team_fields(team: Team) -> dict[str, Any]:
    return {
        "arima": team.arima,
        "others": [{"weight": weight, **member.to_dict()} for weight, member in team.others],
        "widths": list(team.widths),
    }


def read_saved(content: bytes, name: str) -> SavedModel:
    """Return the model of a file's bytes; `name` stands in messages.

    Raises SavedModelChangedError where the bytes do not give their seal, SavedModelFormError for
    another release's form, and SavedModelInvalidError for numbers that are no model's.
    """
    raw = _opened(content, name)
    try:
        return _read(raw)
    except _FAILURES as exc:
        raise SavedModelInvalidError(f"{name}: not a saved model: {exc}", remedy=_REMEDY) from exc


def _opened(content: bytes, name: str) -> dict[str, Any]:
    """Return the values of a file whose seal and form are right."""
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise SavedModelChangedError(
            f"{name}: truncated or changed after it was written: no JSON: {exc}", remedy=_REMEDY
        ) from exc
    if not isinstance(raw, dict) or "schema_version" not in raw:
        raise SavedModelInvalidError(
            f"{name}: not a saved model: it has no schema_version", remedy=_REMEDY
        )
    version, seal = raw["schema_version"], raw.pop("sha256", None)
    if seal is not None and not is_sealed(content):
        raise SavedModelChangedError(
            f"{name}: changed after it was written: its sha256 does not match",
            remedy=_REMEDY,
        )
    if version != SCHEMA_VERSION:
        raise SavedModelFormError(
            f"{name}: the form {version!r} is not supported (supported: {SCHEMA_VERSION})",
            remedy="load it with the release that wrote it, or train again",
        )
    if seal is None:
        raise SavedModelChangedError(
            f"{name}: changed after it was written: its sha256 is missing", remedy=_REMEDY
        )
    return raw


def _read(raw: dict[str, Any]) -> SavedModel:
    values = np.array([np.nan if v is None else float(v) for v in raw.pop("values")])
    columns = raw.pop("regressors")
    power, point = raw.pop("box_cox"), raw.pop("box_cox_point", "median")
    if point not in ("median", "mean"):
        raise ValueError("its box_cox_point is neither median nor mean")
    team, floor = raw.pop("team"), raw.pop("floor")
    members = tuple((float(m["weight"]), _read_member(m)) for m in raw.pop("members"))
    if not members or not len(values):
        raise ValueError("it has no members or no values")
    model = SavedModel(
        members=members,
        values=values,
        columns=_columns(columns, len(values)),
        box_cox=None if power is None else BoxCox(power=float(power), is_mean=point == "mean"),
        team=None if team is None else _read_team(team),
        floor=None if floor is None else float(floor),
        facts={name: value for name, value in raw.items() if name != "schema_version"},
    )
    _refuse_inconsistent(model)
    return model


def _refuse_inconsistent(model: SavedModel) -> None:
    """Refuse numbers that do not belong together: the kernel takes them as they are."""
    numbers = [*model.columns.ravel().tolist(), *model.values[~np.isnan(model.values)].tolist()]
    for weight, fitted in model.members:
        order = fitted.order
        counts = zip((*order.trio, *order.seasonal), _LARGEST, strict=True)
        if any(count > most for count, most in counts):
            raise ValueError("an order is too large")
        if order.season < 2 and any(order.seasonal[:3]):  # noqa: PLR2004 - a season's least
            raise ValueError("an order has seasonal terms, but no season")
        if len(fitted.beta) != len(model.columns) or not fitted.variance > 0 or weight < 0:
            raise ValueError("a member's numbers do not belong to the regressors, or are invalid")
        numbers += [weight, *fitted.point, fitted.mean, *fitted.beta, fitted.variance]
    if model.team is not None:
        weights = [model.team.arima, *(weight for weight, _ in model.team.others)]
        if min(weights) < 0 or not abs(sum(weights) - 1) < _ROUNDING or not model.team.widths:
            raise ValueError("the weights of its members do not sum to 1, or it has no widths")
        if min(model.team.widths) <= 0:
            raise ValueError("a width is not above 0")
        numbers += [*weights, *model.team.widths]
    if model.floor is not None:
        numbers.append(model.floor)
    if not np.isfinite(numbers).all():
        raise ValueError("a number is not finite")


def _columns(raw: list[list[float]], rows: int) -> Floats:
    columns = np.array(raw, dtype=np.float64) if raw else NO_COLUMNS
    if raw and columns.shape != (len(raw), rows):
        raise ValueError("the regressors do not belong to the values")
    return columns


def _read_team(raw: dict[str, Any]) -> Team:
    others = [dict(fields) for fields in raw["others"]]
    return Team(
        arima=float(raw["arima"]),
        others=tuple((float(fields.pop("weight")), member_of(fields)) for fields in others),
        widths=tuple(float(width) for width in raw["widths"]),
    )


def _read_member(raw: dict[str, Any]) -> Fitted:
    p, d, q = (int(number) for number in raw["order"])
    seasonal_p, seasonal_d, seasonal_q, season = (int(number) for number in raw["seasonal_order"])
    order = Order(
        p=p,
        d=d,
        q=q,
        seasonal_p=seasonal_p,
        seasonal_d=seasonal_d,
        seasonal_q=seasonal_q,
        season=season,
        has_constant=bool(raw["has_constant"]),
    )
    point = np.array(raw["point"], dtype=np.float64)
    if min(order.trio + order.seasonal) < 0 or point.shape != (order.lags,):
        raise ValueError("the parameters do not belong to the order")
    return Fitted(
        order=order,
        point=point,
        mean=float(raw["mean"]),
        beta=np.array(raw["beta"], dtype=np.float64),
        variance=float(raw["variance"]),
        log_likelihood=float(raw["log_likelihood"]),
        aic=float("nan"),
        aicc=float("nan"),
        slope=0.0,
        is_at_boundary=False,
        starts=(),
    )
