import errno
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer import outputs
from trainer.errors import DiskFullError, OutputNotFolderError, OutputNotWritableError
from trainer.interruption import InterruptedBySignal
from trainer.outputs import FAILURE, RECORD, Publication, write_failure

FILES = {"models/m.pkl": b"model", "metric.json": b"{}", "pred.png": b"png", RECORD: b"record"}
OLD = {"models/m.pkl": b"old", "metric.json": b"old", RECORD: b"old", FAILURE: b"old", "mine": b"x"}


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _folders(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir()}


def _fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _publish(output: Path) -> None:
    with Publication(output) as publication:
        publication.publish(FILES)


def test_new_output_appears_whole_with_its_parents(tmp_path: Path) -> None:
    _publish(tmp_path / "a" / "b")
    assert _tree(tmp_path) == {f"a/b/{name}": content for name, content in FILES.items()}
    assert _folders(tmp_path) == {"a", "a/b", "a/b/models"}
    mode = stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "a").stat().st_mode)


def test_existing_output_is_kept_its_run_replaced_and_an_old_failure_removed(
    tmp_path: Path,
) -> None:
    _fill(tmp_path, OLD)
    inode = tmp_path.stat().st_ino
    _publish(tmp_path)
    assert _tree(tmp_path) == {**FILES, "mine": b"x"}
    assert _folders(tmp_path) == {"models"}
    assert tmp_path.stat().st_ino == inode


def test_record_goes_first_and_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(tmp_path, OLD)
    moved, replace = list[str](), Path.replace

    def spy(self: Path, target: Path) -> Path:
        if tmp_path in (self.parent, target.parent):
            moved.append(self.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", spy)
    _publish(tmp_path)
    assert moved[0] == RECORD
    assert moved[-1] == RECORD
    assert moved.count(RECORD) == 2


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "broken"), InterruptedBySignal(15)])
@pytest.mark.parametrize("old", [OLD, {}], ids=["run", "nothing"])
@pytest.mark.parametrize("step", range(4))
def test_failure_while_writing_leaves_everything_as_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    old: dict[str, bytes],
    failure: BaseException,
) -> None:
    output = tmp_path / "out"
    _fill(output, old)
    before = _tree(tmp_path), _folders(tmp_path)
    write, calls = outputs._write, list[Path]()

    def fail(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) > step:
            path.write_bytes(content[:1])
            raise failure
        write(path, content)

    monkeypatch.setattr(outputs, "_write", fail)
    with pytest.raises((OutputNotWritableError, InterruptedBySignal)):
        _publish(output)
    assert (_tree(tmp_path), _folders(tmp_path)) == before


@pytest.mark.parametrize("old", [OLD, {"mine": b"x"}], ids=["run", "other"])
@pytest.mark.parametrize("step", range(4))
def test_failure_while_moving_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, old: dict[str, bytes]
) -> None:
    _fill(tmp_path, old)
    before = _tree(tmp_path), _folders(tmp_path)
    move, calls = outputs.move, list[str]()

    def fail(source: Path, target: Path, content: bytes | None = None) -> None:
        calls.append(source.name)
        if len(calls) == step + 1:
            raise OSError(errno.EIO, "broken")
        move(source, target, content)

    monkeypatch.setattr(outputs, "move", fail)
    with pytest.raises(OutputNotWritableError):
        _publish(tmp_path)
    assert (_tree(tmp_path), _folders(tmp_path)) == before


def _refuse(self: Path, _target: Path) -> Path:
    raise OSError(errno.EPERM if self.is_file() else errno.EIO, "refused")


def _corrupt(self: Path, target: Path) -> Path:
    content = self.read_bytes()
    self.unlink()
    target.write_bytes(content[: len(content) // 2])
    return target


@pytest.mark.parametrize("old", [OLD, {"mine": b"x"}, {}], ids=["run", "other", "nothing"])
@pytest.mark.parametrize("rename", [_refuse, _corrupt])
def test_a_run_is_whole_where_renames_fail_or_lose_bytes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rename: Callable[[Path, Path], Path],
    old: dict[str, bytes],
) -> None:
    output = tmp_path / "out"
    _fill(output, old)
    monkeypatch.setattr(Path, "replace", rename)
    monkeypatch.setattr(Path, "rename", _refuse)
    _publish(output)
    assert _tree(output) == {**FILES, **({"mine": b"x"} if "mine" in old else {})}
    assert _folders(tmp_path) == {"out", "out/models"}


def test_the_record_is_written_last_where_renames_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path, OLD)
    write, seen = outputs._write, list[tuple[str, bool]]()

    def spy(path: Path, content: bytes) -> None:
        write(path, content)
        if ".trainer-" not in str(path):
            seen.append((path.name, (tmp_path / RECORD).exists()))

    monkeypatch.setattr(outputs, "_write", spy)
    monkeypatch.setattr(Path, "replace", _refuse)
    _publish(tmp_path)
    assert seen[-1] == (RECORD, True)
    assert not any(is_there for _, is_there in seen[:-1])


def test_a_failure_without_any_rename_or_copy_leaves_no_new_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = outputs._write

    def fail(path: Path, content: bytes) -> None:
        if path.parent.name == "out":
            raise OSError(errno.EIO, "broken")
        write(path, content)

    monkeypatch.setattr(outputs, "_write", fail)
    monkeypatch.setattr(Path, "replace", _refuse)
    monkeypatch.setattr(Path, "rename", _refuse)
    with pytest.raises(OutputNotWritableError):
        _publish(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_folder_in_the_place_of_a_file_is_refused_and_all_put_back(tmp_path: Path) -> None:
    _fill(tmp_path, {"pred.png/x": b"x", RECORD: b"old"})
    with pytest.raises(OutputNotWritableError, match="is a folder"):
        _publish(tmp_path)
    assert _tree(tmp_path) == {"pred.png/x": b"x", RECORD: b"old"}


def test_output_that_another_run_made_meanwhile_is_merged_into(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with Publication(output) as publication:
        _fill(output, OLD)
        publication.publish(FILES)
    assert _tree(tmp_path) == {
        f"out/{name}": data for name, data in {**FILES, "mine": b"x"}.items()
    }


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(_path: Path, _content: bytes) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr(outputs, "_write", fail)
    with pytest.raises(DiskFullError):
        _publish(tmp_path / "out")


def test_file_as_output_or_as_its_parent_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for output in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputNotFolderError), Publication(output):
            pytest.fail("the work began")
    assert _tree(tmp_path) == {"file": b"x"}


def test_closed_folder_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputNotWritableError, match="by uid"), Publication(tmp_path / "out"):
        pytest.fail("the work began")


def test_run_that_does_not_publish_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Publication(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_failure_record_is_added_to_what_is_there(tmp_path: Path) -> None:
    _fill(tmp_path, {RECORD: b"old"})
    assert write_failure(tmp_path, b"why")
    assert _tree(tmp_path) == {RECORD: b"old", FAILURE: b"why"}


def test_failure_record_is_left_where_renames_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", _refuse)
    assert write_failure(tmp_path, b"why")
    assert _tree(tmp_path) == {FAILURE: b"why"}


def test_failure_record_that_cannot_be_left_is_no_failure_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert not write_failure(tmp_path / "file", b"why")
    assert _tree(tmp_path) == {"file": b"x"}
