"""The mount of an output: what is known of Azure's own, operation by operation."""

import errno
import os
import re
import shutil
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drydock import output_mounts
from drydock.blob_store import BlobStoreError
from drydock.faults import KINDS
from drydock.job_spec import BlobPlace
from drydock.mounted_output import FAULTS, MountedOutput
from drydock.output_mounts import MountFailedError, OutputMounts, reason_against
from tests.unit.drydock.machine_fakes import MemoryStore

PLACE = BlobPlace(container="store", path="azureml/job1/output/")
TOP = "azureml/job1/output"


class Mounted:
    """A mount without a kernel: what a program does, as the operations that libfuse calls."""

    def __init__(self, cache: Path, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.faults: list[str] = []
        self.of = MountedOutput(
            self.store, PLACE, cache, lambda: self.faults.pop(0) if self.faults else None
        )

    def write(self, path: str, content: bytes) -> None:
        handle = self.of.create(path, 0o644)
        assert self.of.write(path, content, 0, handle) == len(content)
        self.of.flush(path, handle)
        self.of.release(path, handle)

    def read(self, path: str) -> bytes:
        handle = self.of.open(path, os.O_RDONLY)
        try:
            return self.of.read(path, 1000, 0, handle)
        finally:
            self.of.release(path, handle)

    def blobs(self) -> dict[str, bytes]:
        return {name: text for (_, name), text in self.store.content.items() if name}


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path)


def fails(number: int, call: Callable[[], object]) -> None:
    with pytest.raises(OSError, match=re.escape(f"[Errno {number}]")):
        call()


def test_the_output_and_each_folder_in_it_get_a_mark(mounted: Mounted) -> None:
    mounted.of.mkdir("/models", 0o700)
    mounted.of.mkdir("/models/best", 0o700)
    assert mounted.store.folders == [
        ("store", TOP),
        ("store", f"{TOP}/models"),
        ("store", f"{TOP}/models/best"),
    ]


def test_a_file_is_in_the_store_once_it_is_closed_or_fsynced(mounted: Mounted) -> None:
    handle = mounted.of.create("/a", 0o644)
    mounted.of.write("/a", b"one", 0, handle)
    assert mounted.blobs() == {}
    mounted.of.fsync("/a", 0, handle)
    assert mounted.blobs() == {f"{TOP}/a": b"one"}
    mounted.of.write("/a", b" two", 3, handle)
    assert mounted.blobs() == {f"{TOP}/a": b"one"}
    mounted.of.flush("/a", handle)
    mounted.of.release("/a", handle)
    assert mounted.blobs() == {f"{TOP}/a": b"one two"}


def test_renaming_a_file_copies_and_deletes_its_blob(mounted: Mounted) -> None:
    mounted.write("/a", b"new")
    mounted.write("/b", b"old")
    mounted.of.rename("/a", "/b")
    assert mounted.blobs() == {f"{TOP}/b": b"new"}
    assert mounted.read("/b") == b"new"
    assert mounted.of.readdir("/", 0) == [".", "..", "b"]


def test_renaming_a_folder_is_an_input_output_error_and_changes_nothing(mounted: Mounted) -> None:
    mounted.of.mkdir("/folder", 0o777)
    mounted.write("/folder/a", b"x")
    fails(errno.EIO, lambda: mounted.of.rename("/folder", "/other"))
    assert mounted.blobs() == {f"{TOP}/folder/a": b"x"}
    assert mounted.of.readdir("/", 0) == [".", "..", "folder"]


def test_a_copy_that_the_store_refuses_is_an_input_output_error(
    mounted: Mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: str) -> None:
        raise BlobStoreError("CannotVerifyCopySource")

    mounted.write("/a", b"x")
    monkeypatch.setattr(mounted.store, "copy", refuse)
    fails(errno.EIO, lambda: mounted.of.rename("/a", "/b"))
    assert mounted.blobs() == {f"{TOP}/a": b"x"}


def test_a_write_that_the_store_refuses_fails_the_close(
    mounted: Mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise BlobStoreError("ServerBusy")

    handle = mounted.of.create("/a", 0o644)
    mounted.of.write("/a", b"x", 0, handle)
    monkeypatch.setattr(mounted.store, "write", refuse)
    fails(errno.EIO, lambda: mounted.of.flush("/a", handle))
    mounted.of.release("/a", handle)  # fails too, and nobody is there to be told


@pytest.mark.parametrize(
    ("fault", "number"), [("rename-refused", errno.EPERM), ("copy-failed", errno.EIO)]
)
def test_an_injected_fault_refuses_one_rename(mounted: Mounted, fault: str, number: int) -> None:
    mounted.write("/a", b"x")
    mounted.faults.append(fault)
    fails(number, lambda: mounted.of.rename("/a", "/b"))
    mounted.of.rename("/a", "/b")
    assert mounted.blobs() == {f"{TOP}/b": b"x"}


def test_an_injected_corruption_succeeds_and_loses_the_second_half(mounted: Mounted) -> None:
    mounted.write("/a", b"first|second")
    mounted.faults.append("rename-corrupted")
    mounted.of.rename("/a", "/b")
    assert mounted.blobs() == {f"{TOP}/b": b"first|"}


def test_the_faults_of_a_mount_are_among_those_that_drydock_lists() -> None:
    assert set(FAULTS) <= set(KINDS)


def test_every_user_may_write_and_chmod_changes_nothing(mounted: Mounted) -> None:
    mounted.write("/a", b"x")
    mounted.of.chmod("/a", 0o600)
    assert mounted.of.getattr("/a")["st_mode"] & 0o777 == 0o777
    assert mounted.of.getattr("/")["st_mode"] & 0o777 == 0o777


def test_what_is_not_there_or_not_empty_is_refused_as_by_any_file_system(mounted: Mounted) -> None:
    mounted.of.mkdir("/folder", 0o777)
    mounted.write("/folder/a", b"x")
    fails(errno.ENOENT, lambda: mounted.of.getattr("/none"))
    fails(errno.ENOENT, lambda: mounted.of.create("/none/a", 0o644))
    fails(errno.ENOENT, lambda: mounted.of.rename("/folder/a", "/none/a"))
    fails(errno.EEXIST, lambda: mounted.of.mkdir("/folder", 0o777))
    fails(errno.ENOTEMPTY, lambda: mounted.of.rmdir("/folder"))
    fails(errno.EISDIR, lambda: mounted.of.unlink("/folder"))
    fails(errno.ENOTDIR, lambda: mounted.of.rmdir("/folder/a"))
    mounted.of.unlink("/folder/a")
    mounted.of.rmdir("/folder")
    assert mounted.blobs() == {}
    assert mounted.store.folders == [("store", TOP)]


def test_a_file_that_is_removed_while_it_is_open_does_not_come_back(mounted: Mounted) -> None:
    handle = mounted.of.create("/a", 0o644)
    mounted.of.unlink("/a")
    mounted.of.write("/a", b"x", 0, handle)
    assert mounted.of.getattr("/a", handle)["st_size"] == 1
    mounted.of.flush("/a", handle)
    mounted.of.release("/a", handle)
    assert mounted.blobs() == {}


def test_a_file_can_be_appended_to_shortened_and_begun_again(mounted: Mounted) -> None:
    mounted.write("/a", b"one")
    handle = mounted.of.open("/a", os.O_WRONLY | os.O_APPEND)
    mounted.of.write("/a", b" two", 3, handle)
    mounted.of.flush("/a", handle)
    mounted.of.release("/a", handle)
    mounted.of.truncate("/a", 5)
    assert mounted.blobs() == {f"{TOP}/a": b"one t"}
    handle = mounted.of.open("/a", os.O_WRONLY | os.O_TRUNC)
    mounted.of.flush("/a", handle)
    mounted.of.release("/a", handle)
    assert mounted.blobs() == {f"{TOP}/a": b""}


def test_what_was_in_the_output_before_is_there(tmp_path: Path) -> None:
    store = MemoryStore({("store", f"{TOP}/models/a"): b"before", ("store", f"{TOP}x"): b"other"})
    mounted = Mounted(tmp_path, store)
    assert mounted.of.readdir("/", 0) == [".", "..", "models"]
    assert mounted.read("/models/a") == b"before"


@pytest.fixture
def two(tmp_path: Path) -> tuple[Mounted, Mounted]:
    """The mounts of two nodes over one store."""
    store = MemoryStore()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return Mounted(tmp_path / "a", store), Mounted(tmp_path / "b", store)


def test_a_node_sees_what_another_wrote_in_a_list_and_by_its_name(
    two: tuple[Mounted, Mounted],
) -> None:
    first, second = two
    first.of.mkdir("/batches", 0o700)
    assert second.of.readdir("/", 0) == [".", "..", "batches"]
    first.write("/batches/a", b"one")
    assert second.of.getattr("/batches/a")["st_size"] == 3
    assert second.read("/batches/a") == b"one"
    second.write("/batches/b", b"two")
    assert first.of.readdir("/batches", 0) == [".", "..", "a", "b"]
    first.of.unlink("/batches/b")
    assert second.of.readdir("/batches", 0) == [".", "..", "a"]
    fails(errno.ENOENT, lambda: second.of.getattr("/batches/c"))
    fails(errno.EEXIST, lambda: second.of.mkdir("/batches", 0o700))


def test_of_two_nodes_that_write_one_name_the_last_close_wins(
    two: tuple[Mounted, Mounted],
) -> None:
    first, second = two
    handles = [(one, one.of.create("/x", 0o600)) for one in (first, second)]
    for one, handle in handles:
        one.of.write("/x", b"second" if one is second else b"first!", 0, handle)
    for one, handle in handles:
        one.of.flush("/x", handle)
        one.of.release("/x", handle)
    assert first.read("/x") == b"first!"  # it has its own until it lists the folder
    first.of.readdir("/", 0)
    assert first.read("/x") == second.read("/x") == b"second"


def test_a_file_that_is_open_or_not_written_yet_is_not_exchanged(
    two: tuple[Mounted, Mounted],
) -> None:
    first, second = two
    first.write("/x", b"before")
    opened = second.of.open("/x", os.O_RDONLY)
    fresh = second.of.create("/fresh", 0o600)
    first.of.unlink("/x")
    assert second.of.readdir("/", 0) == [".", "..", "fresh", "x"]
    assert second.of.read("/x", 10, 0, opened) == b"before"
    second.of.release("/x", opened)
    second.of.release("/fresh", fresh)
    assert second.of.readdir("/", 0) == [".", "..", "fresh"]


def test_a_list_leaves_the_times_of_own_files_as_they_are(mounted: Mounted) -> None:
    mounted.write("/x", b"1")
    mounted.of.utimens("/x", (5, 5))
    mounted.of.readdir("/", 0)
    assert mounted.of.getattr("/x")["st_mtime"] == 5


def test_a_file_of_another_node_can_be_renamed_appended_to_and_shortened(
    two: tuple[Mounted, Mounted],
) -> None:
    first, second = two
    first.write("/x", b"one")
    second.of.rename("/x", "/y")
    assert first.blobs() == {f"{TOP}/y": b"one"}
    handle = first.of.open("/y", os.O_WRONLY | os.O_APPEND)
    first.of.write("/y", b" two", 3, handle)
    first.of.release("/y", handle)
    second.of.readdir("/", 0)
    second.of.truncate("/y", 5)
    assert first.blobs() == {f"{TOP}/y": b"one t"}


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "x\n", "x" * 300])
def test_a_name_that_leads_elsewhere_is_not_mounted(tmp_path: Path, name: str) -> None:
    with pytest.raises(MountFailedError, match="is not a name that an output can have"):
        OutputMounts(tmp_path).mount("job", name, PLACE)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_fuse_is_told_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_mounts, "_DEVICE", tmp_path / "fuse")
    assert reason_against() == f"{tmp_path / 'fuse'} is missing"
    (tmp_path / "fuse").touch()
    monkeypatch.setitem(sys.modules, "mfusepy", None)
    assert "mfusepy is not installed" in reason_against()
    monkeypatch.setitem(sys.modules, "mfusepy", types.ModuleType("mfusepy"))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(output_mounts, "_FUSE_SETTINGS", tmp_path / "fuse.conf")
    assert "user_allow_other" in reason_against()
    (tmp_path / "fuse.conf").write_text("user_allow_other\n", encoding="utf-8")
    assert reason_against() == ""


# --- through the kernel ---------------------------------------------------------------------------

SERVE = """
import sys
from pathlib import Path
import mfusepy
from drydock.mounted_output import MountedOutput
from tests.unit.drydock.machine_fakes import MemoryStore
from drydock.job_spec import BlobPlace
place = BlobPlace(container="store", path="out")
output = MountedOutput(MemoryStore(), place, Path(sys.argv[1]))
mfusepy.FUSE(output, sys.argv[2], foreground=True, nothreads=True, hard_remove=True)
"""
needs_fuse = pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A mount through the kernel; its store is in the serving process's memory."""
    cache, mounts = tmp_path / "cache", OutputMounts(tmp_path)
    where = tmp_path / "mounts/job/output"
    for each in (cache, where):
        each.mkdir(parents=True)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(cache), str(where)],
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"},
    ) as serving:
        try:
            while not where.is_mount():
                assert serving.poll() is None
                time.sleep(0.02)
            yield where
        finally:
            mounts.sweep()
            assert not where.exists()
            assert serving.wait() == 0


@pytest.mark.process
@needs_fuse
def test_a_program_sees_the_same_through_the_kernel(folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "a").write_bytes(b"one")
    with (folder / "a").open("ab") as file:
        file.write(b" two")
        os.fsync(file.fileno())
    (folder / "a").replace(folder / "models/b")
    assert (folder / "models/b").read_bytes() == b"one two"
    (folder / "models/b").chmod(0o600)
    assert (folder / "models/b").stat().st_mode & 0o777 == 0o777
    fails(errno.EIO, lambda: (folder / "models").rename(folder / "other"))
    shutil.copy2(folder / "models/b", folder / "copy")
    assert (folder / "copy").stat().st_mtime == pytest.approx((folder / "models/b").stat().st_mtime)
    shutil.rmtree(folder / "models")
    assert [path.name for path in folder.iterdir()] == ["copy"]
