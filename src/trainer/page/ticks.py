"""Where an axis has its marks, and what stands beside them."""

import math
from dataclasses import dataclass

import numpy as np

from trainer.page.content import Floats
from trainer.page.wording import fixed, month_name, power_of_ten

_WORDS = {6: "millions", 9: "billions", 12: "trillions"}
_MOST_DIGITS = 1e5  # a label of more digits says what is above the lowest mark
_LARGEST_PLAIN, _SMALLEST_PLAIN = 1e6, 1e-3
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MONTH, _YEAR = 30.44 * _DAY, 365.25 * _DAY
_MONDAY = 4 * _DAY  # 1970 began on a Thursday
_CLOCK_STEPS = (
    *(1, 5, 15, 30),
    *(_MINUTE * steps for steps in (1, 5, 15, 30)),
    *(_HOUR * steps for steps in (1, 3, 6, 12)),
)
_FAR_FROM_ONE = 5  # a first mark this far on leaves room for one at 1
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 2, 3, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Marks and their labels; `second_line` is what a label belongs to, `unit` holds for all."""

    places: tuple[float, ...]
    labels: tuple[str, ...]
    second_line: tuple[str, ...] = ()
    unit: str = ""


def value_range(*columns: Floats) -> tuple[float, float]:
    """Return from where to where an axis must go to show all finite values, with some air."""
    values = np.concatenate([np.ravel(column) for column in columns])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        air = 0.05 * abs(low) or 1.0
    else:
        air = 0.05 * (high - low)
    return low - air, high + air


def widened(core: tuple[float, float], outer: tuple[float, float]) -> tuple[float, float]:
    """Return a range that shows the outer one too, unless that would squeeze the core."""
    room = 1.5 * (core[1] - core[0])
    return max(min(core[0], outer[0]), core[0] - room), min(max(core[1], outer[1]), core[1] + room)


def number_ticks(low: float, high: float, most: int) -> Ticks:
    """Return at most so many round numbers between two ends."""
    step, step_digits = _round_step((high - low) / most)
    first = math.ceil(low / step - 1e-9)
    multiples = np.arange(first, math.floor(high / step + 1e-9) + 1)
    places = multiples * step
    largest = float(np.max(np.abs(places), initial=0.0))
    offset, offset_text = _offset(low, high) if largest > _MOST_DIGITS * step else (0.0, "")
    shown = places - offset
    largest = float(np.max(np.abs(shown), initial=0.0))
    exponent = 0
    if largest and not _SMALLEST_PLAIN <= largest < _LARGEST_PLAIN:
        exponent = 3 * math.floor(math.log10(largest) / 3)
    decimals = max(0, step_digits - math.floor(math.log10(step) + 1e-9) + exponent)
    return Ticks(
        places=tuple(places.tolist()),
        labels=tuple(fixed(value / 10.0**exponent, decimals) for value in shown.tolist()),
        unit=_unit(exponent, offset_text),
    )


def step_ticks(last: int, most: int, season: int = 1) -> Ticks:
    """Return marks at whole steps from 1 to the last, or at whole seasons where they fit."""
    step = 1
    if 1 < season <= last // 2:
        step = season * math.ceil(last / season / most)
    elif last > most:
        step = max(1, round(_round_step(last / most)[0]))
    places = list(range(step, last + 1, step))
    if step >= _FAR_FROM_ONE and season <= 1:
        places = [1, *places]
    return Ticks(places=tuple(map(float, places)), labels=tuple(f"{place:,}" for place in places))


def date_ticks(low: float, high: float, most: int) -> Ticks:
    """Return at most so many round moments between two ends, in seconds since 1970."""
    span = (high - low) / most
    for step in _CLOCK_STEPS:
        if step >= span:
            return _dated(_multiples(low, high, step), "clock")
    for days in _DAY_STEPS:
        if days * _DAY >= span:
            shift = _MONDAY if days % 7 == 0 else 0
            return _dated(_multiples(low - shift, high - shift, days * _DAY) + shift, "day")
    for months in _MONTH_STEPS:
        if months * _MONTH >= span:
            return _dated(_calendar_multiples(low, high, "M", months), "month")
    years = max(1, round(_round_step(span / _YEAR, halves=False)[0]))
    return _dated(_calendar_multiples(low, high, "Y", years), "year")


def _round_step(least: float, *, halves: bool = True) -> tuple[float, int]:
    """Return a step of 1, 2, 2.5 or 5 times a power of ten, and how many digits it adds."""
    exponent = math.floor(math.log10(least))
    steps = ((1, 0), (2, 0), (2.5, 1), (5, 0)) if halves else ((1, 0), (2, 0), (5, 0))
    for factor, digits in steps:
        if factor * 10.0**exponent >= least * (1 - 1e-9):
            return factor * 10.0**exponent, digits
    return 10.0 ** (exponent + 1), 0


def _offset(low: float, high: float) -> tuple[float, str]:
    """Return a round number below a narrow range, to be taken off its labels."""
    exponent = math.ceil(math.log10(high - low)) + 1
    offset = math.floor(low / 10.0**exponent) * 10.0**exponent
    return offset, fixed(offset, max(0, -exponent))


def _unit(exponent: int, offset: str) -> str:
    parts = []
    if exponent:
        parts.append(_WORDS.get(exponent, f"times {power_of_ten(exponent)}"))
    if offset:
        digits = offset.rstrip("0").rstrip(".") if "." in offset else offset
        parts.append(f"above {digits}")
    return ", ".join(parts)


def _multiples(low: float, high: float, step: float) -> Floats:
    multiples = np.arange(math.ceil(low / step), math.floor(high / step) + 1)
    return np.asarray(multiples * float(step), dtype=np.float64)


def _calendar_multiples(low: float, high: float, unit: str, step: int) -> Floats:
    first, last = (
        int(np.datetime64(int(end), "s").astype(f"datetime64[{unit}]").astype(np.int64))
        for end in (low, high)
    )
    shift = 1970 if unit == "Y" else 0  # years are round themselves, not since 1970
    numbers = np.arange(-(-(first + shift) // step) * step, last + shift + 1, step) - shift
    moments = numbers.astype(f"datetime64[{unit}]").astype("datetime64[s]").astype(np.int64)
    places = moments.astype(np.float64)
    return np.asarray(places[(places >= low) & (places <= high)])


def _dated(places: Floats, kind: str) -> Ticks:
    labels: list[str] = []
    contexts: list[str] = []
    before = ""
    for place in places.tolist():
        label, context = _moment(int(place), kind)
        labels.append(label)
        contexts.append(context if context != before else "")
        before = context
    return Ticks(places=tuple(places.tolist()), labels=tuple(labels), second_line=tuple(contexts))


def _moment(place: int, kind: str) -> tuple[str, str]:
    day, _, clock = str(np.datetime64(place, "s")).partition("T")
    year, month, day_of_month = day.rsplit("-", 2)
    if kind == "year":
        return year, ""
    if kind == "month":
        return month_name(int(month)), year
    day_words = f"{int(day_of_month)} {month_name(int(month))}"
    return (
        (day_words, year) if kind == "day" else (clock.removesuffix(":00"), f"{day_words} {year}")
    )
