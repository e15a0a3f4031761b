"""The resolver's question as conda and the file's own pip would understand it.

Three things that the packages themselves do not say, and that such environments rely on: what
conda installs beside pip, what an old pip makes of packages that exclude each other, and the
NumPy that old compiled wheels need.
"""

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
    """Solve, with a decision for each two requirements that exclude each other, if pip had one."""
    notes: list[str] = []
    while True:
        try:
            solution = solve(runner, question, env=env)
        except ResolutionImpossibleError as exc:
            found = first_wins(exc.proof) if is_lenient(spec.pip or "") else None
            if found is None or len(question.overrides) == _MOST_OVERRIDES:
                raise
            question = replace(question, overrides=(*question.overrides, found.kept))
            notes.append(
                f"{found.kept} is taken, as {found.keeper} wants it, although {found.loser} wants "
                f"{found.overruled}: pip {spec.pip}, which the file names, lets the first one win"
            )
            continue
        return question, replace(
            solution, notes=(*notes, *solution.notes), overrides=question.overrides
        )


def _for_its_numpy(
    runner: Runner, question: Question, solution: Solution, env: Mapping[str, str]
) -> Solution:
    numpy = next((one for one in solution.packages if one.name == "numpy"), None)
    if numpy is None or Version(numpy.version) < Version("2"):
        return solution
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
