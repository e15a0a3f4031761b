"""Which series are worked together. The plan comes from the table, the options and the program.

How many processes there are, and which batches are already done, changes nothing in it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import trainer
from trainer.input.frequency import find_grid
from trainer.input.grid import DAY_US, Grid
from trainer.input.long import LongTable
from trainer.kernel.library import kernel_library
from trainer.many.series import Given, Rules, dated
from trainer.record import versions

MOST_SERIES = 400
_LONGEST_S = 15.0
_SHORTEST_S = 1.0
_LAST_SHARE = 16  # a batch is at most this part of what is left: the last ones are small
_LOOKED_AT = 1000  # series that show the usual calendar
_FEWEST_DATES = 8
# Seconds of a fit by its number of rows: 100 months 0.06, 500 hours 0.4 (benchmarks/many.py).
_FIXED_S, _A_ROW_S, _TINY_ROWS, _TINY_S = 0.003, 0.0006, 8, 0.0006
_MOST_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Series `start` to `end` of the table; `name` is a sha256 of all that decides its results."""

    place: int
    name: str
    start: int
    end: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every batch of a table in the order of the series' names, and what holds for each series."""

    table: LongTable
    rules: Rules
    batches: tuple[Batch, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know of the table."""
        last, notes = self.rules.last_day, self.table.notes
        if last is None or not self.table.is_cut_off:
            return notes
        return (*notes, f"{dated(last + DAY_US)}, the last day, is not whole, and left out")

    @property
    def name(self) -> str:
        """Return one name for all: other rows, options or another program have another one."""
        names = "\n".join(batch.name for batch in self.batches)
        return f"plan-{hashlib.sha256(names.encode()).hexdigest()[:32]}"

    @property
    def has_times(self) -> bool:
        """Return whether dates have a time of day."""
        return not self.rules.sums_days and self.table.has_times

    def given(self, batch: Batch) -> list[Given]:
        """Return the rows of a batch's series."""
        return [given_of(self.table, place, self.rules) for place in range(batch.start, batch.end)]


def make_plan(table: LongTable, *, horizon: int | None, has_floor: bool, sums_days: bool) -> Plan:
    """Return the plan of a table. It reads each row once.

    Raises LibraryMissingError where no series could be fitted.
    """
    kernel_library()
    *_, date, value = table.columns
    rules = Rules(
        horizon=horizon,
        has_floor=has_floor,
        sums_days=sums_days,
        last_day=_last_day(table) if sums_days else None,
        usual=None if sums_days else _usual(table),
        date_column=date,
        value_column=value,
    )
    start = hashlib.sha256(f"{program_digest()}\n{rules!r}\n".encode())
    batches = []
    for place, (first, end, seconds) in enumerate(_cut(table)):
        digest = start.copy()
        for series in range(first, end):
            name = unique_id(table.names[series]).encode()
            content = table.content(series)
            digest.update(f"{len(name)} {len(content)}\n".encode() + name + content)
        batches.append(
            Batch(place=place, name=digest.hexdigest(), start=first, end=end, seconds=seconds)
        )
    return Plan(table=table, rules=rules, batches=tuple(batches))


def program_digest() -> str:
    """Return a sha256 of this program's files, and of the versions that decide its numbers."""
    folder = Path(trainer.__file__).parent
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".c", ".h") and path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def given_of(table: LongTable, place: int, rules: Rules) -> Given:
    """Return the rows of one series, summed by day where the rules say so."""
    group = table.group(place)
    problem = group.problem or (None if rules.sums_days else group.doubled)
    if problem is not None:  # the file's path may be another one when the rest is worked
        problem = problem.replace(f"{table.source}:", "line ", 1)
    elif rules.sums_days:
        group = group.summed(rules.last_day)
        if not len(group.values):
            problem = "it has no row before the last day, which is not whole"
    return Given(
        name=unique_id(group.name), dates=group.microseconds, values=group.values, problem=problem
    )


def unique_id(name: tuple[str, ...]) -> str:
    """Return one text for the texts of several columns; different ones have different texts."""
    if len(name) == 1:
        return name[0]
    return "/".join(part.replace("\\", "\\\\").replace("/", "\\/") for part in name)


def _last_day(table: LongTable) -> int | None:
    """Return the last whole day: where the file is cut off, the last one of all is not whole."""
    last = table.last_date
    return None if last is None else (last // DAY_US - table.is_cut_off) * DAY_US


def _cut(table: LongTable) -> Iterator[tuple[int, int, float]]:
    """Yield where each batch starts and ends, and the seconds that it should take."""
    seconds = _expected(table)
    left, start, taken = float(seconds.sum()), 0, 0.0
    for place, one in enumerate(seconds.tolist()):
        most = min(_LONGEST_S, max(_SHORTEST_S, left / _LAST_SHARE))
        if place > start and (taken + one > most or place - start == MOST_SERIES):
            yield start, place, taken
            left, start, taken = left - taken, place, 0.0
        taken += one
    if len(seconds):
        yield start, len(seconds), taken


def _expected(table: LongTable) -> np.ndarray:
    rows = table.counts
    seconds = np.minimum(_FIXED_S + _A_ROW_S * rows, _MOST_S)
    return np.where(rows < _TINY_ROWS, _TINY_S, seconds)


def _usual(table: LongTable) -> Grid | None:
    """Return the calendar of most series, of the first ones by name that are long enough."""
    found = Counter[Grid]()
    fewest = _FEWEST_DATES if (table.counts >= _FEWEST_DATES).any() else 2
    places = np.flatnonzero(table.counts >= fewest)[:_LOOKED_AT]
    for place in places.tolist():
        grid = find_grid(np.unique(table.group(place).microseconds))
        if grid is not None:
            found[grid] += 1
    return found.most_common(1)[0][0] if found else None
