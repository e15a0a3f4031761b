"""The training program: a CSV of dates and numbers to an ARIMA model, its figures and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from trainer.saved.load import LoadedModel

__version__ = "0.1.0"


def load(path: str | os.PathLike[str], *, trust_pickle: bool = False) -> LoadedModel:
    """Return the model in a run's models/arima_model.json, ready to `predict(steps)`.

    Of a .pkl the JSON beside it is used; with `trust_pickle` the pickle is opened, and `.library`
    is the library's own object. Raises the errors of `trainer.saved.load`. Importing this package
    loads nothing: this does.
    """
    from trainer.saved.load import load_model_file  # noqa: PLC0415 - see above

    return load_model_file(path, trust_pickle=trust_pickle)
