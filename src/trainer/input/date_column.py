"""A column of cells to dates, block by block.

A column has one form. The first cell that can be read in one form only decides for all; until then
what was read may still change, in the arrays that were returned. Where no cell decides, the user is
asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from trainer.errors import DatesIrregularError
from trainer.input.date_forms import FORMS, ISO, DateForm, read_date
from trainer.input.numbers import is_missing
from trainer.input.problems import Problems
from trainer.input.records import Flags, Places
from trainer.input.text_column import Known

NO_DATE = NO_OFFSET = int(np.iinfo(np.int64).min)
DAY = 86_400_000_000  # microseconds
_SAMPLE = 200
_SOME_ZONES = "some dates have a time zone and some do not"
_MOST_KEPT = 50_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as dates are written
_MICROSECOND = timedelta(microseconds=1)
_FIRST_DATE = (datetime(1, 1, 1) - _EPOCH) // _MICROSECOND  # noqa: DTZ001 - as dates are written
_PLAIN_ISO = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?(?:\n|$))*"
)


def _read_as(text: str, form: DateForm) -> int:
    date = read_date(text, form)
    return NO_DATE if date is None else (date.replace(tzinfo=None) - _EPOCH) // _MICROSECOND


def settle_offsets(read: Sequence[tuple[Places, Places]]) -> list[str]:
    """Leave dates as they are written, or make them UTC in place; return what has to be told.

    `read` are arrays of dates and of their offsets. Raises ValueError where some have none.
    """
    found = [(dates, offsets, dates != NO_DATE) for dates, offsets in read]
    different = {int(one) for _, offsets, good in found for one in np.unique(offsets[good])}
    if len(different) < 2:  # noqa: PLR2004 - one offset, or none
        return []
    if NO_OFFSET in different:
        raise ValueError(_SOME_ZONES)
    if len({int(time) for dates, _, good in found for time in np.unique(dates[good] % DAY)}) == 1:
        return ["dates have several offsets from UTC and one time of day: read as written"]
    for dates, offsets, good in found:
        dates[good] -= offsets[good]
    return ["dates have several offsets from UTC: converted to UTC"]


@dataclass(slots=True, kw_only=True)
class DateColumn:
    """Reads dates as microseconds from 1970, as they are written.

    A form that cannot read a cell which another one reads is out. With `keeps_offsets` the offsets
    from UTC are kept beside the dates, for `finish`; without, nobody asks for them.
    """

    name: str
    problems: Problems
    told: str | None = None
    keeps_offsets: bool = True
    forms: list[DateForm] = field(default_factory=list)
    _known: Known = field(init=False)
    _doubtful: dict[str, None] = field(default_factory=dict)
    _open: list[Places] = field(default_factory=list)
    _offset_of: dict[str, int] = field(default_factory=dict)
    _offsets: list[tuple[Places, Places]] = field(default_factory=list)
    _rows: int = 0
    _first_doubtful: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        """Take the form that the user named."""
        self._known = Known(self._find)
        self.forms = [form for form in FORMS if form.name == self.told]

    @property
    def is_open(self) -> bool:
        """Return whether a later cell may change what was read."""
        return bool(self._doubtful)

    def read(self, lines: Places, texts: Sequence[str], bad: Flags) -> Places:
        """Return the cells' dates; mark rows whose cell is none."""
        if not self.forms:
            self._shortlist(lines, texts)
        dates = self._plain(texts)
        if dates is None:
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
                self._offset_of.clear()
            if len(self.forms) > 1:
                self._narrow(lines, texts)
            dates = np.fromiter(map(self._known.__getitem__, texts), np.int64, len(texts))
            self._note(lines, texts, dates, bad)
        self._rows += len(texts)
        if self._doubtful:
            self._open.append(dates)
        return dates

    def accept(self, lines: Places, dates: Places, bad: Flags) -> Places:
        """Return dates that are none of a text, NaT where one is missing.

        With zones, shape (2, rows): as they are written, and in UTC.
        """
        self._rows += dates.shape[-1]
        if dates.ndim > 1:
            is_known = dates[0] != NO_DATE
            offsets = np.where(is_known, dates[0] - dates[1], NO_OFFSET)
            dates = dates[0].copy()
            self._offsets.append((dates, offsets))
        for place in np.flatnonzero(dates == NO_DATE):
            bad[place] = True
            self.problems.add(int(lines[place]), f"{self.name}: the date is missing")
        return dates

    def problem(self, text: str) -> str | None:
        """Return what is wrong with a cell, and change nothing."""
        if is_missing(text):
            return "the date is missing"
        if any(read_date(text, form) is not None for form in self.forms):
            return None
        return f"{text.strip()[:40]!r} is not a date{self._named()}"

    def finish(self) -> list[str]:
        """Return what has to be told. Raises where dates can be read in two ways.

        Dates with several offsets are as written if all have the same time of day (days over a
        change of the clocks), else they become UTC.
        """
        if self._first_doubtful and len(self.forms) > 1 and self._doubtful:
            line, text = self._first_doubtful
            names = [form.name for form in self.forms]
            raise DatesIrregularError(
                f"{self.problems.name}:{line}: {self.name}: {text!r} can be read as "
                f"{' and as '.join(names)}, and no other row decides",
                remedy=f"choose one with --date_format, such as --date_format '{names[-1]}', or "
                "write dates as YYYY-MM-DD",
            )
        notes = (
            []
            if self.told or not self.forms or self.forms[0].name == ISO
            else [f"dates are read as {self.forms[0].name}"]
        )
        return [*notes, *self._settle_offsets()]

    def take_offsets(self, dates: Places) -> Places:
        """Return the offsets of dates that were read, and let them be settled elsewhere."""
        for place, (read, offsets) in enumerate(self._offsets):
            if read is dates:
                del self._offsets[place]
                return offsets
        return np.full(len(dates), NO_OFFSET)

    def _settle_offsets(self) -> list[str]:
        if not self._offsets:
            return []
        rows = sum(len(dates) for dates, _ in self._offsets)
        without = np.full(self._rows - rows, NO_OFFSET)
        try:
            return settle_offsets([*self._offsets, (np.zeros_like(without), without)])
        except ValueError as exc:
            raise DatesIrregularError(
                f"{self.problems.name}: {self.name}: {exc}",
                remedy="write all dates with a time zone, or all without",
            ) from exc

    def _shortlist(self, lines: Places, texts: Sequence[str]) -> None:
        """Find the forms that read the most of the first cells."""
        sample = [text for text in dict.fromkeys(texts) if not is_missing(text)][:_SAMPLE]
        counts = [sum(read_date(text, form) is not None for text in sample) for form in FORMS]
        if sample and not max(counts):
            place = texts.index(sample[0])
            raise DatesIrregularError(
                f"{self.problems.name}:{lines[place]}: the column {self.name!r} holds no dates: "
                f"{sample[0].strip()[:40]!r}",
                remedy="name the column of the dates, or write them as YYYY-MM-DD",
            )
        if sample:
            pairs = zip(FORMS, counts, strict=True)
            self.forms = [form for form, count in pairs if count == max(counts)]

    def _plain(self, texts: Sequence[str]) -> Places | None:
        """Return dates and times of ISO 8601 where most differ, else None: numpy's way is fast."""
        is_iso = bool(self.forms) and self.forms[0].name == ISO and not self._doubtful
        if not is_iso or 2 * len(set(texts[:_SAMPLE])) < len(texts[:_SAMPLE]):
            return None
        if not _PLAIN_ISO.fullmatch("\n".join(texts)):
            return None
        try:
            dates = np.array(texts, dtype="datetime64[us]").view(np.int64)
        except ValueError:
            return None
        return dates if len(dates) and dates.min() >= _FIRST_DATE else None

    def _find(self, text: str) -> int:
        """Return a cell's date by the first form that is possible."""
        for form in self.forms:
            date = read_date(text, form)
            if date is not None:
                offset = date.utcoffset()
                if offset is not None and self.keeps_offsets:
                    self._offset_of[text] = offset // _MICROSECOND
                return (date.replace(tzinfo=None) - _EPOCH) // _MICROSECOND
        return NO_DATE

    def _narrow(self, lines: Places, texts: Sequence[str]) -> None:
        """Drop the forms that these cells rule out; read earlier cells again by what is left."""
        before = self.forms[0]
        for text in dict.fromkeys(texts):
            if text in self._known:
                continue
            read = {form.name: read_date(text, form) for form in self.forms}
            dates = {str(date) for date in read.values() if date is not None}
            if dates:
                self.forms = [form for form in self.forms if read[form.name] is not None]
            if len(dates) > 1 and len(self.forms) > 1:
                self._doubtful[text] = None
                self._first_doubtful = self._first_doubtful or (
                    int(lines[texts.index(text)]),
                    text.strip(),
                )
            else:
                self._known.setdefault(text, self._find(text))  # is not read by each form again
        if self._doubtful and (self.forms[0] is not before or len(self.forms) == 1):
            self._read_again(before)

    def _read_again(self, before: DateForm) -> None:
        """Give the arrays of doubtful cells the dates of the first form that is left."""
        after = self.forms[0]
        if after is not before:
            pairs = [(_read_as(text, before), _read_as(text, after)) for text in self._doubtful]
            dates = dict(pairs)
            for array in self._open:
                values, places = np.unique(array, return_inverse=True)
                array[:] = np.array([dates.get(int(v), int(v)) for v in values])[places]
        self._doubtful = {
            text: None
            for text in self._doubtful
            if len({_read_as(text, form) for form in self.forms}) > 1
        }
        if not self._doubtful:
            self._open.clear()
        self._known.clear()

    def _note(self, lines: Places, texts: Sequence[str], dates: Places, bad: Flags) -> None:
        """Note cells that are no dates, and offsets."""
        for place in np.flatnonzero(dates == NO_DATE):
            bad[place] = True
            text = texts[int(place)]
            what = f"{text.strip()[:40]!r} is not a date{self._named()}"
            what = "the date is missing" if is_missing(text) else what
            self.problems.add(int(lines[place]), f"{self.name}: {what}")
        if self._offset_of:
            offsets = [self._offset_of.get(text, NO_OFFSET) for text in texts]
            self._offsets.append((dates, np.array(offsets, dtype=np.int64)))

    def _named(self) -> str:
        return f" ({self.forms[0].name})" if self.forms else ""
