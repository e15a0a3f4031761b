"""Real days, where they are, and one thread for the small matrices of statsmodels."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # has no types

from trainer.input.columns import choose_columns
from trainer.input.data import Series, to_series
from trainer.input.table import read_table


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute as the program does, which sets OPENBLAS_NUM_THREADS: more threads take longer."""
    import scipy.linalg  # noqa: F401 - only libraries that are loaded can be limited

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def days_2013(daily_2013: Path) -> Series:
    table = read_table(daily_2013.read_bytes(), daily_2013.name)
    return to_series(table, choose_columns(table, date=None, value=None), sha256="0")
