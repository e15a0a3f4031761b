"""A recorded run, run again: what is handed to compose, and what comes of the second run."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.adapters.process import Completed
from hakobune.errors import (
    DataChangedError,
    FileChangedError,
    ImageMissingError,
    RecordIncompleteError,
    ReproduceRunningError,
    TrainingFailedError,
)
from hakobune.model.grade import Grade, Sameness
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.stages.reproduce_model import reproduce_model
from tests.run_samples import Made, engine_of, make_run, write_run
from tests.samples import (
    REMOVES,
    FakeReporter,
    FakeRunner,
    completed,
    is_training,
    mounts_of,
    on,
    program_of,
    seen_as_runs,
    trains,
)

FILES = {"model.bin": b"\x00model", "metric.json": b'{"RMSE": 12.5, "R2": 0.25}\n'}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_run(tmp_path)


def again(made: Made, files: dict[str, bytes]) -> tuple[Grade, FakeRunner, Path]:
    seen = []

    def run(command: Sequence[str]) -> Completed | None:
        if not is_training(command):
            return None
        seen.append(mounts_of(command))
        write_run(
            seen_as_runs(command) / Path(list(command)[-1]).relative_to("runs"),
            made.image,
            files=files,
            arguments=program_of(command)[3:],
        )
        return completed()

    runner = engine_of(made.image, b"", run)
    grade, _, folder = reproduce_model(
        made.project, made.folder, runner, FakeReporter(), sandbox=SANDBOXES[TRAIN]
    )
    del seen[0]["/workspace/runs", False]
    data = made.project.root / "sales.csv"
    assert seen == [{("/workspace/inputs/input/sales.csv", True): data}]
    return grade, runner, folder


def test_the_same_image_data_and_arguments_are_handed_over(made: Made) -> None:
    grade, runner, folder = again(made, FILES)
    assert grade.sameness is Sameness.BITS
    (call,) = runner.called("docker", "run")
    assert call[call.index("-c") - 1] == made.image.id
    assert call[-4:] == ["--input", "inputs/input/sales.csv", "--output", "runs/.again-demo-run"]
    assert "HAKOBUNE_RUN_ID=demo-run" in call
    assert not folder.exists(), "the same bits need not lie here twice"


def test_another_result_stays_to_be_looked_at(made: Made) -> None:
    grade, _, folder = again(made, {**FILES, "metric.json": b'{"RMSE": 13.5, "R2": 0.25}\n'})
    assert grade.sameness is Sameness.DIFFERENT
    assert grade.first == "metric.json: RMSE: 12.5, 13.5"
    assert (folder / "record.json").is_file()


def test_data_that_changes_meanwhile_is_named_and_nothing_is_left(made: Made) -> None:
    def run(command: Sequence[str]) -> Completed | None:
        if not is_training(command):
            return None
        (made.project.root / "sales.csv").write_bytes(b"other")
        return completed()

    runner = engine_of(made.image, b"", run, REMOVES)
    with pytest.raises(RecordIncompleteError, match=r"sales\.csv was changed or replaced"):
        reproduce_model(made.project, made.folder, runner, FakeReporter(), sandbox=SANDBOXES[TRAIN])
    assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]


def test_data_that_is_gone_or_another_is_named(made: Made) -> None:
    data = made.project.root / "sales.csv"
    data.write_bytes(b"other")
    with pytest.raises(DataChangedError, match=r"sales\.csv"):
        again(made, FILES)
    data.unlink()
    with pytest.raises(DataChangedError, match=r"sales\.csv") as caught:
        again(made, FILES)
    assert "sha256" in caught.value.remedy


def test_without_the_image_or_its_name_nothing_is_started(made: Made) -> None:
    bare = engine_of(made.image, b"", on("image", "inspect", exit_code=1))
    with pytest.raises(ImageMissingError):
        reproduce_model(made.project, made.folder, bare, FakeReporter(), sandbox=SANDBOXES[TRAIN])
    assert not bare.called("docker", "run")
    write_run(made.folder, made.image)
    with pytest.raises(RecordIncompleteError):
        again(made, FILES)


def test_a_run_that_fails_now_keeps_its_exit_code(made: Made) -> None:
    runner = engine_of(made.image, b"", trains(43), REMOVES)
    with pytest.raises(TrainingFailedError) as caught:
        reproduce_model(made.project, made.folder, runner, FakeReporter(), sandbox=SANDBOXES[TRAIN])
    assert "exit code 43" in caught.value.what


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, None])
def test_a_second_run_that_does_not_end_well_leaves_nothing(
    made: Made, end: type[BaseException] | None
) -> None:
    left = made.project.root / "runs/.again-demo-run"

    def run(command: Sequence[str]) -> Completed | None:
        if not is_training(command):
            return completed() if "rm" in command else None
        folder = seen_as_runs(command) / left.name
        folder.mkdir()
        (folder / "failure.json").write_bytes(b"{}")
        if end is not None:
            raise end
        return completed(exit_code=43)

    runner = engine_of(made.image, b"", run)
    with pytest.raises(end or TrainingFailedError):
        reproduce_model(made.project, made.folder, runner, FakeReporter(), sandbox=SANDBOXES[TRAIN])
    assert not left.exists()


def test_a_run_that_was_changed_is_not_made_again(made: Made) -> None:
    (made.folder / "metric.json").write_bytes(b'{"RMSE": 1.0, "R2": 0.25}\n')
    with pytest.raises(FileChangedError, match=r"metric\.json"):
        again(made, FILES)
    assert not made.runner.called("docker", "run")


def test_two_at_once_do_not_meet(made: Made) -> None:
    with (
        files.only_one(made.project.root / ".hakobune/reproduce.lock"),
        pytest.raises(ReproduceRunningError),
    ):
        again(made, FILES)
