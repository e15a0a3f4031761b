"""Files to the output folder, all at once or not at all.

They are written into a folder beside (or, where the output exists, hidden inside) the output, and
moved when all are there. `record.json` is removed first and comes last: who finds it finds a whole
run. What failed puts everything back. In a mounted blob store a folder cannot be renamed, and a
file's rename may fail or lose bytes: what did not arrive whole is written again in its place.
"""

import errno
import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from trainer.errors import DiskFullError, OutputNotFolderError, OutputNotWritableError, TrainerError
from trainer.interruption import checkpoint, held_back

RECORD = "record.json"
FAILURE = "failure.json"
# The system's errors of a disk without room.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STAGING = ".trainer-"
_COPIED_BYTES = 1 << 22
_FOLDER_REMEDY = "name a folder with --output, an existing or a new one"


class Publication:
    """A place where files wait, and their way into the output folder.

    Entering it finds a bad output before any work; leaving it removes what is no output.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._staging = output / _STAGING
        self._made: tuple[Path, ...] = ()
        self.is_published = False

    def __enter__(self) -> Self:
        """Make the waiting folder."""
        try:
            with held_back():
                self._prepare()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """Remove the waiting folder, and folders made for an output that was not published."""
        self.clean_up()

    def clean_up(self) -> None:
        """Remove the same. Calling it again does no harm."""
        with held_back():
            self._clean_up()

    def left(self) -> str:
        """Return in words what is in the output folder now, after `clean_up`."""
        if self.is_published:
            return f"the run was already complete in {self._output}"
        if self._staging.exists():
            return f"incomplete files are left in {self._staging}"
        return "no output was written"

    def _prepare(self) -> None:
        with translated(self._output):
            if self._output.exists() and not self._output.is_dir():
                raise OutputNotFolderError(f"{self._output} is a file", remedy=_FOLDER_REMEDY)
            name = f"{_STAGING}{secrets.token_hex(6)}"
            if self._output.is_dir():
                self._staging = self._output / name
            else:
                self._staging = self._output.parent / name
                self._make_parents()
            self._staging.mkdir()

    def publish(self, files: Mapping[str, bytes | Path]) -> None:
        """Write the files aside, then move them into the output; `record.json` is the last.

        A path is that of a local file, which is copied whole.
        """
        with translated(self._output):
            for name, content in files.items():
                _write(self._staging / name, content)
            checkpoint()
            with held_back():
                if not self._moved_whole():
                    self._move_one_by_one(files)
                self.is_published = True

    def _clean_up(self) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        if not self.is_published:
            for folder in reversed(self._made):
                with suppress(OSError):
                    folder.rmdir()

    def _make_parents(self) -> None:
        absent = [folder for folder in self._output.absolute().parents if not folder.exists()]
        for folder in reversed(absent):
            folder.mkdir(exist_ok=True)
            self._made = (*self._made, folder)

    def _moved_whole(self) -> bool:
        """Give the waiting folder the output's name; False where that is not possible."""
        if not self._output.exists():
            try:
                self._staging.rename(self._output)
            except OSError:
                with suppress(FileExistsError):
                    self._output.mkdir()
                    self._made = (*self._made, self._output)
            else:
                return True
        return False

    def _move_one_by_one(self, names: Mapping[str, bytes | Path]) -> None:
        """Replace files in the output, and put the old ones back where that fails."""
        done: list[tuple[Path, Path | None]] = []
        try:
            commit_first = (name for name in (RECORD, FAILURE) if (self._output / name).exists())
            done.extend(self._set_aside(name) for name in commit_first)
            for name in sorted(names, key=lambda name: name == RECORD):
                target = self._output / name
                target.parent.mkdir(exist_ok=True)
                done.append(self._set_aside(name) if target.exists() else (target, None))
                move(self._staging / name, target, names[name])
        except BaseException:
            for target, old in reversed(done):
                _put_back(target, old)
            for name in names:
                with suppress(OSError):
                    if (self._output / name).parent != self._output:
                        (self._output / name).parent.rmdir()
            raise

    def _set_aside(self, name: str) -> tuple[Path, Path]:
        target, old = self._output / name, self._staging / "replaced" / name
        if target.is_dir():
            raise OutputNotWritableError(
                f"{target} is a folder, but a file must be written there",
                remedy="remove it, or choose another --output",
            )
        old.parent.mkdir(parents=True, exist_ok=True)
        move(target, old)
        return target, old


def write_failure(output: Path, content: bytes) -> bool:
    """Leave `failure.json` in the output folder where that can be done; return whether it was."""
    waiting = output / f"{_STAGING}{secrets.token_hex(6)}"
    with held_back():
        try:
            output.mkdir(parents=True, exist_ok=True)
            waiting.write_bytes(content)
            move(waiting, output / FAILURE, content)
        except OSError:
            with suppress(OSError):
                waiting.unlink(missing_ok=True)
            return False
    return True


def move(source: Path, target: Path, content: bytes | Path | None = None) -> None:
    """Rename a file; where that fails, or loses some of the `content`, copy it. Raises OSError."""
    try:
        source.replace(target)
    except OSError:
        _write(target, source if content is None else content)
        source.unlink()
    else:
        if content is not None and not _has(target, content):
            _write(target, content)


def _has(path: Path, content: bytes | Path) -> bool:
    if isinstance(content, bytes):
        return path.read_bytes() == content
    return filecmp.cmp(path, content, shallow=False)


def _write(path: Path, content: bytes | Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        if isinstance(content, bytes):
            target.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, target, _COPIED_BYTES)
        target.flush()
        os.fsync(target.fileno())


def _put_back(target: Path, old: Path | None) -> None:
    with suppress(OSError):
        if old is None:
            target.unlink(missing_ok=True)
        else:
            move(old, target)


@contextmanager
def translated(output: Path) -> Iterator[None]:
    """Turn the operating system's errors of writing into a folder into ours."""
    try:
        yield
    except TrainerError:
        raise
    except (NotADirectoryError, FileExistsError) as exc:
        raise OutputNotFolderError(
            f"{output}: a part of the path is a file: {exc.filename}",
            remedy=_FOLDER_REMEDY,
        ) from exc
    except OSError as exc:
        if exc.errno in FULL:
            raise DiskFullError(
                f"the disk of {output} is full: {exc.strerror}",
                remedy="free some megabytes there, or choose another --output",
            ) from exc
        raise OutputNotWritableError(
            f"{output} cannot be written to by uid {os.getuid()}: {exc.strerror or exc}",
            remedy="let that user write there (chown, chmod), or choose another --output",
        ) from exc
