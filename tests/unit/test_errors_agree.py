"""The three programs share their families of errors: one name has one exit code."""

from types import ModuleType
from typing import Any

import pytest

import hakobune.errors
import trainer.errors

# Each writes its base class again: none of the programs may import another.
PROGRAMS: dict[ModuleType, type[Any]] = {
    hakobune.errors: hakobune.errors.HakobuneError,
    trainer.errors: trainer.errors.TrainerError,
}
FAMILIES = {
    family.__name__: family
    for base in reversed(list(PROGRAMS.values()))
    for family in base.__subclasses__()
}


@pytest.mark.parametrize("base", PROGRAMS.values(), ids=lambda base: str(base.__name__))
def test_a_family_of_two_programs_has_one_exit_code(base: type[Any]) -> None:
    codes = {family.__name__: family.exit_code for family in base.__subclasses__()}
    assert codes == {name: FAMILIES[name].exit_code for name in codes}


def test_no_exit_code_means_two_families() -> None:
    assert len({family.exit_code for family in FAMILIES.values()}) == len(FAMILIES)


@pytest.mark.parametrize("base", PROGRAMS.values(), ids=lambda base: str(base.__name__))
def test_an_error_of_two_programs_is_in_the_same_family(base: type[Any]) -> None:
    others = {
        error.__name__: family.exit_code
        for other in PROGRAMS.values()
        for family in other.__subclasses__()
        for error in family.__subclasses__()
    }
    for family in base.__subclasses__():
        for error in family.__subclasses__():
            assert others[error.__name__] == family.exit_code, error.__name__
