import json
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    ImageMissingError,
    ImageStaleError,
    OutputsMissingError,
    TrainingFailedError,
)
from hakobune.model.project import Project
from hakobune.model.training import Training
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import current_source, render
from hakobune.stages.train import plan_train, train
from tests.samples import DIGEST, Answer, FakeReporter, FakeRunner, completed, on, write_project


def image_of(project: Project, **other: str) -> Answer:
    labels = {
        "hakobune.lock.sha256": read_fresh_lock(project).sha256,
        "hakobune.source.sha256": current_source(project).sha256,
        **other,
    }
    facts = [{"Id": DIGEST, "Size": 1, "Config": {"Labels": labels}}]
    return on("image", "inspect", stdout=json.dumps(facts))


ENGINE = on("version", "Server", stdout="26.1.5\n")


def planned(project: Project) -> Training:
    return plan_train(project, (), cwd=project.root, is_terminal=False)


def test_a_training_gives_each_declared_output(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    training = planned(project)

    def run(command: list[str]) -> Completed | None:
        if "run" not in command:
            return None
        for _, path in training.outputs:
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text("x", encoding="utf-8")
        return completed()

    reporter = FakeReporter()
    render(project, read_fresh_lock(project), FakeReporter())
    found = train(project, training, FakeRunner([run, ENGINE, image_of(project)]), reporter)  # type: ignore[list-item] # a list is what we pass
    assert found == tuple((name, tmp_path / path) for name, path in training.outputs)
    assert reporter.stages == [("train", training.folder, DIGEST)]


def test_the_container_s_exit_code_is_kept(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([on("compose", "run", exit_code=43), ENGINE, image_of(project)])
    with pytest.raises(TrainingFailedError) as caught:
        train(project, planned(project), runner, FakeReporter())
    assert caught.value.container_exit_code == 43


def test_a_missing_output_is_a_failure(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([ENGINE, image_of(project)])
    with pytest.raises(OutputsMissingError, match=r"model\.bin.*metric\.json"):
        train(project, planned(project), runner, FakeReporter())


def test_without_an_image_nothing_is_started(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([ENGINE, on("image", "inspect", exit_code=1)])
    with pytest.raises(ImageMissingError):
        train(project, planned(project), runner, FakeReporter())
    assert not runner.called("compose", "run")


def test_two_plans_have_names_of_their_own(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    assert planned(project).folder != planned(project).folder


def test_a_file_is_found_from_where_the_user_stands(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    below = tmp_path / "src"
    (below / "data.csv").write_text("x", encoding="utf-8")
    training = plan_train(project, ("--input", "data.csv"), cwd=below, is_terminal=False)
    assert f"--volume={below}/data.csv:/workspace/inputs/data.csv:ro" in training.command


@pytest.mark.parametrize("label", ["hakobune.lock.sha256", "hakobune.source.sha256"])
def test_an_image_of_earlier_code_or_packages_is_not_trained_in(tmp_path: Path, label: str) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([ENGINE, image_of(project, **{label: "0" * 64})])
    with pytest.raises(ImageStaleError) as caught:
        train(project, planned(project), runner, FakeReporter())
    assert "make image" in caught.value.remedy
    assert not runner.called("compose", "run")
