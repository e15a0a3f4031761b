"""A model that takes part: read from a run's folder, whose files are checked, or from its JSON."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from trainer.errors import SavedModelInvalidError
from trainer.record import SCHEMA_VERSION
from trainer.saved.origin import Origin, read_origin
from trainer.saved.saved_model import SavedModel, read_saved

Role = Literal["champion", "challenger"]

MODEL_FILE = "models/arima_model.json"
_RECORD = "record.json"
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
    run_id, manifest = _manifest(_read(folder / _RECORD, name), name)
    contents = {file: _read(folder / file, name) for file in manifest}
    changed = sorted(
        file
        for file, content in contents.items()
        if hashlib.sha256(content).hexdigest() != manifest[file]
    )
    if changed:
        raise SavedModelInvalidError(
            f"{name}: {', '.join(changed)}: changed since the run wrote it",
            remedy="take the run from where it was kept unchanged, or train anew",
        )
    return run_id, contents[MODEL_FILE]


def _refuse_unfinished(folder: Path, name: str) -> None:
    with _translated(name, folder):
        has_record, has_failed = (folder / _RECORD).exists(), (folder / _FAILURE).exists()
    if has_failed:
        raise SavedModelInvalidError(
            f"{name}: the last run into this folder failed ({_FAILURE} says why)",
            remedy="train anew; or, where the earlier run is meant, remove that file",
        )
    if not has_record:
        raise SavedModelInvalidError(
            f"{name} holds no whole run: there is no {_RECORD}",
            remedy="wait until the run has ended, or name another folder, or a saved model's JSON",
        )


def _manifest(content: bytes, name: str) -> tuple[str, dict[str, str]]:
    """Return the run's id, and the sha256 of each of its files."""
    try:
        raw = json.loads(content)
        version, status, run_id = raw["schema_version"], raw["status"], str(raw["run_id"])
        manifest = {file: entry["sha256"] for file, entry in raw["manifest"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise SavedModelInvalidError(
            f"{name}: {_RECORD} is no record of a run: {exc!r}",
            remedy="take the run from where it was kept unchanged, or train anew",
        ) from exc
    outside = [file for file in manifest if _is_outside(file)]
    if version != SCHEMA_VERSION or status != "succeeded" or outside:
        raise SavedModelInvalidError(
            f"{name}: {_RECORD} is of a form or a run that is not known here",
            remedy="compare with the release that trained it, or train anew",
        )
    if MODEL_FILE not in manifest:
        raise SavedModelInvalidError(
            f"{name}: the run wrote no {MODEL_FILE}", remedy="train anew with this release"
        )
    return run_id, manifest


def _is_outside(file: str) -> bool:
    path = PurePosixPath(file)
    return path.is_absolute() or ".." in path.parts


def _read(path: Path, name: str) -> bytes:
    with _translated(name, path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise SavedModelInvalidError(
                f"{name}: {path.name} is no regular file", remedy="name a run's folder or its JSON"
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
