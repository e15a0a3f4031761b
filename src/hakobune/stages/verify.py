"""The chain of a run, from its files to its image; each hash is computed from the bytes."""

import hashlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hakobune.adapters import docker_cli, files
from hakobune.adapters.commit import tree_at
from hakobune.adapters.process import Runner
from hakobune.errors import (
    DataChangedError,
    DocumentChangedError,
    FileIrregularError,
    FileNotWritableError,
    ImageChangedError,
    ImageInvalidError,
    JobContradictsError,
    OutputAbsentError,
    RecordIncompleteError,
    RunClaimedTwiceError,
    RunMisplacedError,
    SourceUnprovenError,
)
from hakobune.model.forms import escaped, is_of
from hakobune.model.link import Link
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.record import DOCUMENTS, RECORD, Document, Outside, RunRecord
from hakobune.oci.archive import check_saved
from hakobune.stages.base_image import bases_of
from hakobune.stages.check_signature import UNSIGNED, Demand, check_signature
from hakobune.stages.inputs import has_digest, recorded_input
from hakobune.stages.record import (
    AGAIN,
    AGAIN_PREFIX,
    check_files,
    check_listing,
    document_name,
    read_run_record,
    recorded_image,
    require_outside,
)
from hakobune.stages.render import current_source
from hakobune.transform.arguments import value_at, value_place
from hakobune.transform.read_lock import read_lock
from hakobune.transform.read_record import IMAGE_KEYS
from hakobune.transform.render_dockerfile import (
    IGNORED_SOURCE,
    is_left_out,
    is_of_image,
    source_of,
)
from hakobune.transform.seal import is_sealed


def walk(
    project: Project, folder: Path, runner: Runner, demand: Demand | None = None
) -> Iterator[Link]:
    """Yield each link that holds; raise an error that names the first that does not.

    Offline. `demand` says what the signature must be; None accepts any and none. Each kind of
    link has an error of its own (docs/reference/exit-codes.md).
    """
    record = read_run_record(folder)
    yield Link(name="record", what=str(folder / RECORD), digest=record.sha256)
    check_listing(folder, record)
    project = project.entry(record.arguments)
    _require_own_folder(project, folder, record)
    _require_only_one(folder, record)
    yield check_signature(project, folder, record, demand or Demand())
    yield from check_files(folder, record)
    outside = require_outside(record, folder)
    _require_whole(project, folder, record, outside)
    _require_outputs(project, folder, record)
    yield from _data(project, record, outside)
    yield from _documents(folder, record, outside)
    yield from _source(project, outside, runner)
    if outside.job is not None:
        yield _job(record, outside)
    yield _image(record, outside, runner)


def summary(links: list[Link]) -> str:
    """Return in one line what a chain proves, all links of which hold."""
    unseen = {link.name: link for link in links if not link.is_seen}
    told = "intact, signed"
    if signature := unseen.pop("signed", None):
        is_unsigned = signature.what == UNSIGNED
        told = f"intact, {UNSIGNED if is_unsigned else 'signed by an unconfirmed key'}"
        told += ": accidental changes only"
    return told + (f"; not verifiable here: {', '.join(sorted(unseen))}" if unseen else "")


def _require_own_folder(project: Project, folder: Path, record: RunRecord) -> None:
    """Raise RunMisplacedError unless the folder has the run's name, or that of a repetition.

    Where the user named a folder of `runs` as the output, that is its name.
    """
    names = {record.run_id, f"{AGAIN_PREFIX}{record.run_id}"}
    for output in project.outputs:
        place = value_place(list(record.arguments), output.flag)
        if place is not None:
            path = PurePosixPath(value_at(list(record.arguments), place, output.flag))
            names |= {path.name} if path.parts[:1] == ("runs",) else set()
    name = folder.resolve().name
    if name not in names:
        raise RunMisplacedError(
            f"{folder} contains the run {record.run_id}: the folder of a run has the run's name",
            remedy="if this is a copy of that run, give it that name: "
            f"mv -- {shlex.quote(name)} {shlex.quote(record.run_id)}",
        )


def _require_only_one(folder: Path, record: RunRecord) -> None:
    """Raise RunClaimedTwiceError where another folder beside this one has a record of the run."""
    here = folder.resolve()
    claim = f'"run_id": {json.dumps(record.run_id, ensure_ascii=False)}'.encode()
    for other in sorted(here.parent.iterdir()):
        # Hidden folders are ours: a run that is being reproduced or fetched. A link is no run.
        if other == here or other.name.startswith(".") or other.is_symlink():
            continue
        try:
            content = files.read_inside(other, RECORD) or b""
        except (FileIrregularError, FileNotWritableError):
            continue
        # Cheaper than parsing each record: the text must have the run's id.
        if claim in content:
            raise RunClaimedTwiceError(
                f"{folder.name} and {escaped(other.name)} both claim to be the run {record.run_id}",
                remedy="one of them is a copy: move it elsewhere, then verify the other",
            )


def _require_whole(project: Project, folder: Path, record: RunRecord, outside: Outside) -> None:
    """Raise RecordIncompleteError for a section that is empty or contradicts another one."""
    place = folder / RECORD
    for key in IMAGE_KEYS:
        if not record.image.get(key):
            raise _incomplete(place, f"`image` does not have `{key}`")
    if not record.manifest or not outside.base:
        raise _incomplete(place, f"`{'manifest' if outside.base else 'outside.base'}` is empty")
    if (outside.found_by == "job") != (outside.job is not None):
        raise _incomplete(place, f"`found_by` is {outside.found_by}, which `job` contradicts")
    read = {item.name: item.sha256 for item in record.inputs}
    for item in outside.inputs:
        if read.get(item.name) != item.sha256:
            raise _incomplete(place, f"`inputs` and `outside.inputs` differ in `{item.name}`")
    given = [item for item in project.inputs if value_place(list(record.arguments), item.flag)]
    for named in given if outside.found_by == "container" else ():
        if named.name not in read:
            raise _incomplete(place, f"`arguments` has {named.flag} and `inputs` no `{named.name}`")


def _require_outputs(project: Project, folder: Path, record: RunRecord) -> None:
    """Raise OutputAbsentError for an output that the project declares and the run does not have."""
    sizes = {entry.name: entry.size_bytes for entry in record.manifest}
    for name in (name for output in project.outputs for name in output.files):
        if name != RECORD and not sizes.get(name):
            what = "is empty" if name in sizes else "is not in its record"
            raise OutputAbsentError(
                f"{folder}: the declared output {name} {what}",
                remedy="train again, or correct `files` in [tool.hakobune.outputs]",
            )


def _incomplete(place: Path, what: str) -> RecordIncompleteError:
    return RecordIncompleteError(
        f"{place}: {what}",
        remedy="do not use this run; docs/reference/record.md describes a record",
    )


def _data(project: Project, record: RunRecord, outside: Outside) -> Iterator[Link]:
    places = {item.name: item for item in outside.inputs}
    for item in record.inputs:
        place = places.get(item.name)
        if place is None or not place.path:
            yield Link(
                name="data",
                what=f"{item.name}: {item.path or 'inside the image'}, not verifiable here",
                digest=item.sha256,
                is_seen=False,
            )
            continue
        path = recorded_input(project.root, place.path)
        if path is None:
            what = f"{project.root / place.path} is missing"
            yield Link(name="data", what=what, digest=item.sha256, is_seen=False)
            continue
        if not has_digest(path, item.sha256):
            raise DataChangedError(
                f"{path} is not what the run read (sha256 {item.sha256[:12]}…)",
                remedy="restore the file that the run read, or train again on the new one",
            )
        yield Link(name="data", what=str(path), digest=item.sha256)


def _documents(folder: Path, record: RunRecord, outside: Outside) -> Iterator[Link]:
    """Check the run's copies of Dockerfile, lock and conda file, and that they fit together."""
    dockerfile = _document(folder, outside.dockerfile)
    if not is_sealed(dockerfile):
        raise DocumentChangedError(
            f"{folder / DOCUMENTS}: the Dockerfile was edited by hand", remedy=AGAIN
        )
    if not is_of_image(
        dockerfile,
        environment=outside.environment.sha256,
        lock=outside.lock.sha256,
        source=outside.source.sha256,
    ):
        raise DocumentChangedError(
            f"{folder / DOCUMENTS}: the Dockerfile belongs to another lock, conda file or source",
            remedy=AGAIN,
        )
    yield Link(name="build", what=outside.dockerfile.path, digest=outside.dockerfile.sha256)
    content = _document(folder, outside.lock)
    _require_same("lock", record.image.get("lock_sha256", ""), outside.lock.sha256)
    yield Link(name="lock", what=outside.lock.path, digest=outside.lock.sha256)
    _document(folder, outside.environment)
    lock = read_lock(content, file=outside.lock.path)
    _require_same("conda file", lock.environment_sha256, outside.environment.sha256)
    _require_same(
        "conda file", record.image.get("environment_sha256", ""), outside.environment.sha256
    )
    yield Link(name="conda", what=outside.environment.path, digest=outside.environment.sha256)
    yield _base(outside, lock)


def _base(outside: Outside, lock: Lock) -> Link:
    """Compare the base with those that the lock names.

    The tag of a base made from Debian's packages depends on docker/base, too: one that another
    docker/base made cannot be compared.
    """
    if outside.base in bases_of(lock):
        return Link(name="base", what=outside.base)
    if lock.debian_base and outside.base.startswith(f"hakobune-base:{lock.debian_base.suite}-"):
        what = f"{outside.base}, made by another version of hakobune"
        return Link(name="base", what=what, is_seen=False)
    raise DocumentChangedError(f"the record's base {outside.base} is not in its lock", remedy=AGAIN)


def _document(folder: Path, document: Document) -> bytes:
    path = folder / document_name(document.path)
    content = files.read_inside(folder, document_name(document.path))
    if content is None:
        raise DocumentChangedError(f"{path} is missing; the record names it", remedy=AGAIN)
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise DocumentChangedError(
            f"{path} is not the {document.path} of the run: its sha256 is not the record's",
            remedy=AGAIN,
        )
    return content


def _require_same(name: str, inside: str, outside: str) -> None:
    if inside and inside != outside:
        raise DocumentChangedError(
            f"the record contradicts itself: the {name} is {inside[:12]}… in one place and "
            f"{outside[:12]}… in another",
            remedy=AGAIN,
        )


def _source(project: Project, outside: Outside, runner: Runner) -> Iterator[Link]:
    """Compare the source with the checkout and with the commit that the record names."""
    wanted, commit = outside.source.sha256, outside.commit[:12]
    there = _source_at(project, outside, runner)
    if there not in ("", wanted) and not outside.is_dirty:
        raise SourceUnprovenError(
            f"{outside.source.path} of commit {commit} is not the run's source, "
            "and the record says that the checkout was clean",
            remedy="the record or git's history was changed: ask who made the run",
        )
    where = ""
    if current_source(project, runner).sha256 == wanted:
        where = "as in this checkout"
    elif there == wanted:
        where = f"of commit {commit}"
    if where:
        yield Link(name="source", what=f"{outside.source.path}, {where}", digest=wanted)
    else:
        what = f"{outside.source.path} has changed since, and no commit here has the run's version"
        yield Link(name="source", what=what, digest=wanted, is_seen=False)
    if not outside.commit:
        what = "the project was not under version control"
    elif not there:
        what = f"{commit}, which this repository does not know"
    elif outside.is_dirty:
        what = f"{commit}, with uncommitted changes"
    else:
        what = f"{commit}, which has this source"
    yield Link(name="commit", what=what, is_seen=there == wanted)


def _source_at(project: Project, outside: Outside, runner: Runner) -> str:
    """Return the digest of the source in the record's commit; empty where it is unknown here."""
    tree = tree_at(runner, project.root, outside.commit, outside.source.path, IGNORED_SOURCE)
    if tree is None:
        return ""
    taken = {path: data for path, data in tree.items() if not is_left_out(project, path)}
    return source_of(taken).sha256


def _job(record: RunRecord, outside: Outside) -> Link:
    """Compare what Azure ML reported of the job and its environment with the record."""
    job = outside.job
    assert job is not None  # noqa: S101 - for mypy
    digest = job.image.partition("@")[2]
    claims = [("image", digest, outside.image)]
    known = {
        "hakobune.image": outside.image,
        "hakobune.lock": outside.lock.sha256,
        "hakobune.environment": outside.environment.sha256,
        "hakobune.source": outside.source.sha256,
        "hakobune.base": outside.base,
    }
    # The tag of a reference to a place of Azure ML is that reference, and no sha256.
    known |= {f"hakobune.data.{i.name}": i.sha256 for i in record.inputs}
    for tag, recorded in known.items():
        tagged = job.tags.get(tag, recorded)
        if not tag.startswith("hakobune.data.") or is_of("sha256", tagged):
            claims.append((f"tag {tag}", tagged, recorded))
    for what, found, recorded in claims:
        if found != recorded:
            raise JobContradictsError(
                f"Azure ML reports {found or 'nothing'} as the {what} of job {job.name} "
                f"({job.environment}), and the record has {recorded}",
                remedy="do not use this model: find out who changed the environment or the record",
            )
    return Link(name="job", what=f"{job.name} in {job.environment}", digest=digest)


def _image(record: RunRecord, outside: Outside, runner: Runner) -> Link:
    """Check the image's labels, and the bytes of each layer.

    Comes last, because ImageMissingError then leaves only this link unverified.
    """
    image = recorded_image(outside, runner)
    wanted = {
        "environment": (image.environment_sha256, outside.environment.sha256),
        "lock": (image.lock_sha256, outside.lock.sha256),
        "source": (image.source_sha256, outside.source.sha256),
        "base": (image.base, outside.base),
    }
    for name, (found, recorded) in wanted.items():
        inside = record.image.get("base" if name == "base" else f"{name}_sha256", "")
        if found != recorded or (inside and inside != found):
            raise ImageChangedError(
                f"the image {outside.image[:19]} was made from another {name} than the record says",
                remedy=AGAIN,
            )
    check_image(outside.image, runner)
    return Link(name="image", what=outside.reference, digest=outside.image)


def check_image(image_id: str, runner: Runner) -> None:
    """Raise ImageChangedError unless the engine's image consists of the bytes that its id names."""
    try:
        check_saved(image_id, lambda consume: docker_cli.save_into(runner, image_id, consume))
    except ImageInvalidError as exc:
        raise ImageChangedError(
            f"the image {image_id[:19]} is damaged on this machine: {exc.what}",
            remedy="remove it and build or pull it again: hakobune build",
        ) from exc
