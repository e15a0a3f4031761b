"""A batch's file is whole or it is none; reading one executes nothing."""

import io
import json
import math
import os
import struct
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.many.batch_file import find_sealed, head, read_batch, record, write_batch
from trainer.many.series import Given, Result, Rules, forecast_one

RULES = Rules(
    horizon=2,
    has_floor=True,
    sums_days=False,
    last_day=None,
    usual=None,
    date_column="ds",
    value_column="y",
)
DAY = 86_400_000_000


def made(name: str) -> Result:
    """Return the result of ten days."""
    dates = np.arange(10, dtype=np.int64) * DAY
    return forecast_one(Given(name=name, dates=dates, values=np.arange(10.0) ** 2), RULES)


def written(folder: Path, results: list[Result], batch: str = "b" * 64) -> Path:
    """Write results as a batch."""
    return write_batch(folder, batch, io.BytesIO(b"".join(map(record, results))))


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    nothing = Given(name="x", dates=np.zeros(0, dtype=np.int64), values=np.zeros(0))
    results = [made("a"), made("nu\0l 🚢"), forecast_one(nothing, RULES)]
    found = read_batch(written(tmp_path, results), "b" * 64)
    assert found is not None
    for one, other in zip(results, found, strict=True):
        for field in fields(Result):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_a_file_of_which_a_byte_is_missing_or_changed_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, [made("a")])
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place])
        assert read_batch(path, "b" * 64) is None
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert read_batch(path, "b" * 64) is None
    path.write_bytes(content)
    assert read_batch(path, "c" * 64) is None


def test_any_sealed_file_of_a_batch_is_taken_and_nothing_else(tmp_path: Path) -> None:
    first, second = written(tmp_path, [made("a")]), written(tmp_path, [made("a")])
    torn = min(first, second)
    torn.write_bytes(torn.read_bytes()[:-3])
    (tmp_path / ("b" * 64)).mkdir()
    (tmp_path / f"{'b' * 64}.").symlink_to("/dev/zero")
    assert find_sealed(tmp_path, ["b" * 64, "c" * 64]) == {"b" * 64: max(first, second)}
    assert find_sealed(tmp_path / "absent", ["b" * 64]) == {}


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    """The run is published meanwhile, and its output is not for a late node."""
    with pytest.raises(FileNotFoundError):
        written(tmp_path / "output/.cluster/batches", [made("a")])
    assert list(tmp_path.iterdir()) == []


def test_a_sparse_file_of_ten_gigabytes_and_a_pipe_cost_no_memory_and_no_wait(
    tmp_path: Path,
) -> None:
    large, right = tmp_path / f"{'b' * 64}.0", written(tmp_path, [made("a")])
    with large.open("wb") as stream:
        stream.write(head("b" * 64))
        stream.truncate(10 << 30)
    os.mkfifo(tmp_path / f"{'b' * 64}.1")
    tracemalloc.start()
    try:
        assert find_sealed(tmp_path, ["b" * 64]) == {"b" * 64: right}
        assert read_batch(large, "b" * 64) is None
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "facts",
    [
        b"[" * 100_000,
        b"[]",
        b'{"name": "a"}',
        {"name": 5},
        {"status": "fine"},
        {"reason": None},
        {"seconds": "1"},
        {"members": []},
        {"members": {"ets": {}}},
        {"errors": {"ets": "x"}},
        {"rows": 1.5},
        {"rows": True},
        {"last": 10**18},
        {"skill": math.nan},
    ],
)
def test_a_sealed_file_of_other_facts_is_none(
    tmp_path: Path, facts: bytes | dict[str, Any]
) -> None:
    good = record(made("a"))
    sizes = struct.unpack_from("<III", good)
    text, rest = good[12 : 12 + sizes[0]], good[12 + sizes[0] :]
    other = facts if isinstance(facts, bytes) else json.dumps(json.loads(text) | facts).encode()
    forged = struct.pack("<III", len(other), *sizes[1:]) + other + rest
    path = write_batch(tmp_path, "b" * 64, io.BytesIO(forged))
    assert find_sealed(tmp_path, ["b" * 64]) == {"b" * 64: path}
    assert read_batch(path, "b" * 64) is None


def test_a_date_that_no_calendar_has_is_refused(tmp_path: Path) -> None:
    far = replace(made("a"), dates=np.array([1 << 62]), numbers=np.zeros((5, 1)))
    assert read_batch(written(tmp_path, [far]), "b" * 64) is None
