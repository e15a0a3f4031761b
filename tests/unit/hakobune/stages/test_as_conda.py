"""The question is completed as conda and an old pip would; what solves it is set by each test."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hakobune.adapters import resolver
from hakobune.adapters.resolver import Question
from hakobune.errors import ResolutionImpossibleError
from hakobune.model.lock import LockedWheel
from hakobune.model.spec import EnvironmentSpec, Requirement
from hakobune.stages import as_conda
from hakobune.stages.as_conda import solve_as_conda
from hakobune.stages.solve import Solution
from tests.samples import FakeRunner

PROOF = (
    "Because core==1 depends on pyarrow==0.16.0 and far==2 depends on pyarrow>=0.17 and top==1 "
    "depends on core==1 and mid==1 depends on far==2 and top==1 depends on mid==1 and you require "
    "top==1, we can conclude that your requirements are unsatisfiable."
)
QUESTION = Question(requirements=("top==1",), python="3.8.20", glibc=36, file="env.yml")
SPEC = EnvironmentSpec(
    name="a",
    written_name="a",
    name_line=1,
    python=("==3.8.*",),
    python_line=2,
    channels=(),
    requirements=(),
    sha256="0" * 64,
)
Answer = Callable[[Question], tuple[LockedWheel, ...]]


def wheel(name: str, version: str, day: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> LockedWheel:
    file = f"{name.replace('-', '_')}-{version}-cp38-cp38-manylinux_2_17_x86_64.whl"
    return LockedWheel(name=name, version=version, file=file, size=1, sha256="1" * 64, uploaded=day)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], list[Question]]:
    """Return the questions that reach the resolver, which answers as told."""

    def set_up(answer: Answer) -> list[Question]:
        questions: list[Question] = []

        def solve(_runner: object, question: Question, **_: object) -> Solution:
            questions.append(question)
            return Solution(packages=answer(question))

        monkeypatch.setattr(as_conda, "solve", solve)
        needed_by = {"numpy": ("scikit-learn",)}
        monkeypatch.setattr(resolver, "needed_by", lambda *_, **__: needed_by)
        return questions

    return set_up


def solved(question: Question, spec: EnvironmentSpec) -> Solution:
    return solve_as_conda(FakeRunner([]), question, spec, env={})


Asked = Callable[[Answer], list[Question]]


@pytest.mark.parametrize(
    ("pip", "python", "requirements", "expected"),
    [
        ("", "3.8.20", ("top",), ("top", "setuptools<82")),
        ("23.1", "3.12.3", ("top",), ("top", "setuptools<82")),
        ("", "3.13.5", ("top",), ("top",)),
        (None, "3.8.20", ("top",), ("top",)),
        ("", "3.8.20", ("setuptools==60",), ("setuptools==60",)),
    ],
)
def test_pip_brings_setuptools_before_python_3_13(
    asked: Asked,
    pip: str | None,
    python: str,
    requirements: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    questions = asked(lambda _: ())
    solved(replace(QUESTION, python=python, requirements=requirements), replace(SPEC, pip=pip))
    assert [question.requirements for question in questions] == [expected]


def test_setuptools_is_left_out_where_nothing_fits_with_it(asked: Asked) -> None:
    def answer(question: Question) -> tuple[LockedWheel, ...]:
        if "setuptools<82" in question.requirements:
            raise ResolutionImpossibleError("both cannot be", remedy="choose")
        return (wheel("top", "1"),)

    asked(answer)
    assert solved(QUESTION, replace(SPEC, pip="")).packages == (wheel("top", "1"),)


def excludes(question: Question) -> tuple[LockedWheel, ...]:
    if "pyarrow==0.16.0" in question.overrides:
        return (wheel("pyarrow", "0.16.0"),)
    raise ResolutionImpossibleError("no set of wheels fits", remedy="loosen", proof=PROOF)


def test_an_old_pip_lets_the_nearer_of_two_requirements_win(asked: Asked) -> None:
    asked(excludes)
    solution = solved(QUESTION, replace(SPEC, pip="20.2"))
    assert solution.overrides == ("pyarrow==0.16.0",)
    (note,) = solution.notes
    assert note == (
        "pyarrow==0.16.0 is taken, as core 1 wants it, although far 2 wants pyarrow>=0.17: pip "
        "20.2, which the file names, lets the first one win"
    )


@pytest.mark.parametrize("pip", ["", "20.3", "24.0", None])
def test_any_other_pip_refuses_both(asked: Asked, pip: str | None) -> None:
    asked(excludes)
    with pytest.raises(ResolutionImpossibleError, match="no set of wheels fits"):
        solved(QUESTION, replace(SPEC, pip=pip))


def test_decisions_that_decide_nothing_end(asked: Asked) -> None:
    def never(_question: Question) -> tuple[LockedWheel, ...]:
        raise ResolutionImpossibleError("no set of wheels fits", remedy="loosen", proof=PROOF)

    questions = asked(never)
    with pytest.raises(ResolutionImpossibleError):
        solved(QUESTION, replace(SPEC, pip="20.2"))
    assert len(questions) < 30


OLD = wheel("scikit-learn", "1.2.2", datetime(2023, 3, 9, tzinfo=UTC))


def test_an_old_compiled_wheel_gets_numpy_1(asked: Asked) -> None:
    def answer(question: Question) -> tuple[LockedWheel, ...]:
        version = "1.24.4" if "numpy<2" in question.constraints else "2.1.0"
        return (wheel("numpy", version), OLD)

    asked(answer)
    solution = solved(QUESTION, SPEC)
    assert solution.packages == (wheel("numpy", "1.24.4"), OLD)
    assert solution.notes == (
        "NumPy 1 is taken, for scikit-learn 1.2.2: compiled before NumPy 2 existed",
    )


def test_where_numpy_2_is_asked_for_it_stays_with_a_note(asked: Asked) -> None:
    def answer(question: Question) -> tuple[LockedWheel, ...]:
        if "numpy<2" in question.constraints:
            raise ResolutionImpossibleError("numpy==2.1.0 is required", remedy="loosen")
        return (wheel("numpy", "2.1.0"), OLD)

    asked(answer)
    solution = solved(QUESTION, SPEC)
    assert solution.packages == (wheel("numpy", "2.1.0"), OLD)
    assert solution.notes == (
        "scikit-learn 1.2.2: compiled before NumPy 2 existed, and may not load with it",
    )


def test_a_release_of_conda_s_may_have_a_longer_number_on_the_index(asked: Asked) -> None:
    def answer(question: Question) -> tuple[LockedWheel, ...]:
        if "wit==1.6.0" in question.requirements:
            proof = "Because there is no version of wit==1.6.0 and you require wit==1.6.0, we can"
            raise ResolutionImpossibleError("none", remedy="loosen", proof=proof)
        return (wheel("wit", "1.6.0.post3"),)

    questions = asked(answer)
    question = replace(QUESTION, requirements=("wit==1.6.0", "top==1.6.0"))
    of_conda = Requirement(name="wit", text="wit==1.6.0", written="wit=1.6.0=py_0", line=3)
    of_conda = replace(of_conda, is_of_conda=True)
    solution = solved(question, replace(SPEC, requirements=(of_conda,)))
    assert questions[-1].requirements == ("wit==1.6.0.*", "top==1.6.0")
    (note,) = solution.notes
    assert note.startswith("wit 1.6.0 of conda is taken as 1.6.0.post3: the index has no release")
    with pytest.raises(ResolutionImpossibleError):
        solved(question, replace(SPEC, requirements=(replace(of_conda, is_of_conda=False),)))


@pytest.mark.parametrize(("written", "overrides"), [("top=1=py_0", ("far==2",)), ("top==1", None)])
def test_what_an_exported_environment_had_together_is_taken_together(
    asked: Asked, written: str, overrides: tuple[str, ...] | None
) -> None:
    def answer(question: Question) -> tuple[LockedWheel, ...]:
        if question.overrides == ("far==2",):
            return (wheel("top", "1"), wheel("far", "2"))
        proof = "Because top==1 depends on far>=1,<2 and you require far==2, we can conclude that"
        raise ResolutionImpossibleError("none", remedy="loosen", proof=proof)

    asked(answer)
    lines = (("top", "top==1", written), ("far", "far==2", "far=2=py_0"))
    spec = replace(
        SPEC,
        requirements=tuple(
            Requirement(name=name, text=text, written=line, line=4, is_of_conda=True)
            for name, text, line in lines
        ),
    )
    if overrides is None:
        with pytest.raises(ResolutionImpossibleError):
            solved(QUESTION, spec)
        return
    solution = solved(QUESTION, spec)
    assert solution.overrides == overrides
    assert solution.notes == ("far==2 is taken, as the exported environment had it, beside top==1",)
