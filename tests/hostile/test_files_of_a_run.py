"""Only plain files of a run are opened: no link is followed, no pipe waited for, no device read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.errors import FileIrregularError, FileNotWritableError, HakobuneError
from hakobune.stages import job_notes, smoke
from hakobune.transform.names import safe_name
from tests.cloud_samples import IMAGE
from tests.samples import make_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/file").write_bytes(b"content")
    (tmp_path / "outside").write_bytes(b"secret")
    return folder


def _link(path: Path) -> None:
    path.symlink_to(path.parents[1] / "outside")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _self(path: Path) -> None:
    path.symlink_to(path.name)


IRREGULAR: dict[str, Callable[[Path], object]] = {
    "link": _link,
    "device": _device,
    "loop": _self,
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_no_plain_file_is_named_and_not_opened(folder: Path, kind: str) -> None:
    IRREGULAR[kind](folder / "odd")
    for read in (files.read_inside, files.sha256_inside):
        with pytest.raises(FileIrregularError, match="odd"):
            read(folder, "odd")


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "device"])
def test_a_file_of_the_user_s_is_plain_too(folder: Path, kind: str) -> None:
    IRREGULAR[kind](folder / "odd")
    for read in (files.read_bytes, files.sha256_of):
        with pytest.raises(FileNotWritableError, match="odd"):
            read(folder / "odd")


def test_a_link_is_followed_for_what_the_user_names_alone(folder: Path) -> None:
    _link(folder / "mine")
    assert files.read_bytes(folder / "mine") == b"secret"
    assert not files.has_content(folder / "mine")


def test_no_part_of_the_way_is_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "way").symlink_to(folder / "inner")
    (tmp_path / "other").symlink_to(folder)
    assert files.read_inside(folder, "inner/file") == b"content"
    for where, name in ((folder, "way/file"), (tmp_path / "other", "inner/file")):
        with pytest.raises(FileIrregularError):
            files.read_inside(where, name)


def test_a_document_has_a_largest_size(folder: Path) -> None:
    assert files.read_inside(folder, "inner/file", largest=7) == b"content"
    with pytest.raises(FileIrregularError, match="longer than 6 bytes"):
        files.read_inside(folder, "inner/file", largest=6)
    with (folder / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileIrregularError, match="longer than"):
        files.read_inside(folder, "huge")


def test_a_missing_file_is_none(folder: Path, tmp_path: Path) -> None:
    assert files.read_inside(folder, "gone") is None
    assert files.read_inside(folder, "gone/file") is None
    assert files.sha256_inside(tmp_path / "gone", "file") is None


def test_the_files_below_a_folder_are_listed_without_following_links(folder: Path) -> None:
    (folder / "way").symlink_to(folder)
    os.mkfifo(folder / "inner/pipe")
    assert list(files.list_inside(folder)) == [
        ("way", False),
        ("inner/file", True),
        ("inner/pipe", False),
    ]


def test_a_link_is_removed_and_what_it_points_to_stays(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(folder)
    files.remove(tmp_path / "way")
    assert (folder / "inner/file").exists()
    assert not (tmp_path / "way").is_symlink()


def test_a_name_that_is_not_utf_8_is_escaped(folder: Path) -> None:
    os.mkfifo(os.fsencode(folder) + b"/caf\xe9\x1b")
    with pytest.raises(HakobuneError) as caught:
        files.read_inside(folder, os.fsdecode(b"caf\xe9\x1b"))
    assert r"caf\udce9\x1b" in caught.value.what
    assert safe_name(os.fsdecode(b"caf\xe9")) == "caf"


@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
def test_a_note_or_a_receipt_is_a_plain_file(tmp_path: Path, kind: str) -> None:
    project = make_project(tmp_path)
    for folder, read in (
        (job_notes.NOTES, lambda: job_notes.notes(project)),
        (smoke.RECEIPTS, lambda: smoke.lacking_of(project, IMAGE)),
    ):
        (tmp_path / folder).mkdir(parents=True)
        IRREGULAR[kind](tmp_path / folder / f"{IMAGE.id[7:23]}.json")
        with pytest.raises(FileIrregularError):
            read()


def test_a_file_of_another_size_is_not_read_to_its_end(folder: Path) -> None:
    with (folder / "model.bin").open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no disk
    assert files.sha256_inside(folder, "model.bin", size_bytes=5) == ("", 1 << 40)


def test_what_is_written_over_is_not_read_to_its_end(folder: Path) -> None:
    with (folder / "model.bin").open("wb") as file:
        file.truncate(1 << 40)
    assert files.write_bytes(folder / "model.bin", b"new")
    assert (folder / "model.bin").read_bytes() == b"new"
