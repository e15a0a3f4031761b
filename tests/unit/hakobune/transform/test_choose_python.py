import pytest

from hakobune.transform.choose_python import BaseTable, ChosenPython, choose_python

TABLE = BaseTable(
    images={
        "3.6.15": "bullseye",
        "3.8.5": "buster",
        "3.8.20": "bookworm",
        "3.12.14": "trixie",
        "3.13.1": "bookworm",
        "3.13.15": "trixie",
    },
    debian={"bullseye": "3.9.2", "trixie": "3.13.5", "forky": "3.14.7"},
)


def versions(*wanted: str, kept: str = "") -> list[str]:
    return [found.version for found in choose_python(wanted, TABLE, kept)]


def test_a_minor_version_is_solved_for_the_oldest_release_that_a_base_may_have() -> None:
    (found,) = choose_python(("==3.13.*",), TABLE)
    assert found == ChosenPython(
        version="3.13", solved_for="3.13.5", suite="trixie", debian_suite="trixie", glibc=41
    )


def test_a_minor_version_means_its_newest_patch() -> None:
    (found,) = choose_python(("==3.8.*",), TABLE)
    assert found == ChosenPython(
        version="3.8", solved_for="3.8.20", suite="bookworm", debian_suite="", glibc=36
    )


def test_an_exact_version_is_that_of_an_image_and_of_no_other_base() -> None:
    (found,) = choose_python(("==3.13.1",), TABLE)
    assert found == ChosenPython(
        version="3.13.1", solved_for="3.13.1", suite="bookworm", debian_suite="", glibc=36
    )


def test_debian_s_own_python_is_a_base_where_there_is_no_image() -> None:
    (found,) = choose_python(("==3.9.*",), TABLE)
    assert (found.version, found.suite, found.debian_suite) == ("3.9", "", "bullseye")
    assert (found.solved_for, found.glibc) == ("3.9.2", 31)


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        (("",), ["3.14", "3.13", "3.12", "3.9", "3.8"]),
        ((">=3.12,<3.14",), ["3.13", "3.12"]),
        ((">3.8,<3.10",), ["3.9", "3.8"]),
        (("==3.8.*", "==3.12.*"), ["3.12", "3.8"]),
        (("<3.8.10",), ["3.8.5"]),
        (("==3.6.*",), []),
        (("==3.8.7",), []),
        ((">=4",), []),
    ],
)
def test_of_a_range_the_newest_comes_first(wanted: tuple[str, ...], right: list[str]) -> None:
    assert versions(*wanted) == right


def test_what_a_lock_has_comes_before_what_is_newer() -> None:
    assert versions("", kept="3.12")[:2] == ["3.12", "3.14"]
    assert versions("==3.13.*", kept="3.12") == ["3.13"]
