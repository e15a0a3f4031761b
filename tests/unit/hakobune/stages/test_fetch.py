import json
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.errors import (
    DiskFullError,
    JobCanceledError,
    JobContradictsError,
    JobFailedError,
    JobNotFoundError,
    JobUnfinishedError,
    OutputDamagedError,
    OutputsMissingError,
    OutputUnknownError,
    ServiceUnavailableError,
)
from hakobune.model.project import Output, Project
from hakobune.stages.fetch import declared_files, fetch
from hakobune.transform.write_record import sealed
from tests.cloud_samples import FakeCloud, make_job, run_files
from tests.samples import FakeReporter, make_project


def project_in(root: Path, *names: str) -> Project:
    names = names or ("model.bin", "metric.json", "record.json")
    output = Output(name="output", flag="--output", files=names)
    return replace(make_project(root), outputs=(output,))


def done(**other: object) -> FakeCloud:
    return FakeCloud(jobs={"demo-1": make_job("Completed")}, **other)  # type: ignore[arg-type] # by name


def brought(root: Path, cloud: FakeCloud, *names: str) -> Path:
    return fetch(project_in(root, *names), cloud, "demo-1", FakeReporter())


def test_outputs_come_all_at_once_and_verified(tmp_path: Path) -> None:
    folder = brought(tmp_path, done())
    assert folder == tmp_path / "runs" / "demo-1"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == run_files()
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["demo-1"]


def test_what_is_there_already_is_verified_and_not_fetched(tmp_path: Path) -> None:
    folder = brought(tmp_path, done())
    cloud = FakeCloud()
    assert brought(tmp_path, cloud) == folder
    assert cloud.fetched == []
    (folder / "model.bin").write_bytes(b"other")
    with pytest.raises(OutputDamagedError, match=r"model\.bin") as caught:
        brought(tmp_path, cloud)
    assert "rm -r" in caught.value.remedy
    assert (folder / "model.bin").read_bytes() == b"other"


def test_an_interrupted_fetch_goes_on_and_leaves_no_half_run(tmp_path: Path) -> None:
    cloud = done(fails={"record.json": ServiceUnavailableError("down", remedy="")})
    with pytest.raises(ServiceUnavailableError):
        brought(tmp_path, cloud)
    assert not (tmp_path / "runs" / "demo-1").exists()
    again = done()
    brought(tmp_path, again)
    assert again.fetched == ["record.json"]


def test_a_damaged_file_is_refused_and_fetched_anew_the_next_time(tmp_path: Path) -> None:
    cloud = done(spoil=lambda name, data: b"M" + data[1:] if name == "model.bin" else data)
    with pytest.raises(OutputDamagedError, match=r"model\.bin"):
        brought(tmp_path, cloud)
    assert not (tmp_path / "runs" / "demo-1").exists()
    again = done()
    brought(tmp_path, again)
    assert again.fetched == ["model.bin"]


@pytest.mark.parametrize("name", ["model.bin", "record.json"])
def test_a_missing_or_empty_output_is_refused(tmp_path: Path, name: str) -> None:
    without = {key: data for key, data in run_files().items() if key != name}
    with pytest.raises(OutputsMissingError, match=rf"{name} \(missing\)"):
        brought(tmp_path, done(outputs=without))
    with pytest.raises(OutputsMissingError, match=rf"{name} \(empty\)"):
        brought(tmp_path, done(outputs={**run_files(), name: b""}))
    assert not (tmp_path / "runs" / "demo-1").exists()


def test_an_output_with_no_file_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputsMissingError):
        brought(tmp_path, done(outputs={}), "model.bin")


def test_a_declared_file_that_the_record_does_not_list_is_refused(tmp_path: Path) -> None:
    record = json.loads(run_files()["record.json"])
    del record["manifest"]["model.bin"]
    outputs = {**run_files(), "record.json": json.dumps(record).encode()}
    with pytest.raises(OutputDamagedError, match=r"does not list model\.bin"):
        brought(tmp_path, done(outputs=outputs))


@pytest.mark.parametrize("name", ["../../src", "/{root}/src", "a/../../../src"])
def test_a_record_that_names_a_place_outside_its_run_removes_nothing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/mine.py").write_text("mine", encoding="utf-8")
    record = json.loads(run_files()["record.json"])
    entry = {"sha256": "0" * 64, "bytes": 1}
    record["manifest"][name.replace("/{root}", str(tmp_path))] = entry
    with pytest.raises(OutputDamagedError, match="no readable manifest"):
        brought(tmp_path, done(outputs={**run_files(), "record.json": sealed(record)}))
    assert (tmp_path / "src/mine.py").read_text(encoding="utf-8") == "mine"


def test_a_program_that_claims_to_know_the_outside_is_not_believed(tmp_path: Path) -> None:
    record = json.loads(run_files()["record.json"]) | {"outside": {"job": None}}
    with pytest.raises(OutputDamagedError, match="which only hakobune writes"):
        brought(tmp_path, done(outputs={**run_files(), "record.json": sealed(record)}))
    assert not (tmp_path / "runs/demo-1").exists()


def test_what_nodes_keep_among_themselves_is_not_fetched(tmp_path: Path) -> None:
    own = {".cluster/key-0123456789abcdef.json": b"secret", ".cluster/end": b"demo-1"}
    cloud = done(outputs={**run_files(), **own})
    folder = brought(tmp_path, cloud)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == run_files()
    assert not any(".cluster" in name for name in map(str, cloud.fetched))


def test_a_project_without_a_record_is_fetched_by_names_and_sizes(tmp_path: Path) -> None:
    folder = brought(tmp_path, done(outputs={"model.bin": b"x"}), "model.bin")
    assert [path.name for path in folder.iterdir()] == ["model.bin"]


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "a/../../evil", "/etc/evil", "evil/", "a//evil", "./evil", "", "."),
        *(
            "..\\evil",
            "C:\\evil",
            "evil\0",
            "evil\x1b[2J",
            "evil\n",
            "evil\u202egnp.exe",
            "\ud800evil",
        ),
    ],
)
def test_a_name_that_leaves_the_folder_or_cannot_be_shown_is_refused(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(OutputDamagedError, match="names that lead outside") as caught:
        brought(tmp_path, done(outputs={**run_files(), name: b"x"}))
    assert caught.value.what.isprintable()
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("name", ["データ/売上　2026.csv", "a b/..c", "été/…"])
def test_a_name_in_any_writing_is_a_name(tmp_path: Path, name: str) -> None:
    folder = brought(tmp_path, done(outputs={**run_files(), name: b"x"}))
    assert (folder / name).read_bytes() == b"x"


@pytest.mark.parametrize("above", ["more", "more/of"])
def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path, above: str) -> None:
    outputs = {**run_files(), above: b"x", "more/of/it": b"x"}
    with pytest.raises(OutputDamagedError, match=rf"same name: {above}; nothing"):
        brought(tmp_path, done(outputs=outputs))
    assert not (tmp_path / "runs/demo-1").exists()


def test_what_an_earlier_fetch_left_in_the_way_is_removed(tmp_path: Path) -> None:
    waiting = tmp_path / "runs/.demo-1.fetching"
    (waiting / "model.bin").mkdir(parents=True)
    (waiting / "model.bin/x").write_bytes(b"x")
    # An older hakobune took a folder's mark for an empty file.
    for name in ("models", "gone.txt", "metric.json.1.part"):
        (waiting / name).write_bytes(b"")
    folder = brought(tmp_path, done(outputs={**run_files(), "models/a": b"x"}))
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*run_files(), "models/a"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("Running", JobUnfinishedError),
        ("Finalizing", JobUnfinishedError),
        ("Failed", JobFailedError),
        ("Canceled", JobCanceledError),
    ],
)
def test_only_a_completed_job_is_fetched(
    tmp_path: Path, status: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        brought(tmp_path, FakeCloud(jobs={"demo-1": make_job(status)}))
    assert not (tmp_path / "runs").exists()


def test_a_job_that_is_not_there_and_an_unknown_output_are_named(tmp_path: Path) -> None:
    with pytest.raises(JobNotFoundError):
        brought(tmp_path, FakeCloud())
    with pytest.raises(OutputUnknownError) as caught:
        fetch(project_in(tmp_path), done(), "demo-1", FakeReporter(), output="other")
    assert caught.value.remedy == "it has: output"


def test_a_full_disk_is_found_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, size_bytes: int) -> None:
        raise DiskFullError(f"{size_bytes}", remedy="")

    monkeypatch.setattr(files, "require_space", full)
    cloud = done()
    with pytest.raises(DiskFullError, match=str(sum(map(len, run_files().values())))):
        brought(tmp_path, cloud)
    assert cloud.fetched == []


def test_declared_files_are_told_with_their_paths(tmp_path: Path) -> None:
    assert declared_files(project_in(tmp_path, "a", "b"), Path("runs/x")) == (
        ("a", "runs/x/a"),
        ("b", "runs/x/b"),
    )


def test_a_disk_that_fills_up_meanwhile_leaves_no_run_and_the_next_fetch_goes_on(
    tmp_path: Path,
) -> None:
    cloud = done(fails={"record.json": DiskFullError("no space", remedy="free some space")})
    with pytest.raises(DiskFullError):
        brought(tmp_path, cloud)
    assert not (tmp_path / "runs" / "demo-1").exists()
    assert cloud.fetched == ["metric.json", "model.bin"]
    again = done()
    brought(tmp_path, again)
    assert again.fetched == ["record.json"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("Model.bin",), "differ in case"),
        (("caf\u00e9", "cafe\u0301"), "differ in case"),
        (("provenance.pub.pem",), "keeps for its own files"),
        (("provenance.intoto.jsonl",), "keeps for its own files"),
        (("a/.0123.part",), "keeps for its own files"),
    ],
)
def test_names_that_this_machine_would_merge_or_misread_are_refused(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    cloud = done(outputs={**run_files(), **dict.fromkeys(names, b"x")})
    with pytest.raises(OutputDamagedError, match=said):
        brought(tmp_path, cloud)
    assert cloud.fetched == []


def test_two_outputs_with_the_same_file_are_refused(tmp_path: Path) -> None:
    cloud = FakeCloud(
        jobs={"demo-1": make_job("Completed", outputs=(("output", ""), ("more", "")))}
    )
    project = project_in(tmp_path)
    more = replace(project.outputs[0], name="more", flag="--more")
    with pytest.raises(OutputDamagedError, match="two files, of the same name"):
        fetch(replace(project, outputs=(*project.outputs, more)), cloud, "demo-1", FakeReporter())


def test_a_link_in_place_of_the_waiting_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/.demo-1.fetching").symlink_to(elsewhere)
    brought(tmp_path, done())
    assert list(elsewhere.iterdir()) == []


def test_links_inside_the_waiting_folder_are_removed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    waiting = tmp_path / "runs/.demo-1.fetching"
    waiting.mkdir(parents=True)
    (waiting / "deep").symlink_to(elsewhere)
    (waiting / "model.bin").symlink_to("/etc/passwd")
    folder = brought(tmp_path, done(outputs={**run_files(), "deep/x": b"x"}))
    assert list(elsewhere.iterdir()) == []
    assert not (folder / "model.bin").is_symlink()


def test_an_answer_about_another_job_is_refused(tmp_path: Path) -> None:
    cloud = FakeCloud(jobs={"demo-1": make_job("Completed", name="demo-2")})
    with pytest.raises(JobContradictsError, match="demo-2"):
        brought(tmp_path, cloud)
