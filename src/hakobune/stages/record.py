"""What the outside of the container knows of a run, written into the run's record."""

import platform
from dataclasses import replace
from pathlib import Path

from hakobune import __version__
from hakobune.adapters import docker_cli, files
from hakobune.adapters.commit import commit_of
from hakobune.adapters.process import Runner
from hakobune.errors import (
    EngineMissingError,
    ImageMissingError,
    RecordIncompleteError,
    RunMissingError,
)
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.record import (
    DOCUMENTS,
    RECORD,
    SCHEMA_VERSION,
    Circumstances,
    Document,
    Outside,
    RunRecord,
)
from hakobune.model.reporter import Reporter
from hakobune.stages.build import image_tag
from hakobune.stages.project import read_current_lock
from hakobune.transform.read_record import read_record
from hakobune.transform.write_record import completed, sealed


def find_run(project: Project, run: str, *, cwd: Path) -> Path:
    """Return the folder of a run, named by its path or by its name in `runs/`."""
    for folder in (cwd / run, project.root / "runs" / run):
        if (folder / RECORD).is_file():
            return folder
    raise RunMissingError(
        f"{run}: no run of that name lies in {project.root / 'runs'}, nor at that path",
        remedy="name a folder that holds a record.json: ls runs",
    )


def read_run_record(folder: Path) -> RunRecord:
    """Return the record of the run in this folder. Raises RunMissingError, RecordDamagedError."""
    path = folder / RECORD
    content = files.read_bytes(path)
    if content is None:
        raise RunMissingError(f"{path}: there is no record", remedy="ls runs shows the runs")
    return read_record(content, place=str(path))


def require_outside(record: RunRecord, folder: Path) -> Outside:
    """Return what the outside wrote. Raises RecordIncompleteError."""
    if record.outside is None:
        raise RecordIncompleteError(
            f"{folder / RECORD} does not say which image made the run",
            remedy=f"hakobune record {folder.name} completes it, as long as that image lies here",
        )
    return record.outside


def recorded_image(outside: Outside, runner: Runner) -> Image:
    """Return the image that made the run. Raises ImageMissingError with the way to get it."""
    try:
        return docker_cli.inspect(runner, outside.image)
    except ImageMissingError as exc:
        if outside.job is not None:
            remedy = f"docker pull {outside.reference}"
        elif outside.commit and not outside.is_dirty:
            remedy = f"git checkout {outside.commit[:12]} && hakobune build gives it again"
        else:
            remedy = "it was built from a state that was not committed: bring that back, and build"
        raise ImageMissingError(
            f"the run's image {outside.image} is not on this machine", remedy=remedy
        ) from exc


def complete(
    project: Project, folder: Path, image: Image, runner: Runner, how: Circumstances
) -> RunRecord:
    """Complete the run's record, lay its image's documents beside it, and return the record.

    Where the program wrote no record, one is made of the files that lie there.
    """
    if not (folder / RECORD).is_file():
        files.write_bytes(folder / RECORD, _made_record(folder, image, how))
    record = read_run_record(folder)
    commit, is_dirty = commit_of(runner, project.root) or ("", True)
    outside = Outside(
        hakobune=__version__,
        image=image.id,
        reference=how.reference or image.tag,
        found_by=how.found_by,
        base=image.base,
        environment=_kept(project, folder, project.environment),
        lock=_kept(project, folder, project.lock),
        dockerfile=_kept(project, folder, project.dockerfile),
        source=Document(path=project.source, sha256=image.source_sha256),
        commit=commit,
        is_dirty=is_dirty,
        host={"platform": platform.platform(), "engine": _engine(runner)},
        inputs=tuple(item for item in how.inputs if item.path),
        job=how.job,
    )
    files.write_bytes(folder / RECORD, completed(record.values, outside))
    return replace(record, outside=outside)


def _engine(runner: Runner) -> str:
    """Return the engine's version; nothing where there is none, as where a job is only fetched."""
    try:
        return docker_cli.engine_version(runner)
    except EngineMissingError:
        return ""


def _kept(project: Project, folder: Path, path: str) -> Document:
    """Copy a document of the project into the run; return it."""
    content = files.read_bytes(project.root / path) or b""
    files.write_bytes(folder / DOCUMENTS / Path(path).name, content)
    return Document(path=path, sha256=files.sha256_of(project.root / path))


def _made_record(folder: Path, image: Image, how: Circumstances) -> bytes:
    """Return the record that a program which writes none would have written."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    manifest = {
        name: {
            "sha256": files.sha256_of(folder / name),
            "bytes": (folder / name).stat().st_size,
        }
        for name in names
    }
    return sealed(
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": folder.name,
            "status": "succeeded",
            "arguments": list(how.arguments),
            "image": {
                "environment_sha256": image.environment_sha256,
                "lock_sha256": image.lock_sha256,
                "source_sha256": image.source_sha256,
                "base": image.base,
            },
            "inputs": [
                # Where no file of this machine is known, the place is a job's own.
                {
                    "name": item.name,
                    "path": item.path or f"${{{{inputs.{item.name}}}}}",
                    "sha256": item.sha256,
                }
                for item in how.inputs
            ],
            "manifest": manifest,
        }
    )


def complete_by_labels(project: Project, folder: Path, runner: Runner, reporter: Reporter) -> None:
    """Complete the record of a run that was started without hakobune (`docker compose run`).

    The image is the one here whose labels are what the container knew of its own. Raises
    RecordIncompleteError where the image here is another.
    """
    record = read_run_record(folder)
    if record.outside is not None:
        reporter.done("record", f"{folder} is complete already", digest=record.outside.image)
        return
    image = docker_cli.inspect(runner, image_tag(read_current_lock(project)))
    labels = {
        "environment_sha256": image.environment_sha256,
        "lock_sha256": image.lock_sha256,
        "source_sha256": image.source_sha256,
        "base": image.base,
    }
    moved = [name for name, value in labels.items() if record.image.get(name) != value]
    if moved:
        raise RecordIncompleteError(
            f"{folder / RECORD} is of another image than {image.tag}: {', '.join(moved)} differ",
            remedy="check out the commit of that time and build its image, then record again",
        )
    complete(project, folder, image, runner, Circumstances(found_by="labels"))
    reporter.done("record", f"{folder} is complete", digest=image.id)
