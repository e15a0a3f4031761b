"""What a saved model says of the series that it was trained on, and of how to go on from there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainer.errors import SavedModelInvalidError
from trainer.regressors.plan import MOST_PAIRS, Plan
from trainer.saved.json_file import SavedModel

_FAILURES = (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError)
_PLAN_FIELDS = {"weekday", "month", "holidays", "fourier"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Headers, calendar, first and last date; `regressors` in the order of the model's columns.

    The last of them, `given`, are columns of the input; the plan makes the others of the dates.
    """

    date_column: str
    value_column: str
    calendar: str
    first: datetime
    last: datetime
    regressors: tuple[str, ...]
    given: tuple[str, ...]
    plan: Plan


def read_origin(saved: SavedModel, name: str) -> Origin:
    """Return the model's origin. Raises SavedModelInvalidError, naming what is wrong."""
    try:
        return _read(saved)
    except _FAILURES as exc:
        raise SavedModelInvalidError(
            f"{name}: not a saved model: {exc}",
            remedy="use the file as the run wrote it, or train again",
        ) from exc


def _read(saved: SavedModel) -> Origin:
    facts = saved.facts
    texts = {name: _text(facts[name]) for name in ("date_column", "value_column", "calendar")}
    names = tuple(_text(name) for name in facts["regressor_names"])
    given = tuple(_text(name) for name in facts["given_regressors"])
    if len(names) != len(saved.columns) or names[len(names) - len(given) :] != given:
        raise ValueError("its regressors have no names")
    first, last = (datetime.fromisoformat(facts[name]) for name in ("first_date", "last_date"))
    if first.tzinfo or last.tzinfo or first > last:
        raise ValueError("its last date is before its first")
    plan = _plan(facts["calendar_regressors"])
    return Origin(**texts, first=first, last=last, regressors=names, given=given, plan=plan)


def _plan(raw: dict[str, Any]) -> Plan:
    pairs = tuple((float(period), int(count)) for period, count in raw["fourier"])
    if set(raw) != _PLAN_FIELDS or any(
        not (period > 1 and 1 <= count <= MOST_PAIRS) for period, count in pairs
    ):
        raise ValueError("its calendar regressors are not supported here")
    return Plan(
        weekday=raw["weekday"] is True,
        month=raw["month"] is True,
        holidays=None if raw["holidays"] is None else _text(raw["holidays"]),
        fourier=pairs,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a name")
    return value
