"""Which unit tests are slow by what they go on from."""

from pathlib import Path

import pytest

UNIT = Path(__file__).parent
# Fixtures of which each costs seconds: a training and the import of statsmodels, or the import of
# Azure ML's SDK. What they check is also checked without them, so `make quick` can do without.
SLOW = {"trainer": {"runs", "outcome", "found"}, "drydock": {"client", "contract"}}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow what uses a slow fixture."""
    package = item.path.relative_to(UNIT).parts[0]
    if SLOW.get(package, set()) & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.slow)
