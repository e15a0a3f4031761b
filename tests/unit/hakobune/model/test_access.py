import pytest

from hakobune.model.access import CREATE_CLUSTER, SUBMIT, Permission, lacking, lacking_data

_ML = "Microsoft.MachineLearningServices/workspaces"


@pytest.mark.parametrize(
    ("pattern", "is_allowed"),
    [
        ("*", True),
        (f"{_ML}/*/write", True),
        (f"{_ML}/jobs/*", True),
        (f"{_ML.upper()}/JOBS/WRITE", True),
        (f"{_ML}/jobs/*/write", True),
        (f"{_ML}/jobs/read", False),
        ("*/read", False),
        (f"{_ML}/jobs/wri", False),
        (f"{_ML}/job[s]/write", False),
    ],
)
def test_a_star_matches_any_text_and_case_is_ignored(pattern: str, is_allowed: bool) -> None:  # noqa: FBT001 - a column of the table
    assert Permission(actions=(pattern,)).allows(SUBMIT[0]) is is_allowed


def test_what_one_role_takes_away_another_may_give() -> None:
    scientist = Permission(actions=(f"{_ML}/*/write",), not_actions=(f"{_ML}/computes/*/write",))
    operator = Permission(actions=(f"{_ML}/computes/*",))
    assert lacking([scientist], (*SUBMIT, *CREATE_CLUSTER)) == list(CREATE_CLUSTER)
    assert lacking([scientist, operator], (*SUBMIT, *CREATE_CLUSTER)) == []


def test_the_right_to_a_resource_is_none_to_its_data() -> None:
    assert lacking_data([Permission(actions=("*",))], ["a/b"]) == ["a/b"]
    owner = Permission(data_actions=("*",), not_data_actions=("a/b",))
    assert lacking_data([owner], ["a/b", "a/c"]) == ["a/b"]
