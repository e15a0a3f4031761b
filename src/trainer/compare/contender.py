"""A model that takes part: read from a run's folder, whose files are checked, or from its JSON."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from trainer.errors import SavedModelInvalidError
from trainer.saved.origin import Origin, read_origin
from trainer.saved.run_manifest import RECORD, RunManifest, read_run_manifest
from trainer.saved.saved_model import SavedModel, read_saved

Role = Literal["champion", "challenger"]

MODEL_FILE = "models/arima_model.json"
_FAILURE = "failure.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A model, where it comes from, and what it says of the series that it was trained on.

    `is_verified` says whether the run's record vouches for the model's bytes; it names the run too.
    """

    role: Role
    path: str
    sha256: str
    is_verified: bool
    saved: SavedModel
    run_id: str | None
    origin: Origin


def read_contender(path: Path, role: Role) -> Contender:
    """Return the model of a run's folder or file. Raises the errors of `read_saved`."""
    name = f"the {role} {path}"
    with _translated(name, path):
        is_run = path.is_dir()
    run_id, content = _from_run(path, name) if is_run else (None, _read(path, name))
    saved = read_saved(content, name)
    return Contender(
        role=role,
        path=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        is_verified=is_run,
        saved=saved,
        run_id=run_id,
        origin=read_origin(saved, name),
    )


def _from_run(folder: Path, name: str) -> tuple[str, bytes]:
    """Return id and saved model of a whole run, of which no file was changed since."""
    _refuse_unfinished(folder, name)
    run = _manifest(_read(folder / RECORD, name), name)
    contents = {file: _read(folder / file, name) for file in run.files}
    changed = sorted(
        file
        for file, content in contents.items()
        if hashlib.sha256(content).hexdigest() != run.files[file]
    )
    if changed:
        raise SavedModelInvalidError(
            f"{name}: {', '.join(changed)}: changed after the run wrote it",
            remedy="use an unchanged copy of the run, or train again",
        )
    return run.run_id, contents[MODEL_FILE]


def _refuse_unfinished(folder: Path, name: str) -> None:
    with _translated(name, folder):
        has_record, has_failed = (folder / RECORD).exists(), (folder / _FAILURE).exists()
    if has_failed:
        raise SavedModelInvalidError(
            f"{name}: the last run into this folder failed ({_FAILURE} has the reason)",
            remedy="train again; or remove that file to use the earlier run",
        )
    if not has_record:
        raise SavedModelInvalidError(
            f"{name} is not a complete run: it has no {RECORD}",
            remedy="wait until the run is finished, or name another run or a saved model's JSON",
        )


def _manifest(content: bytes, name: str) -> RunManifest:
    """Return what the record says of a run whose files all lie in its folder."""
    found = read_run_manifest(content, f"{name}: {RECORD}")
    outside = [file for file in found.files if _is_outside(file)]
    if outside:
        raise SavedModelInvalidError(
            f"{name}: {RECORD} names {', '.join(outside)}, outside the run",
            remedy="use an unchanged copy of the run, or train again",
        )
    if MODEL_FILE not in found.files:
        raise SavedModelInvalidError(
            f"{name}: the run did not write {MODEL_FILE}", remedy="train again with this release"
        )
    return found


def _is_outside(file: str) -> bool:
    path = PurePosixPath(file)
    return path.is_absolute() or ".." in path.parts


def _read(path: Path, name: str) -> bytes:
    with _translated(name, path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise SavedModelInvalidError(
                f"{name}: {path.name} is not a regular file",
                remedy="name a run's folder or its JSON",
            )
        return path.read_bytes()


@contextmanager
def _translated(name: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise SavedModelInvalidError(
            f"{name}: there is no {path}",
            remedy="name a run's folder with all its files, or a saved model's JSON",
        ) from exc
    except PermissionError as exc:
        raise SavedModelInvalidError(
            f"{name}: {path} may not be read by this user (uid {os.getuid()})",
            remedy=f"chmod -R a+rX {path}",
        ) from exc
    except (OSError, ValueError) as exc:
        raise SavedModelInvalidError(
            f"{name}: {path} cannot be read: {exc}", remedy="name a run's folder, or its JSON"
        ) from exc
