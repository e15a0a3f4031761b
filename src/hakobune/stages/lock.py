"""Writes the lock: the exact packages of the conda file. No other stage asks the package index."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hakobune.adapters import debian_base, docker_cli, files, resolver
from hakobune.adapters.process import Runner, printable
from hakobune.errors import EnvironmentFileInvalidError, LockDamagedError, LockMissingError
from hakobune.model.lock import COMPILER, PLATFORM, DebianBase, Lock, LockedWheel, RegistryBase
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.spec import EnvironmentSpec
from hakobune.stages.project import read_current_lock, read_environment, require_line_ends
from hakobune.transform.debian_packages import read_packages
from hakobune.transform.names import environment_name, readable_tag
from hakobune.transform.write_lock import write_lock


def lock_environment(  # noqa: PLR0913 - the two switches of the command line, by name
    project: Project,
    runner: Runner,
    reporter: Reporter,
    *,
    index: Mapping[str, str],
    upgrade: bool = False,
    move_base: bool = False,
) -> Lock:
    """Find the exact packages for the conda file, write them into the lock, and return it.

    A version of the present lock is kept if the conda file still allows it. `upgrade` takes the
    newest version of each Python package instead, `move_base` of each Debian package. `index` holds
    environment variables for uv: the package index and the CA bundle.

    Raises EnvironmentFileInvalidError, LineEndsError, or what the resolver raises.
    """
    spec = read_environment(project)
    _require_own_name(project, spec)
    old = _lock_to_keep(project, reporter)
    if old is not None:
        require_line_ends(project, old)
    keep = (
        old
        if old is not None and not upgrade and _minor(old.python) == _minor(spec.python)
        else None
    )
    tool_pins = tuple(f"{w.name}=={w.version}" for w in keep.tools) if keep else ()
    pins = tuple(f"{p.name}=={p.version}" for p in keep.python_packages) if keep else ()
    places = {r.name: f"{project.environment}:{r.line}" for r in reversed(spec.requirements)}
    wanted = tuple(requirement.text for requirement in spec.requirements)
    tools = ("uv", COMPILER) if project.libraries else ("uv",)
    packages = _solve(runner, wanted, spec, pins, index, places, project) if wanted else ()
    lock = Lock(
        environment=spec.name,
        environment_sha256=spec.sha256,
        platform=PLATFORM,
        python=spec.python,
        requirements=(f"python={spec.python}", *wanted),
        registry_base=_registry_base(spec, old, runner, reporter),
        debian_base=_debian_base(spec, old, runner, reporter, move=move_base),
        tools=_solve(runner, tools, spec, tool_pins, index, {}, project),
        packages=packages,
        sha256="",
    )
    stored = _store_lock(project, lock, reporter)
    _report_name(project, spec, reporter)
    return stored


def _report_name(project: Project, spec: EnvironmentSpec, reporter: Reporter) -> None:
    """Print how the image is called, if the conda file calls the environment otherwise."""
    if spec.name != spec.written_name:
        reporter.say(
            f"{project.environment}:{spec.name_line}: the name `{printable(spec.written_name)}` "
            f"becomes `{spec.name}`, which Docker, registries and Azure ML all accept; "
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


def _solve(  # noqa: PLR0913, PLR0917 - one call for packages and one for tools, alike in all the rest
    runner: Runner,
    wanted: tuple[str, ...],
    spec: EnvironmentSpec,
    preferred: tuple[str, ...],
    index: Mapping[str, str],
    places: Mapping[str, str],
    project: Project,
) -> tuple[LockedWheel, ...]:
    return resolver.solve(
        runner,
        wanted,
        python=spec.python,
        preferred=preferred,
        env=index,
        places=places,
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
        reporter.say(f"{exc.what}; its pins are not kept")
        return None


def _registry_base(
    spec: EnvironmentSpec, old: Lock | None, runner: Runner, reporter: Reporter
) -> RegistryBase:
    image = f"docker.io/library/python:{spec.python}-slim-{_bases()['suite']}"
    if old is not None and old.registry_base.image == image and old.registry_base.digest:
        return old.registry_base
    digest = docker_cli.registry_digest(runner, image)
    if digest is None:
        reporter.say(f"no registry answers for {image}: its digest stays open in the lock")
    return RegistryBase(image=image, digest=digest)


def _debian_base(
    spec: EnvironmentSpec, old: Lock | None, runner: Runner, reporter: Reporter, *, move: bool
) -> DebianBase | None:
    bases = _bases()
    suite = bases["suite"]
    if spec.python != bases["debian_python"]:
        reporter.say(
            f"Debian {suite} has Python {bases['debian_python']} and not {spec.python}: "
            "without a registry this environment cannot be built"
        )
        return None
    kept = old.debian_base if old is not None else None
    is_whole = kept is not None and set(bases["debian_packages"]) <= {p.name for p in kept.packages}
    if kept is not None and is_whole and kept.suite == suite and not move:
        return kept
    answer = debian_base.resolve(runner, suite, bases["debian_packages"])
    if answer is None:
        reporter.say(
            "Debian's packages cannot be listed from this host: the lock keeps what it had"
        )
        return kept
    return DebianBase(suite=suite, packages=read_packages(answer))


def _bases() -> dict[str, Any]:
    return tomllib.loads(files.read_data("bases.toml"))


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _store_lock(project: Project, lock: Lock, reporter: Reporter) -> Lock:
    content = write_lock(lock, written_from=project.environment)
    changed = files.write_bytes(project.lock_path, content)
    stored = replace(lock, sha256=hashlib.sha256(content).hexdigest())
    outcome = f"{len(lock.packages)} packages in {project.lock}"
    reporter.done("lock", outcome if changed else f"{outcome}, unchanged", digest=stored.sha256)
    return stored


def pin_base(project: Project, lock: Lock, digest: str, reporter: Reporter) -> Lock:
    """Write the digest of the official Python image into the lock, and return the lock."""
    base = replace(lock.registry_base, digest=digest)
    reporter.say(f"{base.image} is {digest}: written into {project.lock}")
    return _store_lock(project, replace(lock, registry_base=base), reporter)
