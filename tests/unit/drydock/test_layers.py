"""Which module of drydock may know which, read from the source."""

import ast
from pathlib import Path

import pytest

DRYDOCK = Path(__file__).parents[3] / "src" / "drydock"
MODULES = sorted(DRYDOCK.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports when it is imported itself."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def known_to(folder: str) -> set[str]:
    paths = [path for path in MODULES if path.parent.name == folder]
    assert paths
    return set().union(*(imports(path) for path in paths))


def test_drydock_imports_neither_the_tool_nor_the_trainer() -> None:
    for path in MODULES:
        assert not {name.split(".")[0] for name in imports(path)} & {"hakobune", "trainer"}, path


def test_state_knows_nothing_of_http() -> None:
    names = known_to("state")
    assert not {n for n in names if n.startswith(("http", "socket", "urllib.request", "ssl"))}
    assert not {n for n in names if n.startswith(("drydock.handlers", "drydock.http_values"))}


def test_handlers_know_no_socket_and_no_file() -> None:
    names = {name.split(".")[0] for name in known_to("handlers")}
    assert not names & {"http", "socket", "ssl", "pathlib", "os", "subprocess", "docker", "azure"}


@pytest.mark.parametrize("name", ["docker", "cryptography", "jwt"])
def test_one_module_knows_a_library(name: str) -> None:
    knowing = {path.name for path in MODULES if name in {n.split(".")[0] for n in imports(path)}}
    assert len(knowing) == 1


def test_modules_are_not_longer_than_400_lines() -> None:
    for path in MODULES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
