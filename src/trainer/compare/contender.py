"""A model that takes part: read from a run's folder, whose files are checked, or from its JSON."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from trainer.errors import (
    RefusedError,
    SavedModelInvalidError,
    SavedModelMissingError,
    TrainerError,
)
from trainer.printable import printable
from trainer.regular_file import NotRegularError, read_beneath
from trainer.saved.files import LARGEST_BYTES
from trainer.saved.json_file import SavedModel, read_saved
from trainer.saved.load import LoadedModel, load_with_bytes
from trainer.saved.origin import Origin, read_origin
from trainer.saved.run_manifest import RECORD, RunManifest, read_run_manifest

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
    notes: tuple[str, ...] = ()


def read_contender(path: Path, role: Role, trust_pickle: bool = False) -> Contender:  # noqa: FBT001, FBT002 - a switch of the command
    """Return the model of a run's folder or file. Raises the errors of `load_model_file`."""
    name = printable(f"the {role} {path}")
    with _translated(name, path):
        is_run = path.is_dir()
    notes, run_id = tuple[str, ...](), None
    if is_run:
        run_id, content = _from_run(path, name)
        saved = read_saved(content, name)
    else:
        loaded, content = _from_file(path, name, trust_pickle=trust_pickle)
        saved, notes = loaded.saved, loaded.notes
    return Contender(
        role=role,
        path=printable(str(path)),
        sha256=hashlib.sha256(content).hexdigest(),
        is_verified=is_run,
        saved=saved,
        run_id=run_id,
        origin=read_origin(saved, name),
        notes=notes,
    )


def _from_file(path: Path, name: str, *, trust_pickle: bool) -> tuple[LoadedModel, bytes]:
    try:
        return load_with_bytes(path, trust_pickle=trust_pickle)
    except SavedModelMissingError as exc:
        raise SavedModelInvalidError(
            f"{name}: {exc.what}",
            remedy="name a run's folder with all its files, or a saved model's JSON",
        ) from exc
    except RefusedError as exc:
        raise type(exc)(f"{name}: {exc.what.removeprefix(f'{path}: ')}", remedy=exc.remedy) from exc


def _from_run(folder: Path, name: str) -> tuple[str, bytes]:
    """Return id and saved model of a whole run, of which no file was changed since."""
    _refuse_unfinished(folder, name)
    run = _manifest(_read(folder, RECORD, name), name)
    changed = []
    model = b""
    for file, digest in sorted(run.files.items()):
        content = _read(folder, file, name)
        if hashlib.sha256(content).hexdigest() != digest:
            changed.append(file)
        if file == MODEL_FILE:
            model = content
    if changed:
        raise SavedModelInvalidError(
            f"{name}: {', '.join(changed)}: changed after the run wrote it",
            remedy="use an unchanged copy of the run, or train again",
        )
    return run.run_id, model


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


def _read(folder: Path, file: str, name: str) -> bytes:
    path = folder / file
    with _translated(name, path):
        try:
            return read_beneath(folder, file, LARGEST_BYTES)
        except NotRegularError as exc:
            raise SavedModelInvalidError(
                f"{name}: {file} is {exc.kind}, or a folder above it is",
                remedy="name a run's folder with the files that the run wrote",
            ) from exc


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
    except TrainerError:
        raise
    except (OSError, ValueError) as exc:
        raise SavedModelInvalidError(
            f"{name}: {path} cannot be read: {exc}", remedy="name a run's folder, or its JSON"
        ) from exc
