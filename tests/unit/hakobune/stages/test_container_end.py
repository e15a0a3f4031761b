"""What the end of a training's container means for the user."""

from pathlib import Path

import pytest

from hakobune.errors import (
    ContainerFailedError,
    EndedFromOutsideError,
    HakobuneError,
    MountElsewhereError,
    OutOfMemoryError,
    OutputsMissingError,
    TrainingFailedError,
)
from hakobune.interruption import Interrupted
from hakobune.model.container import ContainerEnd
from hakobune.model.image import Image
from hakobune.stages.container_end import gone_if_interrupted, mounts_blamed, require_success
from tests.samples import (
    DIGEST,
    NO_CONTAINER,
    Answer,
    FakeReporter,
    FakeRunner,
    begins,
    completed,
    on,
    shares_folders,
)

IMAGE = Image(
    tag="demo:local",
    id=DIGEST,
    base="",
    size_bytes=1,
    environment_sha256="",
    lock_sha256="",
    source_sha256="",
)
MEMORY = 64 << 20


def failure_of(end: ContainerEnd) -> HakobuneError:
    with pytest.raises(HakobuneError) as caught:
        require_success(end, FakeReporter(), what="the training program")
    return caught.value


@pytest.mark.parametrize(
    ("end", "error", "said"),
    [
        (ContainerEnd(exit_code=43), TrainingFailedError, "ended with exit code 43"),
        (ContainerEnd(exit_code=125), TrainingFailedError, "ended with exit code 125"),
        (ContainerEnd(exit_code=139), TrainingFailedError, "SIGSEGV: it crashed"),
        (ContainerEnd(exit_code=134), TrainingFailedError, "SIGABRT: it crashed"),
        (ContainerEnd(exit_code=255), TrainingFailedError, "exit code 255"),
        (
            ContainerEnd(exit_code=137, is_out_of_memory=True, memory_bytes=MEMORY),
            OutOfMemoryError,
            "killed for lack of memory; the limit, HAKOBUNE_MEMORY, is 64m",
        ),
        (
            ContainerEnd(exit_code=1, is_out_of_memory=True, memory_bytes=MEMORY),
            OutOfMemoryError,
            "exit code 1 after one of its processes was killed for lack of memory; the limit, HA",
        ),
        (
            ContainerEnd(exit_code=137, is_out_of_memory=True),
            OutOfMemoryError,
            "the machine's own memory ran out",
        ),
        (ContainerEnd(exit_code=137), EndedFromOutsideError, "nor at the container's memory limit"),
        (
            ContainerEnd(exit_code=137, is_ended_by_docker=True),
            EndedFromOutsideError,
            "docker stop or docker kill",
        ),
        (
            ContainerEnd(exit_code=143, is_ended_by_docker=True),
            EndedFromOutsideError,
            "(exit code 143, SIGTERM)",
        ),
        (ContainerEnd(exit_code=143), TrainingFailedError, "ended with exit code 143"),
    ],
)
def test_each_end_has_its_own_words(
    end: ContainerEnd, error: type[HakobuneError], said: str
) -> None:
    failed = failure_of(end)
    assert type(failed) is error
    assert said in failed.what
    assert failed.exit_code == 11


@pytest.mark.parametrize(
    ("memory", "shown"),
    [(4 << 30, "4g"), (1536 << 20, "1536m"), (6_291_457, "6291457"), (8 << 10, "8k")],
)
def test_a_limit_is_shown_as_compose_writes_it(memory: int, shown: str) -> None:
    assert ContainerEnd(exit_code=0, memory_bytes=memory).memory == shown


def test_a_killed_child_of_a_program_that_succeeds_is_mentioned() -> None:
    reporter = FakeReporter()
    end = ContainerEnd(exit_code=0, is_out_of_memory=True, memory_bytes=MEMORY)
    require_success(end, reporter, what="the training program")
    assert "killed for lack of memory (the limit is 64m)" in reporter.said[0]
    require_success(ContainerEnd(exit_code=0), reporter, what="the training program")
    assert len(reporter.said) == 1


FAILURES = [
    ContainerFailedError("made no container", remedy=""),
    TrainingFailedError("no such file", remedy=""),
    OutputsMissingError("lacks x", remedy=""),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_on_an_engine_of_this_machine_stays_what_it_is(
    tmp_path: Path, failure: HakobuneError
) -> None:
    runner = FakeRunner([shares_folders])
    with pytest.raises(type(failure)), mounts_blamed(runner, IMAGE, tmp_path):
        raise failure
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(
    ("answers", "what"),
    [
        (
            [
                begins(
                    *("docker", "run"),
                    exit_code=125,
                    stderr="docker: Error response from daemon: invalid mount config for type "
                    '"bind": bind source path does not exist: /p/runs/.round-trip-x\n',
                ),
                NO_CONTAINER,
                begins("docker", "rm"),
            ],
            "does not have this folder",
        ),
        (
            [begins("docker", "run", exit_code=1, stderr="cat: /probe/here: No such file\n")],
            "sees another folder",
        ),
        (
            [
                lambda command: (
                    completed(Path(_source(command), "here").read_text(encoding="ascii"))
                    if command[1] == "run"
                    else None
                )
            ],
            "does not arrive on this machine",
        ),
    ],
)
def test_an_engine_elsewhere_is_named_as_the_cause(
    tmp_path: Path, failure: HakobuneError, answers: list[Answer], what: str
) -> None:
    runner = FakeRunner(answers)
    with (
        pytest.raises(MountElsewhereError, match=what) as caught,
        mounts_blamed(runner, IMAGE, tmp_path),
    ):
        raise failure
    assert str(tmp_path) in caught.value.what
    assert "DOCKER_HOST" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def _source(command: object) -> str:
    words = list(command)  # type: ignore[call-overload] # a command's words
    return str(words[words.index("--mount") + 1].split("src=")[1].split(",")[0])


def test_an_engine_that_refuses_every_container_hides_no_failure(tmp_path: Path) -> None:
    refuses = begins("docker", "run", exit_code=125, stderr="docker: no space left on device\n")
    runner = FakeRunner([refuses, NO_CONTAINER, begins("docker", "rm")])
    with pytest.raises(OutputsMissingError), mounts_blamed(runner, IMAGE, tmp_path):
        raise OutputsMissingError("lacks x", remedy="")


def test_a_comma_and_quotes_in_the_folder_s_name_reach_docker_whole(tmp_path: Path) -> None:
    folder = tmp_path / 'a, "b":c'
    folder.mkdir()
    with (
        pytest.raises(OutputsMissingError),
        mounts_blamed(FakeRunner([shares_folders]), IMAGE, folder),
    ):
        raise OutputsMissingError("lacks x", remedy="")


def test_a_run_that_succeeds_asks_no_container(tmp_path: Path) -> None:
    runner = FakeRunner([on("nothing")])
    with mounts_blamed(runner, IMAGE, tmp_path):
        pass
    assert runner.calls == []


@pytest.mark.parametrize(
    ("folder", "is_left"),
    [("runs/new", False), ("runs/before", True), ("runs/../outside", True), ("runs", True)],
)
def test_a_run_that_a_signal_cuts_off_is_gone(
    tmp_path: Path,
    folder: str,
    is_left: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    (tmp_path / "runs/before").mkdir(parents=True)
    half = tmp_path / folder / "half.json"

    def cut_off() -> None:
        with gone_if_interrupted(tmp_path / folder, runs=tmp_path / "runs"):
            half.parent.mkdir(exist_ok=True)
            half.write_bytes(b"{")
            raise Interrupted(15)

    with pytest.raises(Interrupted):
        cut_off()
    assert half.exists() == is_left
    assert (tmp_path / "runs/before").is_dir()


def test_a_run_that_fails_otherwise_stays(tmp_path: Path) -> None:
    half = tmp_path / "runs/new/half.json"
    (tmp_path / "runs").mkdir()

    def fail() -> None:
        with gone_if_interrupted(half.parent, runs=tmp_path / "runs"):
            half.parent.mkdir()
            half.write_bytes(b"{")
            raise TrainingFailedError("x", remedy="")

    with pytest.raises(TrainingFailedError):
        fail()
    assert half.exists()
