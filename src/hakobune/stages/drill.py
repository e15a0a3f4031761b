"""The user's own job on this machine, with parts of it taken away; each result must be the same.

A node is a container of `train`, on a network of the drill's own. Nothing is written to `runs/` but
below one folder, which is removed at the end.
"""

import hashlib
import math
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.job_nodes import Nodes
from hakobune.adapters.process import Runner, printable
from hakobune.errors import DrillFailedError, DrillRunningError, TrainingFailedError
from hakobune.model.drill import ALONE, MOST_NODES, SHARED, WHAT, Drilled, Made, Target, Work
from hakobune.model.forms import is_of
from hakobune.model.image import Image
from hakobune.model.json_text import parse_json
from hakobune.model.project import Project
from hakobune.model.record import RECORD
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import WORKSPACE
from hakobune.model.training import RUNS, Training
from hakobune.transform.grade_results import is_compared, without_place

# A part of the files that the undisturbed job leaves before its end: the middle, and not the end.
_PART = 3
_KILLS = 3  # one more than Dask lets a batch's workers die for it
_LOOK_S = 0.2
_END_S = 120.0  # for the other nodes, when node 0 has ended
_MOST_NAMED = 3


@dataclass(slots=True, kw_only=True)
class _Site:
    """What all jobs of the drills have in common; `seen` are files left before a job's end."""

    project: Project
    training: Training
    image: Image
    runner: Runner
    nodes: int
    limit_s: float
    folder: Path
    prefix: str
    seen: int = field(default=0)


def drill(  # noqa: PLR0913 - what a drill is made of, by name
    project: Project,
    training: Training,
    runner: Runner,
    reporter: Reporter,
    *,
    image: Image,
    nodes: int,
    limit_s: float,
) -> tuple[Made, tuple[Drilled, ...]]:
    """Run the job undisturbed, then once for each target; return the first job and all drills.

    A project whose program is not `distributed` has one node, whatever `nodes` says. No job runs
    longer than `limit_s`. Raises TrainingFailedError where the undisturbed job fails, and
    DrillRunningError.
    """
    is_shared = project.entry(training.arguments).distributed
    prefix = f"hakobune-drill-{secrets.token_hex(4)}"
    site = _Site(
        project=project,
        training=replace(training, is_terminal=False),
        image=image,
        runner=runner,
        nodes=nodes if is_shared else 1,
        limit_s=limit_s,
        folder=project.root / RUNS / f".{prefix}",
        prefix=prefix,
    )
    with files.only_one(files.own_folder(project.root) / "drill.lock") as is_alone:
        if not is_alone:
            raise DrillRunningError(
                f"another `hakobune drill` is running in {project.root}",
                remedy="wait until it ends",
            )
        files.make_folder(project.root / RUNS)
        note = files.own_folder(project.root) / "drill"
        _remove_left(project, runner, note)
        files.write_bytes(note, prefix.encode())
        try:
            first = _undisturbed(site)
            reporter.done("job", f"undisturbed, {len(first.files)} files", seconds=first.seconds)
            found = []
            for target in SHARED if is_shared else ALONE:
                reporter.working(f"drill {target.value}: {WHAT[target]}")
                found.append(_drilled(site, target, first))
                reporter.done("drill", f"{target.value}: {found[-1].outcome}")
        finally:
            files.remove(site.folder)
            files.remove(note)
    return first, tuple(found)


def _remove_left(project: Project, runner: Runner, note: Path) -> None:
    """Remove what a drill left that was killed itself; its note names it, and its lock is free."""
    content = files.read_bytes(note, largest=files.LARGEST_DOCUMENT)
    prefix = (content or b"").decode("ascii", errors="replace")
    if is_of("drill", prefix):
        names = [f"{prefix}-{node}" for node in range(MOST_NODES)]
        Nodes(runner=runner, prefix=prefix, names=names).remove()
        files.remove(project.root / RUNS / f".{prefix}")


def require_passed(found: tuple[Drilled, ...]) -> None:
    """Raise DrillFailedError unless every drill passed."""
    failed = [one for one in found if not one.is_passed]
    if failed:
        told = "\n".join(f"{one.target.value}: {one.outcome}" for one in failed)
        raise DrillFailedError(
            f"{len(failed)} of {len(found)} drills failed:\n{told}",
            remedy="let the program continue from what its output holds, and write each file whole "
            "before it counts (docs/explanation/scale.md); give a job that is too short more work",
        )


def _undisturbed(site: _Site) -> Made:
    with _job(site, "undisturbed") as (nodes, folder):
        began, limit = time.monotonic(), time.monotonic() + site.limit_s
        while (code := nodes.exit_codes()[0]) is None and time.monotonic() < limit:
            site.seen = max(site.seen, _count(folder))
            time.sleep(_LOOK_S)
        seconds = time.monotonic() - began
        if code != 0:
            why = "took longer than --limit" if code is None else f"ended with exit code {code}"
            raise TrainingFailedError(
                f"without any disturbance the job {why}:\n{nodes.last_words(0)}",
                remedy="correct what it names; `hakobune train` runs it alone",
            )
        _require_ends(nodes, gone=())
        return _made(site, folder, seconds)


def _drilled(site: _Site, target: Target, first: Made) -> Drilled:
    """Run the job, take the target away, and compare."""
    with _job(site, target.value) as (nodes, folder):
        began = time.monotonic()
        until = began + site.limit_s
        result = Drilled(target=target, how=WHAT[target])
        if not _reached(site, nodes, folder, first, until=until):
            return replace(result, problem="the job was too short to be cut in its middle")
        how = _DISTURB[target](site, nodes, folder)
        if how is None:
            return replace(result, problem="the job was too short to take anything of node 1 away")
        code = nodes.wait(0, until=until)
        result = replace(result, how=f"{result.how}{how}", seconds=time.monotonic() - began)
        if code != 0:
            why = "did not end within --limit" if code is None else f"ended with exit code {code}"
            return replace(result, problem=f"node 0 {why}: {nodes.last_words(0, lines=3)}")
        try:
            _require_ends(nodes, gone=(1,) if target is Target.WORKER else ())
        except TrainingFailedError as exc:
            return replace(result, problem=exc.what)
        return _beside(result, first, _made(site, folder, result.seconds))


def _beside(result: Drilled, first: Made, again: Made) -> Drilled:
    """Return the drill with what its job made, compared with the undisturbed one's."""
    names = sorted(first.files.keys() | again.files.keys())
    differing = [name for name in names if first.files.get(name) != again.files.get(name)]
    more = [f"{len(differing) - _MOST_NAMED} more"] * (len(differing) > _MOST_NAMED)
    lost = len(first.files.keys() - again.files.keys())
    if first.work and again.work:
        lost = max(first.work.total - again.work.total, 0)
    return replace(
        result,
        lost_s=again.seconds - first.seconds,
        unit=again.work.unit if again.work else "",
        twice=again.work.twice if again.work else None,
        lost=lost,
        differing=(*(printable(name) for name in differing[:_MOST_NAMED]), *more),
    )


@contextmanager
def _job(site: _Site, name: str) -> Iterator[tuple[Nodes, Path]]:
    """Start all nodes with a new folder that they see as `runs`; at the end nothing is left."""
    folder = site.folder / name
    _make_folders(site.project.root / RUNS, site.folder, folder)
    nodes = Nodes(runner=site.runner, prefix=site.prefix)
    binds = tuple(
        replace(bind, source=folder) if bind.target == f"{WORKSPACE}/{RUNS}" else bind
        for bind in site.training.binds
    )
    sandbox = replace(site.training.sandbox, network=nodes.network)
    training = replace(site.training, binds=binds, sandbox=sandbox)
    command = docker_cli.train_command(site.project, training, image=site.image.id)
    try:
        nodes.prepare()
        for node in range(site.nodes):
            nodes.start(command, node=node, nodes=site.nodes)
        yield nodes, folder
    finally:
        nodes.remove()
        files.remove(folder)


def _make_folders(runs: Path, *folders: Path) -> None:
    """Create folders that only the owner of `runs` enters, as whom the program runs."""
    owner = runs.stat()
    for folder in folders:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(folder, owner.st_uid, owner.st_gid)


def _reached(site: _Site, nodes: Nodes, folder: Path, first: Made, *, until: float) -> bool:
    """Wait for the middle of the job; return whether it is there and the job still runs.

    The middle is a part of the files that the undisturbed job had before its end; of a program that
    leaves none, and of one container, half of its time.
    """
    is_counted = site.nodes > 1 and site.seen > 1
    enough = math.ceil(site.seen / _PART)
    half = time.monotonic() + first.seconds / 2
    while time.monotonic() < until:
        if nodes.exit_codes()[0] is not None:
            return False
        if _count(folder) >= enough if is_counted else time.monotonic() >= half:
            return True
        time.sleep(_LOOK_S)
    return False


def _kill_container(_site: _Site, nodes: Nodes, _folder: Path) -> str:
    nodes.kill(0)
    nodes.start_again(0)
    return ""


def _kill_writer(site: _Site, nodes: Nodes, folder: Path) -> str | None:
    said = _inside(site, nodes, folder, "write", f"{WORKSPACE}/{RUNS}/")
    nodes.kill(1)
    return f" ({said})" if said else None


def _kill_workers(site: _Site, nodes: Nodes, _folder: Path) -> str:
    for node in range(1, site.nodes):
        nodes.kill(node)
    for node in range(1, site.nodes):
        nodes.start_again(node)
    return ""


def _kill_all(site: _Site, nodes: Nodes, _folder: Path) -> str:
    for node in range(site.nodes):
        nodes.kill(node)
    for node in range(site.nodes):
        nodes.start_again(node)
    return ""


def _kill_processes(site: _Site, nodes: Nodes, folder: Path) -> str | None:
    said = _inside(site, nodes, folder, "work", str(_KILLS))
    return f" ({said})" if said else None


_DISTURB: dict[Target, Callable[[_Site, Nodes, Path], str | None]] = {
    Target.CONTAINER: _kill_container,
    Target.WORKER: _kill_writer,
    Target.WORKERS: _kill_workers,
    Target.HEAD: _kill_container,
    Target.JOB: _kill_all,
    Target.PROCESS: _kill_processes,
}


def _inside(site: _Site, nodes: Nodes, folder: Path, *arguments: str) -> str:
    """Run what ends processes on node 1, as the user of the nodes; return what it did."""
    owner = folder.stat()
    within = min(site.limit_s / 4, _END_S)
    return nodes.inside(
        1,
        files.read_data("kill_processes.py"),
        *arguments,
        f"{within:.0f}",
        user=f"{owner.st_uid}:{owner.st_gid}",
        limit_s=2 * within,
    )


def _require_ends(nodes: Nodes, *, gone: tuple[int, ...]) -> None:
    """Raise TrainingFailedError unless all nodes end with 0 but those that are gone."""
    until = time.monotonic() + _END_S
    for node in range(1, len(nodes.names)):
        code = 0 if node in gone else nodes.wait(node, until=until)
        if code != 0:
            why = "did not end after node 0" if code is None else f"ended with exit code {code}"
            raise TrainingFailedError(
                f"node {node} {why}: {nodes.last_words(node, lines=3)}",
                remedy="on Azure ML such a node ends the whole job: let it end with 0",
            )


def _count(folder: Path) -> int:
    """Return how many files there are below a folder, which may change meanwhile."""
    return sum(len(names) for _, _, names in os.walk(folder))


def _made(site: _Site, folder: Path, seconds: float) -> Made:
    place = folder / Path(site.training.folder).relative_to(RUNS)
    found = {
        name: _digest(place, name)
        for name, is_plain in (files.list_inside(place) if place.is_dir() else ())
        if is_plain and is_compared(name)
    }
    return Made(seconds=seconds, files=found, work=_work(files.read_inside(place, RECORD)))


def _digest(folder: Path, name: str) -> str:
    """Return the sha256 of what is compared of a file."""
    found = files.sha256_inside(folder, name)
    digest, size_bytes = found or ("", 0)
    if name.endswith(".json") and size_bytes <= files.LARGEST_DOCUMENT:
        content = files.read_inside(folder, name) or b""
        return hashlib.sha256(without_place(name, content)).hexdigest()
    return digest


def _work(record: bytes | None) -> Work | None:
    """Return what a program counts of its work; None where it does not, or in another form."""
    try:
        values = parse_json(record or b"")
        found = values["work"]
        work = Work(unit=found["unit"], total=found["total"], twice=found["twice"])
    except (ValueError, TypeError, KeyError):
        return None
    counts = all(type(count) is int and count >= 0 for count in (work.total, work.twice))
    return work if counts and isinstance(work.unit, str) and is_of("unit", work.unit) else None
