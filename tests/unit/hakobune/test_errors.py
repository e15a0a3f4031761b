import pytest

from hakobune import errors
from hakobune.cli.main import BUG_EXIT_CODE

CLASSES = [
    item
    for item in vars(errors).values()
    if isinstance(item, type)
    and issubclass(item, errors.HakobuneError)
    and item is not errors.HakobuneError
]


def test_every_error_has_an_exit_code_of_its_own() -> None:
    codes = [error.exit_code for error in CLASSES]
    assert len(codes) == len(set(codes))
    # 1 and 2 are Python's and click's, 40 to 79 the trainer's, 126 and up the shell's.
    assert all(2 < code < 40 or 80 <= code < 126 for code in codes)
    assert BUG_EXIT_CODE not in codes


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_says_in_a_sentence_when_it_occurs(error: type[errors.HakobuneError]) -> None:
    assert (error.__doc__ or "").endswith(".")


def test_an_error_keeps_what_failed_and_the_next_step() -> None:
    error = errors.LockMissingError("what", remedy="do this")
    assert (error.what, error.remedy, str(error)) == ("what", "do this", "what")
