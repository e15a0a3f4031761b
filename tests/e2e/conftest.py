"""Where the tests go: a stand-in for Azure ML that really runs, or a workspace of Azure itself.

A test that takes `site` and no `drydock` has one body for both. It goes to Azure where `-m cloud`
is chosen and a workspace stands in the environment; then nothing of drydock is started.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import oras.client
import pytest
import requests

from hakobune.model.lock import Lock
from hakobune.settings import read_destination
from hakobune.stages.project import open_project
from hakobune.transform.read_lock import read_lock
from tests.renamed import rename
from tests.samples import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
AZURE_TIMEOUT_S = 3600  # a node is found, and pulls the image
NEEDED = ("subscription", "resource_group", "workspace")

WAIT = """if text.startswith("wait"):
    import time
    time.sleep(20)
    print("waited")
"""

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


@dataclass
class Drydock:
    """A running stand-in; `env` holds the variables that point at it."""

    state: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """Run `python -m drydock …` and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "drydock", *arguments, "--state", str(self.state)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inject(self, kind: str, route: str = "*", times: int = 1) -> None:
        """Inject a fault."""
        self.run("fault", kind, "--route", route, "--times", str(times))

    def resources(self, kind: str) -> list[Path]:
        """The files of what the workspace holds of a kind."""
        return sorted((self.state / "resources" / kind).rglob("*.json"))


@dataclass
class Site:
    """A workspace. What tests make there has names of its own, and is cleared away on Azure."""

    env: dict[str, str]
    is_azure: bool
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    made: dict[str, list[str]] = field(
        default_factory=lambda: {"jobs": [], "models": [], "environments": [], "computes": []}
    )

    @property
    def timeout_s(self) -> int:
        """How long a command may take."""
        return AZURE_TIMEOUT_S if self.is_azure else PATIENCE_S

    def ask(self, *arguments: str) -> Any:
        """Ask the workspace itself; see workspace_program.py."""
        to = read_destination({}, Path("/"), self.env)
        program = str(Path(__file__).with_name("workspace_program.py"))
        where = [to.subscription, to.resource_group, to.workspace]
        done = subprocess.run(
            [sys.executable, program, *where, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=self.timeout_s,
        )
        assert done.returncode == 0, done.stderr
        sys.stderr.write(done.stderr)
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drydock]:
    """A stand-in for all tests of this process."""
    drydock = Drydock(state=tmp_path_factory.mktemp("drydock") / "state")
    drydock.run("start")
    try:
        drydock.env = json.loads(drydock.run("env", "--json"))
        yield drydock
    finally:
        drydock.run("stop")


@pytest.fixture
def drydock(rehearsal: Drydock) -> Iterator[Drydock]:
    """The stand-in, without faults before and after."""
    yield rehearsal
    rehearsal.run("fault", "--clear")


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Azure where it was asked for and is named; else the stand-in."""
    if request.config.getoption("markexpr").strip() != "cloud":
        drydock: Drydock = request.getfixturevalue("rehearsal")
        yield Site(env=environment(drydock), is_azure=False)
        return
    to = read_destination({}, Path("/"))
    missing = [name for name in NEEDED if not getattr(to, name)]
    if missing:
        pytest.skip(f"no workspace of Azure in the environment: {', '.join(missing)} not given")
    there = Site(env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, is_azure=True)
    there.env["HAKOBUNE_COMPUTE"] = f"hakobune-{there.mark}"
    there.made["computes"].append(there.env["HAKOBUNE_COMPUTE"])
    try:
        yield there
    finally:
        there.ask("clear", json.dumps(there.made))


@pytest.fixture(scope="session")
def project(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of this project, so that its runs do not lie in the checkout."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("environments", "docker", "src/trainer"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    for name in ("pyproject.toml", "docker-compose.yml"):
        shutil.copy(ROOT / name, folder)
    if site.is_azure:
        name_anew(folder, site, "arima")
        yield folder
        forget(folder, site)
    else:
        yield folder


@pytest.fixture(scope="session")
def passed(project: Path) -> Path:
    """The project, whose image has passed its smoke tests and a training."""
    local("smoke", "--order", "1,0,0", "--backtest_windows", "0", cwd=project)
    return project


@pytest.fixture(scope="session")
def small(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose job takes a second, under a name of its own."""
    folder = word_count(tmp_path_factory.mktemp("small") / "project")
    name_anew(folder, site, "small")
    local("smoke", "--text", "text.txt", cwd=folder)
    yield folder
    forget(folder, site)


def word_count(folder: Path) -> Path:
    """Copy the project that counts words; its file is its model.

    Its program waits for some seconds where the text begins with the word `wait`.
    """
    shutil.copytree(ROOT / "tests/cases/word-count", folder)
    with (folder / "counter/__main__.py").open("a", encoding="utf-8") as program:
        program.write(WAIT)
    (folder / "text.txt").write_text("a b a\n", encoding="utf-8")
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.hakobune.model]\nname = "words"\nfile = "counts.json"\n')
    return folder


def name_anew(folder: Path, site: Site, kind: str) -> None:
    """Give environment, image and model a name that nobody has, and build the image."""
    name = f"hakobune-{kind}-{site.mark}"
    rename(folder, name)
    settings = folder / "pyproject.toml"
    settings.write_text(
        re.sub(
            r"(?m)^(\[tool\.hakobune\.model\]\nname = ).*$",
            rf'\1"{name}"',
            settings.read_text(encoding="utf-8"),
        ),
        encoding="utf-8",
    )
    site.made["models"].append(name)
    site.made["environments"].append(name)
    local("build", cwd=folder)


def local(*arguments: str, cwd: Path) -> None:
    """Run a command that asks no workspace, and expect that it ends well."""
    done = subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr


def forget(folder: Path, site: Site) -> None:
    """Note the jobs for the end, and take image and network away from this machine."""
    site.made["jobs"] += [path.stem for path in (folder / ".hakobune/jobs").glob("*.json")]
    name = lock_of(folder).environment
    listed = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", name]
    found = subprocess.run(listed, check=False, capture_output=True, text=True).stdout.split()
    for left in (*(("image", tag) for tag in found), ("network", f"{name}_default")):
        command = ["docker", left[0], "rm", left[1]]
        subprocess.run(command, check=False, capture_output=True)


def lock_of(folder: Path) -> Lock:
    """Return a project's lock."""
    return read_lock(open_project(folder).lock_path.read_bytes(), file="lock")


@pytest.fixture
def hakobune(site: Site, passed: Path) -> Hakobune:
    """Run the command line in the project, pointed at the site."""
    return calling(site, passed)


def calling(site: Site, folder: Path) -> Hakobune:
    """Return what runs the command line in a folder."""

    def call(
        *arguments: str, cwd: Path = folder, **env: str | None
    ) -> subprocess.CompletedProcess[str]:
        found = {**site.env, **env}  # None takes a variable away
        return subprocess.run(
            command_line(*arguments),
            cwd=cwd,
            env={name: value for name, value in found.items() if value is not None},
            capture_output=True,
            text=True,
            check=False,
            timeout=site.timeout_s,
        )

    return call


def command_line(*arguments: str) -> list[str]:
    """Return the words that run the command line."""
    return [sys.executable, "-m", "hakobune", *arguments]


def environment(drydock: Drydock) -> dict[str, str]:
    """Return the variables for it."""
    return {**os.environ, **drydock.env, "PYTHONPATH": str(ROOT / "src")}


def last_name(project: Path) -> str:
    """Return the name of the job that was submitted last from a project."""
    notes = [json.loads(p.read_text("utf-8")) for p in (project / ".hakobune/jobs").glob("*.json")]
    return str(max(notes, key=lambda note: (note["planned"], note["name"]))["name"])


def attached(repository: str, digest: str) -> list[dict[str, Any]]:
    """The descriptors of what refers to an image: the registry's list, or that under its tag.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    """
    is_here = repository.startswith(("127.", "localhost"))
    client = oras.client.OrasClient(insecure=is_here)
    container = client.get_container(f"{repository}:{digest.replace(':', '-')}")
    client.auth.load_configs(container)
    base = f"{client.prefix}://{container.registry}/v2/{container.api_prefix}"
    answer = client.do_request(f"{base}/referrers/{digest}", "GET")
    if answer.status_code != requests.codes.ok:
        index = {"Accept": "application/vnd.oci.image.index.v1+json"}
        answer = client.do_request(f"{base}/manifests/{container.tag}", "GET", headers=index)
        assert answer.status_code == requests.codes.ok, answer.text
    found: list[dict[str, Any]] = answer.json()["manifests"]
    return found
