"""Reading and writing JSON files of the state folder. A write happens whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from drydock.errors import StateDamagedError, StateNotWritableError

PRIVATE = 0o600  # the state holds the rehearsal's secrets


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object that the file holds, or None where there is no such file."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise _damaged(path, str(exc)) from exc
    if not isinstance(found, dict):
        raise _damaged(path, "no JSON object")
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
            f"{path} cannot be written: {exc.strerror}",
            remedy="free some space, or name another folder by --state",
        ) from exc


def _damaged(path: Path, why: str) -> StateDamagedError:
    return StateDamagedError(
        f"{path}: {why}", remedy="run `python -m drydock stop`, remove the folder and start anew"
    )
