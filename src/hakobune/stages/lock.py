"""Writes the lock: the exact packages of the conda file. No other stage asks the package index."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from packaging.version import Version

from hakobune.adapters import files, registry, resolver
from hakobune.adapters.process import Runner, printable
from hakobune.adapters.resolver import Question
from hakobune.errors import (
    ArgumentInvalidError,
    EnvironmentFileInvalidError,
    LockDamagedError,
    LockMissingError,
    PythonUnavailableError,
    ResolutionImpossibleError,
    WheelMissingError,
)
from hakobune.model.lock import (
    COMPILER,
    PLATFORM,
    Lock,
    LockedWheel,
    RegistryBase,
)
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import AskedIndex
from hakobune.model.spec import EnvironmentSpec, Index, requirement_name
from hakobune.stages.as_conda import solve_as_conda
from hakobune.stages.base_image import with_headers
from hakobune.stages.debian import DebianWishes, bases, choose_debian
from hakobune.stages.doubts import old_releases, warnings_of
from hakobune.stages.indexes import download_size, indexes_of, require_hashes, require_same_source
from hakobune.stages.project import read_current_lock, read_environment, require_line_ends
from hakobune.stages.solve import Solution, accepted_notes, settled, with_paths
from hakobune.transform.choose_python import BaseTable, ChosenPython, choose_python
from hakobune.transform.lock_changes import lock_changes
from hakobune.transform.names import environment_name, readable_tag
from hakobune.transform.write_lock import write_lock

# The oldest Python that uv and the compiler name; the image's own may be older.
_TOOLS_PYTHON = "3.9"
_MOST_TRIES = 24
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWishes:
    """How to lock.

    `index` returns uv's environment variables (index, CA bundle) for the indexes that the project
    and the conda file name, and `asked` the indexes in their order. A package of a name in
    `accepted` may have other bytes or another index than before, and if it is built from the same
    source, another wheel with each build. `upgrade` lets every Python package move, `upgraded`
    those of these names, `move_base` every Debian package, and `security` those with a newer
    security build. No package is taken that came to the index after `exclude_newer` (RFC 3339;
    empty: no bound). `is_trial` writes nothing, and `is_whole` shows the resolver's explanation of
    a failure uncut.
    """

    index: Callable[[Sequence[Index]], Mapping[str, str]]
    asked: Callable[[Sequence[Index]], tuple[AskedIndex, ...]] = lambda _named: ()
    accepted: tuple[str, ...] = ()
    upgrade: bool = False
    upgraded: tuple[str, ...] = ()
    exclude_newer: str = ""
    is_trial: bool = False
    move_base: bool = False
    security: bool = False
    is_whole: bool = False


def lock_environment(
    project: Project, runner: Runner, reporter: Reporter, *, wishes: LockWishes
) -> Lock:
    """Find the exact packages for the conda file, write them into the lock, and return it.

    What changed is reported. A trial (`wishes.is_trial`) writes and reports neither.

    Raises PythonUnavailableError where no base image has a Python that fits,
    EnvironmentFileInvalidError, LineEndsError, and what the resolver raises.
    """
    spec = read_environment(project)
    for note in spec.notes:
        reporter.say(f"note: {note}")
    _require_own_name(project, spec)
    old = _lock_to_keep(project, reporter)
    if old is not None:
        require_line_ends(project, old)
    kept = _lock_with_pins(old, wishes)
    choices = _pythons(project, spec, kept)
    named = indexes_of(project, spec, wishes, reporter)
    python, solution = _resolve(project, spec, choices, kept, runner, wishes, named, reporter)
    # What another base, or a release that may move, gives is found out again.
    before = None if wishes.move_base else kept
    packages = settled(solution, before, python.version, wishes.accepted)
    for note in (*solution.notes, *accepted_notes(packages)):
        reporter.say(f"note: {note}")
    if len(choices) > 1:
        reporter.say(f"note: {spec.python_text}: Python {python.version} is taken")
    debian = choose_debian(
        project,
        spec,
        python,
        packages,
        old,
        runner,
        reporter,
        wishes=DebianWishes(move=wishes.move_base, is_security=wishes.security),
    )
    lock = Lock(
        environment=spec.name,
        environment_sha256=spec.sha256,
        platform=PLATFORM,
        python=python.version,
        requirements=(spec.python_text, *(wanted.text for wanted in spec.requirements)),
        registry_base=_registry_base(python, old, runner, reporter),
        debian_base=with_headers(
            debian.base,
            python.version if solution.is_compiled else "",
            runner,
            is_moving=wishes.move_base,
        ),
        tools=_tools(project, python, kept, runner, wishes, reporter),
        packages=(*packages, *debian.packages),
        sha256="",
        variables=spec.variables,
        indexes=named,
        included=tuple((one.path, one.sha256) for one in spec.included),
        builders=solution.builders,
        overrides=solution.overrides,
        debian=debian.asked,
    )
    if old is not None and not wishes.is_trial:
        asked = wishes.asked(lock.indexes)
        require_same_source(project, old, lock, asked, accepted=wishes.accepted)
    fresh = [p for p in solution.packages if old is None or p not in old.packages]
    env = wishes.index(lock.indexes)
    late = old_releases(runner, spec, fresh, _ask_for(project, python), env=env)
    changes = () if wishes.is_trial else lock_changes(old, lock)
    for line in (*warnings_of(project, spec, lock), *late, *download_size(lock), *changes):
        reporter.say(line)
    if wishes.is_trial:
        return lock
    stored = store_lock(project, lock, reporter)
    _report_name(project, spec, reporter)
    return stored


def _pythons(project: Project, spec: EnvironmentSpec, kept: Lock | None) -> list[ChosenPython]:
    """Return the Pythons to try. Raises PythonUnavailableError where there is none."""
    choices = choose_python(spec.python, _base_table(), kept.python if kept else "")
    if not choices:
        place = f"{project.environment}:{spec.python_line or 1}"
        raise PythonUnavailableError(
            f"{place}: no base image has {spec.python_text}",
            remedy=f"choose one of Python {_known_minors()} (hakobune's own programs in the image "
            "need 3.7 or newer); `python=3.13` means any release of it",
            place=place,
        )
    return choices


def changes_of(project: Project, lock: Lock) -> tuple[str, ...]:
    """Return what this lock changes in the one that the project has, a line for each thing."""
    try:
        return lock_changes(read_current_lock(project), lock)
    except (LockMissingError, LockDamagedError):
        return lock_changes(None, lock)


def _lock_with_pins(old: Lock | None, wishes: LockWishes) -> Lock | None:
    """Return the earlier lock with the packages that are to stay; None where all may move.

    Raises ArgumentInvalidError for a package that is not in it.
    """
    for text in (*wishes.upgraded, *wishes.accepted):
        if not _PACKAGE.fullmatch(text):
            raise ArgumentInvalidError(
                f"{printable(text)!r} is not the name of a package",
                remedy="give the name alone; the conda file has the versions",
            )
    moving = {requirement_name(name) for name in wishes.upgraded}
    packages = () if old is None else old.python_packages
    tools = () if old is None else old.tools
    if unknown := moving - {package.name for package in (*packages, *tools)}:
        raise ArgumentInvalidError(
            f"--upgrade-package: the lock has no {', '.join(sorted(unknown))}",
            remedy="hakobune lock --explain lists its packages; a new line of the conda file "
            "needs no option",
        )
    if old is None or wishes.upgrade:
        return None
    return replace(
        old,
        packages=tuple(package for package in packages if package.name not in moving),
        tools=tuple(tool for tool in tools if tool.name not in moving),
    )


def _report_name(project: Project, spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Print how the image is called, if the conda file calls the environment otherwise."""
    if spec.name != spec.written_name:
        reporter.say(
            f"note: {project.environment}:{spec.name_line}: the name "
            f"`{printable(spec.written_name)}` becomes `{spec.name}`, which Docker, registries and "
            f"Azure ML all accept; "
            f"docker-compose.yml must name the image {readable_tag(spec.name)}"
        )


def _require_own_name(project: Project, spec: EnvironmentSpec) -> None:
    """Raise EnvironmentFileInvalidError if another name here becomes the same image's name."""
    # Imported here, because YAML is slow to import; see read_environment.
    from hakobune.transform.read_spec import conda_name  # noqa: PLC0415

    folders = {project.root, project.environment_path.parent}
    found = {path for folder in folders for path in folder.glob("*.y*ml") if path.is_file()}
    for path in sorted(found - {project.environment_path}):
        name = conda_name(files.read_bytes(path) or b"", file=path.name)
        if name not in (None, spec.written_name) and environment_name(name) == spec.name:
            raise EnvironmentFileInvalidError(
                f"{project.environment}:{spec.name_line}: the name "
                f"`{printable(spec.written_name)}` and the name `{printable(name)}` in "
                f"{path.relative_to(project.root)} both become `{spec.name}`, the image's name",
                remedy="change `name:` in one of the two files",
                place=f"{project.environment}:{spec.name_line}",
            )


def _resolve(  # noqa: PLR0913, PLR0917 - what is asked for, what there was, and how to ask
    project: Project,
    spec: EnvironmentSpec,
    choices: Sequence[ChosenPython],
    kept: Lock | None,
    runner: Runner,
    wishes: LockWishes,
    named: tuple[Index, ...],
    reporter: Reporter,
) -> tuple[ChosenPython, Solution]:
    """Return the first Python that the packages exist for, and them.

    Raises the resolver's error for the first choice where none fits.
    """
    if not spec.requirements:
        return choices[0], Solution(packages=())
    first_error: ResolutionImpossibleError | WheelMissingError | None = None
    texts = [(wanted.text, *wanted.others) for wanted in spec.requirements]
    for python, alternative in islice(product(choices, product(*texts)), _MOST_TRIES):
        question = Question(
            requirements=alternative,
            python=python.solved_for,
            glibc=python.glibc,
            file=project.environment,
            constraints=tuple(bound.text for bound in spec.constraints),
            preferred=_pins(kept, python),
            preferred_builders={sdist.name: sdist.builders for sdist in kept.sdists}
            if kept
            else {},
            takes_prereleases=spec.takes_prereleases,
            exclude_newer=wishes.exclude_newer,
            places=spec.places,
            links=tuple(
                link if "://" in link else str(project.root / link) for link, _ in spec.links
            ),
            is_whole=wishes.is_whole,
            indexes=wishes.asked(named),
            say=reporter.say,
        )
        try:
            solution = solve_as_conda(runner, question, spec, env=wishes.index(named))
        except (ResolutionImpossibleError, WheelMissingError) as exc:
            first_error = first_error or exc
            continue
        require_hashes(spec, solution.packages)
        return python, with_paths(solution, project.root)
    assert first_error is not None  # noqa: S101 - the loop ran once at least
    raise first_error


def _pins(kept: Lock | None, python: ChosenPython) -> tuple[str, ...]:
    """Return what an earlier lock of the same Python had."""
    if kept is None or _minor(kept.python) != _minor(python.version):
        return ()
    return tuple(f"{package.name}=={package.version}" for package in kept.python_packages)


def _tools(  # noqa: PLR0913, PLR0917 - as above
    project: Project,
    python: ChosenPython,
    kept: Lock | None,
    runner: Runner,
    wishes: LockWishes,
    reporter: Reporter,
) -> tuple[LockedWheel, ...]:
    """Return what builds the image: uv, and a compiler where the project has C files.

    They run on their own, whatever Python the image has: they are solved for a newer one, and of
    today's releases.
    """
    newest = max(python.solved_for, _TOOLS_PYTHON, key=Version)
    question = replace(
        _ask_for(project, python, "uv", *((COMPILER,) if project.libraries else ())),
        python=newest,
        preferred=tuple(f"{w.name}=={w.version}" for w in kept.tools) if kept else (),
        indexes=wishes.asked(()),
        say=reporter.say,
    )
    found = resolver.solve(runner, question, env=wishes.index(()))
    return tuple(wheel for wheel in found if isinstance(wheel, LockedWheel))


def _ask_for(project: Project, python: ChosenPython, *requirements: str) -> Question:
    return Question(
        requirements=requirements,
        python=python.solved_for,
        glibc=python.glibc,
        file=project.environment,
    )


def _lock_to_keep(project: Project, reporter: Reporter) -> Lock | None:
    """Return the present lock, or None if there is none.

    A lock that cannot be read is reported, and its versions are not kept.
    """
    try:
        return read_current_lock(project)
    except LockMissingError:
        return None
    except LockDamagedError as exc:
        reporter.say(f"note: {exc.what}; its pins are not kept")
        return None


def _registry_base(
    python: ChosenPython, old: Lock | None, runner: Runner, reporter: Reporter
) -> RegistryBase:
    suite = f"-{python.suite}" if python.suite else ""
    image = f"docker.io/library/python:{python.version}-slim{suite}"
    if old is not None and old.registry_base.image == image and old.registry_base.digest:
        return old.registry_base
    digest = registry.tag_digest(runner, image)
    if digest is None:
        reporter.say(f"note: no registry answers for {image}: its digest stays open in the lock")
    return RegistryBase(image=image, digest=digest)


def _base_table() -> BaseTable:
    lines = files.read_data("python_images.txt").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return BaseTable(images=dict(rows), debian=bases()["debian"])


def _known_minors() -> str:
    minors = {_minor(text) for text in _base_table().images}
    return ", ".join(sorted(minors, key=Version))


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def store_lock(project: Project, lock: Lock, reporter: Reporter) -> Lock:
    """Write the lock; return it with its sha256."""
    content = write_lock(lock, written_from=project.environment)
    changed = files.write_bytes(project.lock_path, content)
    stored = replace(lock, sha256=hashlib.sha256(content).hexdigest())
    count = len(lock.packages)
    outcome = f"{count} package{'' if count == 1 else 's'} in {project.lock}"
    reporter.done("lock", outcome if changed else f"{outcome}, unchanged", digest=stored.sha256)
    return stored


def pin_base(project: Project, lock: Lock, digest: str, reporter: Reporter) -> Lock:
    """Write the digest of the official Python image into the lock, and return the lock."""
    base = replace(lock.registry_base, digest=digest)
    reporter.say(f"{base.image} is {digest}: written into {project.lock}")
    return store_lock(project, replace(lock, registry_base=base), reporter)
