"""Receipts: what an image has to pass, once, before it is submitted."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    ContainerFailedError,
    ReceiptDamagedError,
    ReceiptMissingError,
    SmokeFailedError,
)
from hakobune.model.project import Project
from hakobune.model.sandbox import SANDBOXES, TRAIN
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.smoke import RECEIPTS, checks_of, require_receipt, smoke
from hakobune.stages.train import plan_train
from hakobune.transform.write_lock import write_lock
from hakobune.transform.write_record import sealed
from tests.run_samples import Made, engine_of, make_run, write_run
from tests.samples import (
    NO_CONTAINER,
    Answer,
    FakeReporter,
    FakeRunner,
    begins,
    completed,
    ended,
    is_training,
    on,
    program_of,
    seen_as_runs,
)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_run(tmp_path)


def trains(made: Made) -> Answer:
    """Answer a training as the program does."""

    def run(command: Sequence[str]) -> Completed | None:
        if not is_training(command):
            return None
        output = list(command)[list(command).index("--output") + 1]
        if not output.startswith("runs/"):
            return completed()
        folder = seen_as_runs(command) / Path(output).relative_to("runs")
        write_run(folder, made.image, run_id=folder.name, arguments=program_of(command)[3:])
        return completed()

    return run


def passed(
    made: Made, *arguments: str, project: Project | None = None, **other: Answer
) -> FakeRunner:
    runner = engine_of(made.image, b"", *other.values(), trains(made), begins("docker", "run"))
    project = project or made.project
    training = plan_train(
        project, arguments, cwd=project.root, is_terminal=False, sandbox=SANDBOXES[TRAIN]
    )
    smoke(project, training, runner, FakeReporter(), image=made.image)
    return runner


def test_a_requirement_that_is_not_for_this_platform_is_listed_as_skipped(made: Made) -> None:
    lock = read_fresh_lock(made.project)
    texts = (*lock.requirements, 'tomli; python_version < "3.11"', "Win_Only")
    lock = replace(lock, requirements=texts)
    content = write_lock(lock, written_from=made.project.environment)
    made.project.lock_path.write_bytes(content)
    assert read_fresh_lock(made.project).skipped == ("tomli", "win-only")


def references(made: Made) -> list[str]:
    (path,) = (made.project.root / RECEIPTS).iterdir()
    values = json.loads(path.read_bytes())
    assert values["image"] == made.image.id
    found: list[str] = values["references"]
    return found


def test_an_image_that_passes_leaves_a_receipt(made: Made) -> None:
    with pytest.raises(ReceiptMissingError) as caught:
        require_receipt(made.project, made.image)
    assert "hakobune smoke" in caught.value.remedy
    runner = passed(made, "--input", "sales.csv")
    (imports,) = runner.called("docker", "run", "54321:54321")
    assert imports[-1] == "six"
    assert {"--read-only", "54321:54321", made.image.id} <= set(imports)
    require_receipt(made.project, made.image)
    assert len(references(made)) == 1


def test_what_was_passed_before_is_not_done_again(made: Made) -> None:
    passed(made, "--input", "sales.csv")
    again = passed(made, "--input", "sales.csv")
    assert not again.called("docker", "run")


def test_other_arguments_need_a_training_of_their_own(made: Made) -> None:
    passed(made, "--input", "sales.csv")
    assert passed(made, "--input", "sales.csv", "--horizon", "3").called("docker", "run", "--label")
    assert passed(made).called("docker", "run", "--label")
    require_receipt(made.project, made.image)
    assert len(references(made)) == 3


def test_a_reference_is_a_run_of_this_image_that_is_whole(made: Made) -> None:
    passed(made, "--output", "runs/x")
    (made.project.root / "runs/x/model.bin").write_bytes(b"another")
    with pytest.raises(ReceiptMissingError, match="were deleted"):
        require_receipt(made.project, made.image)
    shutil.rmtree(made.project.root / "runs/x")
    assert passed(made, "--output", "runs/x").called("docker", "run", "--label")
    require_receipt(made.project, made.image)
    # Another image writes over it.
    path = made.project.root / "runs/x/record.json"
    values = json.loads(path.read_bytes())
    values["outside"]["image"] = "sha256:" + "0" * 64
    path.write_bytes(sealed(values))
    with pytest.raises(ReceiptMissingError, match="were deleted"):
        require_receipt(made.project, made.image)
    shutil.rmtree(path.parent)
    with pytest.raises(ReceiptMissingError, match="were deleted"):
        require_receipt(made.project, made.image)


def test_a_training_that_leaves_no_run_here_is_no_reference(made: Made) -> None:
    with pytest.raises(SmokeFailedError, match="no run of this image in /nowhere") as caught:
        passed(made, "--output", "/nowhere")
    assert "write its results to runs/$HAKOBUNE_RUN_ID" in caught.value.remedy
    with pytest.raises(ReceiptMissingError):
        require_receipt(made.project, made.image)


def test_a_smoke_test_that_came_later_has_to_be_passed_too(made: Made) -> None:
    passed(made)
    project = replace(made.project, smoke=("python -m demo --version",))
    with pytest.raises(ReceiptMissingError, match="smoke test `python -m demo --version`"):
        require_receipt(project, made.image)
    assert passed(made, project=project).called("python", "-m", "demo", "--version")
    require_receipt(project, made.image)


def test_no_container_outlives_its_test(made: Made) -> None:
    with pytest.raises(SmokeFailedError):
        passed(made, slow=on("docker", "54321", exit_code=124))
    runner = passed(made)
    (ran,) = runner.called("docker", "run", "54321:54321")
    assert runner.called("docker", "rm", "--force")[0][-1] == ran[ran.index("--name") + 1]


def test_a_smoke_test_that_lacks_memory_or_time_says_so(made: Made) -> None:
    fails = on("docker", "54321", exit_code=137)
    with pytest.raises(SmokeFailedError, match="killed for lack of memory; the limit is 4g"):
        passed(made, end=ended(137, is_out_of_memory=True, memory=4 << 30), fails=fails)
    with pytest.raises(SmokeFailedError, match="did not end within 300 s"):
        passed(made, slow=on("docker", "54321", exit_code=124))


def test_a_smoke_test_that_docker_cannot_start_is_not_the_image_s_failure(made: Made) -> None:
    words = "docker: Error response from daemon: no space left on device\n"
    refused = on("docker", "54321", exit_code=125, stderr=words)
    with pytest.raises(ContainerFailedError, match="no space left on device"):
        passed(made, none=NO_CONTAINER, refused=refused)


def test_a_receipt_is_of_one_image(made: Made) -> None:
    passed(made, "--input", "sales.csv")
    with pytest.raises(ReceiptMissingError):
        require_receipt(made.project, replace(made.image, id="sha256:" + "0" * 64))


def test_commands_of_the_project_are_smoke_tests_too(made: Made) -> None:
    project = replace(made.project, smoke=("python -m demo --version",))
    runner = passed(made, project=project)
    assert runner.called("python", "-m", "demo", "--version")


def test_a_smoke_test_runs_a_script_of_the_source(made: Made) -> None:
    project = replace(made.project, smoke=("python src/demo/check.py --all",))
    runner = passed(made, project=project)
    assert runner.called("python", "/app/demo/check.py", "--all")


def test_a_failure_is_told_in_its_own_words_and_leaves_no_receipt(made: Made) -> None:
    broken = on("import_packages", exit_code=1, stderr="x")
    broken = on("docker", "54321", exit_code=1, stderr="Traceback\nimport six: ImportError: gone\n")
    with pytest.raises(SmokeFailedError, match="import six: ImportError: gone"):
        passed(made, broken=broken)
    assert not (made.project.root / RECEIPTS).exists()


def test_what_a_container_said_reaches_no_terminal_as_it_came(made: Made) -> None:
    broken = on("docker", "54321", exit_code=1, stderr="x\n\x1b]0;title\x07" + "y" * 999)
    with pytest.raises(SmokeFailedError) as caught:
        passed(made, broken=broken)
    assert caught.value.what.isprintable()
    assert "exit code 1: \\x1b]0;title\\x07yyy" in caught.value.what
    assert len(caught.value.what) < 450


def test_a_requirement_whose_marker_does_not_apply_here_is_not_imported(made: Made) -> None:
    lock = read_fresh_lock(made.project)
    lock = replace(lock, requirements=(*lock.requirements, "tomli; python_version < '3.11'"))
    made.project.lock_path.write_bytes(write_lock(lock, written_from="x"))
    (imports,) = checks_of(made.project, made.image).values()
    assert "six" in imports
    assert "tomli" not in imports


def test_a_changed_receipt_is_none(made: Made) -> None:
    passed(made, "--input", "sales.csv")
    (path,) = (made.project.root / RECEIPTS).iterdir()
    values = json.loads(path.read_bytes())
    path.write_text(json.dumps({**values, "references": ["runs/other"]}), encoding="utf-8")
    with pytest.raises(ReceiptDamagedError, match=path.name) as caught:
        require_receipt(made.project, made.image)
    assert f"rm {path}" in caught.value.remedy
