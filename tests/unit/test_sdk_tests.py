"""`make sdk-tests`: what its list says, and that another outcome than the listed one fails it."""

import json

from tests.sdk.__main__ import LIST, outcome_faults

EXPECTED = json.loads(LIST.read_text(encoding="utf-8"))
REFUSED = EXPECTED["refused"]


def as_listed() -> dict[str, str]:
    """Each test's failure, empty if it passes."""
    return dict.fromkeys(EXPECTED["passes"], "") | {
        name: f"a {text} b" for name, text in REFUSED.items()
    }


def faults(outcomes: dict[str, str]) -> list[str]:
    return outcome_faults([*EXPECTED["passes"], *REFUSED], outcomes, REFUSED)


def test_of_microsoft_s_42_tests_at_least_38_pass_and_each_other_meets_a_refusal() -> None:
    assert len(set(EXPECTED["passes"]) | set(REFUSED)) == 42
    assert len(EXPECTED["passes"]) >= 38
    assert all(REFUSED.values())


def test_another_outcome_than_the_listed_one_is_a_fault() -> None:
    assert faults(as_listed()) == []
    passing, refused = EXPECTED["passes"][0], next(iter(REFUSED))
    for changed, said in (
        ({passing: "AssertionError: x"}, "failed: AssertionError: x"),
        ({refused: ""}, "move it to the passes"),
        ({refused: "another failure"}, "does not meet its refusal"),
    ):
        (found,) = faults(as_listed() | changed)
        assert said in found
    outcomes = as_listed()
    del outcomes[passing]
    (found,) = faults(outcomes)
    assert "did not run" in found
