import re
from pathlib import Path

from trainer import errors
from trainer.errors import TrainerError


def _classes() -> list[type[TrainerError]]:
    return TrainerError.__subclasses__()


def test_every_failure_has_an_exit_code_of_its_own() -> None:
    codes = [failure.exit_code for failure in _classes()]
    assert len(codes) > 15
    assert len(set(codes)) == len(codes)


def test_exit_codes_lie_between_40_and_79_and_leave_70_to_bugs() -> None:
    codes = {failure.exit_code for failure in _classes()}
    assert codes <= set(range(40, 80)) - {70}


def test_every_failure_says_what_it_is() -> None:
    assert all(failure.__doc__ for failure in _classes())
    assert {failure.__name__ for failure in _classes()} <= set(vars(errors))


def test_reference_page_lists_every_exit_code() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "reference" / "trainer.md"
    listed = re.findall(r"^\| ([0-9]{2}) \| (\w+) \|", page.read_text(), re.MULTILINE)
    expected = sorted((str(failure.exit_code), failure.__name__) for failure in _classes())
    assert listed == expected
