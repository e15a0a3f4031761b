"""The data report: what was read, what was left out, and what in it is worth a look."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from trainer.prepare.options import Options
from trainer.prepare.reading import RawTable
from trainer.prepare.series import Prepared, Span
from trainer.prepare.totals import Totals

_SHOWN = 10
_NEIGHBOURS = 15
_OUTLIER_DEVIATIONS = 6.0
_TO_DEVIATION = 1.4826  # the median distance of normal values from their median, inverted
_LABEL_WIDTH = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A value far from those around it, in robust standard deviations."""

    date: date
    value: float
    usual: float
    deviations: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShare:
    """A type's part of all lines and of their amount; None where amounts have no whole."""

    type: str
    lines: int
    lines_share: float
    amount: float | None
    amount_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything worth telling of one run.

    All lines that were read are used, not selected, outside the dates, or in a dropped period.
    """

    source: str
    sha256: str
    bytes: int
    file_lines: int
    read: int
    used: int
    not_selected: int
    outside: int
    in_dropped: int
    broken: int
    broken_lines: tuple[str, ...]
    cut_off_line: int | None
    negative_quantities: int
    zero_amounts: int
    types: tuple[TypeShare, ...]
    first_day: date
    last_day: date
    measure: str
    by: str
    fill: str
    sums: str
    periods: int
    empty: int
    filled: int
    gaps: tuple[Span, ...]
    dropped: tuple[Span, ...]
    outliers: tuple[Outlier, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is left in hand when the file has been read."""

    raw: RawTable
    totals: Totals
    incomplete_from: int | None

    @property
    def cut_off_line(self) -> int | None:
        """Return the number of the line in which the file was cut off."""
        cut_off = self.raw.table.cut_off
        return None if cut_off is None else cut_off.line


def make_report(reading: Reading, prepared: Prepared, options: Options) -> Report:
    """Return the report."""
    totals, source, problems = reading.totals, reading.raw.table.source, reading.raw.problems
    return Report(
        source=source.name,
        sha256=source.digest.hexdigest(),
        bytes=source.bytes_read,
        file_lines=source.lines_read,
        read=totals.lines,
        used=prepared.lines,
        not_selected=totals.lines - totals.selected - totals.outside,
        outside=totals.outside,
        in_dropped=totals.selected - prepared.lines,
        broken=problems.count,
        broken_lines=tuple(problems.shown()),
        cut_off_line=reading.cut_off_line,
        negative_quantities=totals.negative_quantities,
        zero_amounts=totals.zero_amounts,
        types=_shares(reading),
        first_day=date.fromordinal(totals.first_day or 1),
        last_day=date.fromordinal(totals.last_day or 1),
        measure=options.measure,
        by=options.by,
        fill=options.fill,
        sums=options.sums,
        periods=len(prepared.dates),
        empty=prepared.empty,
        filled=prepared.filled,
        gaps=prepared.gaps,
        dropped=prepared.dropped,
        outliers=find_outliers(prepared.dates, prepared.values),
        notes=_notes(reading, options),
    )


def find_outliers(dates: Sequence[date], values: Sequence[float | None]) -> tuple[Outlier, ...]:
    """Return values far from the median of the 31 around them; nothing is done about them.

    The measure is the median distance from such medians, so that outliers do not hide each other.
    """
    known = [place for place, value in enumerate(values) if value is not None]
    numbers = np.array([values[place] for place in known], dtype=np.float64)
    usual = np.array(
        [
            np.median(numbers[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1])
            for place in range(len(numbers))
        ]
    )
    distances = np.abs(numbers - usual)
    deviation = _TO_DEVIATION * float(np.median(distances)) if len(numbers) else 0.0
    if deviation == 0:
        return ()
    return tuple(
        Outlier(
            date=dates[known[place]],
            value=float(numbers[place]),
            usual=float(usual[place]),
            deviations=round(float(distances[place]) / deviation, 1),
        )
        for place in np.flatnonzero(distances > _OUTLIER_DEVIATIONS * deviation)
    )


def write_report(report: Report) -> bytes:
    """Return the report as JSON."""
    fields = {"schema_version": 1, **asdict(report)}
    return (json.dumps(fields, indent=2, ensure_ascii=False, default=str) + "\n").encode()


def told(report: Report) -> list[str]:
    """Return the report as lines for a terminal."""
    counts = (
        (report.used, "used"),
        (report.not_selected, "not selected"),
        (report.outside, "outside --from and --to"),
        (report.in_dropped, "in dropped periods"),
    )
    read = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    days = f"{report.first_day} to {report.last_day}"
    series = f"{report.periods:,} values ({report.measure} by {report.by})"
    lines = [
        f"{'file':<{_LABEL_WIDTH}}{report.source}: {report.file_lines:,} lines, {days}",
        f"{'read':<{_LABEL_WIDTH}}{report.read:,} lines: {read}",
        f"{'series':<{_LABEL_WIDTH}}{series}, {report.empty:,} empty, {report.filled:,} filled",
    ]
    for share in report.types:
        amount = "" if share.amount_share is None else f", {share.amount_share:.1%} of the amount"
        lines.append(
            f"{'type':<{_LABEL_WIDTH}}{share.type}: {share.lines:,} lines, "
            f"{share.lines_share:.1%} of the lines{amount}"
        )
    lines += _listed("gap", [_spelled(gap) for gap in report.gaps])
    lines += _listed("outlier", [_outlier(outlier) for outlier in report.outliers])
    lines += _listed("dropped", [f"{_spelled(span)}: not whole" for span in report.dropped])
    lines += _listed("broken", list(report.broken_lines), report.broken)
    return [*lines, *(f"{'note':<{_LABEL_WIDTH}}{note}" for note in report.notes)]


def _listed(label: str, texts: Sequence[str], count: int | None = None) -> list[str]:
    more = (len(texts) if count is None else count) - min(len(texts), _SHOWN)
    shown = [f"{label:<{_LABEL_WIDTH}}{text}" for text in texts[:_SHOWN]]
    return [*shown, *([f"{label:<{_LABEL_WIDTH}}... and {more:,} more"] * (more > 0))]


def _spelled(span: Span) -> str:
    return str(span.first) if span.days == 1 else f"{span.first} to {span.last}, {span.days} days"


def _outlier(outlier: Outlier) -> str:
    return (
        f"{outlier.date}: {outlier.value:g} (usually {outlier.usual:g}; "
        f"{outlier.deviations:g} deviations)"
    )


def _shares(reading: Reading) -> tuple[TypeShare, ...]:
    """Return the types' shares, the most frequent first."""
    totals = reading.totals
    whole = sum(total.amount for total in totals.types)
    shares = [
        TypeShare(
            type=name,
            lines=total.lines,
            lines_share=total.lines / totals.lines,
            amount=total.amount if reading.raw.has_amounts else None,
            amount_share=total.amount / whole if reading.raw.has_amounts and whole > 0 else None,
        )
        for name, total in zip(reading.raw.types, totals.types, strict=True)
    ]
    return tuple(sorted(shares, key=lambda share: (-share.lines, share.type)))


def _notes(reading: Reading, options: Options) -> tuple[str, ...]:
    totals, raw = reading.totals, reading.raw
    notes = list(dict.fromkeys(raw.table.notes))
    if not totals.is_sorted:
        notes.append("the lines are not in chronological order")
    if totals.negative_quantities:
        notes.append(f"{totals.negative_quantities:,} lines have a negative quantity: kept")
    notes += [f"--type {t}: no line has it" for t in options.types if t not in raw.types]
    absent = [text for text in options.products if text not in raw.products_seen]
    notes += [f"--product {text}: no line has it" for text in absent]
    notes += _cut_off_notes(reading, options)
    if options.fill == "line":
        notes.append("filled values use later values: scores on them are too good")
    return tuple(notes)


def _cut_off_notes(reading: Reading, options: Options) -> list[str]:
    if reading.cut_off_line is None:
        return []
    line = f"line {reading.cut_off_line:,}, the last one, is truncated: dropped"
    if not reading.totals.is_sorted:
        return [f"{line}; lines of any day may be missing, as they are not sorted"]
    if options.partial == "keep":
        return [f"{line}; its day may lack lines (--partial keep)"]
    return [line]
