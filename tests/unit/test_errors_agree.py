"""The programs' errors agree: one family means the same, and exits the same, in each of them.

No program imports another, so each writes the few base classes again. A program is compared here
once its errors are in families.
"""

from types import ModuleType
from typing import Any

import pytest

import drydock.errors
import hakobune.errors
import trainer.errors

PROGRAMS = {
    "hakobune": hakobune.errors,
    "drydock": drydock.errors,
    "trainer": trainer.errors,
}


def base_of(errors: ModuleType) -> type[Any]:
    """Return the class from which all errors of a program derive."""
    (base,) = (
        item
        for item in vars(errors).values()
        if isinstance(item, type) and item.__base__ is Exception
    )
    return base


def families_of(errors: ModuleType) -> dict[str, type[Any]]:
    """Return a program's families by the name of their class."""
    return {family.__name__: family for family in base_of(errors).__subclasses__()}


def meaning_of(error: type[Any]) -> str:
    """Return the first line of a class's docstring."""
    return str(error.__doc__).splitlines()[0]


def test_a_family_has_one_exit_code_and_one_meaning_in_every_program() -> None:
    found = [family for errors in PROGRAMS.values() for family in families_of(errors).items()]
    by_name: dict[str, set[tuple[int, str]]] = {}
    by_code: dict[int, set[str]] = {}
    for name, family in found:
        by_name.setdefault(name, set()).add((family.exit_code, meaning_of(family)))
        by_code.setdefault(family.exit_code, set()).add(name)
    assert {name: values for name, values in by_name.items() if len(values) > 1} == {}
    assert {code: names for code, names in by_code.items() if len(names) > 1} == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_error_is_in_a_family_and_adds_no_exit_code(program: str) -> None:
    errors = PROGRAMS[program]
    families = families_of(errors)
    base = base_of(errors)
    for item in vars(errors).values():
        if isinstance(item, type) and issubclass(item, base) and item is not base:
            assert item.__name__ in families or "exit_code" not in vars(item), item
            assert item.__base__ in {base, *families.values()}, item


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_error_is_named_and_placed_in_the_same_form(program: str) -> None:
    errors = PROGRAMS[program]
    for family in families_of(errors).values():
        for error in family.__subclasses__():
            like: Any = type(error.__name__, (hakobune.errors.HakobuneError,), {})
            assert error.name() == like.name()
    if program == "trainer":  # its errors name the place in their text alone
        return
    error = base_of(errors)("it failed", remedy="correct it", place="a.json:1")
    assert (str(error), error.what, error.remedy) == (
        "a.json:1: it failed",
        "it failed",
        "correct it",
    )


def test_a_name_has_one_exit_code_in_every_program() -> None:
    codes: dict[str, set[int]] = {}
    for errors in PROGRAMS.values():
        for family in families_of(errors).values():
            for error in family.__subclasses__():
                codes.setdefault(error.name(), set()).add(error.exit_code)
    assert {name: found for name, found in codes.items() if len(found) > 1} == {}
