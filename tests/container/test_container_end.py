"""How a container ended, asked of the real engine; each class of failure made on purpose."""

import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.models.images import Image

from hakobune.adapters import containers
from hakobune.adapters.process import SystemRunner
from hakobune.adapters.round_trip import require_round_trip
from hakobune.errors import ContainerFailedError
from hakobune.model.container import ContainerEnd

pytestmark = pytest.mark.container
RUNNER = SystemRunner()
LARGE = "x = b'x' * 500_000_000"
CHILD = (
    "import subprocess as s, sys; "
    'code = s.run([sys.executable, "-c", "' + LARGE + '"]).returncode; '
    "assert code == -9, code; sys.exit(3)"
)


@pytest.fixture
def name() -> Iterator[str]:
    """A container's name that is ours, and free again afterwards."""
    found = f"hakobune-test-{secrets.token_hex(6)}"
    yield found
    containers.remove(RUNNER, found)


def start(name: str, image: Image, *command: str) -> "subprocess.Popen[bytes]":
    shut_in = ("--network", "none", "--read-only", "--cap-drop", "ALL", "--memory", "64m")
    return subprocess.Popen(
        ["docker", "run", "--name", name, *shut_in, str(image.id), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("program", "end"),
    [
        (LARGE, ContainerEnd(exit_code=137, memory_bytes=64 << 20, is_out_of_memory=True)),
        (CHILD, ContainerEnd(exit_code=3, memory_bytes=64 << 20, is_out_of_memory=True)),
        ("raise SystemExit(125)", ContainerEnd(exit_code=125, memory_bytes=64 << 20)),
        ("raise SystemExit(127)", ContainerEnd(exit_code=127, memory_bytes=64 << 20)),
        ("raise SystemExit(137)", ContainerEnd(exit_code=137, memory_bytes=64 << 20)),
    ],
)
def test_a_program_s_end_is_its_own(
    name: str, image: Image, program: str, end: ContainerEnd
) -> None:
    start(name, image, "python", "-c", program).wait()
    assert containers.end_of(RUNNER, name) == end


@pytest.mark.parametrize("command", [("kill",), ("stop", "--time", "0")])
def test_a_container_that_was_killed_is_not_said_to_lack_memory(
    name: str, image: Image, command: tuple[str, ...]
) -> None:
    child = start(name, image, "sleep", "60")

    def kill() -> None:
        while subprocess.run(
            ["docker", *command, name], capture_output=True, check=False
        ).returncode:
            time.sleep(0.1)

    threading.Thread(target=kill).start()
    child.wait()
    end = containers.end_of(RUNNER, name)
    assert (end.exit_code, end.is_out_of_memory, end.is_ended_by_docker) == (137, False, True)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("{image}", "nosuchprogram"), 'could not start the container: exec: "nosuchprogram"'),
        (("{image}", "/etc"), "permission denied"),
        (("--mount", "type=bind,src=/no/such,dst=/x", "{image}", "true"), "made no container"),
        (("--memory", "1k", "{image}", "true"), "made no container: Minimum memory limit"),
        (("--pull", "never", "no-such-image:local", "true"), "made no container"),
    ],
)
def test_the_engine_s_failure_is_not_the_program_s(
    image: Image, options: tuple[str, ...], what: str
) -> None:
    words = [word.replace("{image}", str(image.id)) for word in options]
    with pytest.raises(ContainerFailedError, match=what):
        containers.run_container(RUNNER, ["--network", "none", *words])


@pytest.mark.parametrize("folder", ["plain", "a, \"b\" 'c'", "箱舟"])
def test_files_make_the_round_trip_and_nothing_is_left(
    tmp_path: Path, image: Image, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    require_round_trip(RUNNER, str(image.id), tmp_path / folder)
    assert list((tmp_path / folder).iterdir()) == []
