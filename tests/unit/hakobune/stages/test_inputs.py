"""One digest for a file or a folder, and what changes it."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hakobune.errors import InputUnusableError, RecordIncompleteError
from hakobune.stages.inputs import (
    digest_of_input,
    existing_input,
    look_at,
    recorded_input,
    recorded_path,
    require_unchanged,
    require_uploaded_whole,
)

# docs/reference/record.md gives this command.
BY_HAND = (
    "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c-64"
)


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b", "a/c", "a-b", "a.b", "a/d/e", ".hidden", "ü", "箱", "with space"):
        write(tmp_path / "folder" / name, name.encode())
    (tmp_path / "folder/empty").mkdir()
    return tmp_path / "folder"


def test_a_file_s_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b"content")
    seen = look_at(path)
    assert seen.sha256 == hashlib.sha256(b"content").hexdigest()
    assert (seen.size_bytes, seen.is_folder) == (7, False)


@pytest.mark.process
def test_a_folder_s_digest_is_what_sha256sum_gives(folder: Path) -> None:
    by_hand = subprocess.run(
        ["sh", "-c", BY_HAND], cwd=folder, capture_output=True, text=True, check=True
    )
    assert digest_of_input(folder) == by_hand.stdout.strip()
    assert look_at(folder).size_bytes == sum(
        p.stat().st_size for p in folder.rglob("*") if p.is_file()
    )


PARTS = st.text("abA.-_ é箱", min_size=1, max_size=4).filter(lambda part: part not in (".", ".."))
TREES = st.dictionaries(st.tuples(PARTS, PARTS), st.binary(max_size=3), min_size=1, max_size=4)


@settings(max_examples=25)
@given(tree=TREES)
def test_a_folder_s_digest_is_of_names_and_contents_alone(
    tree: dict[tuple[str, str], bytes],
) -> None:
    with TemporaryDirectory() as temporary:
        one, other = Path(temporary, "one"), Path(temporary, "other")
        for parts, content in tree.items():
            write(one.joinpath(*parts), content)
        for parts, content in reversed(tree.items()):
            last = write(other.joinpath(*parts), content)
        assert digest_of_input(one) == digest_of_input(other)
        last.write_bytes(last.read_bytes() + b"more")
        assert digest_of_input(one) != digest_of_input(other)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda f: write(f / "a/c", b"other"),
    "more": lambda f: write(f / "new"),
    "gone": lambda f: (f / "b").unlink(),
    "name": lambda f: (f / "b").rename(f / "bb"),
    "place": lambda f: (f / "b").rename(f / "a/b"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_folder_has_another_digest(folder: Path, change: str) -> None:
    before = digest_of_input(folder)
    CHANGES[change](folder)
    assert digest_of_input(folder) != before


@pytest.mark.parametrize(
    "plant",
    [
        lambda p: p.symlink_to("b"),
        lambda p: p.symlink_to("/etc"),
        os.mkfifo,
        lambda p: write(p.with_name("a\nb")),
        lambda p: write(p.with_name("a\\b")),
        lambda p: write(Path(os.fsdecode(os.fsencode(p) + b"\xff"))),
    ],
)
def test_a_folder_that_a_container_could_see_otherwise_is_refused(
    folder: Path, plant: Callable[[Path], object]
) -> None:
    plant(folder / "a/evil")
    with pytest.raises(InputUnusableError) as caught:
        look_at(folder)
    assert "a/" in caught.value.what
    assert "\n" not in caught.value.what


def test_an_empty_folder_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "empty/below").mkdir(parents=True)
    with pytest.raises(InputUnusableError, match="has no file in it"):
        look_at(tmp_path / "empty")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputUnusableError, match="is not a plain file"):
        look_at(tmp_path / "fifo")
    assert existing_input(tmp_path / "fifo") is None
    assert existing_input(Path("/dev/zero")) is None
    assert existing_input(Path("/")) is None
    assert existing_input(tmp_path) == tmp_path


def test_a_path_says_which_of_the_two_it_is(folder: Path) -> None:
    root = folder.parent
    assert recorded_path(folder, root=root) == "folder/"
    assert recorded_path(folder / "b", root=root) == "folder/b"
    assert recorded_path(folder, root=root / "else") == f"{folder}/"
    assert recorded_input(root, "folder/") == folder
    assert recorded_input(root, "folder/b") == folder / "b"
    # A file that has the folder's listing as its text is not the folder.
    assert recorded_input(root, "folder") is None
    assert recorded_input(root, "folder/b/") is None


def replaced(path: Path) -> None:
    """Put a file of the same bytes and time in its place."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)


def put_back(path: Path) -> None:
    """Another file lay there meanwhile."""
    path.rename(path.with_name("aside"))
    write(path, b"B").unlink()
    path.with_name("aside").rename(path)


def set_back(path: Path) -> None:
    """Other bytes were there meanwhile, and the time was set back."""
    content, found = path.read_bytes(), path.stat()
    path.write_bytes(b"B")
    path.write_bytes(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


WHILE: dict[str, Callable[[Path], object]] = {
    "written": lambda p: p.write_bytes(b"other"),
    "gone": lambda p: p.unlink(),
    "replaced": replaced,
    "put back": put_back,
    "set back": set_back,
    "a link": link,
}


@pytest.mark.parametrize("inside", ["", "a/c"], ids=["file", "in a folder"])
@pytest.mark.parametrize("change", WHILE)
def test_what_changes_while_it_is_read_is_an_error(
    tmp_path: Path, folder: Path, change: str, inside: str
) -> None:
    path = folder if inside else write(tmp_path / "data.csv", b"A")
    file = folder / inside if inside else path
    seen = {path: look_at(path)}
    require_unchanged(seen, "runs/x")
    file.read_bytes()
    require_unchanged(seen, "runs/x")
    WHILE[change](file)
    with pytest.raises(RecordIncompleteError, match="changed or replaced while the training ran"):
        require_unchanged(seen, "runs/x")


def test_a_new_file_in_a_folder_is_an_error_too(folder: Path) -> None:
    seen = {folder: look_at(folder)}
    write(folder / "a/new")
    with pytest.raises(RecordIncompleteError):
        require_unchanged(seen, "runs/x")


@pytest.mark.parametrize("name", [".amlignore", ".gitignore"])
def test_a_folder_of_which_a_job_would_get_a_part_is_refused(folder: Path, name: str) -> None:
    require_uploaded_whole(folder)
    write(folder / name, b"b\n")
    with pytest.raises(InputUnusableError, match=f"has a file {name}"):
        require_uploaded_whole(folder)
