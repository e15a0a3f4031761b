"""A job's outputs to `runs/<job>/`: all of them, each verified, or none."""

from collections import Counter
from pathlib import Path

from hakobune.adapters import files
from hakobune.errors import (
    JobUnfinishedError,
    OutputDamagedError,
    OutputsMissingError,
    OutputUnknownError,
)
from hakobune.model.cloud import Cloud
from hakobune.model.forms import colliding, is_of
from hakobune.model.job import Fate, Job, RemoteFile, folders_above
from hakobune.model.json_text import parse_json
from hakobune.model.project import Output, Project
from hakobune.model.record import RECORD, SIGNATURE_FILES, ManifestEntry
from hakobune.model.reporter import Reporter
from hakobune.stages.watch import canceled, failure, found
from hakobune.transform.names import valid_name
from hakobune.transform.plan_job import job_arguments
from hakobune.transform.read_run import read_manifest

RUNS = "runs"
_PART = ".part"  # the ending of a file that is not whole yet


def fetch(
    project: Project, cloud: Cloud, name: str, reporter: Reporter, *, output: str = ""
) -> Path:
    """Return the folder `runs/<job>` with the job's outputs in it.

    Files lie in a hidden folder beside it until all are there and verified; what was fetched before
    an interruption is kept there and not fetched again. Raises JobUnfinishedError,
    OutputsMissingError, OutputUnknownError, OutputDamagedError, or what the job's end was.
    """
    valid_name("job", name)
    folder = project.root / RUNS / name
    if folder.is_dir():
        verify(folder, _outputs(_entry(project, folder), output))
        reporter.done("fetch", f"{RUNS}/{name} is there already, verified")
        return folder
    job = found(cloud, name)
    if not job.is_over:
        raise JobUnfinishedError(
            f"the job {name} is {job.status}", remedy=f"wait until it ends: hakobune watch {name}"
        )
    if job.fate is Fate.FAILED:
        raise failure(cloud, job)
    if job.fate is Fate.CANCELED:
        raise canceled(cloud, job)
    wanted = _outputs(project.entry(job_arguments(project, job.command)), output)
    waiting = project.root / RUNS / f".{name}.fetching"
    if waiting.is_symlink():
        files.remove(waiting)
    files.make_folder(waiting)
    total = _bring(cloud, job, wanted, waiting)
    verify(waiting, wanted)
    _require_inside_only(waiting)
    files.move_folder(waiting, folder)
    reporter.done("fetch", f"{RUNS}/{name}, {total / 1e6:.1f} MB, verified")
    return folder


def _entry(project: Project, folder: Path) -> Project:
    """Return the project as the command of a run reads and writes, by the run's record."""
    content = files.read_inside(folder, RECORD)
    arguments = None if content is None else parse_json(content).get("arguments")
    return project.entry(arguments) if isinstance(arguments, list) else project


def _outputs(project: Project, name: str) -> tuple[Output, ...]:
    """Return the outputs to fetch: all, or the one of this name."""
    wanted = tuple(item for item in project.results if name in ("", item.name))
    if not wanted:
        known = ", ".join(item.name for item in project.results) or "none"
        raise OutputUnknownError(
            f"[tool.hakobune.outputs] has no output `{name}`", remedy=f"it has: {known}"
        )
    return wanted


def _bring(cloud: Cloud, job: Job, wanted: tuple[Output, ...], waiting: Path) -> int:
    """Fetch what is not there yet; return the bytes of all files."""
    every: list[RemoteFile] = []
    for output in wanted:
        found = cloud.output_files(job, output.name)
        there = tuple(file for file in found if not file.is_of_nodes)
        _require_whole(job, output, there)
        every += there
    _require_own_names(job, every)
    _clear(waiting, {file.name for file in every}, keep=_PART)
    files.require_space(waiting, sum(file.size_bytes for file in every))
    for file in every:
        target = waiting / file.name
        if not (target.is_file() and target.stat().st_size == file.size_bytes):
            cloud.fetch_file(file, target)
    _clear(waiting, {file.name for file in every})
    return sum(file.size_bytes for file in every)


def _require_whole(job: Job, output: Output, there: tuple[RemoteFile, ...]) -> None:
    """Raise OutputsMissingError unless every declared file is there with at least one byte."""
    sizes = {file.name: file.size_bytes for file in there}
    bad = [repr(name) for name in sizes if not is_of("file name", name)]
    if bad:
        raise OutputDamagedError(
            f"output {output.name} of {job.name} has names that lead outside itself, or that no "
            f"file here can have: {', '.join(bad)}",
            remedy="change the training program so that it writes other names, without `..`, "
            "backslashes and control characters",
        )
    missing = [
        f"{name} ({'empty' if name in sizes else 'missing'})"
        for name in output.files
        if not sizes.get(name)
    ]
    if missing or not there:
        what = ", ".join(missing) or "any file"
        raise OutputsMissingError(
            f"the job {job.name} completed, but its output {output.name} lacks {what}",
            remedy="let the program write them, or correct `files` in [tool.hakobune.outputs]",
        )


def _require_own_names(job: Job, every: list[RemoteFile]) -> None:
    """Raise OutputDamagedError where two files would be one file here, or one of hakobune's own.

    A blob store keeps a file and a folder of the same name, and names that differ in case alone; a
    folder of this machine may not.
    """
    names = tuple(file.name for file in every)
    both = sorted(set(names) & folders_above(names))
    both += [name for name, count in Counter(names).items() if count > 1]
    if both:
        what = f"a file and a folder, or two files, of the same name: {', '.join(both)}"
    elif two := colliding(names):
        what = f"two names that differ in case or in Unicode's form only: {', '.join(two)}"
    elif kept := [name for name in names if name in SIGNATURE_FILES or _is_part(name)]:
        what = f"a name that hakobune keeps for its own files: {', '.join(kept)}"
    else:
        return
    raise OutputDamagedError(
        f"the outputs of {job.name} hold {what}; nothing was fetched",
        remedy="make the program use other names, then submit again",
    )


def _is_part(name: str) -> bool:
    last = name.rpartition("/")[2]
    return last.startswith(".") and last.endswith(_PART)


def _clear(waiting: Path, names: set[str], *, keep: str = "") -> None:
    """Remove what an earlier fetch left and this one has no place for; `keep` is a suffix."""
    for path in sorted(waiting.rglob("*"), reverse=True):
        is_listed = path.relative_to(waiting).as_posix() in names
        is_kept = bool(keep) and path.suffix == keep
        is_folder = path.is_dir() and not path.is_symlink()
        if path.is_symlink() or (is_listed if is_folder else not (is_listed or is_kept)):
            files.remove(path)


def verify(folder: Path, wanted: tuple[Output, ...]) -> None:
    """Raise OutputDamagedError unless each file is what the run's record says.

    Where the program wrote no `record.json`, names and sizes are all that can be looked at until
    the run's record is made of what was fetched.
    """
    declared = {name for output in wanted for name in output.files}
    missing = [name for name in sorted(declared) if not files.has_content(folder / name)]
    if missing:
        raise OutputsMissingError(
            f"{folder} lacks {', '.join(missing)}",
            remedy=f"remove the folder and fetch again: rm -r {folder}",
        )
    content = files.read_inside(folder, RECORD)
    if content is None:
        return
    entries = read_manifest(content, place=str(folder / RECORD))
    unlisted = declared - {entry.name for entry in entries} - {RECORD}
    if unlisted:
        raise OutputDamagedError(
            f"{folder / RECORD} does not list {', '.join(sorted(unlisted))}",
            remedy="the job wrote them after its record, or another did: look at its log",
        )
    for entry in entries:
        _verify_file(folder, entry)


def _require_inside_only(folder: Path) -> None:
    """Raise OutputDamagedError for a record that says what its program cannot know."""
    content = files.read_inside(folder, RECORD)
    if content is not None and parse_json(content).get("outside") is not None:
        raise OutputDamagedError(
            f"{folder / RECORD} has a block `outside`, which only hakobune writes, and not the job",
            remedy="do not use this model: ask who wrote the job's program",
        )


def _verify_file(folder: Path, entry: ManifestEntry) -> None:
    path = folder / entry.name
    found = files.sha256_inside(folder, entry.name, size_bytes=entry.size_bytes)
    if found is not None and found[0] == entry.sha256:
        return
    # A damaged file must not be taken for one that is there already when fetch runs again.
    if folder.name.startswith(".") and path.is_file():
        files.remove(path)
    raise OutputDamagedError(
        f"{path} is not the file that the job wrote (by the sha256 in {RECORD})",
        remedy="fetch again; only that file is downloaded"
        if folder.name.startswith(".")
        else f"remove the folder and fetch again: rm -r {folder}",
    )


def declared_files(
    project: Project, folder: Path, *, output: str = ""
) -> tuple[tuple[str, str], ...]:
    """Return name and path of each declared file of a fetched run."""
    outputs = _outputs(_entry(project, folder), output)
    names = [name for item in outputs for name in item.files]
    return tuple((name, str(folder / name)) for name in names)
