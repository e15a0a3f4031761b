"""Each link of a chain: it holds, or it is named."""

import hashlib
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.errors import (
    DataChangedError,
    DocumentChangedError,
    FileChangedError,
    HakobuneError,
    ImageChangedError,
    ImageMissingError,
    JobContradictsError,
    OutputAbsentError,
    RecordDamagedError,
    RecordFromFutureError,
    RecordIncompleteError,
    RunClaimedTwiceError,
    SourceUnprovenError,
)
from hakobune.model.link import Link
from hakobune.model.project import Command, Output
from hakobune.model.record import JobFacts, RecordedInput
from hakobune.stages.inputs import digest_of_input
from hakobune.stages.record import complete, read_run_record, require_outside
from hakobune.stages.verify import check_image, walk
from hakobune.transform.seal import seal
from hakobune.transform.write_record import completed as completed_record
from hakobune.transform.write_record import sealed
from tests.run_samples import Made, archive, circumstances, engine_of, make_run, tar, write_run
from tests.samples import SAVES, FakeRunner, on
from tests.saved_images import WRONG, File, write_archive


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_run(tmp_path)


def walked(made: Made) -> list[Link]:
    return list(walk(made.project, made.folder, made.runner))


def values_of(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made.folder / "record.json").read_bytes())
    return found


def test_a_run_of_another_command_has_the_outputs_of_that_command(tmp_path: Path) -> None:
    given = ["--input", "inputs/input/sales.csv", "--output", "runs/demo-run"]
    made = make_run(tmp_path, arguments=["many", *given], files={"rows.csv": b"1"})
    with pytest.raises(OutputAbsentError, match=r"the declared output model\.bin is not in"):
        walked(made)
    output = Output(name="output", flag="--output", files=("rows.csv",))
    many = Command(name="many", command=("many",), inputs=made.project.inputs, outputs=(output,))
    links = walk(replace(made.project, commands=(many,)), made.folder, made.runner)
    assert "image" in [link.name for link in links]


def test_a_whole_chain_holds_from_the_files_to_the_image(made: Made) -> None:
    links = walked(made)
    assert [link.name for link in links] == [
        *("record", "signed", "file", "file", "data", "build", "lock", "conda", "base"),
        *("source", "commit", "image"),
    ]
    assert [link.name for link in links if not link.is_seen] == ["signed", "commit"]
    assert links[-1].digest == made.image.id


def with_folder(made: Made) -> Path:
    """Let the run be of a folder."""
    folder = made.project.root / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"a")
    item = {"name": "input", "path": "inputs/input/images", "sha256": digest_of_input(folder)}
    write_run(made.folder, made.image, inputs=[item])
    data = RecordedInput(name="input", path="images/", sha256=item["sha256"])
    how = circumstances(made.project, made.image, inputs=(data,))
    complete(made.project, made.folder, made.image, made.runner, how)
    return folder


def test_a_folder_that_a_run_read_is_verified_whole(made: Made) -> None:
    folder = with_folder(made)
    (link,) = [link for link in walked(made) if link.name == "data"]
    assert (link.what, link.is_seen) == (str(folder), True)
    (folder / "b.png").write_bytes(b"b")
    with pytest.raises(DataChangedError, match="images"):
        walked(made)
    (folder / "b.png").unlink()
    (folder / "a.png").rename(made.project.root / "a.png")
    (folder / "a.png").symlink_to(made.project.root / "a.png")
    with pytest.raises(DataChangedError, match="images"):
        walked(made)


def test_a_file_in_the_place_of_a_folder_is_not_the_data(made: Made) -> None:
    folder = with_folder(made)
    listing = f"{hashlib.sha256(b'a').hexdigest()}  a.png\n"
    shutil.rmtree(folder)
    folder.write_text(listing, encoding="utf-8")
    (link,) = [link for link in walked(made) if link.name == "data"]
    assert not link.is_seen


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("runs/demo-run/model.bin", FileChangedError),
        ("runs/demo-run/metric.json", FileChangedError),
        ("runs/demo-run/record.json", RecordDamagedError),
        ("runs/demo-run/image/Dockerfile", DocumentChangedError),
        ("runs/demo-run/image/demo.lock", DocumentChangedError),
        ("runs/demo-run/image/demo.yml", DocumentChangedError),
        ("sales.csv", DataChangedError),
    ],
)
def test_a_changed_byte_is_named_by_its_file(
    made: Made, path: str, error: type[HakobuneError]
) -> None:
    file = made.project.root / path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(error) as caught:
        walked(made)
    assert file.name in caught.value.what or "Dockerfile" in caught.value.what


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("model.bin", FileChangedError),
        ("image/demo.lock", DocumentChangedError),
    ],
)
def test_a_file_that_is_gone_is_named(made: Made, path: str, error: type[HakobuneError]) -> None:
    (made.folder / path).unlink()
    with pytest.raises(error, match=Path(path).name):
        walked(made)


def test_data_that_is_gone_breaks_nothing(made: Made) -> None:
    (made.project.root / "sales.csv").unlink()
    (data,) = [link for link in walked(made) if link.name == "data"]
    assert not data.is_seen


def test_a_record_of_a_later_schema_is_not_guessed_at(made: Made) -> None:
    values = values_of(made) | {"schema_version": 3}
    (made.folder / "record.json").write_bytes(sealed(values))
    with pytest.raises(RecordFromFutureError, match="schema 3"):
        walked(made)


@pytest.mark.parametrize("key", ["manifest", "arguments", "image", "run_id"])
def test_a_sealed_record_that_lacks_something_says_what(made: Made, key: str) -> None:
    values = values_of(made)
    del values[key]
    (made.folder / "record.json").write_bytes(sealed(values))
    with pytest.raises(RecordDamagedError, match=key):
        walked(made)


def test_a_cut_off_record_is_named(made: Made) -> None:
    path = made.folder / "record.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecordDamagedError, match=r"record\.json is not JSON"):
        walked(made)


def test_without_the_outside_the_chain_ends_after_the_files(made: Made) -> None:
    write_run(made.folder, made.image)
    with pytest.raises(RecordIncompleteError, match="which image") as caught:
        walked(made)
    assert f"hakobune record {made.folder} " in caught.value.remedy


def test_two_folders_that_claim_one_run_are_both_named(made: Made) -> None:
    shutil.copytree(made.folder, made.folder.with_name("copy"))
    with pytest.raises(RunClaimedTwiceError, match="demo-run and copy"):
        walked(made)


@pytest.mark.parametrize("name", [".again-demo-run", ".demo-run.fetching"])
def test_a_hidden_folder_claims_no_run(made: Made, name: str) -> None:
    shutil.copytree(made.folder, made.folder.with_name(name))
    assert walk_names(made)[-1] == "image"


def test_a_sealed_dockerfile_of_something_else_is_no_link(made: Made) -> None:
    path = made.folder / "image/Dockerfile"
    path.write_bytes(seal("FROM scratch\nCOPY other /\n"))
    values = values_of(made)
    values["outside"]["dockerfile"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (made.folder / "record.json").write_bytes(sealed(values))
    with pytest.raises(DocumentChangedError, match="another lock, conda file or source"):
        walked(made)


def test_a_commit_holds_only_where_it_was_looked_up(made: Made) -> None:
    (link,) = [link for link in walked(made) if link.name == "commit"]
    assert (link.is_seen, "does not know" in link.what) == (False, True)
    source = (made.project.root / "src/demo/__main__.py").read_bytes()
    (link,) = [
        link for link in walked(replace_answers(made, source=source)) if link.name == "commit"
    ]
    assert (link.is_seen, "has this source" in link.what) == (True, True)


def test_the_source_of_another_time_is_looked_for_in_its_commit(made: Made) -> None:
    source = made.project.root / "src/demo/__main__.py"
    was = source.read_bytes()
    source.write_bytes(was + b"# later\n")
    (link,) = [link for link in walked(made) if link.name == "source"]
    assert not link.is_seen

    held = replace_answers(made, source=was)
    (link,) = [link for link in walked(held) if link.name == "source"]
    assert "of commit c0ffee" in link.what
    assert link.is_seen

    with pytest.raises(SourceUnprovenError, match="c0ffee"):
        walked(replace_answers(made, source=b"print('another')\n"))


def replace_answers(made: Made, *, source: bytes) -> Made:
    """Return the run with a repository whose commit holds this source."""
    runner = engine_of(made.image, made.runner.piped, on("git", "archive"))
    # The source's archive is asked for before the image's.
    archives = iter([tar({"src/demo/__main__.py": source}), made.runner.piped])
    runner.pipe_each = archives
    return replace(made, runner=runner)


def test_an_image_that_is_not_here_is_told_after_all_else(made: Made) -> None:
    runner = engine_of(made.image, b"", on("image", "inspect", exit_code=1))
    walking = walk(made.project, made.folder, runner)
    for name in walk_names(made)[:-1]:
        assert next(walking).name == name
    with pytest.raises(ImageMissingError):
        next(walking)


def walk_names(made: Made) -> list[str]:
    return [link.name for link in walked(made)]


def test_a_dockerfile_that_was_edited_by_hand_is_found_even_where_the_record_names_it(
    made: Made,
) -> None:
    path = made.folder / "image/Dockerfile"
    path.write_bytes(path.read_bytes() + b"RUN true\n")
    record = read_run_record(made.folder)
    outside = require_outside(record, made.folder)
    edited = replace(outside.dockerfile, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    changed = completed_record(record.values, replace(outside, dockerfile=edited))
    (made.folder / "record.json").write_bytes(changed)
    with pytest.raises(DocumentChangedError, match="edited by hand"):
        walked(made)


def test_a_damaged_layer_is_named(made: Made) -> None:
    damaged = made.runner.piped.replace(b"layer two", b"layer 2wo")
    layer = hashlib.sha256(b"\x1flayer two").hexdigest()[:12]
    with pytest.raises(ImageChangedError, match=f"{layer} has other bytes"):
        walked(replace(made, runner=engine_of(made.image, damaged)))


@pytest.mark.parametrize("what", WRONG)
def test_an_image_whose_manifest_is_wrong_is_damaged(tmp_path: Path, what: str) -> None:
    layers = [[File("etc", kind="folder")], [File("etc/x", b"1")]]
    for change, is_whole in ((WRONG[what], False), (lambda _: None, True)):
        saved = write_archive(tmp_path / "a.tar", layers, change=change)
        with tarfile.open(saved) as opened:
            index = opened.extractfile("index.json")
            assert index is not None
            image = json.load(index)["manifests"][0]["digest"]
        runner = FakeRunner([SAVES], piped=saved.read_bytes())
        if is_whole:
            check_image(image, runner)
        else:
            with pytest.raises(ImageChangedError, match="is damaged on this machine"):
                check_image(image, runner)
        assert runner.calls == [["docker", "save", "--", image]]


def test_an_image_that_the_engine_cannot_save_is_reported_in_its_words() -> None:
    runner = FakeRunner([on("save", exit_code=1, stderr="no space left on device\n")])
    with pytest.raises(ImageChangedError, match="docker save fails: no space left on device"):
        check_image("sha256:" + "0" * 64, runner)


def test_another_image_s_archive_is_not_taken(made: Made) -> None:
    _, other = archive(b"\x1fanother")
    with pytest.raises(ImageChangedError, match="missing"):
        walked(replace(made, runner=engine_of(made.image, other)))


@pytest.mark.parametrize("label", ["environment_sha256", "lock_sha256", "source_sha256", "base"])
def test_an_image_with_other_labels_is_another(made: Made, label: str) -> None:
    other = replace(made.image, **{label: "9" * 64})  # type: ignore[arg-type] # by name
    with pytest.raises(ImageChangedError, match=label.partition("_")[0]):
        walked(replace(made, runner=engine_of(other, made.runner.piped)))


def test_what_azure_reports_has_to_be_the_record_s_image(made: Made) -> None:
    def with_job(image: str, tagged: str) -> Made:
        write_run(made.folder, made.image)
        job = JobFacts(
            name="demo-1", environment="demo:1", image=image, tags={"hakobune.image": tagged}
        )
        how = circumstances(made.project, made.image, "job", job=job)
        complete(made.project, made.folder, made.image, made.runner, how)
        return made

    ours = made.image.id
    assert "job" in walk_names(with_job(f"registry.example/demo@{ours}", ours))
    other = "sha256:" + "0" * 64
    for image, tagged in ((f"registry.example/demo@{other}", ours), (f"x@{ours}", other)):
        with pytest.raises(JobContradictsError, match="sha256:0000"):
            walked(with_job(image, tagged))
