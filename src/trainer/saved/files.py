"""A model's file to bytes; what can be wrong with the path is an error of its own."""

import os
import stat
from pathlib import Path

from trainer.errors import SavedModelMissingError, SavedModelUnreadableError

_REMEDY = "name models/arima_model.json or models/arima_model.pkl in a run's folder"
# A hundred times a million values with ten regressors; reading takes ten times the memory.
LARGEST_BYTES = 1 << 28


def read_model_file(path: Path) -> bytes:
    """Return the content. Raises SavedModelMissingError or SavedModelUnreadableError."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            what = "a folder" if stat.S_ISDIR(state.st_mode) else "not a regular file"
            raise SavedModelUnreadableError(f"{path} is {what}, not a model", remedy=_REMEDY)
        if state.st_size > LARGEST_BYTES:
            raise SavedModelUnreadableError(
                f"{path} has {state.st_size} bytes; no model has more than {LARGEST_BYTES}",
                remedy=_REMEDY,
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise SavedModelMissingError(f"there is no file {path}", remedy=_REMEDY) from exc
    except PermissionError as exc:
        raise SavedModelUnreadableError(
            f"{path} may not be read by this user (uid {os.getuid()})",
            remedy=f"chmod a+r {path}, and a+x its folders",
        ) from exc
    except (OSError, ValueError) as exc:
        raise SavedModelUnreadableError(f"{path} cannot be read: {exc}", remedy=_REMEDY) from exc
