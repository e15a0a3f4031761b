"""Who may import whom, and what a module may do when it is imported: read from the source."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render
from tests.samples import FakeReporter, FakeRunner, write_project
from tests.together import GROUPS, group_of

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "src" / "hakobune"
TRAINER = ROOT / "src" / "trainer" / "__init__.py"

# layer -> layers that it may import; a layer may always import itself.
ALLOWED = {
    "errors": set[str](),
    # How a signal ends us: of the process itself, which all of its parts share.
    "interruption": set(),
    "model": {"errors"},
    "transform": {"model", "errors"},
    "adapters": {"interruption", "model", "errors"},
    # Reads and writes files; programs and registries are handed in.
    "oci": {"model", "errors"},
    "stages": {"interruption", "transform", "adapters", "oci", "model", "errors"},
    "settings": {"model", "errors"},
    "console": {"model", "errors"},
    "cli": {"interruption", "stages", "console", "settings", "model", "errors"},
}
# The one module that makes the adapters and hands them to the commands.
WIRING = TOOL / "cli" / "wiring.py"
PROCESS_MODULES = {"subprocess", "socket", "http", "urllib.request", "requests", "docker", "azure"}


@cache
def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer_of(path: Path) -> str:
    return path.relative_to(TOOL).parts[0].removesuffix(".py")


@pytest.mark.parametrize("layer", sorted(ALLOWED))
def test_a_layer_imports_only_what_it_may(layer: str) -> None:
    modules = [p for p in TOOL.rglob("*.py") if layer_of(p) == layer]
    assert modules
    for path in modules:
        ours = {name for name in imports(path) if name.startswith("hakobune.")}
        layers = {name.split(".")[1] for name in ours} - {layer, "__version__"}
        allowed = ALLOWED[layer] | ({"adapters"} if path == WIRING else set())
        assert layers <= allowed, path


def test_only_the_wiring_makes_what_commands_work_with() -> None:
    made = re.compile(r"\b(Path\.cwd|Console|SystemRunner|AzureWorkspace)\(|open_project\(")
    for path in (TOOL / "cli").glob("*.py"):
        assert path == WIRING or not made.search(path.read_text(encoding="utf-8")), path


def test_a_command_is_short() -> None:
    for path in (TOOL / "cli").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == "command":
                body = [statement for statement in node.body if not _is_docstring(statement)]
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator] # parsed, so it has lines
                assert lines <= 20, path


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_every_module_of_the_tool_belongs_to_a_layer() -> None:
    others = {layer_of(p) for p in TOOL.rglob("*.py")} - set(ALLOWED)
    assert others == {"__init__", "__main__", "data"}


@pytest.mark.parametrize("package", ["hakobune", "trainer", "drydock"])
def test_a_package_imports_neither_of_the_others(package: str) -> None:
    others = {"hakobune", "trainer", "drydock"} - {package}
    for path in (ROOT / "src" / package).rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & others, path


def test_only_adapters_reach_processes_and_networks() -> None:
    for path in TOOL.rglob("*.py"):
        if layer_of(path) not in ("adapters", "data"):
            used = imports(path)
            assert not {n for n in used if n.startswith(tuple(PROCESS_MODULES))}, path


def test_a_plan_becomes_text_only_where_it_is_sent_shown_or_written() -> None:
    where = {"adapters/azure_ml.py", "stages/dry_run.py", "stages/export.py"}
    renders = "hakobune.adapters.azure_documents"
    found = {p for p in TOOL.rglob("*.py") if any(n.startswith(renders) for n in imports(p))}
    assert {str(path.relative_to(TOOL)) for path in found} == where


def test_only_settings_reads_environment_variables() -> None:
    allowed = {TOOL / "settings.py", TOOL / "console.py", TOOL / "adapters" / "process.py"}
    # Both run in the image: one sets a variable there, one reports which there are.
    allowed |= {TOOL / "data" / name for name in ("choose_arithmetic.py", "canary.py")}
    for path in set(TOOL.rglob("*.py")) - allowed:
        assert "os.environ" not in path.read_text(encoding="utf-8"), path


def test_a_package_file_holds_a_docstring_and_at_most_a_version() -> None:
    for path in set((ROOT / "src").rglob("__init__.py")) - {TRAINER}:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = {getattr(getattr(n, "targets", [None])[0], "id", "other") for n in body[1:]}
        assert names <= {"__version__"}, path


def test_the_trainers_package_file_offers_load_and_imports_it_only_when_called() -> None:
    body = ast.parse(TRAINER.read_text(encoding="utf-8")).body
    others = [node for node in body[1:] if not isinstance(node, (ast.Assign, ast.FunctionDef))]
    assert [ast.unparse(node).splitlines()[0] for node in others] == [
        "from __future__ import annotations",
        "from typing import TYPE_CHECKING",
        "if TYPE_CHECKING:",
    ]
    assert [node.name for node in body if isinstance(node, ast.FunctionDef)] == ["load", "forecast"]


@pytest.mark.parametrize("package", ["hakobune", "trainer", "drydock"])
def test_modules_are_not_longer_than_400_lines(package: str) -> None:
    for path in (ROOT / "src" / package).rglob("*.py"):
        # hakobune's errors are one list, which the table of exit codes is made of.
        if path != TOOL / "errors.py":
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_what_tests_share_is_in_no_module_of_tests() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        modules = {name for name in imports(path) if name.startswith("tests.")}
        assert not {name for name in modules if ".test_" in name}, path
        if path.is_relative_to(ROOT / "tests/unit"):
            assert not {name for name in modules if ".conftest." in name}, path


def test_tests_that_share_a_process_are_there() -> None:
    assert all((ROOT / start).exists() for start, _ in GROUPS)
    one, other = "tests/e2e/test_cloud.py::test_a[x::y]", "tests/e2e/test_bad_input.py::test_b"
    assert group_of(one) == group_of(other) != group_of("tests/e2e/test_notebook.py::test_c")


@pytest.mark.process
def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom hakobune.cli.main import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sorted(m for m in sys.modules if '.' not in m))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"azure", "docker", "pandas", "rich", "yaml", "packaging", "uv", "tomllib", "tempfile"}
    assert "click" in loaded
    assert not loaded & heavy


@pytest.mark.process
def test_a_check_of_the_lock_without_a_network_loads_nothing_that_it_does_not_need(
    tmp_path: Path,
) -> None:
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    code = (
        "import sys\nfrom hakobune.cli.main import cli\n"
        "try:\n    cli(['lock', '--check'])\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", "HAKOBUNE_OFFLINE": "1"},
    )
    first, *_, last = done.stdout.splitlines()
    loaded = set(last.split())
    assert "up to date" in first
    heavy = {"azure", "docker", "pandas", "rich", "yaml", "uv", "oras", "subprocess", "hypothesis"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("hakobune.adapters.")} - {
        "hakobune.adapters.files"
    }


# Libraries whose package has another name than the module; the rest is the same but for case.
DISTRIBUTIONS = {
    "azure.ai.ml": "azure-ai-ml",
    "azure.core": "azure-core",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
    "cyclonedx": "cyclonedx-python-lib",
    "google.protobuf": "protobuf",
    "in_toto_attestation": "in-toto-attestation",
    "jwt": "pyjwt",
    "packageurl": "packageurl-python",
    "yaml": "pyyaml",
}


@pytest.mark.parametrize(
    ("package", "extras"), [("hakobune", ["azure"]), ("drydock", ["azure", "rehearsal"])]
)
def test_every_library_that_is_imported_is_declared(package: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = list(project["dependencies"])
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    declared = {re.split(r"[>=\[]", text)[0] for text in texts}
    used = set()
    for path in (ROOT / "src" / package).rglob("*.py"):
        for name in imports(path):
            top = name.split(".")[0]
            if top not in {*sys.stdlib_module_names, "hakobune", "drydock"}:
                known = [module for module in DISTRIBUTIONS if name.startswith(module)]
                used.add(DISTRIBUTIONS[known[0]] if known else top)
    assert used
    assert used <= declared


@pytest.mark.process
def test_the_wheel_holds_what_is_needed_without_a_checkout(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "there")
    code = (
        "from drydock import images\nfrom hakobune.adapters.files import shipped_folder\n"
        "print(*sorted(p.name for p in images.FOLDER.iterdir()))\n"
        "print((images._BASE_SCRIPTS / 'mirror.sh').is_file())\n"
        "print((shipped_folder('base') / 'build.sh').is_file())\nprint(images.engine_command())\n"
        "print(images.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "there"), "PATH": "/usr/bin:/bin"},
    )
    files, *found = done.stdout.splitlines()
    documentation = tmp_path / "there/hakobune/data/documentation"
    for page in ("README.md", "docs/tutorial.md", "docs/reference/configuration.md"):
        assert (documentation / page).read_bytes() == (ROOT / page).read_bytes()
    ours = {path.name for path in (ROOT / "docker/drydock").iterdir()}
    assert set(files.split()) == ours
    engine = f"bash {tmp_path / 'there/hakobune/data/engine.sh'} ensure"
    assert found == ["True", "True", engine, str(tmp_path / "there/drydock/images.py")]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("package", ["hakobune", "drydock"])
def test_every_module_can_be_imported_alone(package: str) -> None:
    modules = [
        ".".join(p.relative_to(ROOT / "src").with_suffix("").parts)
        for p in (ROOT / "src" / package).rglob("*.py")
        if p.name not in ("__init__.py", "__main__.py") and p.parent.name != "data"
    ]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    for loaded in [m for m in sys.modules if m.startswith(('hakobune', 'drydock'))]:\n"
        "        del sys.modules[loaded]\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *modules],
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
    )
