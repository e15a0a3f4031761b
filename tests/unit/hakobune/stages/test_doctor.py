import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hakobune.adapters.docker_cli import data_folder
from hakobune.adapters.process import SystemRunner
from hakobune.model.destination import Destination
from hakobune.stages.compose import write_compose
from hakobune.stages.doctor import examine
from hakobune.stages.project import open_project, read_fresh_lock
from hakobune.stages.render import render
from tests.samples import (
    BUILDX,
    CONTAINERD,
    DIGEST,
    ENGINE,
    NO_IMAGE,
    NO_REGISTRY,
    PYPROJECT,
    Answer,
    FakeReporter,
    FakeRunner,
    begins,
    on,
    shares_folders,
    write_project,
)

# The package index and buildx.
OTHERS = (on("uv", "pip", "compile"), BUILDX)
DISK = on("info", "DockerRootDir", stdout="/\n")
IMAGE = on("image", "inspect", stdout=json.dumps([{"Id": DIGEST, "Size": 5_000_000}]))


BUILDER = begins("docker", "buildx", "inspect", stdout="Name:   default\nDriver: docker\n")
NO_PROXY = on("info", "HTTPProxy", stdout="\n")


@pytest.fixture(autouse=True)
def _free_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the engine's disk room, whatever this machine's has."""
    room = SimpleNamespace(free=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)


def states(root: Path, *answers: Answer, **given: Any) -> dict[str, str]:
    given = {"index": {}, **given}
    findings = examine(
        root, FakeRunner([*answers, *OTHERS, shares_folders, BUILDER, NO_PROXY]), **given
    )
    for finding in findings:
        assert finding.state == "ok" or finding.remedy, finding
    return {finding.step: finding.state for finding in findings}


def ready_project(root: Path) -> Path:
    project = write_project(root)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    return root


def test_a_machine_that_has_everything_is_ok_at_each_step(tmp_path: Path) -> None:
    found = states(ready_project(tmp_path), ENGINE, CONTAINERD, DISK, IMAGE)
    before = ("project", "source", "command", "lock", "render")
    steps = (*before, "engine", "base", "build", "host", "train", "login")
    assert found == dict.fromkeys(steps, "ok")
    assert list(found) == list(steps)


def test_without_a_project_there_is_one_finding(tmp_path: Path) -> None:
    assert states(tmp_path) == {"project": "no"}


def test_a_conda_file_with_a_problem_is_a_finding(tmp_path: Path) -> None:
    ready_project(tmp_path).joinpath("environments/demo.yml").write_text("name: [", "utf-8")
    assert states(tmp_path) == {"project": "no"}


def test_without_an_engine_the_steps_that_need_it_are_left_out(tmp_path: Path) -> None:
    found = states(ready_project(tmp_path), on("docker", exit_code=127))
    steps = ("project", "source", "command", "lock", "render", "login")
    assert found == dict.fromkeys(steps, "ok") | {"engine": "no"}


@pytest.mark.parametrize(
    ("answer", "step", "state"),
    [
        (on("compile", exit_code=1, stderr="Failed to fetch"), "lock", "weak"),
        (on("info", "DriverStatus", stdout="[]"), "engine", "weak"),
        (on("image", "inspect", "demo:local", exit_code=1), "train", "no"),
        (on("docker", "run", "--mount", stdout=""), "train", "no"),
        (on("buildx", "inspect", stdout="Driver:   docker-container\n"), "host", "weak"),
    ],
)
def test_what_is_lacking_is_told_at_its_step(
    tmp_path: Path, answer: Answer, step: str, state: str
) -> None:
    found = states(ready_project(tmp_path), answer, ENGINE, CONTAINERD, DISK, IMAGE)
    assert found.pop(step) == state
    assert set(found.values()) == {"ok"}


NVIDIA: dict[str, Any] = {"Runtimes": {"nvidia": {}, "runc": {}}}
CDI: dict[str, Any] = {
    "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}],
    "Runtimes": None,
}
NO_GPU: dict[str, Any] = {"Runtimes": {"runc": {}}, "DiscoveredDevices": None}


@pytest.mark.parametrize(("facts", "state"), [(NVIDIA, "ok"), (CDI, "ok"), (NO_GPU, "weak")])
def test_a_project_with_gpus_needs_an_engine_with_gpus(
    tmp_path: Path, facts: dict[str, Any], state: str
) -> None:
    ready_project(tmp_path)
    text = PYPROJECT.replace("[tool.hakobune]", '[tool.hakobune]\ngpus = "all"')
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    info = begins("docker", "info", "--format", "{{json .}}", stdout=json.dumps(facts))
    assert states(tmp_path, info, ENGINE, CONTAINERD, DISK, IMAGE)["gpus"] == state


def test_a_compose_file_that_is_another_container_is_told_with_its_line(tmp_path: Path) -> None:
    ready_project(tmp_path)
    machine = (ENGINE, CONTAINERD, DISK, IMAGE)
    write_compose(open_project(tmp_path), FakeReporter())
    assert states(tmp_path, *machine)["compose"] == "ok"
    path = tmp_path / "docker-compose.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("network_mode: none", "network_mode: host"), encoding="utf-8")
    runner = FakeRunner([*machine, *OTHERS, shares_folders, BUILDER, NO_PROXY])
    (found,) = [one for one in examine(tmp_path, runner, {}) if one.step == "compose"]
    assert found.state == "weak"
    line = text.splitlines().index("    network_mode: none") + 1
    assert f"\ndocker-compose.yml:{line}: service 'train': `network_mode` is 'host'" in found.what


PROXY = on("info", "HTTPProxy", stdout="http://proxy:3128\n")


@pytest.mark.parametrize(
    ("given", "answers", "state"),
    [
        ({"proxies": ("HTTPS_PROXY",)}, (), "weak"),
        ({"proxies": ("HTTPS_PROXY",)}, (PROXY,), "weak"),
        ({"proxies": ("HTTPS_PROXY",), "has_docker_proxies": True}, (), "weak"),
        ({"proxies": ("HTTPS_PROXY",), "has_docker_proxies": True}, (PROXY,), "ok"),
        ({"index": {"UV_DEFAULT_INDEX": "http://127.0.0.1:8080/simple"}}, (), "weak"),
        ({"index": {"UV_INDEX": "https://x/simple http://u:p@localhost/simple"}}, (), "weak"),
        ({"index": {"UV_DEFAULT_INDEX": "https://localhost.example/simple"}}, (), "ok"),
    ],
)
def test_what_holds_for_this_process_only_is_told(
    tmp_path: Path, given: dict[str, Any], answers: tuple[Answer, ...], state: str
) -> None:
    machine = (*answers, ENGINE, CONTAINERD, DISK, IMAGE)
    found = states(ready_project(tmp_path), *machine, **given)
    assert found.pop("host") == state
    assert set(found.values()) == {"ok"}


def test_a_stale_dockerfile_is_told(tmp_path: Path) -> None:
    write_project(tmp_path)
    assert states(tmp_path, ENGINE, CONTAINERD, DISK, IMAGE)["render"] == "no"


def test_without_a_registry_and_a_mirror_there_is_no_base(tmp_path: Path) -> None:
    ready_project(tmp_path)
    machine = (ENGINE, CONTAINERD, DISK, NO_IMAGE, NO_REGISTRY)
    assert states(tmp_path, *machine, on("mirror.sh"))["base"] == "ok"
    no_mirror = on("mirror.sh", exit_code=34, stderr="mirror.sh: not Debian\nmirror.sh: set it")
    assert states(tmp_path, *machine, no_mirror)["base"] == "no"


def test_an_engine_elsewhere_has_no_disk_to_look_at() -> None:
    assert data_folder(FakeRunner([on("info", exit_code=1)])) is None


NO_ENGINE = on("docker", exit_code=127)


def said_of(root: Path, step: str, *answers: Answer, **given: Any) -> tuple[str, str]:
    """Return state and words of one step, on a machine without an engine."""
    runner = FakeRunner([*answers, NO_ENGINE, *OTHERS])
    (found,) = [f for f in examine(root, runner, {}, **given) if f.step == step]
    return found.state, found.what


def test_a_source_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    (ready_project(tmp_path) / "src/demo/__main__.py").unlink()
    assert said_of(tmp_path, "source") == ("no", "src/demo has no file that the image takes")
    (tmp_path / "src/demo").rmdir()
    assert said_of(tmp_path, "source") == ("no", "src/demo is not a folder")


@pytest.mark.process
def test_a_source_that_git_ignores_is_told(tmp_path: Path) -> None:
    ready_project(tmp_path)
    git = SystemRunner()
    git.capture(["git", "init", "--quiet", str(tmp_path)])
    for ignored, state in (("", "ok"), ("/src/\n", "weak"), ("/src/demo/\n", "weak")):
        (tmp_path / ".gitignore").write_text(ignored, encoding="utf-8")
        asks = lambda command: git.capture(command) if command[0] == "git" else None  # noqa: E731
        found = said_of(tmp_path, "source", asks)
        assert found[0] == state
        assert ("git ignores src/demo" in found[1]) is (state == "weak")


@pytest.mark.parametrize(
    ("command", "state", "what"),
    [
        ('["python", "src/demo/__main__.py"]', "ok", "src/demo/__main__.py exists"),
        ('["python", "-u", "src/demo/none.py"]', "no", "src/demo/none.py does not exist"),
        ('["python", "other.py"]', "no", "other.py is not in the image, which takes src/demo only"),
        ('["python", "src/demo/../x.py"]', "no", "src/demo/../x.py does not exist"),
        ('["python", "/usr/share/x.py"]', "ok", "python /usr/share/x.py"),
        ('["python", "-m", "demo", "other.py"]', "ok", "python -m demo other.py"),
        ('["bash", "run.sh"]', "ok", "bash run.sh"),
    ],
)
def test_a_script_that_the_command_starts_is_looked_for(
    tmp_path: Path, command: str, state: str, what: str
) -> None:
    (ready_project(tmp_path) / "other.py").touch()
    pyproject = tmp_path / "pyproject.toml"
    text = pyproject.read_text("utf-8").replace('["python", "-m", "demo"]', command)
    pyproject.write_text(text, encoding="utf-8")
    found = said_of(tmp_path, "command")
    assert found[0] == state
    assert found[1].endswith(what)


WORKSPACE = Destination(subscription="s", resource_group="r", workspace="w")


@pytest.mark.parametrize(
    ("to", "login", "state", "what"),
    [
        (Destination(), "", "ok", "no Azure ML workspace is configured, so no login is needed"),
        (WORKSPACE, "az login was done", "ok", "w: az login was done (whether Azure accepts it"),
        (WORKSPACE, "", "no", "not logged in to Azure, where the workspace w is"),
        (Destination(workspace="w"), "x", "no", "missing"),
    ],
)
def test_a_login_is_needed_where_a_workspace_is_configured(
    tmp_path: Path, to: Destination, login: str, state: str, what: str
) -> None:
    ready_project(tmp_path)
    found = said_of(tmp_path, "login", destination=lambda _: to, login=login)
    assert found[0] == state
    assert what in found[1]


def test_a_job_needs_the_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    ready_project(tmp_path)
    found = said_of(tmp_path, "login", destination=lambda _: WORKSPACE, login="x")
    assert found == ("no", "a job in w needs Azure ML's SDK, which is not installed")
