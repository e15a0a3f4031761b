"""The kinds of members, by name: fit one, run it, find its numbers again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any

import numpy as np

from trainer.fit.order import Floats
from trainer.members import ces, cycles, demand, ets, simple, theta
from trainer.members.member import Ahead, Member, MemberUnavailableError

_MOST_PARAMETERS = 1_000_000
_LONGEST_SEASON = 100_000
DEMAND_KINDS = ("croston", "sba", "tsb", "imapa")
_SMALLEST, _LARGEST = 1e-100, 1e100  # beyond, squares are no numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind does. `has` says whether a form of a season has so many numbers.

    `fit` takes all seasons, the shortest first; most kinds use that one alone.
    """

    title: str
    fit: Callable[[Floats, Sequence[int]], Member]
    refit: Callable[[Member, Floats], Member]
    run: Callable[[Member, Floats, int], Ahead]
    has: Callable[[str, int, int], bool]


def fit(kind: str, values: Floats, season: int, longer: Sequence[int] = ()) -> Member:
    """Fit a kind to a series of shape (rows,), NaN for gaps; `season` 1 means none.

    `longer` are further seasons, each longer than the one before.

    Raises MemberUnavailableError where the series does not allow it, or where the largest
    value is beyond 1e100, or below 1e-100 and not 0.
    """
    return KINDS[kind].fit(_checked(values), (season, *longer))


def refit(member: Member, values: Floats) -> Member:
    """Find the numbers of the same form for other rows; nothing else of the member is kept.

    Whether the series is seasonally adjusted is tested again on these rows.

    Raises MemberUnavailableError where they do not allow it.
    """
    return KINDS[member.kind].refit(member, _checked(values))


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run a member through a series, whose first row is that of its fit, and so many steps on."""
    return KINDS[member.kind].run(member, np.asarray(values, dtype=np.float64), horizon)


def member_of(fields: Any) -> Member:  # noqa: ANN401 - what JSON holds
    """Return the member that `Member.to_dict` wrote. Raises ValueError for anything else."""
    names = dict.fromkeys(Member.__dataclass_fields__)
    if not isinstance(fields, dict) or fields.keys() != names.keys():
        raise ValueError(f"a member has the fields {', '.join(names)}")
    kind, form, season = fields["kind"], fields["form"], fields["season"]
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(form, str):
        raise ValueError("a member has an unknown kind")
    if type(season) is not int or not 1 <= season <= _LONGEST_SEASON:
        raise ValueError("a member's season is not a number of steps")
    numbers = fields["numbers"]
    if not isinstance(numbers, list) or not all(map(_is_number, numbers)):
        raise ValueError("a member's numbers are not a list of finite numbers")
    if not KINDS[kind].has(form, season, len(numbers)):
        raise ValueError(f"a member of kind {kind} has another form or other numbers")
    if not _is_number(fields["variance"]) or fields["variance"] < 0:
        raise ValueError("a member's variance is not a number from 0 on")
    if type(fields["count"]) is not int or not 0 <= fields["count"] <= _MOST_PARAMETERS:
        raise ValueError("a member's count is not a number of parameters")
    for name in ("log_likelihood", "aicc"):
        if fields[name] is not None and not _is_number(fields[name]):
            raise ValueError(f"a member's {name} is not a finite number")
    return Member(**{**fields, "numbers": tuple(float(number) for number in numbers)})


def _is_number(value: Any) -> bool:  # noqa: ANN401 - what JSON holds
    return type(value) in (int, float) and isfinite(value)


def _checked(values: Floats) -> Floats:
    values = np.asarray(values, dtype=np.float64)
    known = np.abs(values[~np.isnan(values)])
    if not known.size:
        raise MemberUnavailableError("no value is known")
    largest = float(known.max())
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        raise MemberUnavailableError(f"the values are beyond {_SMALLEST:g} or {_LARGEST:g}")
    return values


def _of_module(title: str, module: Any) -> Kind:  # noqa: ANN401 - a module
    def fit_shortest(values: Floats, seasons: Sequence[int]) -> Member:
        return module.fit(values, seasons[0])  # type: ignore[no-any-return]  # a module's

    return Kind(title=title, fit=fit_shortest, refit=module.refit, run=module.run, has=module.has)


def _of_name(title: str, module: Any, name: str, most: int) -> Kind:  # noqa: ANN401 - a module
    """Return a kind of a module with several; it has one form, of up to `most` numbers."""

    def fit_named(values: Floats, seasons: Sequence[int]) -> Member:
        season = seasons[-1] if name == simple.OF_LONGEST else seasons[0]
        return module.fit(name, values, season)  # type: ignore[no-any-return]  # a module's

    def refit(member: Member, values: Floats) -> Member:
        return module.fit(name, values, member.season)  # type: ignore[no-any-return]  # a module's

    def has(form: str, season: int, count: int) -> bool:
        del season
        return form == "" and (count == most or (name == "imapa" and 1 <= count < most))

    return Kind(title=title, fit=fit_named, refit=refit, run=module.run, has=has)


def _of_seasons(title: str) -> Kind:
    """Return the seasonal mean: of the longest season, its level that of the last shortest one."""

    def fit(values: Floats, seasons: Sequence[int]) -> Member:
        return simple.fit(simple.SEASONAL_MEAN, values, seasons[-1], str(seasons[0]))

    def refit(member: Member, values: Floats) -> Member:
        return simple.fit(member.kind, values, member.season, member.form)

    def has(form: str, season: int, count: int) -> bool:
        is_number = form.isascii() and form.isdecimal() and len(form) <= len(str(_LONGEST_SEASON))
        return count == 0 and is_number and form == str(int(form)) and 1 < int(form) <= season

    return Kind(title=title, fit=fit, refit=refit, run=simple.run, has=has)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "ets": _of_module("exponential smoothing", ets),
        "theta": _of_module("the dynamic optimised Theta model", theta),
        "ces": _of_module("complex exponential smoothing", ces),
        "cycles": Kind(
            title="exponential smoothing of several seasons",
            fit=cycles.fit,
            refit=cycles.refit,
            run=cycles.run,
            has=cycles.has,
        ),
        "croston": _of_name("Croston's method", demand, "croston", 2),
        "sba": _of_name("the method of Syntetos and Boylan", demand, "sba", 2),
        "tsb": _of_name("the method of Teunter, Syntetos and Babai", demand, "tsb", 2),
        "imapa": _of_name("IMAPA", demand, "imapa", demand.MOST_LEVELS),
        "mean": _of_name("the mean", simple, "mean", 0),
        "recent_mean": _of_name("the mean of the last third", simple, "recent_mean", 0),
        "naive": _of_name("the last value", simple, "naive", 0),
        "drift": _of_name("the line from first to last value", simple, "drift", 0),
        "seasonal_naive": _of_name("the last season", simple, "seasonal_naive", 0),
        simple.OF_LONGEST: _of_name("the last longest season", simple, simple.OF_LONGEST, 0),
        simple.SEASONAL_MEAN: _of_seasons("the mean of the last longest seasons at today's level"),
    }
)
