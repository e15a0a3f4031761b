import pytest

from hakobune.transform.legacy_pip import Override, first_wins, is_lenient

# uv's words for a package whose parts want two versions of pyarrow.
PROOF = """
Because data-runtime==1.36.0 depends on pyarrow>=0.17.0,<4.0.0 and defaults==1.36.0 depends on
data-runtime[fuse]>=1.36.0,<1.37.dev0, we can conclude that defaults==1.36.0 depends on
pyarrow>=0.17.0,<4.0.0.
And because internal==0.0.56 depends on defaults==1.36.0, we can conclude that internal==0.0.56
depends on pyarrow>=0.17.0,<4.0.0.
And because core==0.0.68 depends on pyarrow==0.16.0 and modules==0.0.41 depends on
core[image]==0.0.68, we can conclude that modules==0.0.41 and internal==0.0.56 are incompatible.
And because modules==0.0.41 depends on internal==0.0.56 and you require modules[torch]==0.0.41, we
can conclude that your requirements are unsatisfiable.
"""


def test_the_requirement_that_is_nearer_to_the_file_wins() -> None:
    assert first_wins(PROOF) == Override(
        kept="pyarrow==0.16.0",
        keeper="core 0.0.68",
        overruled="pyarrow<4.0.0,>=0.17.0",
        loser="data-runtime 1.36.0",
    )


def test_a_conclusion_is_no_requirement() -> None:
    text = (
        "Because a==1 depends on c>=2 and b==1 depends on a==1, we can conclude that b==1 depends "
        "on c==9. And because you require b==1, we can conclude that it is unsatisfiable."
    )
    assert first_wins(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "Because only b<1 is available and you require b>2, we can conclude", "no such host"],
)
def test_another_failure_is_nothing_to_decide(text: str) -> None:
    assert first_wins(text) is None


def test_requirements_that_agree_are_left_alone() -> None:
    words = (
        "Because a==1 depends on c{} and b==2 depends on c{} and you require a and you require b"
    )
    for one, other in ((">=1,<3", ">2"), ("<2", "<3"), ("==1.0", "<2")):
        assert first_wins(words.format(one, other)) is None


@pytest.mark.parametrize(
    ("pip", "expected"),
    [("20.2", True), ("20.2.4", True), ("20.3", False), ("", False), ("x", False)],
)
def test_pip_checks_since_20_3(pip: str, *, expected: bool) -> None:
    assert is_lenient(pip) is expected
