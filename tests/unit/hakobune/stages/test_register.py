from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import ModelMissingError, OutputDamagedError, RecordIncompleteError
from hakobune.model.project import Model, Output, Project
from hakobune.stages.fetch import fetch
from hakobune.stages.register import planned_model, register
from tests.cloud_samples import FakeCloud, make_job, run_files
from tests.samples import COMMIT, DIGEST, FakeReporter, make_project

MODEL = Model(name="demo-model", file="model.bin", metrics="metric.json")


def project_in(root: Path, model: Model | None = MODEL) -> Project:
    output = Output(name="output", flag="--output", files=(*run_files(),))
    return replace(make_project(root), outputs=(output,), model=model)


def registered(project: Project, cloud: FakeCloud, name: str = "demo-1") -> tuple[str, str]:
    cloud.jobs[name] = make_job("Completed", name=name)
    folder = fetch(project, cloud, name, FakeReporter())
    return register(project, cloud, folder, FakeReporter(), grade="bit-identical")


def test_a_model_carries_its_metrics_and_the_digests_of_its_job(tmp_path: Path) -> None:
    cloud = FakeCloud()
    assert registered(project_in(tmp_path), cloud) == ("demo-model", "1")
    tags = dict(cloud.models[0][2])
    assert (tags["RMSE"], tags["R2"]) == ("12.5", "0.25")
    assert (tags["hakobune.image"], tags["git.commit"]) == (DIGEST, COMMIT)
    assert tags["hakobune.job"] == "demo-1"
    assert "mine" not in tags


def test_the_same_model_is_not_registered_twice_and_another_is(tmp_path: Path) -> None:
    project, cloud = project_in(tmp_path), FakeCloud()
    for name in ("demo-1", "demo-1", "demo-2"):
        assert registered(project, cloud, name) == ("demo-model", "1")
    cloud.outputs = run_files(b"another")
    assert registered(project, cloud, "demo-3") == ("demo-model", "2")
    assert len(cloud.models) == 2


def test_a_model_that_was_changed_here_is_not_registered(tmp_path: Path) -> None:
    project, cloud = project_in(tmp_path), FakeCloud(jobs={"demo-1": make_job("Completed")})
    folder = fetch(project, cloud, "demo-1", FakeReporter())
    (folder / "model.bin").write_bytes(b"other")
    with pytest.raises(OutputDamagedError):
        register(project, cloud, folder, FakeReporter(), grade="bit-identical")
    assert cloud.models == []


def test_a_model_without_a_grade_is_not_registered(tmp_path: Path) -> None:
    project, cloud = project_in(tmp_path), FakeCloud(jobs={"demo-1": make_job("Completed")})
    folder = fetch(project, cloud, "demo-1", FakeReporter())
    with pytest.raises(RecordIncompleteError):
        register(project, cloud, folder, FakeReporter(), grade=None)
    assert cloud.models == []


def test_a_project_without_a_model_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError) as caught:
        registered(project_in(tmp_path, None), FakeCloud())
    assert "[tool.hakobune.model]" in caught.value.remedy
    absent = Model(name="demo-model", file="nowhere.bin", metrics="")
    with pytest.raises(ModelMissingError, match=r"wrote no nowhere\.bin") as caught:
        registered(project_in(tmp_path, absent), FakeCloud())
    assert "model.bin" in caught.value.remedy


def test_a_dry_run_names_file_and_model(tmp_path: Path) -> None:
    text = planned_model(project_in(tmp_path), "demo-1")
    assert text == "would register runs/demo-1/model.bin as a new version of demo-model"
