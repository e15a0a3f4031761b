"""Tables written from known dates and numbers in random dialects, and what reading them gives."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import numpy as np

from trainer.errors import DataError
from trainer.input.columns import choose_columns
from trainer.input.frame import Frame, read_frame
from trainer.input.options import ReadAs
from trainer.input.source import Source
from trainer.input.table import open_table

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEADERS = [("date", "value"), ("Datum", "Umsatz"), ("Tag", "Größe"), ("日付", "売上"), ("ds", "y")]
_HEADERS += [("Month", "Ums\u00e4tze"), ("when", "Sales, net"), ("年月", "値"), ("t", '3" pipes')]
_NOTES = ("a", "März", "x, y; z", "箱舟", "“quoted”", 'say "no"', "two\nlines", "1.234", "")
_ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp932", "cp1252", "latin-1")


def _day_form(sign: str, places: str, *, padded: bool) -> Callable[[datetime], str]:
    width = 2 if padded else 1

    def write(day: datetime) -> str:
        parts = {"Y": str(day.year), "M": f"{day.month:0{width}d}", "D": f"{day.day:0{width}d}"}
        return sign.join(parts[place] for place in places)

    return write


_DAYS: dict[str, Callable[[datetime], str]] = {
    "YYYY-MM-DD": _day_form("-", "YMD", padded=False),
    "YYYY/MM/DD": _day_form("/", "YMD", padded=True),
    "YYYY.MM.DD": _day_form(".", "YMD", padded=False),
    "DD.MM.YYYY": _day_form(".", "DMY", padded=True),
    "DD/MM/YYYY": _day_form("/", "DMY", padded=False),
    "MM/DD/YYYY": _day_form("/", "MDY", padded=True),
    "MM-DD-YYYY": _day_form("-", "MDY", padded=False),
    "DD-MM-YYYY": _day_form("-", "DMY", padded=True),
    "YYYY年MM月DD日": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "DD Month YYYY": lambda day: f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
    "Month DD, YYYY": lambda day: f"{_MONTHS[day.month - 1].upper()} {day.day}, {day.year}",
}
_WHOLE_MONTHS: dict[str, Callable[[datetime], str]] = {
    "YYYY-MM": lambda day: f"{day.year}-{day.month:02d}",
    "MM/YYYY": lambda day: f"{day.month}/{day.year}",
    "YYYYMM": lambda day: f"{day.year}{day.month:02d}",
    "Month YYYY": lambda day: f"{_MONTHS[day.month - 1]} {day.year}",
    "YYYY年MM月": lambda day: f"{day.year}年{day.month}月",
}
_ISO: tuple[Callable[[datetime], str], ...] = (
    lambda day: day.isoformat(),
    lambda day: day.isoformat(sep=" "),
    lambda day: f"{day.isoformat()}+09:00",
    lambda day: day.strftime("%Y-%m-%d %H:%M"),
)


def _twelve_hours(day: datetime) -> str:
    return f" {(day.hour + 11) % 12 + 1}:{day.minute:02d} {'PM' if day.hour > 11 else 'AM'}"


def _minutes(day: datetime) -> str:
    return day.strftime(" %H:%M")


def _with_clock(
    write: Callable[[datetime], str], clock: Callable[[datetime], str]
) -> Callable[[datetime], str]:
    return lambda day: write(day) + clock(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A table, what it means, and what a user could say about it."""

    content: bytes
    dates: list[datetime]
    values: list[float | None]
    date: str
    value: str
    told: ReadAs


def write_table(seed: int) -> Written:
    """Return a table in a dialect of its own."""
    random = Random(seed)
    date_format, dates, texts = _dates(random)
    mark = random.choice([".", ","])
    cells, values = _values(random, len(dates), mark)
    headers = random.choice(_HEADERS)
    rows = [[text, cell] for text, cell in zip(texts, cells, strict=True)]
    names = list(headers)
    if random.random() < 0.4:
        names.append("note")
        rows = [[*row, random.choice(_NOTES)] for row in rows]
    if random.random() < 0.2:
        names.append("id")
        rows = [[*row, str(1000 + place)] for place, row in enumerate(rows)]
    order = random.sample(range(len(names)), len(names))
    has_header = random.random() < 0.9
    lines = [[names[place] for place in order]] if has_header else []
    lines += [[row[place] for place in order] for row in rows]
    separator, text = _joined(random, lines)
    encoding = random.choice(_ENCODINGS)
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        encoding, content = "utf-8", text.encode()
    date, value = headers if has_header else (str(order.index(0) + 1), str(order.index(1) + 1))
    return Written(
        content=content,
        dates=dates,
        values=values,
        date=date,
        value=value,
        told=ReadAs(
            decimal="." if mark == "." else ",",
            encoding=encoding.removesuffix("-sig"),
            separator=separator,
            date_format=date_format,
        ),
    )


def _dates(random: Random) -> tuple[str, list[datetime], list[str]]:
    """Return the form's name, and dates with their texts: gaps, and any order of the rows."""
    start = datetime(random.randint(1990, 2030), random.randint(1, 12), random.randint(1, 28))  # noqa: DTZ001 - as written
    count, kind = random.randint(6, 60), random.choice(["days", "days", "hours", "months", "iso"])
    if kind == "months":
        months = [start.year * 12 + start.month - 1 + n for n in range(count)]
        dates = [datetime(month // 12, month % 12 + 1, 1) for month in months]  # noqa: DTZ001
        form, write = random.choice(list(_WHOLE_MONTHS.items()))
    else:
        step = timedelta(hours=1) if kind in ("hours", "iso") else timedelta(days=1)
        dates = [start + step * n for n in range(count)]
        form, write = random.choice(list(_DAYS.items()))
        if kind == "iso":
            form, write = "ISO 8601", random.choice(_ISO)
        elif kind == "hours":
            write = _with_clock(write, random.choice([_twelve_hours, _minutes]))
    dates = [date for date in dates if random.random() < 0.9] or dates
    order = random.choice(["up", "up", "down", "mixed"])
    if order == "mixed":
        random.shuffle(dates)
    elif order == "down":
        dates.reverse()
    return form, dates, [write(date) for date in dates]


def _values(random: Random, count: int, mark: str) -> tuple[list[str], list[float | None]]:
    """Return cells in one way to write numbers, and what each means; None where it is empty."""
    places = random.choice([None, 0, 0, 1, 2, 3, 4])
    largest = random.choice([9, 100, 2000, 3000, 1e6, 1e9])
    least = random.choice([0, 0, -largest, largest / 2])
    group = random.choice(["", "", "," if mark == "." else ".", " ", "\u00a0", "'", "\u2019"])
    missing = random.choice([0, 0, 0.1])
    cells, values = list[str](), list[float | None]()
    for _ in range(count):
        if random.random() < missing:
            cells.append(random.choice(["", "NA", "NaN"]))
            values.append(None)
            continue
        number = random.uniform(least, largest)
        plain = repr(number) if places is None else f"{number:.{places}f}"
        values.append(float(plain))
        whole, point, rest = plain.partition(".")
        digits = whole.removeprefix("-")
        if group and len(digits) > 3:
            whole = whole.removesuffix(digits) + f"{int(digits):,}".replace(",", group)
        cells.append(whole + (mark if point else "") + rest)
    return cells, values


def _joined(random: Random, lines: Sequence[Sequence[str]]) -> tuple[str, str]:
    """Return the separator, and the lines as a text with quotes where they are needed."""
    separator = random.choice([",", ",", ";", "\t", "|", " "])
    end = random.choice(["\n", "\n", "\r\n", "\r"])
    out = io.StringIO()
    quoting: Any = csv.QUOTE_ALL if random.random() < 0.2 else csv.QUOTE_MINIMAL
    if separator == " ":  # where blanks separate, an empty cell is not to be seen
        lines = [[cell or "NA" for cell in line] for line in lines]
    if end == "\r":  # for which the writer does not quote another line end
        lines = [[cell.replace("\n", " ") for cell in line] for line in lines]
    csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting).writerows(lines)
    text = out.getvalue()
    if random.random() < 0.1:
        text = f"# exported by hand{end}{text}"
    elif random.random() < 0.1 and separator != " ":
        text = f"sep={separator}{end}{text}"
    if random.random() < 0.2:
        text += end
    elif random.random() < 0.2:
        text = text.removesuffix(end)
    return separator, text


def outcome(written: Written, *, is_told: bool) -> str:
    """Read a table; return "equal", "other" if it is read otherwise, or the refusal's name."""
    source = Source(name="t.csv", stream=io.BytesIO(written.content), block_bytes=97)
    read_as = written.told if is_told else ReadAs()
    source.encoding = read_as.encoding
    is_named = is_told or not written.date.isalpha()
    date, value = (written.date, written.value) if is_named else (None, None)
    try:
        named = [written.date, written.value] if is_named else []
        table = open_table(source, read_as, named=named)
        columns = choose_columns(table, date=date, value=value)
        frame = read_frame(table, read_as, date=columns.date, value=columns.value)
    except DataError as exc:
        return exc.name()
    names = (columns.date, columns.value)
    return "equal" if names == (written.date, written.value) and _same(frame, written) else "other"


def _same(frame: Frame, written: Written) -> bool:
    values = np.array([np.nan if v is None else v for v in written.values], dtype=np.float64)
    dates = [date.to_pydatetime() for date in frame.dates]
    found = frame.columns[written.value]
    return dates == written.dates and np.array_equal(found, values, equal_nan=True)
