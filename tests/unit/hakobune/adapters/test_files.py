import errno
import os
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.adapters.files import has_content, read_bytes, read_tree, write_bytes
from hakobune.errors import DiskFullError, FileNotWritableError


def test_a_file_is_written_whole_with_ordinary_rights(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o644 & ~_umask()
    assert list(path.parent.iterdir()) == [path]


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"content")
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert not write_bytes(path, b"content")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DiskFullError) as caught:
        write_bytes(path, b"new")
    assert caught.value.what == f"{path}: No space left on device"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileNotWritableError) as caught:
        write_bytes(tmp_path / "file" / "below", b"x")
    assert str(tmp_path / "file" / "below") in caught.value.what


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    assert read_bytes(tmp_path / "none") is None
    (tmp_path / "file").touch()
    assert read_bytes(tmp_path / "file" / "below") is None


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotWritableError, match="Is a directory"):
        read_bytes(tmp_path)


def nothing(_path: str) -> bool:
    return False


def test_a_tree_is_read_without_what_is_ignored(tmp_path: Path) -> None:
    for name in ("a.py", "b/c.py", "__pycache__/a.pyc", "b/__pycache__/c.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    assert read_tree(tmp_path, ("__pycache__",), nothing) == {"a.py": b"a.py", "b/c.py": b"b/c.py"}


def test_a_virtual_environment_in_a_tree_is_no_source(tmp_path: Path) -> None:
    for name in ("a.py", "env/pyvenv.cfg", "env/lib/b.py", "env/bin/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "env/bin/python").symlink_to("/usr/bin/python3")
    assert read_tree(tmp_path, (), nothing) == {"a.py": b""}


def test_a_left_out_path_counts_from_the_top_only(tmp_path: Path) -> None:
    for name in ("a.so", "b/a.so", "b/c.so"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert set(read_tree(tmp_path, (), ("a.so", "b/c.so").__contains__) or {}) == {"b/a.so"}


def test_a_symbolic_link_in_a_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(FileNotWritableError, match="symbolic link"):
        read_tree(tmp_path, (), nothing)


def test_a_tree_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_tree(tmp_path / "none", (), nothing) is None


def test_only_a_file_with_bytes_has_content(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_bytes(b"x")
    found = [has_content(tmp_path / name) for name in ("empty", "full", "none", "")]
    assert found == [False, True, False, False]


def test_a_file_s_sha256_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    found = files.sha256_of(tmp_path / "x")
    assert found == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(FileNotWritableError, match="cannot be read"):
        files.sha256_of(tmp_path / "y")


def test_a_disk_without_room_is_found_before_it_is_full(tmp_path: Path) -> None:
    files.require_space(tmp_path, 1)
    with pytest.raises(DiskFullError, match="MB are free"):
        files.require_space(tmp_path, 10**18)


def test_a_folder_is_moved_whole_and_never_over_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "y").touch()
    with pytest.raises(FileNotWritableError):
        files.move_folder(tmp_path / "a", tmp_path / "b")
    files.move_folder(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c" / "x").exists()
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["y"]


def test_a_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "lock"
    with files.only_one(lock) as first, files.only_one(lock) as second:
        assert (first, second) == (True, False)
    with files.only_one(lock) as third:
        assert third


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_planted_lock_is_refused_and_nothing_is_emptied(tmp_path: Path, kind: str) -> None:
    lock, victim = tmp_path / "lock", tmp_path / "victim"
    victim.write_bytes(b"precious")
    {"link": lambda: lock.symlink_to(victim), "fifo": lambda: os.mkfifo(lock)}.get(
        kind, lock.mkdir
    )()
    with pytest.raises(FileNotWritableError, match="is a link"), files.only_one(lock):
        pass
    assert victim.read_bytes() == b"precious"


def test_a_lock_s_content_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"precious")
    with files.only_one(tmp_path / "lock") as is_alone:
        assert is_alone
    assert (tmp_path / "lock").read_bytes() == b"precious"


def test_our_own_folder_is_ignored_by_git_and_no_link(tmp_path: Path) -> None:
    assert files.own_folder(tmp_path) == tmp_path / ".hakobune"
    assert (tmp_path / ".hakobune/.gitignore").read_bytes() == b"*\n"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".hakobune/jobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileNotWritableError, match=r"\.hakobune/jobs is a link"):
        files.own_folder(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.hakobune").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileNotWritableError, match=r"other/\.hakobune is a link"):
        files.own_folder(tmp_path / "other")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_is_ours_is_removed_and_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").touch()
    files.remove(tmp_path / "a" / "x")
    files.remove(tmp_path / "a")
    files.remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()
