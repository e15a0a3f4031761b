"""A run's record, completed outside: by hakobune itself, or afterwards by the image's labels."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import ImageMissingError, RecordIncompleteError, RunMissingError
from hakobune.model.record import JobFacts, RecordedInput
from hakobune.stages.record import (
    complete,
    complete_by_labels,
    find_documents,
    find_run,
    read_run_record,
    recorded_image,
)
from tests.run_samples import Made, circumstances, engine_of, make_run, write_run
from tests.samples import COMMIT, FakeReporter, on


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_run(tmp_path)


def test_the_outside_is_added_and_the_inside_stays(made: Made) -> None:
    write_run(made.folder, made.image)
    before = json.loads((made.folder / "record.json").read_bytes())
    how = circumstances(made.project, made.image)
    complete(made.project, made.folder, made.image, made.runner, how)
    after = json.loads((made.folder / "record.json").read_bytes())
    outside = after.pop("outside")
    assert {k: v for k, v in after.items() if k != "sha256"} == {
        k: v for k, v in before.items() if k != "sha256"
    }
    assert (outside["image"], outside["commit"]) == (made.image.id, COMMIT)
    assert outside["lock"]["sha256"] == made.image.lock_sha256
    names = {path.name for path in (made.folder / "image").iterdir()}
    assert names == {"Dockerfile", "demo.lock", "demo.yml"}


def test_a_program_without_a_record_gets_one_of_its_files(made: Made) -> None:
    (made.folder / "record.json").unlink()
    for path in (made.folder / "image").iterdir():
        path.unlink()
    how = circumstances(made.project, made.image, arguments=("--order", "1,0,0"))
    complete(made.project, made.folder, made.image, made.runner, how)
    record = read_run_record(made.folder)
    assert [entry.name for entry in record.manifest] == ["metric.json", "model.bin"]
    assert record.arguments == ("--order", "1,0,0")
    assert record.image["lock_sha256"] == made.image.lock_sha256
    assert read_run_record(made.folder).outside is not None


def test_a_run_of_plain_compose_is_completed_by_its_labels(made: Made) -> None:
    write_run(made.folder, made.image)
    reporter = FakeReporter()
    complete_by_labels(made.project, made.folder, made.runner, reporter)
    outside = read_run_record(made.folder).outside
    assert outside is not None
    assert outside.found_by == "labels"
    content = (made.folder / "record.json").read_bytes()
    complete_by_labels(made.project, made.folder, made.runner, reporter)
    assert (made.folder / "record.json").read_bytes() == content


def test_another_image_completes_nothing(made: Made) -> None:
    write_run(made.folder, made.image)
    before = (made.folder / "record.json").read_bytes()
    other = engine_of(replace(made.image, source_sha256="0" * 64), b"")
    with pytest.raises(RecordIncompleteError, match="source_sha256 differ"):
        complete_by_labels(made.project, made.folder, other, FakeReporter())
    none = engine_of(made.image, b"", on("image", "inspect", exit_code=1))
    with pytest.raises(ImageMissingError):
        complete_by_labels(made.project, made.folder, none, FakeReporter())
    assert (made.folder / "record.json").read_bytes() == before


def test_documents_that_moved_on_are_those_of_another_run_of_the_image(made: Made) -> None:
    wanted = find_documents(made.project, made.image)
    made.project.lock_path.write_bytes(b"another")
    assert find_documents(made.project, made.image) == wanted
    elsewhere = made.project.root / "elsewhere"
    made.folder.rename(elsewhere)
    with pytest.raises(RecordIncompleteError, match="docker/Dockerfile of the image"):
        find_documents(made.project, made.image)
    assert find_documents(made.project, made.image, elsewhere) == wanted


def test_a_dockerfile_of_another_lock_is_no_document_of_the_image(made: Made) -> None:
    other = replace(made.image, source_sha256="0" * 64)
    with pytest.raises(RecordIncompleteError):
        find_documents(made.project, other)


def test_a_container_that_knew_another_image_completes_nothing(made: Made) -> None:
    how = circumstances(made.project, made.image)
    write_run(made.folder, replace(made.image, source_sha256="0" * 64))
    with pytest.raises(RecordIncompleteError, match="source_sha256 differ"):
        complete(made.project, made.folder, made.image, made.runner, how)
    write_run(made.folder, made.image)
    data = (RecordedInput(name="input", path="sales.csv", sha256="0" * 64),)
    how = circumstances(made.project, made.image, inputs=data)
    with pytest.raises(RecordIncompleteError, match=r"sales\.csv"):
        complete(made.project, made.folder, made.image, made.runner, how)
    assert read_run_record(made.folder).outside is None


def test_a_second_run_in_the_same_folder_gets_a_record_of_its_own(made: Made) -> None:
    """Of a program that writes none; what the first one was signed with is not its file."""
    (made.folder / "model.bin").write_bytes(b"second")
    (made.folder / "provenance.intoto.jsonl").write_bytes(b"of the first")
    how = circumstances(made.project, made.image, arguments=("--rate", "2"))
    complete(made.project, made.folder, made.image, made.runner, how)
    record = read_run_record(made.folder)
    assert record.arguments == ("--rate", "2")
    entries = {entry.name: entry.sha256 for entry in record.manifest}
    assert entries["model.bin"] == hashlib.sha256(b"second").hexdigest()
    assert set(entries) == {"model.bin", "metric.json"}


def test_a_commit_is_claimed_only_of_the_source_that_it_holds(made: Made) -> None:
    write_run(made.folder, made.image)
    source = made.project.root / "src/demo/__main__.py"
    source.write_bytes(source.read_bytes() + b"# later\n")
    complete_by_labels(made.project, made.folder, made.runner, FakeReporter())
    outside = read_run_record(made.folder).outside
    assert outside is not None
    assert (outside.commit, outside.is_dirty) == ("", True)


def test_a_host_without_an_engine_still_completes_what_it_fetched(made: Made) -> None:
    write_run(made.folder, made.image)
    bare = engine_of(made.image, b"", on("version", "Server", exit_code=127))
    how = circumstances(made.project, made.image, "job")
    complete(made.project, made.folder, made.image, bare, how)
    record = read_run_record(made.folder)
    assert record.outside is not None
    assert record.outside.host["engine"] == ""


def test_an_image_that_is_not_here_is_told_with_the_way_to_get_it(made: Made) -> None:
    outside = read_run_record(made.folder).outside
    assert outside is not None
    bare = engine_of(made.image, b"", on("image", "inspect", exit_code=1))
    job = JobFacts(name="x", environment="demo:1", image="r/demo@sha256:x", tags={})
    for state, said in (
        (outside, "git checkout c0ffeec0ffee && hakobune build"),
        (replace(outside, is_dirty=True), "not committed"),
        (replace(outside, job=job, reference="r/demo@sha256:x"), "docker pull r/demo@sha256:x"),
    ):
        with pytest.raises(ImageMissingError, match=made.image.id) as caught:
            recorded_image(state, bare)
        assert said in caught.value.remedy


def test_a_run_is_found_by_path_or_by_name(made: Made, tmp_path: Path) -> None:
    assert find_run(made.project, "demo-run", cwd=tmp_path / "elsewhere") == made.folder
    assert find_run(made.project, "runs/demo-run", cwd=tmp_path) == made.folder
    # Where plain compose wrote it before it was moved.
    assert find_run(made.project, "runs/.incoming/demo-run", cwd=tmp_path) == made.folder
    with pytest.raises(RunMissingError, match="`nothing`: no such run"):
        find_run(made.project, "nothing", cwd=tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("failed", "is a failed run: it has a failure.json"),
        ("empty", "empty has no file record.json"),
        ("odd", "odd has no file record.json"),
        ("file", "file is not a folder"),
        ("loop", "loop is not a folder"),
        (".", "runs has no file record.json"),
        ("", "runs has no file record.json"),
    ],
)
def test_what_lies_there_and_is_no_run_is_told(
    made: Made, tmp_path: Path, name: str, said: str
) -> None:
    runs = made.project.root / "runs"
    for folder in ("failed", "empty", "odd/record.json"):
        (runs / folder).mkdir(parents=True)
    (runs / "failed/failure.json").write_bytes(b"{}")
    (runs / "file").write_bytes(b"")
    (runs / "loop").symlink_to("loop")
    with pytest.raises(RunMissingError, match=said):
        find_run(made.project, name, cwd=tmp_path)
