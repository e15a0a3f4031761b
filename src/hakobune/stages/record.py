"""What the outside of the container knows of a run, written into the run's record."""

import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hakobune import __version__
from hakobune.adapters import docker_cli, files
from hakobune.adapters.commit import commit_of
from hakobune.adapters.process import Runner
from hakobune.errors import (
    EngineMissingError,
    FileChangedError,
    FileIrregularError,
    FileNotWritableError,
    FileUnlistedError,
    ImageMissingError,
    RecordIncompleteError,
    RunMissingError,
)
from hakobune.model.forms import escaped, is_of
from hakobune.model.image import Image
from hakobune.model.link import Link
from hakobune.model.project import Project
from hakobune.model.record import (
    DOCUMENTS,
    FAILURE,
    RECORD,
    SCHEMA_VERSION,
    SIGNATURE_FILES,
    Circumstances,
    Document,
    Outside,
    RunRecord,
    SourceFolder,
)
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import INCOMING
from hakobune.stages.build import image_tag, keep_image
from hakobune.stages.project import read_current_lock
from hakobune.stages.render import current_source
from hakobune.transform.read_record import read_record
from hakobune.transform.render_dockerfile import is_of_image
from hakobune.transform.write_record import completed, sealed

AGAIN = "fetch the run again, or make it again: hakobune reproduce model shows what it should be"
# The folder of a run that is repeated: this and the run's id.
AGAIN_PREFIX = ".again-"
_SHOWN = 5


def find_run(project: Project, run: str, *, cwd: Path) -> Path:
    """Return the folder of a run, named by its path or by its name in `runs/`.

    A path in `runs/.incoming` is that of the run before it was moved to `runs/`.
    """
    places = [cwd / run, project.root / "runs" / run]
    if Path(run).parent.name == Path(INCOMING).name:  # plain compose wrote it there
        places.append(project.root / "runs" / Path(run).name)
    for folder in places:
        if (folder / RECORD).is_file():
            if folder.is_symlink():
                raise FileIrregularError(
                    f"{folder} is a link, and a run is a folder",
                    remedy=f"name the folder that it points to: {folder.resolve()}",
                )
            return folder
    for folder in places:
        if (folder / FAILURE).is_file():
            raise RunMissingError(
                f"{folder} is a failed run: it has a {FAILURE}",
                remedy="see that file for the reason; a failed run has no record",
            )
        if os.path.lexists(folder) and folder != cwd:
            what = "is not a folder" if not folder.is_dir() else f"has no file {RECORD}"
            raise RunMissingError(
                f"{folder} {what}", remedy="name the folder of a run that succeeded: ls runs"
            )
    raise RunMissingError(
        f"`{run}`: no such run in {project.root / 'runs'}, and no such folder",
        remedy="give the name of a run, or a folder with a record.json; to list the runs: ls runs",
    )


def check_listing(folder: Path, record: RunRecord) -> None:
    """Raise FileUnlistedError or FileIrregularError unless the folder holds the run and no more.

    Allowed are the files of the manifest, the record, its signature and the image's documents.
    """
    known = {RECORD, *SIGNATURE_FILES, *(entry.name for entry in record.manifest)}
    if record.outside is not None:
        known |= {document_name(document.path) for document in record.outside.documents}
    unlisted = []
    for name, is_plain in files.list_inside(folder):
        if not is_plain:
            raise FileIrregularError(
                f"{folder / escaped(name)} is a link, a pipe or a device",
                remedy="remove it: a run consists of plain files",
            )
        # Without `outside` it is not known which documents belong there; the walk ends for that.
        is_document = record.outside is None and name.startswith(f"{DOCUMENTS}/")
        if name not in known and not is_document:
            unlisted.append(escaped(name))
    if unlisted:
        more = f" and {len(unlisted) - _SHOWN} more" if len(unlisted) > _SHOWN else ""
        raise FileUnlistedError(
            f"{folder} holds what its record does not list: {', '.join(unlisted[:_SHOWN])}{more}",
            remedy="find out who wrote it; move it out of the run's folder",
        )


def document_name(path: str) -> str:
    """Return where a run's folder keeps its copy of a document of the project."""
    return f"{DOCUMENTS}/{Path(path).name}"


def check_files(folder: Path, record: RunRecord) -> Iterator[Link]:
    """Yield a link for each file of the run. Raises FileChangedError at the first other one."""
    for entry in record.manifest:
        path = folder / entry.name
        found = files.sha256_inside(folder, entry.name, size_bytes=entry.size_bytes)
        if found is None:
            raise FileChangedError(f"{path} is gone; the record names it", remedy=AGAIN)
        if found != (entry.sha256, entry.size_bytes):
            raise FileChangedError(
                f"{path} is not what the run wrote: its sha256 is not the record's", remedy=AGAIN
            )
        yield Link(name="file", what=entry.name, digest=entry.sha256)


def read_run_record(folder: Path) -> RunRecord:
    """Return the record of the run in this folder.

    Raises RunMissingError, RecordDamagedError, FileIrregularError.
    """
    path = folder / RECORD
    content = files.read_inside(folder, RECORD)
    if content is None:
        raise RunMissingError(f"{path}: no such record", remedy="ls runs shows the runs")
    return read_record(content, place=escaped(str(path)))


def require_outside(record: RunRecord, folder: Path) -> Outside:
    """Return what the outside wrote. Raises RecordIncompleteError."""
    if record.outside is None:
        raise RecordIncompleteError(
            f"{folder / RECORD} does not say which image made the run",
            remedy=f"hakobune record {folder} completes it while that image is on this machine",
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


def find_documents(project: Project, image: Image, *runs: Path) -> dict[str, bytes]:
    """Return what the image was made of: conda file, lock and Dockerfile by path in the project.

    They are those of the checkout or, where that has moved on, those that another run of the image
    keeps: one of these, or one that lies in `runs/`. Raises RecordIncompleteError.
    """
    paths = (project.environment, project.lock, project.dockerfile)
    here = {path: files.read_bytes(project.root / path) or b"" for path in paths}
    # Hidden folders are no runs: something may lie there that no command has looked at.
    keeping = [*runs, *sorted((project.root / "runs").glob("[!.]*/"))]
    for found in (here, *(_kept_documents(run, paths) for run in keeping)):
        environment, lock, dockerfile = found.values()
        if (
            hashlib.sha256(environment).hexdigest() == image.environment_sha256
            and hashlib.sha256(lock).hexdigest() == image.lock_sha256
            and is_of_image(
                dockerfile,
                environment=image.environment_sha256,
                lock=image.lock_sha256,
                source=image.source_sha256,
            )
        ):
            return found
    raise RecordIncompleteError(
        f"no {', '.join(paths)} of the image {image.id[:19]} lie here, nor beside a run of it",
        remedy="hakobune render, or check out the commit that the image was built of",
    )


def _kept_documents(run: Path, paths: tuple[str, ...]) -> dict[str, bytes]:
    """Return what a run keeps of these documents; nothing of one that is no plain file."""
    try:
        return {path: files.read_inside(run, document_name(path)) or b"" for path in paths}
    except (FileIrregularError, FileNotWritableError):
        return dict.fromkeys(paths, b"")


def complete(
    project: Project, folder: Path, image: Image, runner: Runner, how: Circumstances
) -> None:
    """Complete the run's record, and lay its image's documents beside it.

    Where the program wrote no record, one is made of the files that lie there. Raises
    RecordIncompleteError where the program knew another image or read other data than is told here,
    and FileIrregularError for a folder with links: nothing is written through one.
    """
    _require_plain(folder)
    if not (folder / RECORD).is_file() or (
        how.found_by == "container" and not has_own_record(folder)
    ):
        files.write_bytes(folder / RECORD, _made_record(folder, image, how))
    record = read_run_record(folder)
    _require_image(folder, record, image)
    _require_data(folder, record, how)
    for path, content in how.documents.items():
        files.write_bytes(folder / document_name(path), content)
    with _formed(folder):
        outside = _outside(project, image, runner, how)
    files.write_bytes(folder / RECORD, completed(record.values, outside))


def _outside(project: Project, image: Image, runner: Runner, how: Circumstances) -> Outside:
    environment, lock, dockerfile = (
        Document(path=path, sha256=hashlib.sha256(how.documents[path]).hexdigest())
        for path in (project.environment, project.lock, project.dockerfile)
    )
    return Outside(
        hakobune=__version__,
        image=image.id,
        reference=image.tag,
        found_by=how.found_by,
        base=image.base,
        environment=environment,
        lock=lock,
        dockerfile=dockerfile,
        source=SourceFolder(path=project.source, sha256=image.source_sha256),
        commit=how.commit,
        is_dirty=how.is_dirty,
        host={"platform": platform.platform(), "engine": _engine(runner)},
        inputs=tuple(item for item in how.inputs if item.path),
        job=how.job,
    )


@contextmanager
def _formed(folder: Path) -> Iterator[None]:
    """Raise RecordIncompleteError for a text that a record cannot hold."""
    try:
        yield
    except ValueError as exc:
        raise RecordIncompleteError(
            f"the record of {folder} cannot be completed: {exc}",
            remedy="docs/reference/forms.md lists what a record accepts",
        ) from exc


def _require_plain(folder: Path) -> None:
    """Raise FileIrregularError for a link, a pipe or a device in a run that is to be completed."""
    links = [folder.name] if folder.is_symlink() else []
    links += [name for name, is_plain in files.list_inside(folder) if not is_plain]
    if links:
        raise FileIrregularError(
            f"{folder} holds links, pipes or devices: {', '.join(map(escaped, links[:_SHOWN]))}",
            remedy="make the program write plain files, and train again",
        )


def has_own_record(folder: Path) -> bool:
    """Tell whether the run's program wrote a record: one that is complete is an earlier run's."""
    return (folder / RECORD).is_file() and read_run_record(folder).outside is None


def _engine(runner: Runner) -> str:
    """Return the engine's version; nothing where there is none, as where a job is only fetched."""
    try:
        return docker_cli.engine_version(runner)
    except EngineMissingError:
        return ""


def _require_image(folder: Path, record: RunRecord, image: Image) -> None:
    """Raise RecordIncompleteError where the container knew another image of itself."""
    moved = [name for name, value in _known(image).items() if record.image.get(name) != value]
    if moved:
        raise RecordIncompleteError(
            f"{folder / RECORD} is of another image than {image.tag}: {', '.join(moved)} differ",
            remedy="check out the commit of that time and build its image, then record again",
        )


def _require_data(folder: Path, record: RunRecord, how: Circumstances) -> None:
    """Raise RecordIncompleteError where the program read another file than there before."""
    read = {item.name: item.sha256 for item in record.inputs}
    for item in how.inputs:
        if read.get(item.name, item.sha256) != item.sha256:
            raise RecordIncompleteError(
                f"{item.path or item.name} changed while the run started: {folder / RECORD} names "
                "other bytes",
                remedy="the file was changed during the run: train again",
            )


def _known(image: Image) -> dict[str, str]:
    """Return what a container knows of its image."""
    return {
        "environment_sha256": image.environment_sha256,
        "lock_sha256": image.lock_sha256,
        "source_sha256": image.source_sha256,
        "base": image.base,
    }


def _made_record(folder: Path, image: Image, how: Circumstances) -> bytes:
    """Return the record that a program which writes none would have written."""
    # Of an earlier run in this folder there may be a record, its documents and its signature.
    ours = {RECORD, *SIGNATURE_FILES, *map(document_name, how.documents)}
    names = sorted(name for name, _ in files.list_inside(folder) if name not in ours)
    for name in names:
        if not is_of("file name", name):
            raise FileIrregularError(
                f"{folder} holds a file whose name a record cannot hold: {escaped(name)}",
                remedy="make the program use names without backslashes and control characters",
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
            "run_id": folder.name.removeprefix(AGAIN_PREFIX),
            "status": "succeeded",
            "arguments": list(how.arguments),
            "image": _known(image),
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
    lock = read_current_lock(project)
    image = docker_cli.inspect(runner, image_tag(lock))
    _require_image(folder, record, image)
    is_current = current_source(project, runner).sha256 == image.source_sha256
    commit, is_dirty = (commit_of(runner, project.root) if is_current else None) or ("", True)
    how = Circumstances(
        found_by="labels",
        documents=find_documents(project, image),
        commit=commit,
        is_dirty=is_dirty,
    )
    complete(project, folder, image, runner, how)
    keep_image(lock, image, runner)
    reporter.done("record", f"{folder} is complete", digest=image.id)
