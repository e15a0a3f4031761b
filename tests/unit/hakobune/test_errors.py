"""One exit code for each family of remedies, and one stable name for each error."""

import re

import pytest

from hakobune import errors
from hakobune.cli.main import BUG_EXIT_CODE
from hakobune.model.finding import DEGRADED_EXIT_CODE, PREREQUISITE_EXIT_CODE

FAMILIES = errors.HakobuneError.__subclasses__()
CLASSES = [error for family in FAMILIES for error in family.__subclasses__()]


def test_every_error_belongs_to_a_family_and_adds_no_exit_code() -> None:
    listed = {
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, errors.HakobuneError)
    }
    assert listed == {errors.HakobuneError, *FAMILIES, *CLASSES}
    assert not [error for error in CLASSES if "exit_code" in vars(error)]


def test_every_family_has_an_exit_code_of_its_own() -> None:
    codes = [family.exit_code for family in FAMILIES]
    assert len(set(codes)) == len(codes) == 12
    # 1 is Python's for a traceback, 126 and up are the shell's.
    assert all(1 < code < 126 for code in codes)
    assert not {BUG_EXIT_CODE, DEGRADED_EXIT_CODE} & set(codes)
    assert errors.PrerequisiteError.exit_code == PREREQUISITE_EXIT_CODE
    assert errors.UsageError.exit_code == 2, "as click has it"


def test_every_error_has_a_name_of_its_own() -> None:
    names = [error.name() for error in CLASSES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)
    assert errors.LockStaleError.name() == "lock-stale"


@pytest.mark.parametrize("error", [*FAMILIES, *CLASSES])
def test_every_error_says_when_it_occurs(error: type[errors.HakobuneError]) -> None:
    assert re.fullmatch(r"[A-Z`].{15,110}\.", (error.__doc__ or "").splitlines()[0])


def test_an_error_keeps_what_failed_where_and_the_next_step() -> None:
    error = errors.LockMissingError("what", remedy="do this")
    assert (error.what, error.place, error.remedy, str(error)) == ("what", "", "do this", "what")
    placed = errors.LockDamagedError("what", remedy="do this", place="a.lock:3")
    assert (placed.what, placed.place, str(placed)) == ("what", "a.lock:3", "a.lock:3: what")


def test_a_place_that_the_text_begins_with_is_not_repeated() -> None:
    error = errors.LockDamagedError("a.lock:3: no seal", remedy="do this", place="a.lock:3")
    assert str(error) == "a.lock:3: no seal"
