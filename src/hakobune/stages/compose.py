"""The project's table to docker-compose.yml, which is never overwritten, and compared with it."""

import difflib

from hakobune.adapters import docker_cli, files
from hakobune.errors import FileDiffersError, LockMissingError
from hakobune.model.project import COMPOSE, Project
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import INCOMING
from hakobune.stages.project import read_current_lock, read_environment
from hakobune.transform.check_compose import compose_differences
from hakobune.transform.names import readable_tag
from hakobune.transform.write_compose import render_compose


def write_compose(project: Project, reporter: Reporter) -> None:
    """Write docker-compose.yml, and the folder that its container writes to.

    Raises FileDiffersError where another compose file is there, or what the conda file raises.
    """
    wanted = render_compose(project, environment=read_environment(project).name)
    for name in docker_cli.COMPOSE_FILES:
        found = files.read_bytes(project.root / name, largest=files.LARGEST_DOCUMENT)
        if found is not None and (name != COMPOSE or found != wanted):
            raise _differs(name, found, wanted)
    changed = files.write_bytes(project.root / COMPOSE, wanted)
    # Docker would make it as root.
    files.make_folder(project.root / INCOMING)
    reporter.done("compose", COMPOSE if changed else f"{COMPOSE}, unchanged")


def differences(project: Project) -> tuple[str, ...]:
    """Return `file:line: …` where a compose file describes another container than `train` runs.

    None where there is no such file. Raises what reading lock and conda file raises.
    """
    names = _read_by_compose(project)
    if not names:
        return ()
    try:
        environment = read_current_lock(project).environment
    except LockMissingError:
        environment = read_environment(project).name
    found = [
        (name, files.read_bytes(project.root / name, largest=files.LARGEST_DOCUMENT) or b"")
        for name in names
    ]
    return tuple(compose_differences(found, project=project, tag=readable_tag(environment)))


def _read_by_compose(project: Project) -> list[str]:
    """Return the files of the project that compose lays over each other, if there are any."""
    for name in docker_cli.COMPOSE_FILES:
        stem, _, ending = name.rpartition(".")
        if (project.root / name).is_file():
            other = "yaml" if ending == "yml" else "yml"
            over = [f"{stem}.override.{end}" for end in (ending, other)]
            return [name, *[also for also in over if (project.root / also).is_file()][:1]]
    return []


def _differs(name: str, found: bytes, wanted: bytes) -> FileDiffersError:
    lines = difflib.unified_diff(
        found.decode(errors="replace").splitlines(),
        wanted.decode().splitlines(),
        fromfile=name,
        tofile="hakobune compose",
        lineterm="",
    )
    return FileDiffersError(
        f"{name} is there and differs from what hakobune compose writes\n" + "\n".join(lines),
        remedy=f"keep it, or move it away and run hakobune compose again: mv {name} {name}.old",
        place=name,
    )
