"""Texts of `--calendar`, `--fourier` and `--regressors` to a plan. Knows nothing of data."""

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainer.errors import OrderInvalidError, RegressorsInvalidError
from trainer.interruption import held_back

MOST_PAIRS = 20
LONGEST_SEASON, MOST_SEASONS = 10_000, 3
LONGEST_ARIMA_SEASON = 60
PAIRS_OF_FIRST, PAIRS_OF_LATER = 8, MOST_PAIRS
_CALENDAR_REMEDY = "give --calendar weekday,month,holidays:DE (or holidays:DE-BY), any of the three"
_FOURIER_REMEDY = "give --fourier PERIOD:PAIRS such as 365.25:3; repeat it for another period"
_NUMBER = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,9})?")
_COUNT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which regressors are made of the dates: holidays by country code, Fourier pairs by period."""

    weekday: bool = False
    month: bool = False
    holidays: str | None = None
    fourier: tuple[tuple[float, int], ...] = ()


def parse_plan(*, calendar: Sequence[str] = (), fourier: Sequence[str] = ()) -> Plan:
    """Return the plan that the texts of `--calendar` and `--fourier`, each repeatable, ask for."""
    found = dict[str, str]()
    for word in (part.strip() for text in calendar for part in text.split(",")):
        name, mark, code = word.partition(":")
        _refuse_unknown(word, name, mark)
        if name in found:
            raise RegressorsInvalidError(
                f"--calendar: {name} is given twice", remedy=_CALENDAR_REMEDY
            )
        found[name] = code
    return Plan(
        weekday="weekday" in found,
        month="month" in found,
        holidays=find_code(found["holidays"]) if "holidays" in found else None,
        fourier=_fourier(fourier),
    )


def parse_seasons(text: str | None) -> tuple[int, ...] | None:
    """Return the seasons of `--season`, the shortest first; empty for 1, which is none."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if all(_COUNT.fullmatch(part) for part in parts):
        found = sorted({int(part) for part in parts})
        if found == [1]:
            return ()
        if found[0] > 1 and found[-1] <= LONGEST_SEASON and len(found) <= MOST_SEASONS:
            return tuple(found)
    raise OrderInvalidError(
        f"--season {text!r} is not one to {MOST_SEASONS} season lengths",
        remedy=f"give numbers of steps from 2 to {LONGEST_SEASON}, such as 48,336; or 1 for none",
    )


def plan_seasons(plan: Plan, seasons: Sequence[int]) -> Plan:
    """Return the plan with Fourier pairs for several seasons, or one that is too long for ARIMA.

    An ARIMA model has one season, and its work grows with the square of its length. What the user
    planned with `--fourier` stays as it is.
    """
    is_needed = len(seasons) > 1 or any(season > LONGEST_ARIMA_SEASON for season in seasons)
    if plan.fourier or not is_needed:
        return plan
    most = (PAIRS_OF_FIRST, *(PAIRS_OF_LATER for _ in seasons[1:]))
    pairs = tuple((float(s), min(n, s // 2)) for s, n in zip(seasons, most, strict=True))
    return replace(plan, fourier=pairs)


def parse_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the texts of `--regressors`, repeatable, name."""
    names = [part.strip() for text in texts for part in text.split(",")]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled or not all(names):
        what = f"{doubled[0]!r} is given twice" if doubled else "a name is empty"
        raise RegressorsInvalidError(
            f"--regressors: {what}", remedy="name each column once: --regressors price,promo"
        )
    return tuple(names)


def find_code(text: str) -> str:
    """Return the code of a country, or of a part of one (DE-BY), that has known holidays."""
    with held_back():
        import holidays  # noqa: PLC0415 - loads a thousand names, for those who ask for holidays
        from holidays.registry import COUNTRIES  # noqa: PLC0415

    known = holidays.list_supported_countries(include_aliases=True)
    country, mark, part = text.strip().partition("-")
    if country.upper() not in known:
        by_name = {name.replace("_", " "): str(codes[1]) for name, codes in COUNTRIES.items()}
        by_name |= {code.lower(): code for code in known}
        raise RegressorsInvalidError(
            f"--calendar: no holidays are known for {text.strip()!r}",
            remedy=_near(text, by_name) + "give a code of ISO 3166 such as DE, or DE-BY for a part",
        )
    parts = {code.lower(): code for code in known[country.upper()]}
    if mark and part.lower() not in parts:
        raise RegressorsInvalidError(
            f"--calendar: {country.upper()} has no part {part!r} with holidays of its own",
            remedy=_near(part, parts) + f"the parts are: {', '.join(parts.values()) or 'none'}",
        )
    return f"{country.upper()}-{parts[part.lower()]}" if mark else country.upper()


def _near(text: str, by_name: dict[str, str]) -> str:
    near = difflib.get_close_matches(text.strip().lower(), by_name, n=3, cutoff=0.5)
    codes = list(dict.fromkeys(by_name[name] for name in near))
    return f"near are {', '.join(codes)}; " if codes else ""


def _refuse_unknown(word: str, name: str, mark: str) -> None:
    names = ("weekday", "month", "holidays")
    if name not in names:
        near = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f"the nearest is {near[0]}; " if near else ""
        raise RegressorsInvalidError(
            f"--calendar: {word!r} is unknown", remedy=hint + _CALENDAR_REMEDY
        )
    if bool(mark) != (name == "holidays"):
        what = "name a country" if name == "holidays" else f"{name} does not accept {word!r}"
        raise RegressorsInvalidError(f"--calendar: {what}", remedy=_CALENDAR_REMEDY)


def _fourier(texts: Sequence[str]) -> tuple[tuple[float, int], ...]:
    found = dict[float, int]()
    for text in (part.strip() for whole in texts for part in whole.split(",")):
        period_text, _, pairs_text = text.partition(":")
        if not _NUMBER.fullmatch(period_text) or not _COUNT.fullmatch(pairs_text):
            raise RegressorsInvalidError(
                f"--fourier: {text!r} is not a period and a number of pairs", remedy=_FOURIER_REMEDY
            )
        period, pairs = float(period_text), int(pairs_text)
        most = min(MOST_PAIRS, math.floor(period / 2))
        if period in found or not 1 <= pairs <= most:
            what = "is given twice" if period in found else f"may have 1 to {most} pairs"
            raise RegressorsInvalidError(
                f"--fourier {text}: a period of {period:g} steps {what}"
                if most
                else f"--fourier {text}: the period must be at least 2 steps",
                remedy=_FOURIER_REMEDY,
            )
        found[period] = pairs
    return tuple(found.items())
