"""Tables in random dialects and arbitrary bytes: read as they were meant, or refused; and the CPU.

    PYTHONPATH=src:. .venv/bin/python benchmarks/tables.py [--tables 5000] [--bytes 5000]

Exits with 1 if a table is read otherwise than it was meant, if one is refused although all that can
be told is told, or if bytes give anything but a reading or a refusal.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from tests.unit.trainer.input.written_tables import outcome, write_table
from trainer.errors import TrainerError
from trainer.input.columns import choose_columns
from trainer.input.data import load_source
from trainer.input.frame import read_frame
from trainer.input.options import ReadAs
from trainer.input.source import Source, open_source, source_of
from trainer.input.table import open_table

_OTHER_SHARE = 0.05


def main() -> int:
    """Print what was measured; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=5_000)
    parser.add_argument("--bytes", type=int, default=5_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.tables)
    wrong = read_tables(seeds) + read_bytes(range(given.first, given.first + given.bytes))
    if given.rows:
        compare_cpu(given.rows)
    return int(wrong > 0)


def read_tables(seeds: range) -> int:
    """Read tables told nothing, and told everything; return how many are wrong."""
    found = {False: Counter[str](), True: Counter[str]()}
    wrong = list[int]()
    for seed in seeds:
        written = write_table(seed)
        results = {is_told: outcome(written, is_told=is_told) for is_told in found}
        for is_told, result in results.items():
            found[is_told][result] += 1
        if results[False] == "other" or results[True] != "equal":
            wrong.append(seed)
    for is_told, counts in found.items():
        told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        print(f"{len(seeds)} tables, told {'everything' if is_told else 'nothing'}: {told}")
    print(f"read otherwise, or refused although told: {len(wrong)} {wrong[:10]}")
    return len(wrong)


def read_bytes(seeds: range) -> int:
    """Read arbitrary bytes and damaged tables; return how many end in another way."""
    counts, wrong = Counter[str](), list[int]()
    for seed in seeds:
        content = _damaged(Random(seed), write_table(seed).content)
        try:
            _load(content)
            counts["read"] += 1
        except TrainerError as exc:
            counts[exc.name()] += 1
        except Exception as exc:  # noqa: BLE001 - what is looked for
            counts[type(exc).__name__] += 1
            wrong.append(seed)
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"{len(seeds)} damaged tables: {told}")
    print(f"neither read nor refused: {len(wrong)} {wrong[:10]}")
    return len(wrong)


def _damaged(random: Random, content: bytes) -> bytes:
    """Return the bytes with some put in, left out or doubled; seldom others altogether."""
    if random.random() < _OTHER_SHARE:
        return random.randbytes(random.randint(0, 300))
    for _ in range(random.randint(1, 8)):
        start = random.randrange(len(content) + 1)
        put_in = random.choice(
            [random.randbytes(2), b"", b'"', b"\n", b",", b";", b"\x1f\x8b", b"#"]
        )
        content = content[:start] + put_in + content[start + random.choice([0, 0, 1, 30]) :]
    return content


def _load(content: bytes) -> None:
    source = Source(name="t.csv", stream=source_of(content, "").stream, block_bytes=61)
    load_source(source, ReadAs(), lambda t: choose_columns(t, date=None, value=None))


def compare_cpu(rows: int) -> None:
    """Print the CPU time of a large table and that of pandas, which is told the columns."""
    numbers = np.random.default_rng(1).normal(size=rows).round(4)
    dates = pd.date_range("1900-01-01", periods=rows, freq="min")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        frame = pd.DataFrame({"date": dates, "id": np.arange(rows), "y": numbers})
        frame.to_csv(path, index=False)
        ours = _cpu(lambda: _read(path, numbers))
        theirs = _cpu(lambda: pd.read_csv(path, parse_dates=["date"], usecols=["date", "y"]))
    print(
        f"{rows:,} rows of {path.name}: {ours:.2f} CPU s, pandas {theirs:.2f}: {ours / theirs:.2f}x"
    )


def _read(path: Path, numbers: np.ndarray) -> None:
    with open_source(str(path)) as source:
        table = open_table(source, ReadAs())
        read = read_frame(table, ReadAs(), date="date", value="y")
    if not np.array_equal(read.columns["y"], numbers):
        raise ValueError("read otherwise than written")


def _cpu(work: object) -> float:
    started = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
