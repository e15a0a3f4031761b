"""Which unit tests are slow by what they go on from."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

UNIT = Path(__file__).parent
# Fixtures of which each costs seconds: a training and the import of statsmodels, or the import of
# Azure ML's SDK. What they check is also checked without them, so `make quick` can do without.
SLOW = {"trainer": {"runs", "outcome", "found"}, "drydock": {"client", "contract"}}


@pytest.fixture(autouse=True, scope="session")
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let what is kept in the folder for temporary files, such as logs, go with the tests' own."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("temporary"))
    yield
    tempfile.tempdir = before


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow what uses a slow fixture."""
    package = item.path.relative_to(UNIT).parts[0]
    if SLOW.get(package, set()) & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def pushable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep which registries were asked for the right to push; test_registry.py asks a real one."""
    asked: list[str] = []
    if "hakobune" in request.node.path.parts:
        monkeypatch.setattr("hakobune.adapters.registry.require_writable", asked.append)
    return asked
