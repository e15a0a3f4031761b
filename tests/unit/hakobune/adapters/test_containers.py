"""Who failed is read from the container's state: docker's exit codes are also the program's."""

from collections.abc import Sequence

import pytest

from hakobune.adapters import containers
from hakobune.adapters.process import Completed
from hakobune.errors import ContainerFailedError
from tests.samples import NO_CONTAINER, REMOVES, FakeRunner, begins, ended, on

RUNC = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)
NO_KILL = begins("docker", "events")


@pytest.mark.parametrize("code", [0, 1, 125, 126, 127])
def test_a_container_that_ran_has_its_program_s_own_code(code: int) -> None:
    """Docker itself ends with 125 to 127 where it fails, and so does a shell."""
    assert containers.end_of(FakeRunner([ended(code)]), "x").exit_code == code


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (
            RUNC + 'exec: "nosuch": executable file not found in $PATH: unknown',
            'could not start the container: exec: "nosuch": executable file not found in $PATH',
            "[tool.hakobune]",
        ),
        (RUNC + 'exec: "/etc": permission denied: unknown', "permission denied", "[tool.hakobune]"),
        (
            "error while creating mount source path '/proc/1/x': mkdir /proc/1/x: no such file",
            "error while creating mount source path '/proc/1/x'",
            "checks the folders",
        ),
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            "could not select device driver",
            "no GPU that Docker can use",
        ),
        ("odd \x1b[2J", "odd \\x1b[2J", "hakobune doctor"),
    ],
)
@pytest.mark.parametrize("code", [126, 127, 128])
def test_a_container_that_never_started_is_the_engine_s_failure(
    error: str, what: str, remedy: str, code: int
) -> None:
    runner = FakeRunner([ended(code, is_started=False, error=error)])
    with pytest.raises(ContainerFailedError) as caught:
        containers.end_of(runner, "x")
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_container_that_was_never_made_is_docker_s_failure_in_its_words() -> None:
    said = (
        'docker: Error response from daemon: invalid mount config for type "bind": bind source '
        "path does not exist: /no/such\n\nRun 'docker run --help' for more information\n"
    )
    runner = FakeRunner(
        [NO_CONTAINER, begins("docker", "run", exit_code=125, stderr=said), REMOVES]
    )
    with pytest.raises(ContainerFailedError) as caught:
        containers.run_container(runner, ["x"])
    assert caught.value.what == (
        'docker made no container: invalid mount config for type "bind": bind source path does not '
        "exist: /no/such"
    )
    with pytest.raises(ContainerFailedError, match="reason that it printed above"):
        containers.end_of(runner, "x")


def test_a_container_that_still_runs_was_lost() -> None:
    with pytest.raises(ContainerFailedError, match="lost its connection"):
        containers.end_of(FakeRunner([ended(is_running=True)]), "x")


@pytest.mark.parametrize("code", [0, 1, 137])
def test_out_of_memory_is_the_engine_s_word_whatever_the_code(code: int) -> None:
    runner = FakeRunner([ended(code, is_out_of_memory=True, memory=64 << 20), NO_KILL])
    end = containers.end_of(runner, "x")
    assert (end.exit_code, end.is_out_of_memory, end.memory) == (code, True, "64m")


def test_the_kernel_s_message_may_come_after_the_program_s_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "_OOM_EVENT_S", 0)
    first, later = ended(137), ended(137, is_out_of_memory=True)

    def told(command: Sequence[str]) -> Completed | None:
        return (first if len(runner.calls) == 1 else later)(command)

    runner = FakeRunner([told, NO_KILL])
    assert containers.end_of(runner, "x").is_out_of_memory


@pytest.mark.parametrize(("told", "is_killed"), [("kill\n", True), ("", False)])
def test_the_engine_is_asked_whether_docker_ended_it(
    told: str,
    is_killed: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(containers, "_OOM_EVENT_S", 0)
    runner = FakeRunner([ended(137), begins("docker", "events", stdout=told)])
    assert containers.end_of(runner, "x").is_ended_by_docker == is_killed
    (asked,) = runner.called("events")
    # Docker reports it after the end; without a bound the question would wait for ever.
    assert asked[asked.index("--until") + 1] == "2026-11-27T14:25:34.650713+00:00"
    assert "container=x" in asked


@pytest.mark.parametrize("end", [KeyboardInterrupt, None])
def test_whatever_ends_us_the_container_is_removed(end: type[BaseException] | None) -> None:
    def runs(command: Sequence[str]) -> Completed | None:
        if command[1] == "run" and end is not None:
            raise end
        return on("run")(command)

    runner = FakeRunner([runs, ended(0), REMOVES])
    if end is None:
        containers.run_container(runner, ["image", "true"])
    else:
        with pytest.raises(end):
            containers.run_container(runner, ["image", "true"])
    assert runner.calls[-1][:3] == ["docker", "rm", "--force"]


def test_a_program_that_takes_too_long_has_no_end() -> None:
    slow = [begins("docker", "run", exit_code=124), ended(0, is_running=True), REMOVES]
    assert containers.run_container(FakeRunner(slow), ["x"], timeout_s=1)[1] is None
    own_code = [begins("docker", "run", exit_code=124), ended(124), REMOVES]
    end = containers.run_container(FakeRunner(own_code), ["x"], timeout_s=1)[1]
    assert end is not None
    assert end.exit_code == 124
