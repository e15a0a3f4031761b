"""Raw file to series and report: the whole way, top to bottom."""

import difflib
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from trainer.errors import InputEmptyError, RawFileInvalidError
from trainer.input.numbers import is_doubtful
from trainer.input.source import Source, open_source
from trainer.input.table import open_table
from trainer.prepare.options import Options
from trainer.prepare.progress import Progress
from trainer.prepare.publish import Target
from trainer.prepare.reading import FAULTS_REMEDY, open_raw
from trainer.prepare.report import Reading, Report, make_report, told, write_report
from trainer.prepare.series import Prepared, to_series
from trainer.prepare.totals import Totals

_VALUE_NAMES = {"mean": "PaidAmount", "sum": "PaidAmount", "count": "Lines", "quantity": "Quantity"}
_EMPTY_REMEDY = "give a file of transactions, one per line"


def work(options: Options) -> None:
    """Read the raw file; write the series and the report, both or neither."""
    with ExitStack() as stack:
        series_target = stack.enter_context(Target(options.output))
        report_target = stack.enter_context(Target(options.report)) if options.report else None
        source = stack.enter_context(
            open_source(
                options.source, encoding=options.read_as.encoding, option="FILE", pipes=True
            )
        )
        prepared, report = prepare(source, options)
        if report_target is not None:
            report_target.write(write_report(report))
        series_target.write(write_series(prepared, options))
        if report_target is not None:
            report_target.move()
        series_target.move()
    _say(told(report) if options.report is None else report.notes)


def prepare(source: Source, options: Options) -> tuple[Prepared, Report]:
    """Return the series that a raw file holds, and the report on it."""
    reading = _read_all(source, options)
    if not options.skips_broken or reading.totals.lines == 0:
        reading.raw.problems.raise_if_any(FAULTS_REMEDY, RawFileInvalidError)
    _refuse_nothing(reading, options)
    prepared = to_series(reading.totals, options, incomplete_from=reading.incomplete_from)
    return prepared, make_report(reading, prepared, options)


def write_series(prepared: Prepared, options: Options) -> bytes:
    """Return the series as CSV: as many digits as tell the double, whole numbers as such.

    A 0 behind 1.026 says that it is no thousand.
    """
    lines = [f"TransactionDate,{_VALUE_NAMES[options.measure]}"]
    is_counted = options.measure in ("count", "quantity")
    for date, value in zip(prepared.dates, prepared.values, strict=True):
        is_whole = is_counted and value is not None and value.is_integer()
        text = "" if value is None else str(int(value)) if is_whole else repr(value)
        text += "0" * is_doubtful(text)
        lines.append(f"{date},{text}")
    return ("\n".join(lines) + "\n").encode()


def _read_all(source: Source, options: Options) -> Reading:
    """Return what the whole file adds up to, a block of lines at a time."""
    named = [] if options.columns is None else list(options.columns.given().values())
    table = open_table(source, options.read_as, named=named, may_be_cut_off=True)
    raw, totals, progress = open_raw(table, options), Totals(options), Progress(source.size)
    try:
        for rows in raw.read():
            totals.add(rows, raw.types)
            progress.tell(source.bytes_read, source.lines_read)
    finally:
        progress.end()
    incomplete_from = None
    if table.cut_off is not None and totals.lines and totals.is_sorted:
        incomplete_from = raw.day_of_cut_off() or totals.newest_line_day
    return Reading(raw=raw, totals=totals, incomplete_from=incomplete_from)


def _refuse_nothing(reading: Reading, options: Options) -> None:
    """Refuse a file without lines, and a selection without any."""
    totals, name = reading.totals, reading.raw.table.name
    if totals.lines == 0:
        raise InputEmptyError(f"{name}: there is no complete line", remedy=_EMPTY_REMEDY)
    if totals.selected:
        return
    known = sorted(reading.raw.types)
    by_lower = {text.lower(): text for text in known}
    near = [
        by_lower[match]
        for text in options.types
        for match in difflib.get_close_matches(text.lower(), by_lower, n=1)
    ]
    hint = f"the nearest type is {near[0]!r}; " if near else ""
    types = f"the types are {', '.join(map(repr, known))}; " if options.types else ""
    raise InputEmptyError(
        f"{name}: none of {totals.lines:,} lines has the requested type, product and dates",
        remedy=f"{hint}{types}check --type, --product, --from and --to",
    )


def _say(lines: Sequence[str]) -> None:
    """Write to stderr; a terminal that went away does not end the run."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
