"""Runs side by side, and the local run that a job's model is compared with."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import FileChangedError, ModelDiffersError
from hakobune.model.grade import Sameness
from hakobune.model.project import Model
from hakobune.model.record import JobFacts
from hakobune.stages.compare import compare, find_reference, grade_runs, require_alike, told
from hakobune.stages.record import complete
from tests.run_samples import Made, circumstances, make_run, write_run


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_run(tmp_path)


def another(made: Made, name: str, *, is_job: bool = False, **other: object) -> Path:
    folder = made.folder.with_name(name)
    write_run(folder, made.image, run_id=name, **other)  # type: ignore[arg-type] # by name
    job = JobFacts(name=name, environment="demo:1", image=f"x@{made.image.id}", tags={})
    found_by = "job" if is_job else "container"
    how = circumstances(made.project, made.image, found_by, job=job if is_job else None)
    complete(made.project, folder, made.image, made.runner, how)
    return folder


def files(rmse: float) -> dict[str, bytes]:
    return {
        "model.bin": b"\x00model",
        "metric.json": json.dumps({"RMSE": rmse, "R2": 0.25}).encode(),
    }


def test_rows_say_what_is_the_same_and_what_differs(made: Made) -> None:
    project = replace(
        made.project, model=Model(name="demo", file="model.bin", metrics="metric.json")
    )
    other = another(made, "other", files=files(13.0), numerics={"OPENBLAS_CORETYPE": "Zen"})
    rows = {row.name: row for row in compare(project, made.folder, other)}
    assert [name for name, row in rows.items() if not row.is_same] == [
        *("arithmetic", "RMSE", "metric.json")
    ]
    assert (rows["RMSE"].left, rows["RMSE"].right) == ("12.5", "13.0")
    assert rows["arguments"].left == "", "where files lie is no argument of the program's own"


def test_a_run_without_version_control_has_no_commit_and_no_changes_to_one(made: Made) -> None:
    folder = made.folder.with_name("bare")
    write_run(folder, made.image, run_id="bare")
    how = replace(circumstances(made.project, made.image), commit="", is_dirty=True)
    complete(made.project, folder, made.image, made.runner, how)
    rows = {row.name: row for row in compare(made.project, folder, folder)}
    assert rows["commit"].left == ""


def test_the_reference_is_the_newest_local_run_of_the_same_plan(made: Made) -> None:
    job = another(made, "job", is_job=True, arguments=["--input", "/mnt/x.csv", "--output", "/o"])
    assert find_reference(made.project, job) == made.folder
    newer = another(made, "newer", started="2026-11-25T02:00:00Z")
    another(made, "elsewhere", is_job=True, started="2026-11-25T03:00:00Z")
    another(made, "longer", arguments=["--horizon", "3"], started="2026-11-25T03:00:00Z")
    data = [{"name": "input", "path": "x.csv", "sha256": "0" * 64}]
    another(made, "data", inputs=data, started="2026-11-25T03:00:00Z")
    assert find_reference(made.project, job) == newer


def test_without_a_local_run_that_is_said(made: Made) -> None:
    job = another(made, "job", is_job=True, arguments=["--horizon", "9"])
    assert "no local run" in require_alike(made.project, job)


def test_the_same_bytes_end_in_the_line_that_people_look_for(made: Made) -> None:
    job = another(made, "job", is_job=True)
    assert require_alike(made.project, job) == "bit-identical to the local run demo-run"


def test_a_different_model_is_refused_with_number_and_cause(made: Made) -> None:
    job = another(made, "job", is_job=True, files=files(13.0), processor={"model": "Zen 9"})
    with pytest.raises(ModelDiffersError) as caught:
        require_alike(made.project, job)
    assert "metric.json: RMSE: 12.5, 13.0" in caught.value.what
    assert "likely cause: other processor (none and Zen 9)" in caught.value.what
    assert caught.value.remedy.endswith("hakobune compare demo-run job")


def test_a_cause_is_sought_in_the_order_of_its_likelihood(made: Made) -> None:
    other = another(
        made,
        "other",
        files=files(12.5 + 1e-9),
        arguments=["--horizon", "3"],
        versions={"numpy": "9"},
    )
    grade, cause = grade_runs(made.project, made.folder, other)
    assert grade.sameness is Sameness.CLOSE
    assert cause == "other arguments (none and --horizon 3)"
    assert told(grade, "x", cause).startswith("within 1e-06 of x; first: metric.json: RMSE")


@pytest.mark.parametrize("name", ["model.bin", "metric.json"])
@pytest.mark.parametrize("content", [b"tampered", None])
def test_a_result_that_no_manifest_vouches_for_is_compared_with_none(
    made: Made, name: str, content: bytes | None
) -> None:
    job = another(made, "job", is_job=True)
    (made.folder / name).unlink()
    if content is not None:
        (made.folder / name).write_bytes(content)
    with pytest.raises(FileChangedError, match=f"demo-run/{name} is not what the run wrote"):
        grade_runs(made.project, made.folder, job)
    assert "no local run" in require_alike(made.project, job), "it is no reference either"


def test_a_damaged_record_beside_is_passed_over(made: Made) -> None:
    job = another(made, "job", is_job=True)
    broken = another(made, "broken")
    (broken / "record.json").write_bytes((broken / "record.json").read_bytes() + b" ")
    assert find_reference(made.project, job) == made.folder


def test_nothing_that_differs_is_told_as_that(made: Made) -> None:
    other = another(made, "other", files=files(99.0))
    _, cause = grade_runs(made.project, made.folder, other)
    assert "other results each time" in cause
