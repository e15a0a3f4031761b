"""What the page of a run counts of every series, in the order of the names, in little memory."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, floor, log
from statistics import fmean

from trainer.combine.series import BASELINES, COMBINATION
from trainer.input.frequency import named
from trainer.many.series import Result
from trainer.page.many_content import Bar, Demand, Duel, Entry, Failure, Share, Stretch
from trainer.page.many_page import entry_item
from trainer.printable import limited

_BARS_A_UNIT, _LOWEST = 10, -1
_BELOW = _LOWEST * _BARS_A_UNIT - 1
_MOST_STRETCHES, _FEWEST_SERIES = 500, 200
_INDEX_BYTES = 1_000_000
_LARGEST_RATIO = 100.0  # else one series with an error of rounding decides the mean
_LONGEST_NAME, _HEAD = 90, 60
_MOST_REASONS, _SHOWN_REASONS, _SHOWN_NAMES = 1000, 20, 3
# Two reasons are one where they differ in what they quote and in numbers: lines, dates, cells.
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9][0-9.,:-]*")
_SHORT_NAMES = {
    "arima": "ARIMA",
    "ets": "ETS",
    "theta": "Theta",
    "ces": "CES",
    "tsb": "TSB",
    "sba": "SBA",
    "imapa": "IMAPA",
    "croston": "Croston",
}


def shown_name(name: str) -> str:
    """Return a series' name to be shown; of a long one the two ends, which the page cuts too."""
    return limited(
        name if len(name) <= _LONGEST_NAME else name[:_HEAD] + name[_HEAD - _LONGEST_NAME :]
    )


def short_name(name: str) -> str:
    """Return a member's or a baseline's name as it is read."""
    return _SHORT_NAMES.get(name, name.replace("_", " "))


@dataclass(slots=True)
class _Rival:
    better: int = 0
    equal: int = 0
    worse: int = 0
    best: int = 0
    ratios: int = 0
    log_ratio: float = 0.0

    def add(self, own: float, other: float) -> None:
        """Count one series."""
        self.better += own < other
        self.equal += own == other
        self.worse += own > other
        if own > 0 and other > 0:
            self.ratios += 1
            self.log_ratio += log(min(_LARGEST_RATIO, max(1 / _LARGEST_RATIO, own / other)))


@dataclass(slots=True)
class _Reason:
    status: str
    first: str
    count: int = 0
    names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Stretch:
    first: str
    last: str = ""
    series: int = 0
    better: int = 0
    worse: int = 0
    failed: int = 0


class Index:
    """All series by name: each one while their items are small, else stretches of names alone."""

    def __init__(self, series: int) -> None:
        """Begin without a series; `series` is how many there will be."""
        self._size = max(_FEWEST_SERIES, -(-series // _MOST_STRETCHES))
        self._stretches = list[_Stretch]()
        self._entries = list[Entry]()
        self._bytes = 0

    def add(self, result: Result) -> None:
        """Add the next series by name."""
        if not self._stretches or self._stretches[-1].series == self._size:
            self._stretches.append(_Stretch(first=result.name))
        stretch = self._stretches[-1]
        stretch.last = result.name
        stretch.series += 1
        stretch.better += result.skill is not None and result.skill > 0
        stretch.worse += result.skill is not None and result.skill <= 0
        stretch.failed += result.status != "ok"
        if self._bytes <= _INDEX_BYTES:
            entry = Entry(name=shown_name(result.name), status=result.status, skill=result.skill)
            self._bytes += len(entry_item(entry).encode())
            self._entries.append(entry)
            if self._bytes > _INDEX_BYTES:
                self._entries.clear()

    def stretches(self, anchors: Mapping[int, str]) -> tuple[Stretch, ...]:
        """Return the index; `anchors` are those of the series that are drawn, by place."""
        entries = list(self._entries)
        for place, anchor in anchors.items() if entries else ():
            entries[place] = replace(entries[place], anchor=anchor)
        starts = range(0, len(self._stretches) * self._size, self._size)
        return tuple(
            Stretch(
                first=shown_name(stretch.first),
                last=shown_name(stretch.last),
                series=stretch.series,
                better=stretch.better,
                worse=stretch.worse,
                failed=stretch.failed,
                entries=tuple(entries[start : start + self._size]),
            )
            for start, stretch in zip(starts, self._stretches, strict=True)
        )


class Tally:
    """Counts series by what the page shows of them; `series` is how many there will be."""

    def __init__(self, series: int) -> None:
        """Begin without a series."""
        self.index = Index(series)
        self.calendars = Counter[str]()  # by their plain names
        self.sparse = 0  # series of intermittent demand with a backtest
        self.first: int | None = None
        self.last: int | None = None
        self._bars = Counter[int]()
        self._rivals = dict[str, _Rival]()
        self._demand = dict[str, list[Sequence[float]]]()
        self._weights = dict[str, float]()
        self._weighted, self._heaviest = Counter[str](), Counter[str]()
        self._reasons = dict[tuple[str, str], _Reason]()
        self._unlisted = 0

    def add(self, result: Result) -> None:
        """Count the next series by name."""
        self.index.add(result)
        if result.calendar is not None:
            self.calendars[named(result.calendar)] += 1
        if result.first is not None and result.last is not None:
            self.first = min(result.first, self.first if self.first is not None else result.first)
            self.last = max(result.last, self.last if self.last is not None else result.last)
        if result.skill is not None:
            step = floor(max(result.skill, float(_LOWEST - 1)) * _BARS_A_UNIT)
            self._bars[min(_BARS_A_UNIT - 1, max(step, _BELOW))] += 1
        self._add_errors(result)
        self._add_members(result)
        if result.status != "ok":
            self._add_reason(result)

    def _add_errors(self, result: Result) -> None:
        if result.best_baseline is not None:
            self._rivals.setdefault(result.best_baseline, _Rival()).best += 1
        self.sparse += bool(result.demand)
        for name, scaled in result.demand.items():
            self._demand.setdefault(name, []).append(scaled)
        own = result.errors.get(COMBINATION)
        if own is None:
            return
        for name, error in result.errors.items():
            if name != COMBINATION:
                self._rivals.setdefault(name, _Rival()).add(own, error)

    def _add_members(self, result: Result) -> None:
        kinds = [name.partition(" ")[0] for name in result.members]
        for place, (kind, weight) in enumerate(zip(kinds, result.members.values(), strict=True)):
            self._weights[kind] = self._weights.get(kind, 0.0) + weight
            self._weighted[kind] += 1
            self._heaviest[kind] += place == 0

    def _add_reason(self, result: Result) -> None:
        reason = limited(result.reason)
        key = result.status, _VARYING.sub("…", reason)
        if key not in self._reasons and len(self._reasons) == _MOST_REASONS:
            self._unlisted += 1
            return
        found = self._reasons.setdefault(key, _Reason(status=result.status, first=reason))
        found.count += 1
        if len(found.names) < _SHOWN_NAMES:
            found.names.append(shown_name(result.name))

    def bars(self) -> tuple[Bar, ...]:
        """Return the distribution of skill: all below -1, then steps of 0.1 up to 1."""
        steps = range(_BELOW + 1, _BARS_A_UNIT)
        inner = [
            Bar(low=step / _BARS_A_UNIT, high=(step + 1) / _BARS_A_UNIT, count=self._bars[step])
            for step in steps
        ]
        return (Bar(low=None, high=float(_LOWEST), count=self._bars[_BELOW]), *inner)

    def duels(self) -> tuple[Duel, ...]:
        """Return the forecast against each baseline and each member, by their names."""
        return tuple(
            Duel(
                rival=short_name(name),
                is_baseline=name in BASELINES,
                better=rival.better,
                equal=rival.equal,
                worse=rival.worse,
                relative=exp(rival.log_ratio / rival.ratios) if rival.ratios else None,
                best=rival.best,
            )
            for name, rival in sorted(self._rivals.items())
        )

    def demands(self) -> tuple[Demand, ...]:
        """Return the means of the scaled errors of intermittent demand, the forecast's first."""
        return tuple(
            Demand(
                name="the forecast" if name == COMBINATION else short_name(name),
                series=len(found),
                rmse=fmean(each[0] for each in found),
                mae=fmean(each[1] for each in found),
                bias=fmean(each[2] for each in found),
            )
            for name in (COMBINATION, *BASELINES)
            if (found := self._demand.get(name))
        )

    def shares(self) -> tuple[Share, ...]:
        """Return the members, the one with the largest share of all weights first."""
        whole = sum(self._weights.values()) or 1.0
        return tuple(
            Share(
                member=short_name(name),
                weight=weight / whole,
                series=self._weighted[name],
                heaviest=self._heaviest[name],
            )
            for name, weight in sorted(self._weights.items(), key=lambda item: (-item[1], item[0]))
        )

    def failures(self) -> tuple[tuple[Failure, ...], int]:
        """Return the most frequent reasons, and how many series failed for others."""
        order = sorted(self._reasons.values(), key=lambda reason: -reason.count)
        shown = tuple(
            Failure(
                status=reason.status,
                reason=reason.first,
                count=reason.count,
                names=tuple(reason.names),
            )
            for reason in order[:_SHOWN_REASONS]
        )
        rest = sum(reason.count for reason in order[_SHOWN_REASONS:])
        return shown, rest + self._unlisted
