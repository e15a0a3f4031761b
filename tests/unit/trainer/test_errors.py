import re
from pathlib import Path

import pytest

from trainer import errors

FAMILIES = errors.TrainerError.__subclasses__()
CLASSES = [error for family in FAMILIES for error in family.__subclasses__()]
PAGE = Path(__file__).resolve().parents[3] / "docs/reference/trainer.md"


def test_every_error_is_in_a_family_and_has_no_class_below_it() -> None:
    listed = {
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, errors.TrainerError)
    }
    assert listed == {errors.TrainerError, *FAMILIES, *CLASSES}
    assert not [error for error in CLASSES if error.__subclasses__() or "exit_code" in vars(error)]


def test_each_family_has_an_exit_code_of_its_own_which_no_bug_or_signal_has() -> None:
    codes = {family.exit_code for family in FAMILIES}
    assert len(codes) == len(FAMILIES)
    assert not codes & {0, 1, 70, *range(128, 256)}
    assert errors.UsageError.exit_code == 2, "as argparse has it"


def test_names_come_from_the_classes_and_differ() -> None:
    assert errors.RowsInvalidError.name() == "rows-invalid"
    assert len({error.name() for error in CLASSES}) == len(CLASSES)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: str(error.name()))
def test_every_error_says_when_it_occurs(error: type[errors.TrainerError]) -> None:
    assert re.fullmatch(r"[^\n]+[.]", error.__doc__ or "")


def test_the_reference_page_lists_every_name_once_below_its_family() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| (`[^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert {int(code): re.findall("`([a-z-]+)`", names) for code, _, names in rows} == {
        family.exit_code: [error.name() for error in family.__subclasses__()] for family in FAMILIES
    }
