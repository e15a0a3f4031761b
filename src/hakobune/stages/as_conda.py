"""The resolver's question as conda and the file's own pip would understand it.

Four things that the packages themselves do not say, and that such environments rely on: what
conda installs beside pip, what an old pip makes of packages that exclude each other, the releases
that conda numbers in a shorter way, and the NumPy that old compiled wheels need.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from packaging.version import Version

from hakobune.adapters import resolver
from hakobune.adapters.process import Runner
from hakobune.adapters.resolver import Question
from hakobune.errors import ResolutionImpossibleError, WheelMissingError
from hakobune.model.spec import EnvironmentSpec, requirement_name
from hakobune.stages.solve import Solution, solve
from hakobune.transform.legacy_pip import first_wins, is_lenient
from hakobune.transform.numpy_abi import compiled_for_numpy_1

_MOST_OVERRIDES = 10
_MOST_DECISIONS = 30
_BUILD = re.compile(r"[^=\s]+=[^=\s]+=[^=\s]+")
_EXCLUDES = re.compile(r"([\w.-]+)==\S+ depends on ([\w.-]+)\S* and you require \2==([^\s,]+)")
# What conda has as 4.5.5, the index may have as 4.5.5.64 or 4.5.5.post1; of 4.5 no more is known.
_NO_RELEASE = re.compile(r"there is no version of ([\w.-]+)==(\d+(?:\.\d+){2,})(?=[\s,])")
# conda-forge's pip requires setuptools up to Python 3.12. What relies on it unsaid wants its module
# pkg_resources, which left with 82: https://setuptools.pypa.io/en/latest/history.html
_WITH_PIP, _LAST_PYTHON_WITH_IT = "setuptools<82", Version("3.13")


def solve_as_conda(
    runner: Runner, question: Question, spec: EnvironmentSpec, *, env: Mapping[str, str]
) -> Solution:
    """Return what `solve` does, completed. Raises what it raises."""
    question, solution = _with_setuptools(runner, question, spec, env)
    return _for_its_numpy(runner, question, solution, env)


def _with_setuptools(
    runner: Runner, question: Question, spec: EnvironmentSpec, env: Mapping[str, str]
) -> tuple[Question, Solution]:
    names = {requirement_name(text) for text in question.requirements}
    is_old = Version(question.python) < _LAST_PYTHON_WITH_IT
    if spec.pip is None or not is_old or "setuptools" in names:
        return _leniently(runner, question, spec, env)
    completed = replace(question, requirements=(*question.requirements, _WITH_PIP))
    try:
        return _leniently(runner, completed, spec, env)
    except (ResolutionImpossibleError, WheelMissingError):
        # Of what the file itself asks for, the error is about that alone.
        return _leniently(runner, question, spec, env)


def _leniently(
    runner: Runner, question: Question, spec: EnvironmentSpec, env: Mapping[str, str]
) -> tuple[Question, Solution]:
    """Solve, with a decision for each two requirements that exclude each other, if pip had one.

    A release that the index lacks and conda has may be there under a longer number.
    """
    notes: list[str] = []
    for _ in range(_MOST_DECISIONS):
        try:
            solution = solve(runner, question, env=env)
        except ResolutionImpossibleError as exc:
            if longer := _with_longer_number(question, spec, exc.proof):
                question = longer
                continue
            if exported := _exported_together(spec, exc.proof):
                pin, by = exported
                question = replace(question, overrides=(*question.overrides, pin))
                notes.append(f"{pin} is taken, as the exported environment had it, beside {by}")
                continue
            found = first_wins(exc.proof) if is_lenient(spec.pip or "") else None
            if found is None or len(question.overrides) == _MOST_OVERRIDES:
                raise
            question = replace(question, overrides=(*question.overrides, found.kept))
            notes.append(
                f"{found.kept} is taken, as {found.keeper} wants it, although {found.loser} wants "
                f"{found.overruled}: pip {spec.pip}, which the file names, lets the first one win"
            )
            continue
        notes += _numbered_longer(spec, question, solution)
        return question, replace(
            solution, notes=(*notes, *solution.notes), overrides=question.overrides
        )
    return question, solve(runner, question, env=env)


def _exported_together(spec: EnvironmentSpec, proof: str) -> tuple[str, str] | None:
    """Return what conda had beside a package whose wheel excludes it, as a pin, and that package.

    A line with a build string names a package that was there; conda's packages ask for other
    versions of each other than the index's. None where the proof is of something else.
    """
    there = {one.name: one.text for one in spec.requirements if _BUILD.fullmatch(one.written)}
    for asking, name, version in _EXCLUDES.findall(_flat(proof)):
        if {requirement_name(asking), requirement_name(name)} <= there.keys():
            return f"{requirement_name(name)}=={version}", there[requirement_name(asking)]
    return None


def _flat(proof: str) -> str:
    return " ".join(re.sub(r"[^\x00-\x7f]", " ", proof).split())


def _with_longer_number(question: Question, spec: EnvironmentSpec, proof: str) -> Question | None:
    """Return the question with `==4.5.5.*` for conda's 4.5.5, which the index does not have."""
    found = _NO_RELEASE.search(_flat(proof))
    name = requirement_name(found[1]) if found else ""
    if found is None or not any(one.is_of_conda and one.name == name for one in spec.requirements):
        return None
    requirements = tuple(
        f"{text}.*" if requirement_name(text) == name and text.endswith(f"=={found[2]}") else text
        for text in question.requirements
    )
    is_new = requirements != question.requirements
    return replace(question, requirements=requirements) if is_new else None


def _numbered_longer(spec: EnvironmentSpec, question: Question, solution: Solution) -> list[str]:
    """Return a note for each release that has a longer number on the index than in conda."""
    versions = {package.name: package.version for package in solution.packages}
    asked = {text for one in spec.requirements for text in (one.text, *one.others)}
    return [
        f"{name} {text.partition('==')[2].removesuffix('.*')} of conda is taken as "
        f"{versions[name]}: the index has no release of the shorter number"
        for text in question.requirements
        if text not in asked
        and text.endswith(".*")
        and (name := requirement_name(text)) in versions
    ]


def _for_its_numpy(
    runner: Runner, question: Question, solution: Solution, env: Mapping[str, str]
) -> Solution:
    numpy = next((one for one in solution.packages if one.name == "numpy"), None)
    if numpy is None or Version(numpy.version) < Version("2"):
        return solution
    every = {"numpy": tuple(one.name for one in solution.packages)}
    if not compiled_for_numpy_1(solution.packages, every):
        return solution  # which of them need NumPy is a question for uv, and takes its time
    needed_by = resolver.needed_by(runner, _pinned(question, solution), env=env)
    old = compiled_for_numpy_1(solution.packages, needed_by)
    if not old:
        return solution
    bounded = replace(question, constraints=(*question.constraints, "numpy<2"))
    try:
        found = solve(runner, bounded, env=env)
    except (ResolutionImpossibleError, WheelMissingError):
        note = f"{', '.join(old)}: compiled before NumPy 2 existed, and may not load with it"
        return replace(solution, notes=(*solution.notes, note))
    note = f"NumPy 1 is taken, for {', '.join(old)}: compiled before NumPy 2 existed"
    return replace(found, notes=(*solution.notes, note), overrides=solution.overrides)


def _pinned(question: Question, solution: Solution) -> Question:
    """Return the question with one answer, which uv finds in its cache."""
    pins = tuple(f"{one.name}=={one.version}" for one in solution.packages if not one.address)
    return replace(question, constraints=pins)
