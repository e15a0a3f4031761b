"""Inputs that somebody made to break a reader: whole ones, changed in a few places."""

import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.unit.trainer.saved.made import resealed

# What a cell, a header or a text of a JSON may hold.
TEXTS = (
    *("", " ", "NaN", "inf", "-inf", "1e400", "-1e308", "1e-400", "9" * 400, "0x10", "1_000", "٣"),
    *("1,5", "1.026", "1.234.567,8", "12 345", "--5", "+-1", "true", "null", "#REF!", "=1+1"),
    *("2024-13-01", "0000-00-00", "9999-12-31", "10000-01-01", "1677-01-01"),
    *("2262-04-12", "24-1-1"),
    *("2024-02-29T24:00:00", "2024-01-01T00:00:00+99:99", "2024-W53-7", "2024Q5", "31/31/2024"),
    *("\x1b[2J\x1b[H", "a\rb", "a\nb", "a\x00b", "\x7f", "\u202etxt", "\u2028", "\ufeff", "\x85"),
    *("<script>alert(1)</script>", "$x^2$", "${{x}}", "$(id)", "`id`", "../../x", "%s%n", "{0}"),
    *("\U0001f600" * 50, "x" * 200_000, '"', '""', "'", "\\", "a,b", "a;b\tc", "é" * 300),
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(10**400), 0.1, -0.0, 5e-324),
    *(
        1.7e308,
        float("inf"),
        float("-inf"),
        float("nan"),
        [],
        {},
        [[]],
        [None],
        [1, "a"],
        {"a": {}},
    ),
    *(TEXTS[0], "\ud800", "D", "MS", "1ns", "10000000YS-JAN", "W-SUN", [0] * 7, [10**9] * 3),
)
HEADER = "date,value,price"


def tables(seed: int, count: int) -> Iterator[bytes]:
    """Yield CSV files; the bytes of some are no UTF-8."""
    draw = random.Random(seed)
    rows = [f"2024-01-{day:02},{50 + day * 7 % 11}.{day},{day}" for day in range(1, 29)]
    rows += [f"2024-01-{day},,{day}" for day in range(29, 32)]
    for _ in range(count):
        cells = [line.split(",") for line in (HEADER, *rows)]
        for _ in range(draw.choice((1, 1, 1, 2, 3, 12))):
            _change_table(cells, draw)
        end, mark = draw.choice(("\n", "\n", "\r\n", "\r")), draw.choice(",,,,,,;;\t")
        text = end.join(mark.join(map(_quoted, row)) for row in cells)
        content = bytearray(text.encode("utf-8", "surrogatepass"))
        _change_bytes(content, draw)
        yield bytes(content)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',;\t|"\n\r') else cell


def _change_table(cells: list[list[str]], draw: random.Random) -> None:
    place = draw.randrange(len(cells))
    match draw.randrange(10):
        case 0:
            cells[0][draw.randrange(len(cells[0]))] = draw.choice(TEXTS)
        case 1:
            cells.insert(place, list(cells[place]))
        case 2 if len(cells) > 3:
            del cells[place]
        case 3:
            cells[place].append(draw.choice(TEXTS))
        case 4:
            column = draw.randrange(3)
            text = draw.choice(TEXTS)
            for row in cells[1:]:
                row[column % len(row)] = text
        case 5:
            draw.shuffle(cells)
        case 6 | 7 if place:
            cells[place][-2:] = draw.choices(("0", "-3.5", "", "1e3", "999999999999999"), k=2)
        case _:
            cells[place][draw.randrange(len(cells[place]))] = draw.choice(TEXTS)


def _change_bytes(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((0,) * 9 + (1, 3, 40)) if content else 0):
        content[draw.randrange(len(content))] = draw.randrange(256)
    if content and draw.random() < 0.05:
        del content[draw.randrange(len(content)) :]


def models(whole: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield saved models whose seal is right and whose values are not, and some of other bytes."""
    draw = random.Random(seed)
    for _ in range(count):
        raw = json.loads(whole)
        for _ in range(draw.choice((1, 1, 2, 3))):
            _change_values(raw, draw)
        content = bytearray(resealed(raw))
        if draw.random() < 0.1:
            _change_bytes(content, draw)
        yield bytes(content)


def records(whole: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield records whose seal is right and whose values are not."""
    draw = random.Random(seed)
    for _ in range(count):
        raw = json.loads(whole)
        for _ in range(draw.choice((1, 1, 2, 3))):
            _change_values(raw, draw)
        raw.pop("sha256", None)
        body = (json.dumps(raw, indent=2) + "\n").encode()
        raw["sha256"] = hashlib.sha256(body).hexdigest()
        yield (json.dumps(raw, indent=2) + "\n").encode()


def _change_values(raw: dict[str, Any], draw: random.Random) -> None:
    """Change, remove or add one value, at any depth."""
    place: Any = raw
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw.random() < 0.7:
            place = inner
            continue
        break
    match draw.randrange(5):
        case 0:
            del place[key]
        case 1 if isinstance(place, list):
            place.extend([draw.choice(VALUES)] * draw.choice((1, 5, 500)))
        case 2:
            place[key] = draw.choice(TEXTS)
        case _:
            place[key] = draw.choice(VALUES)
