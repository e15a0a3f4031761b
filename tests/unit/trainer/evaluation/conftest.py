"""Real days, where they are, and one thread for the small matrices of statsmodels."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # has no types

from tests.unit.trainer.read_tables import loaded
from trainer.input.data import Series


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute as the program does, which sets OPENBLAS_NUM_THREADS: more threads take longer."""
    import scipy.linalg  # noqa: F401 - only libraries that are loaded can be limited

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def days_2013(daily_2013: Path) -> Series:
    return loaded(daily_2013.read_bytes(), daily_2013.name).series
