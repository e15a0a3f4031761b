"""Every failure that a person can correct: what failed, where, and the next step.

One exit code for each family of remedy, and a short stable name for each class: scripts test the
name. Only `__main__.py` catches these; `docs/reference/exit-codes.md` is generated from this file.
"""

import re
from typing import ClassVar


class TrainerError(Exception):
    """Something failed that the user can correct.

    `what` is a sentence that says what failed and where; `remedy` is the next step. Either may span
    lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.add_note(f"fix: {remedy}")  # for those who call it from Python

    @classmethod
    def name(cls) -> str:
        """Return the class's stable name: `RowsInvalidError` is `rows-invalid`."""
        words = re.findall(r"[A-Z][a-z0-9]*", cls.__name__.removesuffix("Error"))
        return "-".join(words).lower()


class UsageError(TrainerError):
    """The command names something that does not exist or has the wrong form: correct it."""

    exit_code = 2


class OrderInvalidError(UsageError):
    """`--order` or `--seasonal_order` is invalid."""


class HoldoutInvalidError(UsageError):
    """`--holdout` is not a number or a fraction, or leaves too few rows for the training."""


class HorizonInvalidError(UsageError):
    """`--horizon` is invalid, or leads past the last date of the calendar."""


class RunIdInvalidError(UsageError):
    """The run id cannot be used as the name of a folder; no record is written."""


class BoxCoxInvalidError(UsageError):
    """`--box_cox` is invalid, or not all values are positive."""


class BacktestInvalidError(UsageError):
    """An option of the backtest, or `--require_skill`, is invalid."""


class ChoicesContradictError(UsageError):
    """Two options exclude each other."""


class RegressorsInvalidError(UsageError):
    """`--calendar`, `--fourier` or `--regressors` is invalid, or a regressor lacks a value."""


class InputMissingError(UsageError):
    """The input file does not exist."""


class SavedModelMissingError(UsageError):
    """The saved model does not exist."""


class NodesUnclearError(UsageError):
    """`many --cluster`: the environment does not say which node this is."""


class SeriesUnknownError(UsageError):
    """`predict --series`: the store has no model of this series, or none was named."""


class BatchesUnusableError(UsageError):
    """`many`: `--shard` or `--batches` is invalid."""


class OutputNotFolderError(UsageError):
    """The output's path, or a part of it, is a file."""


class PrerequisiteError(TrainerError):
    """This machine lacks something that the command needs: install or start it."""

    exit_code = 5


class LibraryMissingError(PrerequisiteError):
    """A library that the program needs is not installed or fails to load."""


class RefusedError(TrainerError):
    """A run, a model or its data fails its record or a required test: do not use it."""

    exit_code = 10


class SkillMissingError(RefusedError):
    """`--require_skill`: the model does not beat the best baseline by the given share."""


class TooManyFailuresError(RefusedError):
    """`many`: more series failed than `--max_failures` allows, or all of them."""


class SavedModelInvalidError(RefusedError):
    """A saved model is invalid, or it produced non-finite forecasts."""


class SavedModelUnreadableError(RefusedError):
    """The saved model is a folder, too large or not readable, or the disk failed."""


class SavedModelChangedError(RefusedError):
    """A saved model was truncated or changed after it was written."""


class SavedModelFormError(RefusedError):
    """A saved model has a form that this release does not support."""


class PickleRefusedError(RefusedError):
    """The pickle was not opened: it lacks a JSON beside it, or has a foreign content."""


class ChallengerNotPromotedError(RefusedError):
    """`compare`: keep the champion; the challenger is not better, or not significantly."""


class DataError(TrainerError):
    """The input data cannot be used: correct the file or choose other columns."""

    exit_code = 12


class InputUnreadableError(DataError):
    """The input is a folder or is not readable, or the disk failed."""


class InputNotTextError(DataError):
    """The input is not text, or its bytes are text in two encodings: `--encoding`."""


class InputEmptyError(DataError):
    """The input has no data rows."""


class ColumnMissingError(DataError):
    """A column that is needed or named is not in the input."""


class ColumnAmbiguousError(DataError):
    """Several columns could be the date or the value."""


class RowsInvalidError(DataError):
    """Rows of the input have an invalid or ambiguous date or number, or a duplicate date."""


class DatesIrregularError(DataError):
    """The dates are not daily, weekly, monthly or at another even step, or are ambiguous."""


class SeriesTooShortError(DataError):
    """The series has too few values for the model and the holdout."""


class SeriesConstantError(DataError):
    """The training part, or its differences, never change: no model can be fitted."""


class ValuesMissingError(DataError):
    """The series, its training part or its holdout has no value."""


class ValuesTooSmallError(DataError):
    """The values vary by too little for the library's arithmetic: choose another unit."""


class RawFileInvalidError(DataError):
    """`prepare`: rows of the raw file cannot be read, or its dates span too long a period."""


class FutureRegressorsMissingError(DataError):
    """The regressors have fewer future rows than there are steps to forecast."""


class ModelNotFittedError(DataError):
    """No starting point gave a model, or the search found no order."""


class ComparisonImpossibleError(DataError):
    """`compare`: models and data belong to different series, or a model cannot forecast."""


class WindowTooShortError(DataError):
    """`compare`: the data has too few values after the models' training data."""


class MachineError(TrainerError):
    """The disk, the memory, a file or another command of this machine prevents it."""

    exit_code = 13


class NodesMissingError(MachineError):
    """`many --cluster`: the other nodes do not come, or node 0 is gone."""


class MemoryExhaustedError(MachineError):
    """The program ran out of memory."""


class OutputNotWritableError(MachineError):
    """The output cannot be created or written."""


class DiskFullError(MachineError):
    """The disk of the output is full."""
