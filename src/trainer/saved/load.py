"""A model from either of its files, to forecast the same bits as the run that wrote it.

The JSON is checked by its seal, and loading it executes nothing. A pickle is opened only for those
who say that they trust it, and then by a reader that knows what a training writes.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import (
    PickleRefusedError,
    SavedModelChangedError,
    SavedModelMissingError,
)
from trainer.fit.order import Floats
from trainer.fit.prediction import Prediction
from trainer.interruption import held_back
from trainer.kernel.library import NO_COLUMNS
from trainer.printable import printable
from trainer.saved.files import read_model_file, read_run_file
from trainer.saved.json_file import SavedModel, read_saved
from trainer.saved.run_manifest import RECORD, read_run_manifest

_PICKLE_NAMES = (".pkl", ".pickle", ".joblib")
_PICKLE_START = b"\x80"  # the opcode PROTO of every protocol since 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model, and what has to be told of how it was loaded.

    `library` is statsmodels' or pmdarima's object where it came from a pickle, else None.
    """

    saved: SavedModel
    library: Any = None
    notes: tuple[str, ...] = ()

    def predict(self, steps: int, future: Floats = NO_COLUMNS) -> Prediction:
        """Return what follows the series; `future` are its regressors, shape (columns, steps)."""
        return self.saved.predict(steps, future)


def load_model_file(path: str | os.PathLike[str], *, trust_pickle: bool = False) -> LoadedModel:
    """Return the model of a JSON, or of the JSON beside a pickle.

    With `trust_pickle` a pickle itself is opened, for its `library` object. Raises
    SavedModelMissingError, SavedModelUnreadableError, SavedModelChangedError (the seal, or the
    run's record, where there is one), SavedModelFormError (another release's),
    SavedModelInvalidError, and PickleRefusedError for a pickle that has no JSON beside it, or a
    content that no training writes; nothing of it was executed then.
    """
    found = load_with_bytes(Path(path), trust_pickle=trust_pickle)
    return found[0]


def load_with_bytes(place: Path, *, trust_pickle: bool) -> tuple[LoadedModel, bytes]:
    """Return the same model, and the bytes of the JSON that it was read from."""
    content = read_model_file(place)
    if place.suffix not in _PICKLE_NAMES and not content.startswith(_PICKLE_START):
        return LoadedModel(saved=read_saved(content, _shown(place))), content
    _check_by_record(place, content)
    if trust_pickle:
        return _from_pickle(place, content)
    try:
        return _from_json_beside(place, "a pickle is not opened without --trust-pickle")
    except SavedModelMissingError as exc:
        raise PickleRefusedError(
            f"{_shown(place)}: not opened: a pickle can run any code, and no JSON is beside it",
            remedy="fetch the whole run; or give --trust-pickle (in Python: trust_pickle=True) if "
            "you trust whoever wrote the file",
        ) from exc


def _from_pickle(place: Path, content: bytes) -> tuple[LoadedModel, bytes]:
    try:
        library, notes = _opened(place, content)
    except (MemoryError, PickleRefusedError):
        raise
    except Exception as exc:  # noqa: BLE001 - whatever another release of a library raises
        why = f"the libraries here cannot open it ({type(exc).__name__}: {exc})"
        return _from_json_beside(place, why)
    text = _kept_text(library)
    if text is None:
        return _from_json_beside(place, "it contains only the library's object")
    kept = text.encode(errors="replace")
    return LoadedModel(saved=read_saved(kept, _shown(place)), library=library, notes=notes), kept


def _opened(place: Path, content: bytes) -> tuple[Any, tuple[str, ...]]:
    """Return the library's object, and what the libraries warn of."""
    with held_back():
        from trainer.saved.pickle_reader import ForeignPickleError, read_pickle  # noqa: PLC0415 - seldom needed

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        try:
            library = read_pickle(content)
        except ForeignPickleError as exc:
            raise PickleRefusedError(
                f"{_shown(place)}: not opened: no training writes such a pickle: {exc}",
                remedy="do not use this file; use the JSON of a run that you trust: loading it "
                "runs no code",
            ) from exc
    texts = (f"{w.category.__name__}: {' '.join(str(w.message).split())}" for w in warned)
    return library, tuple(dict.fromkeys(texts))


def _kept_text(library: Any) -> str | None:  # noqa: ANN401 - the libraries have no types
    """Return the model's JSON, which the library's object, or the first of pairs, carries."""
    match library:
        case [(_, first), *_]:
            library = first
    text = getattr(library, "saved_model", None)
    return text if isinstance(text, str) else None


def _from_json_beside(place: Path, why: str) -> tuple[LoadedModel, bytes]:
    """Return the model of the JSON with the pickle's name; `why` stands in the note."""
    beside = place.absolute().with_suffix(".json")
    try:
        content = read_run_file(beside.parent, beside.name)
    except SavedModelMissingError as exc:
        raise SavedModelMissingError(
            f"{_shown(place)}: {why}, and there is no {beside.name} beside it",
            remedy="fetch the whole run, or run the image that trained it",
        ) from exc
    _check_by_record(place.with_suffix(".json"), content)
    note = f"{place.name}: {why}: the model is loaded from {beside.name} beside it"
    return LoadedModel(saved=read_saved(content, _shown(beside)), notes=(note,)), content


def _check_by_record(place: Path, content: bytes) -> None:
    """Compare a file with its run's record, where there is one."""
    place = place.absolute()
    folder, name = place.parent.parent, f"{place.parent.name}/{place.name}"
    try:
        record = read_run_file(folder, RECORD)
    except SavedModelMissingError:
        return
    manifest = read_run_manifest(record, _shown(folder / RECORD)).files
    if manifest.get(name) != hashlib.sha256(content).hexdigest():
        raise SavedModelChangedError(
            f"{_shown(place)}: {_shown(folder / RECORD)} has another sha256 for it: the file was "
            "changed, or belongs to another run",
            remedy="fetch the run again, or train again",
        )


def _shown(path: Path) -> str:
    return printable(str(path))
