import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    ArgumentInvalidError,
    NameInvalidError,
    OutputsMissingError,
    RecordIncompleteError,
    TrainingFailedError,
)
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.model.training import Training
from hakobune.stages.build import current_image
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.record import read_run_record
from hakobune.stages.render import current_source, render
from hakobune.stages.train import plan_train, train
from tests.samples import (
    DIGEST,
    ENGINE,
    NO_REPOSITORY,
    REMOVES,
    TAGS,
    Answer,
    FakeReporter,
    FakeRunner,
    begins,
    completed,
    is_training,
    seen_as_runs,
    shares_folders,
    trains,
    write_project,
)


def image_of(project: Project, **other: str) -> Answer:
    labels = {
        "hakobune.lock.sha256": read_fresh_lock(project).sha256,
        "hakobune.environment.sha256": read_fresh_lock(project).environment_sha256,
        "hakobune.source.sha256": current_source(project, FakeRunner()).sha256,
        **other,
    }
    facts = [{"Id": DIGEST, "Size": 1, "Config": {"Labels": labels}}]
    return begins("docker", "image", "inspect", stdout=json.dumps(facts))


MACHINE = (ENGINE, NO_REPOSITORY, TAGS, shares_folders)


def planned(project: Project, *arguments: str, cwd: Path | None = None) -> Training:
    sandbox = SANDBOXES[TRAIN]
    cwd = cwd or project.root
    return plan_train(project, arguments, cwd=cwd, is_terminal=False, sandbox=sandbox)


def image(project: Project) -> Image:
    return current_image(project, FakeRunner([NO_REPOSITORY, image_of(project)]))


def ready(root: Path) -> Project:
    project = write_project(root)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    return project


def writes(training: Training, then: Callable[[], object] = lambda: None) -> Answer:
    """Answer a training as a program does that writes no record."""

    def run(command: Sequence[str]) -> Completed | None:
        if not is_training(command):
            return None
        runs = seen_as_runs(command)
        assert list(runs.iterdir()) == []
        for _, path in training.outputs:
            written = runs / Path(path).relative_to("runs")
            written.parent.mkdir(exist_ok=True)
            written.write_text("x", encoding="utf-8")
        then()
        return completed()

    return run


def test_a_training_gives_each_declared_output(tmp_path: Path) -> None:
    project = ready(tmp_path)
    training = planned(project)
    reporter = FakeReporter()
    runner = FakeRunner([writes(training), *MACHINE, image_of(project)])
    found = train(project, training, runner, reporter, image=image(project))
    assert found == tuple((name, tmp_path / path) for name, path in training.outputs)
    assert reporter.stages == [("train", training.folder, DIGEST)]


def test_a_run_without_a_declared_file_has_a_record_too(tmp_path: Path) -> None:
    project = ready(tmp_path)
    project = replace(project, outputs=(replace(project.outputs[0], files=()),))
    training = planned(project)

    def run(command: Sequence[str]) -> Completed | None:
        if not is_training(command):
            return None
        folder = seen_as_runs(command) / Path(training.folder).name
        folder.mkdir()
        (folder / "model.bin").write_text("x", encoding="utf-8")
        return completed()

    train(
        project,
        training,
        FakeRunner([run, *MACHINE, image_of(project)]),
        FakeReporter(),
        image=image(project),
    )
    record = read_run_record(tmp_path / training.folder)
    assert [file.name for file in record.manifest] == ["model.bin"]
    assert record.outside


def test_code_is_recorded_as_it_was_before_the_run(tmp_path: Path) -> None:
    """Whoever waits for a training edits the files meanwhile."""
    project = ready(tmp_path)
    data, source = tmp_path / "x.csv", tmp_path / "src/demo/__main__.py"
    data.write_bytes(b"before")
    training = planned(project, "--input", "x.csv")
    dockerfile = project.dockerfile_path.read_bytes()

    def edit() -> None:
        source.write_bytes(b"print('after')\n")
        render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())

    runner = FakeRunner([writes(training, edit), *MACHINE, image_of(project)])
    train(project, training, runner, FakeReporter(), image=image(project))
    record = read_run_record(tmp_path / training.folder)
    assert record.inputs[0].sha256 == hashlib.sha256(b"before").hexdigest()
    assert (tmp_path / training.folder / "image/Dockerfile").read_bytes() == dockerfile


@pytest.mark.parametrize("name", ["x.csv", "folder"])
def test_data_that_is_changed_meanwhile_is_an_error_and_the_run_is_kept(
    tmp_path: Path, name: str
) -> None:
    project = ready(tmp_path)
    (tmp_path / "folder").mkdir()
    file = tmp_path / name if name == "x.csv" else tmp_path / name / "x.csv"
    file.write_bytes(b"before")
    training = planned(project, "--input", name)
    edit = writes(training, lambda: file.write_bytes(b"after"))
    runner = FakeRunner([edit, *MACHINE, image_of(project)])
    with pytest.raises(RecordIncompleteError, match=f"{name} was changed or replaced"):
        train(project, training, runner, FakeReporter(), image=image(project))
    assert (tmp_path / training.folder / "model.bin").exists()
    assert not (tmp_path / training.folder / "record.json").exists()


def test_a_folder_is_read_and_recorded_whole(tmp_path: Path) -> None:
    project = ready(tmp_path)
    (tmp_path / "images/below").mkdir(parents=True)
    for path in ("images/b", "images/below/a"):
        (tmp_path / path).write_text(path, encoding="utf-8")
    training = planned(project, "--input", "images")
    assert training.arguments[:2] == ("--input", "inputs/input/images")
    assert (training.binds[1].source, training.binds[1].is_read_only) == (
        tmp_path / "images",
        True,
    )
    runner = FakeRunner([writes(training), *MACHINE, image_of(project)])
    train(project, training, runner, FakeReporter(), image=image(project))
    record = read_run_record(tmp_path / training.folder)
    lines = [
        f"{hashlib.sha256(p.encode()).hexdigest()}  {p[7:]}\n"
        for p in ("images/b", "images/below/a")
    ]
    (item,) = record.inputs
    assert item.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert item.path == "images/"


def test_the_container_s_exit_code_is_kept(tmp_path: Path) -> None:
    project = ready(tmp_path)
    runner = FakeRunner([trains(43), REMOVES, *MACHINE, image_of(project)])
    with pytest.raises(TrainingFailedError) as caught:
        train(project, planned(project), runner, FakeReporter(), image=image(project))
    assert "exit code 43" in caught.value.what


def test_a_missing_output_is_a_failure(tmp_path: Path) -> None:
    project = ready(tmp_path)
    runner = FakeRunner([trains(), *MACHINE, image_of(project)])
    with pytest.raises(OutputsMissingError, match=r"model\.bin.*metric\.json"):
        train(project, planned(project), runner, FakeReporter(), image=image(project))


def test_two_plans_have_names_of_their_own(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    assert planned(project).folder != planned(project).folder


def test_a_file_is_found_from_where_the_user_stands(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    below = tmp_path / "src"
    (below / "data.csv").write_text("x", encoding="utf-8")
    training = planned(project, "--input", "data.csv", cwd=below)
    assert [(str(bind.source), bind.target) for bind in training.binds[1:]] == [
        (f"{below}/data.csv", "/workspace/inputs/input/data.csv")
    ]


@pytest.mark.parametrize("argument", ["caf\udce9", "a\0b"])
def test_an_argument_that_no_record_can_hold_is_refused_before_the_run(
    tmp_path: Path, argument: str
) -> None:
    project = ready(tmp_path)
    training = planned(project, "--note", argument)
    runner = FakeRunner([*MACHINE, image_of(project)])
    with pytest.raises(ArgumentInvalidError):
        train(project, training, runner, FakeReporter(), image=image(project))
    assert not runner.called("docker", "run")


def test_an_input_whose_name_no_record_can_hold_is_refused_before_the_run(tmp_path: Path) -> None:
    project = ready(tmp_path)
    (tmp_path / "a\nok  signed.csv").write_bytes(b"x")
    given = ("--input", "a\nok  signed.csv")
    runner = FakeRunner([*MACHINE, image_of(project)])
    training = planned(project, *given)
    with pytest.raises(NameInvalidError):
        train(project, training, runner, FakeReporter(), image=image(project))
    assert not runner.called("docker", "run")
