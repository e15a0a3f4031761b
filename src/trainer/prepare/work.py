"""Raw file to series and report: the whole way, top to bottom."""

import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import chain

from trainer.errors import InputEmptyError, RawFileInvalidError
from trainer.input.numbers import Decimal, Evidence, is_doubtful
from trainer.prepare.layout import Layout, find_layout
from trainer.prepare.lines import Block, Source, open_source
from trainer.prepare.options import Options
from trainer.prepare.progress import Progress
from trainer.prepare.publish import Target
from trainer.prepare.reader import Faults, RowReader
from trainer.prepare.report import Reading, Report, make_report, told, write_report
from trainer.prepare.series import Prepared, to_series
from trainer.prepare.totals import Totals

_VALUE_NAMES = {"mean": "PaidAmount", "sum": "PaidAmount", "count": "Lines", "quantity": "Quantity"}
_MOST_WAITING = 63  # blocks of a MiB
_EMPTY_REMEDY = "give a file of transactions, one per line"


def work(options: Options) -> None:
    """Read the raw file; write the series and the report, both or neither."""
    with ExitStack() as stack:
        series_target = stack.enter_context(Target(options.output))
        report_target = stack.enter_context(Target(options.report)) if options.report else None
        source = stack.enter_context(open_source(options.source))
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
        reading.faults.refuse()
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
    blocks = source.blocks()
    first = next(blocks)
    layout = find_layout(first.lines, options, source.name)
    faults, totals, progress = Faults(name=source.name), Totals(options), Progress(source.size)
    told = options.decimal and Decimal(mark=options.decimal, reason=f"--decimal {options.decimal}")
    reader = RowReader(layout, options.products, faults, told or None)
    cut_off_line = incomplete_from = None
    try:
        for block in _with_known_mark(chain([first], blocks), reader, layout, source.name):
            number, lines = _below_header(block, layout)
            cut_off = _cut_off(block, lines, reader)
            for rows in reader.read(lines if cut_off is None else lines[:cut_off], number):
                totals.add(rows, reader.types)
            if cut_off is not None:
                cut_off_line = number + cut_off
                incomplete_from = _incomplete_from(lines[cut_off], reader, totals)
            progress.tell(source.bytes_read, source.lines_read)
    finally:
        progress.end()
    return Reading(
        source=source,
        layout=layout,
        reader=reader,
        totals=totals,
        faults=faults,
        cut_off_line=cut_off_line,
        incomplete_from=incomplete_from,
    )


def _with_known_mark(
    blocks: Iterable[Block], reader: RowReader, layout: Layout, name: str
) -> Iterator[Block]:
    """Yield the blocks; those with a number that only a later line can decide wait for it.

    A last line without an end may be cut off: it does not decide for others.
    """
    evidence, waiting = Evidence(), list[Block]()
    for block in blocks:
        if reader.decimal is None:
            number, lines = _below_header(block, layout)
            whole = len(lines) - (block.is_last and not block.ends_in_line_end)
            reader.look(lines[:whole], number, evidence)
            if reader.decimal is None and evidence.doubtful:
                if block.is_last or len(waiting) == _MOST_WAITING:
                    evidence.refuse(name, RawFileInvalidError)
                waiting.append(block)
                continue
            if reader.decimal is None:
                reader.look(lines[whole:], number + whole, evidence)
                if block.is_last:
                    evidence.refuse(name, RawFileInvalidError)
        yield from waiting
        waiting.clear()
        yield block


def _below_header(block: Block, layout: Layout) -> tuple[int, list[str]]:
    """Return the number of the first line that may hold data, and the lines from there."""
    skipped = layout.header_line or 0
    if block.first_line > skipped:
        return block.first_line, block.lines
    return skipped + 1, block.lines[skipped:]


def _cut_off(block: Block, lines: Sequence[str], reader: RowReader) -> int | None:
    """Return the place of the file's last line if the file was cut off within it."""
    filled = [place for place, line in enumerate(lines) if line.strip()] if block.is_last else []
    if not filled or reader.problem(lines[filled[-1]]) is None:
        return None
    has_no_end = not block.ends_in_line_end and filled[-1] == len(lines) - 1
    return filled[-1] if has_no_end or reader.is_short(lines[filled[-1]]) else None


def _incomplete_from(line: str, reader: RowReader, totals: Totals) -> int | None:
    """Return the day in which a file in the order of time was cut off; None without order."""
    if not totals.is_sorted:
        return None
    day = reader.day(line)
    return totals.newest_line_day if day is None else day


def _refuse_nothing(reading: Reading, options: Options) -> None:
    """Refuse a file without lines, and a selection without any."""
    totals, name = reading.totals, reading.source.name
    if totals.lines == 0:
        raise InputEmptyError(f"{name}: there is no complete line", remedy=_EMPTY_REMEDY)
    if totals.selected:
        return
    known = sorted(reading.reader.types)
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
