"""docker/engine.sh where no engine can be had: two lines that say what to do, and its own code."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.samples import PATIENCE_S

pytestmark = pytest.mark.process
SCRIPT = Path(__file__).resolve().parents[3] / "docker/engine.sh"


def engine(*arguments: str, path: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(SCRIPT), *arguments],
        env={"PATH": path, "HOME": "/nonexistent", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def fake(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """The host's programs, but another system, another user, and a docker without an engine."""
    fake(tmp_path, "docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
    fake(tmp_path, "sudo", "exit 1")
    return f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.parametrize("arguments", [(), ("start",), ("ensure", "more")])
def test_wrong_usage_is_exit_code_20(arguments: tuple[str, ...], tools: str) -> None:
    assert engine(*arguments, path=tools).returncode == 20


def test_another_system_is_told_in_two_lines_what_to_install(tmp_path: Path, tools: str) -> None:
    fake(tmp_path, "uname", "echo Darwin")
    done = engine("ensure", path=tools)
    assert done.returncode == 21
    assert len(done.stderr.strip().splitlines()) == 2
    assert "Install" in done.stderr


def test_an_ordinary_user_without_sudo_is_told_what_to_run(tmp_path: Path, tools: str) -> None:
    fake(tmp_path, "id", 'case "$*" in -u) echo 1000 ;; *) echo somebody ;; esac')
    done = engine("ensure", path=tools)
    assert done.returncode == 22
    assert "sudo" in done.stderr


def test_what_is_run_by_sudo_is_announced_before_it_runs(tmp_path: Path, tools: str) -> None:
    fake(tmp_path, "id", 'case "$*" in -u) echo 1000 ;; *) echo somebody ;; esac')
    fake(tmp_path, "sudo", 'case "$*" in "-n true") ;; *) echo "SUDO $*" >&2; exit 1 ;; esac')
    announced, ran = engine("ensure", path=tools).stderr.splitlines()
    assert announced.startswith(f"root: running by sudo: {SCRIPT} ensure")
    assert ran == f"SUDO -n -- {SCRIPT} ensure"


@pytest.mark.parametrize(
    ("missing", "running", "lines"),
    [
        ("", "26.1", ["this will run as root", None]),
        ("client compose", "26.1", ["this will run as root", "apt-get install of"]),
        ("", "", ["this will run as root", "/var/lib/docker"]),
    ],
)
def test_root_s_steps_are_printed_before_the_first_of_them(
    missing: str, running: str, lines: list[str | None]
) -> None:
    """The function alone: the steps themselves would change this machine."""
    script = SCRIPT.read_text(encoding="utf-8")
    assert "    announce\n    take_lock\n" in script
    program = f"""{script.partition("trap '[ -z")[0]}
engine_is_installed() {{ true; }}
os_field() {{ case $1 in ID) echo ubuntu ;; esac; }}
MISSING="{missing}" ENGINE="{running}"
announce"""
    done = subprocess.run(
        ["/bin/bash", "-c", program, str(SCRIPT)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said = done.stderr.splitlines()
    wanted = [line for line in lines if line]
    assert len(said) == len(wanted)
    assert all(word in line for word, line in zip(wanted, said, strict=True))


def test_an_engine_that_refuses_this_user_is_told_apart(tmp_path: Path, tools: str) -> None:
    fake(tmp_path, "docker", 'echo "permission denied while trying to connect" >&2; exit 1')
    done = engine("ensure", path=tools)
    assert done.returncode == 23
    assert "usermod -aG docker" in done.stderr


def test_an_engine_elsewhere_is_not_replaced_by_one_here(tools: str) -> None:
    done = engine("ensure", path=tools, DOCKER_HOST="tcp://127.0.0.1:9")
    assert done.returncode == 24
    assert "tcp://127.0.0.1:9" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="reads the state that only root writes")
def test_stop_ends_nothing_that_it_did_not_start(tmp_path: Path, tools: str) -> None:
    """With another engine's socket answering and no process id of ours, nothing is ended."""
    pid_file = Path("/run/hakobune/engine.pid")
    ours = list(Path("/run/hakobune").glob("*.pid")) if pid_file.parent.exists() else []
    if ours:
        pytest.skip("an engine of ours runs here, and this test would end it")
    fake(tmp_path, "docker", "echo 28.0.0")
    done = engine("stop", path=tools)
    assert done.returncode == 28
    assert "not started by hakobune" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads Linux's list of open files")
def test_the_engine_keeps_nothing_open_that_its_caller_holds(tmp_path: Path) -> None:
    """A lock that the caller holds would else be held for as long as the engine runs."""
    script = SCRIPT.read_text(encoding="utf-8")
    function = script[script.index("close_inherited() {") :].partition("\n}\n")[0] + "\n}\n"
    assert "close_inherited\n        PATH=$ENGINE_PATH exec setsid dockerd" in script
    with (tmp_path / "lock").open("w") as held:
        done = subprocess.run(
            ["/bin/bash", "-uc", f"{function}close_inherited; ls -l /proc/$$/fd"],
            pass_fds=[held.fileno()],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
    assert str(tmp_path / "lock") not in done.stdout
    assert " -> " in done.stdout
