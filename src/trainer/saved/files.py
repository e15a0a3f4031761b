"""A model's file to bytes; what can be wrong with the path is an error of its own."""

import os
from collections.abc import Callable
from pathlib import Path

from trainer.errors import SavedModelMissingError, SavedModelUnreadableError
from trainer.printable import printable
from trainer.regular_file import NotRegularError, TooLargeError, read_beneath, read_regular

_REMEDY = "name models/arima_model.json or models/arima_model.pkl in a run's folder"
# A hundred times a million values with ten regressors; reading takes ten times the memory.
LARGEST_BYTES = 1 << 28


def read_model_file(path: Path) -> bytes:
    """Return the content. Raises SavedModelMissingError or SavedModelUnreadableError."""
    return _translated(path, lambda: read_regular(path, LARGEST_BYTES))


def read_run_file(folder: Path, name: str) -> bytes:
    """Return the content of a run's file, to which no link may lead. Raises the same."""
    return _translated(folder / name, lambda: read_beneath(folder, name, LARGEST_BYTES))


def _translated(path: Path, read: Callable[[], bytes]) -> bytes:
    name = printable(str(path))
    try:
        return read()
    except NotRegularError as exc:
        raise SavedModelUnreadableError(
            f"{name} is {exc.kind}, not a model", remedy=_REMEDY
        ) from exc
    except TooLargeError as exc:
        raise SavedModelUnreadableError(
            f"{name} is too large: no model has more than {LARGEST_BYTES} bytes", remedy=_REMEDY
        ) from exc
    except PermissionError as exc:
        raise SavedModelUnreadableError(
            f"{name} may not be read by this user (uid {os.getuid()})",
            remedy=f"chmod a+r {name}, and a+x its folders",
        ) from exc
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise SavedModelMissingError(f"there is no file {name}", remedy=_REMEDY) from exc
    except (OSError, ValueError) as exc:
        raise SavedModelUnreadableError(f"{name} cannot be read: {exc}", remedy=_REMEDY) from exc
