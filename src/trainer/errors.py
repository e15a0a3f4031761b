"""Every failure that a person can mend: its exit code, what failed, and the next step.

Only `__main__.py` catches these. Exit codes are part of the interface: a test checks that they
differ, and `docs/reference/trainer.md` lists them.
"""

from typing import ClassVar


class TrainerError(Exception):
    """Something failed that the user can mend.

    `what` is a sentence that names the place; `remedy` is the next step. Either may span lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.add_note(f"fix: {remedy}")  # for those who call it from Python


class InputMissingError(TrainerError):
    """There is no file at the input's path."""

    exit_code = 40


class InputUnreadableError(TrainerError):
    """The input is a folder, may not be read, or the disk fails."""

    exit_code = 41


class InputNotTextError(TrainerError):
    """The input is no UTF-8 text."""

    exit_code = 42


class InputEmptyError(TrainerError):
    """The input has no line of data."""

    exit_code = 43


class ColumnMissingError(TrainerError):
    """A column that is needed or named is not in the input."""

    exit_code = 44


class ColumnAmbiguousError(TrainerError):
    """Several columns could be the date or the value."""

    exit_code = 45


class RowsInvalidError(TrainerError):
    """Lines of the input hold what is no date, no number, or the same date twice."""

    exit_code = 46


class DatesIrregularError(TrainerError):
    """The dates follow no calendar: neither days, weeks, months nor another even step."""

    exit_code = 47


class SeriesTooShortError(TrainerError):
    """There are too few values for the model and the holdout."""

    exit_code = 48


class SeriesConstantError(TrainerError):
    """The training part, or its differences, never change: there is nothing to learn."""

    exit_code = 49


class ValuesMissingError(TrainerError):
    """The series, its training part or its holdout has no value at all."""

    exit_code = 50


class OrderInvalidError(TrainerError):
    """`--order` or `--seasonal_order` is no usable order."""

    exit_code = 51


class HoldoutInvalidError(TrainerError):
    """`--holdout` is no number of rows and no fraction, or leaves nothing to train on."""

    exit_code = 52


class HorizonInvalidError(TrainerError):
    """`--horizon` is no usable number of steps."""

    exit_code = 53


class RunIdInvalidError(TrainerError):
    """The run id is not fit to name a folder."""

    exit_code = 54


class ModelNotFittedError(TrainerError):
    """No starting point led to a model, or the search for an order found none."""

    exit_code = 55


class MemoryExhaustedError(TrainerError):
    """The memory is not enough for this series and order."""

    exit_code = 56


class LibraryMissingError(TrainerError):
    """A library that the training needs is not installed, or does not load."""

    exit_code = 57


class ValuesTooSmallError(TrainerError):
    """The values vary so little that the library's arithmetic fails: another unit is needed."""

    exit_code = 58


class BoxCoxInvalidError(TrainerError):
    """`--box_cox` is no usable power, or the values are not all positive."""

    exit_code = 59


class OutputNotWritableError(TrainerError):
    """The output folder cannot be made or written to."""

    exit_code = 60


class OutputNotFolderError(TrainerError):
    """The output's path is a file."""

    exit_code = 61


class DiskFullError(TrainerError):
    """The disk of the output folder is full."""

    exit_code = 62


class SkillMissingError(TrainerError):
    """`--require_skill`: the model does not beat the best baseline by what was asked."""

    exit_code = 63


class RawFileInvalidError(TrainerError):
    """Lines of a raw file cannot be read, or its dates reach too far to be a series."""

    exit_code = 71


class RegressorsInvalidError(TrainerError):
    """`--calendar`, `--fourier` or `--regressors` is not usable, or a regressor has no value."""

    exit_code = 72


class FutureRegressorsMissingError(TrainerError):
    """The input has fewer future rows of the regressors than there are steps to forecast."""

    exit_code = 73


class BacktestInvalidError(TrainerError):
    """`--backtest_windows`, `--backtest_step` or `--require_skill` is no usable number."""

    exit_code = 64


class ChoicesContradictError(TrainerError):
    """Two options do not go together."""

    exit_code = 65


class SavedModelInvalidError(TrainerError):
    """A saved model's numbers are those of no model, or it forecasts what is no number."""

    exit_code = 66


class ComparisonImpossibleError(TrainerError):
    """`compare`: the models and the data are not of one series, or a model cannot go on."""

    exit_code = 68


class WindowTooShortError(TrainerError):
    """`compare`: too few values follow what the models were trained on."""

    exit_code = 69


class SavedModelMissingError(TrainerError):
    """There is no saved model at the path."""

    exit_code = 74


class SavedModelUnreadableError(TrainerError):
    """The saved model is a folder, too large, may not be read, or the disk fails."""

    exit_code = 75


class SavedModelChangedError(TrainerError):
    """A saved model was cut off, or changed since it was written."""

    exit_code = 76


class SavedModelFormError(TrainerError):
    """A saved model has a form that this release does not know."""

    exit_code = 77


class PickleRefusedError(TrainerError):
    """No record of its run vouches for a pickle: it was not opened."""

    exit_code = 78
