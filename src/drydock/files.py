"""Reads and writes the JSON files of the state folder; a write is complete or has no effect."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from drydock.errors import StateDamagedError, StateNotWritableError

PRIVATE_FOLDER = 0o700
PRIVATE = 0o600  # the state holds the rehearsal's secrets


def make_private(folder: Path) -> None:
    """Create the state folder if it is missing, and close it to other users of this machine."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(PRIVATE_FOLDER)
    except OSError as exc:
        raise StateNotWritableError(
            f"the folder cannot be used: {exc.strerror}",
            remedy="use another folder with --state",
            place=str(folder),
        ) from exc


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in the file, or None if there is no such file."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise _damaged(path, str(exc)) from exc
    if not isinstance(found, dict):
        raise _damaged(path, "not a JSON object")
    return found


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file by this object in one step, readable by its owner alone."""
    write_bytes(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the file by this content in one step, readable by its owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            try:
                os.fchmod(file.fileno(), PRIVATE)
                file.write(content)
                file.flush()
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as exc:
        raise StateNotWritableError(
            f"the file cannot be written: {exc.strerror}",
            remedy="free some space, or use another folder with --state",
            place=str(path),
        ) from exc


def _damaged(path: Path, why: str) -> StateDamagedError:
    return StateDamagedError(
        why,
        remedy="python -m drydock stop\nthen remove the state folder and start again",
        place=str(path),
    )
