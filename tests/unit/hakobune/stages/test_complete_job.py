"""What Azure ML reports of a job goes into the run's record, or contradicts it."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.errors import JobContradictsError, JobNotFoundError
from hakobune.stages.complete_job import complete_job
from hakobune.stages.inputs import digest_of_input
from hakobune.stages.job_notes import NOTES
from hakobune.stages.record import complete, read_run_record
from hakobune.stages.verify import walk
from hakobune.transform.compare_records import own_arguments
from hakobune.transform.job_note import JobNote, write_note
from tests.cloud_samples import FakeCloud, make_job
from tests.run_samples import DATA, Made, circumstances, make_run, write_run
from tests.samples import COMMIT, FakeReporter


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = make_run(tmp_path, "job-1")
    write_run(made.folder, made.image, run_id="job-1")
    return made


def cloud_of(made: Made, *, registered: str = "", **tags: str) -> FakeCloud:
    known = {
        "hakobune.image": made.image.id,
        "hakobune.lock": made.image.lock_sha256,
        "hakobune.environment": made.image.environment_sha256,
        "hakobune.source": made.image.source_sha256,
        "hakobune.base": made.image.base,
        "hakobune.data.input": hashlib.sha256(DATA).hexdigest(),
        "git.commit": COMMIT,
        **{name.replace("_", "."): value for name, value in tags.items()},
    }
    job = make_job(
        "Completed",
        name="job-1",
        tags=tuple(known.items()),
        environment="demo:1",
        command='python -m demo --rate 2 --input="${{inputs.input}}" --output "${{outputs.o}}"',
    )
    image = registered or f"registry.example/demo@{made.image.id}"
    return FakeCloud(jobs={"job-1": job}, environments={"demo:1": image})


def completed(made: Made, cloud: FakeCloud, reporter: FakeReporter | None = None) -> bool:
    return complete_job(made.project, cloud, made.folder, made.runner, reporter or FakeReporter())


def test_the_record_names_job_environment_and_image(made: Made) -> None:
    assert completed(made, cloud_of(made))
    outside = read_run_record(made.folder).outside
    assert outside is not None
    assert outside.job is not None
    assert (outside.found_by, outside.job.environment) == ("job", "demo:1")
    assert outside.reference == f"registry.example/demo@{made.image.id}"
    assert outside.image == made.image.id
    assert completed(made, FakeCloud()), "complete already: nobody is asked again"


def test_a_file_that_was_uploaded_is_known_by_the_note_of_the_submit(made: Made) -> None:
    note = JobNote(
        name="job-1",
        plan_sha256="a" * 64,
        planned="2026-11-25T01:00:00Z",
        is_submitted=True,
        inputs={"input": "sales.csv"},
    )
    files.write_bytes(made.project.root / NOTES / "job-1.json", write_note(note))
    completed(made, cloud_of(made))
    outside = read_run_record(made.folder).outside
    assert outside is not None
    (data,) = outside.inputs
    assert (data.path, data.sha256) == ("sales.csv", hashlib.sha256(DATA).hexdigest())


@pytest.mark.parametrize("is_same", [True, False])
def test_a_folder_that_was_uploaded_is_known_while_it_is_the_same(
    made: Made, *, is_same: bool
) -> None:
    folder = made.project.root / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"a")
    sha256 = digest_of_input(folder)
    note = JobNote(
        name="job-1",
        plan_sha256="a" * 64,
        planned="2026-11-25T01:00:00Z",
        is_submitted=True,
        inputs={"input": "images/"},
    )
    files.write_bytes(made.project.root / NOTES / "job-1.json", write_note(note))
    item = {"name": "input", "path": "/node/images", "sha256": sha256}
    write_run(made.folder, made.image, run_id="job-1", inputs=[item])
    if not is_same:
        (folder / "b.png").symlink_to("a.png")
    assert completed(made, cloud_of(made, hakobune_data_input=sha256))
    outside = read_run_record(made.folder).outside
    assert outside is not None
    assert [(data.path, data.sha256) for data in outside.inputs] == (
        [("images/", sha256)] if is_same else []
    )


@pytest.mark.parametrize(
    ("registered", "tags"),
    [
        ("registry.example/demo@sha256:" + "0" * 64, {}),
        ("registry.example/demo:latest", {}),
        ("", {"hakobune_image": "sha256:" + "0" * 64}),
        ("", {"hakobune_image": ""}),
    ],
)
def test_another_image_than_was_submitted_is_named(
    made: Made, registered: str, tags: dict[str, str]
) -> None:
    before = (made.folder / "record.json").read_bytes()
    with pytest.raises(JobContradictsError, match="demo:1 of job job-1"):
        completed(made, cloud_of(made, registered=registered, **tags))
    assert (made.folder / "record.json").read_bytes() == before


def test_the_commit_is_the_job_s_whatever_the_checkout_is_by_now(made: Made) -> None:
    made.project.lock_path.write_bytes(b"another")
    other = made.folder.with_name("reference")
    shutil.copytree(made.folder / "image", other / "image")
    assert completed(made, cloud_of(made, git_dirty="false"))
    outside = read_run_record(made.folder).outside
    assert outside is not None
    assert (outside.commit, outside.is_dirty) == (COMMIT, False)
    assert outside.lock.sha256 == made.image.lock_sha256


def test_what_a_program_says_of_the_outside_is_written_anew(made: Made) -> None:
    """A record that names no job, or another, was not completed by a fetch of this one."""
    complete(
        made.project, made.folder, made.image, made.runner, circumstances(made.project, made.image)
    )
    assert completed(made, cloud_of(made))
    outside = read_run_record(made.folder).outside
    assert outside is not None
    assert outside.job is not None
    assert outside.job.name == "job-1"


@pytest.mark.parametrize(
    "tag", ["--output=victim", "--remote=run.git", "main", "c0ffee", COMMIT.upper(), f"{COMMIT}\n"]
)
def test_a_commit_tag_that_is_no_id_is_refused(made: Made, tag: str) -> None:
    before = (made.folder / "record.json").read_bytes()
    with pytest.raises(JobContradictsError, match=r"`git\.commit` of job job-1"):
        completed(made, cloud_of(made, git_commit=tag))
    assert (made.folder / "record.json").read_bytes() == before


@pytest.mark.parametrize("name", ["image", "lock", "environment", "source", "base", "data.input"])
@pytest.mark.parametrize("tag", ["--output=x", "a\nb", "$(id)", "../x"])
def test_a_tag_that_is_no_digest_is_refused_or_ignored(made: Made, name: str, tag: str) -> None:
    key = f"hakobune_{name.replace('.', '_')}"
    cloud = cloud_of(made, **{key: tag})
    # A reference to a place of Azure ML is any line of text.
    if name == "data.input" and "\n" not in tag:
        assert completed(made, cloud)
        outside = read_run_record(made.folder).outside
        assert outside is not None
        assert outside.inputs == ()
        return
    with pytest.raises(JobContradictsError, match=f"hakobune.{name}|submitted with|valid tag"):
        completed(made, cloud)


def test_a_command_that_no_shell_reads_is_refused(made: Made) -> None:
    (made.folder / "record.json").unlink()
    cloud = cloud_of(made)
    cloud.jobs["job-1"] = replace(cloud.jobs["job-1"], command="python 'demo")
    with pytest.raises(JobContradictsError, match="command of job job-1"):
        completed(made, cloud)


def test_a_lock_that_moved_on_is_said_and_nothing_is_claimed(made: Made) -> None:
    reporter = FakeReporter()
    assert not completed(made, cloud_of(made, hakobune_lock="9" * 64), reporter)
    assert f"check out commit {COMMIT[:12]}" in reporter.said[0]
    assert read_run_record(made.folder).outside is None


def test_of_a_program_without_a_record_one_is_made_of_what_the_service_knows(made: Made) -> None:
    (made.folder / "record.json").unlink()
    assert completed(made, cloud_of(made))
    record = read_run_record(made.folder)
    assert record.arguments[:2] == ("--rate", "2")
    assert own_arguments(made.project, record.arguments) == ("--rate", "2")
    (data,) = record.inputs
    assert (data.name, data.sha256) == ("input", hashlib.sha256(DATA).hexdigest())
    assert record.image["base"] == made.image.base
    assert {entry.name for entry in record.manifest} >= {"model.bin", "metric.json"}
    assert record.outside is not None
    assert record.outside.inputs == (), "no note of this machine says where the file lies"
    links = [link.name for link in walk(made.project, made.folder, made.runner)]
    assert {"file", "data", "job", "image"} <= set(links)


def test_a_run_fetched_in_part_gets_no_record_of_a_part(made: Made) -> None:
    (made.folder / "record.json").unlink()
    (made.folder / "model.bin").unlink()
    assert not completed(made, cloud_of(made))
    assert not (made.folder / "record.json").exists()


def test_a_job_that_was_deleted_meanwhile_is_told(made: Made) -> None:
    with pytest.raises(JobNotFoundError):
        completed(made, replace(cloud_of(made), jobs={}))
