"""A model from either of its files, to forecast the same bits as the run that wrote it.

The JSON is checked by its seal, and loading it executes nothing. A pickle can do anything when it
is loaded: it is opened only after its run's record vouched for its bytes.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer.errors import (
    PickleRefusedError,
    SavedModelChangedError,
    SavedModelInvalidError,
    SavedModelMissingError,
    TrainerError,
)
from trainer.fit.order import Floats
from trainer.fit.prediction import Prediction
from trainer.kernel.library import NO_COLUMNS
from trainer.saved.files import read_model_file
from trainer.saved.run_manifest import RECORD, read_run_manifest
from trainer.saved.saved_model import SavedModel, read_saved

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


def load_model_file(path: str | os.PathLike[str]) -> LoadedModel:
    """Return the model of a JSON or a pickle.

    Raises SavedModelMissingError, SavedModelUnreadableError, SavedModelChangedError (the seal),
    SavedModelFormError (another release's), SavedModelInvalidError, and PickleRefusedError where no
    record vouches for a pickle; then nothing of it was executed.
    """
    place = Path(path)
    content = read_model_file(place)
    if place.suffix in _PICKLE_NAMES or content.startswith(_PICKLE_START):
        return _from_pickle(place, content)
    return LoadedModel(saved=read_saved(content, str(place)))


def _from_pickle(place: Path, content: bytes) -> LoadedModel:
    manifest = _manifest(place)
    if manifest.get(_name_in_run(place)) != hashlib.sha256(content).hexdigest():
        raise PickleRefusedError(
            f"{place}: not opened: {_record_of(place)} has another sha256 for it; the file was "
            "changed, or belongs to another run",
            remedy="fetch the run again, or use the JSON of its own run: loading it runs no code",
        )
    try:
        library, notes = _opened(content)
    except MemoryError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever another release of a library raises
        why = f"the libraries here cannot open it ({type(exc).__name__}: {exc})"
        return _from_json_beside(place, manifest, why)
    text = _kept_text(library)
    if text is None:
        return _from_json_beside(place, manifest, "it contains only the library's object")
    return LoadedModel(saved=read_saved(text.encode(), str(place)), library=library, notes=notes)


def _opened(content: bytes) -> tuple[Any, tuple[str, ...]]:
    """Return the library's object, and what the libraries warn of."""
    from trainer.saved.model_file import load_model  # noqa: PLC0415 - only a pickle needs joblib

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        library = load_model(content)
    texts = (f"{w.category.__name__}: {' '.join(str(w.message).split())}" for w in warned)
    return library, tuple(dict.fromkeys(texts))


def _kept_text(library: Any) -> str | None:  # noqa: ANN401 - the libraries have no types
    """Return the model's JSON, which the library's object, or the first of pairs, carries."""
    match library:
        case [(_, first), *_]:
            library = first
    text = getattr(library, "saved_model", None)
    return text if isinstance(text, str) else None


def _from_json_beside(place: Path, manifest: dict[str, str], why: str) -> LoadedModel:
    beside = place.with_suffix(".json")
    try:
        content = read_model_file(beside)
    except SavedModelMissingError as exc:
        raise SavedModelMissingError(
            f"{place}: {why}, and there is no {beside.name} beside it",
            remedy="fetch the whole run, or run the image that trained it",
        ) from exc
    if manifest.get(_name_in_run(beside)) != hashlib.sha256(content).hexdigest():
        raise SavedModelChangedError(
            f"{beside}: {_record_of(place)} has another sha256 for it",
            remedy="fetch the run again, or train again",
        )
    note = f"{place.name}: {why}: the model is loaded from {beside.name} beside it"
    return replace(LoadedModel(saved=read_saved(content, str(beside))), notes=(note,))


def _manifest(place: Path) -> dict[str, str]:
    """Return the sha256 of each file of the pickle's run, from a record that is whole."""
    record = _record_of(place)
    try:
        content = read_model_file(record)
    except TrainerError as exc:
        raise PickleRefusedError(
            f"{place}: not opened: no record has its sha256: {exc.what}",
            remedy="keep the pickle in its run's folder, as it was written or fetched; or use the "
            "JSON beside it: loading it runs no code",
        ) from exc
    try:
        return read_run_manifest(content, str(record)).files
    except SavedModelInvalidError as exc:
        raise PickleRefusedError(
            f"{place}: not opened: {exc.what}",
            remedy=f"{exc.remedy}; or use the JSON beside it: loading it runs no code",
        ) from exc


def _record_of(place: Path) -> Path:
    return place.absolute().parent.parent / RECORD


def _name_in_run(place: Path) -> str:
    return f"{place.absolute().parent.name}/{place.name}"
