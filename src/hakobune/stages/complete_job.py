"""What Azure ML reports of a fetched job, written into the record of its run."""

import re
from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.process import Runner
from hakobune.errors import JobContradictsError, RecordIncompleteError
from hakobune.model.cloud import Cloud
from hakobune.model.image import Image
from hakobune.model.job import Job
from hakobune.model.project import Project
from hakobune.model.record import (
    RECORD,
    Circumstances,
    JobFacts,
    RecordedInput,
    valid_commit,
)
from hakobune.model.reporter import Reporter
from hakobune.stages.inputs import has_digest, recorded_input
from hakobune.stages.record import complete, find_documents, read_run_record
from hakobune.stages.submit import notes
from hakobune.stages.watch import found
from hakobune.transform.plan_job import job_arguments


def complete_job(
    project: Project, cloud: Cloud, folder: Path, runner: Runner, reporter: Reporter
) -> bool:
    """Complete the record of a fetched run; tell whether it is complete now.

    Where the program left no record, one is made of the files and of what Azure ML knows of the
    job, unless one output alone was fetched. It stays incomplete where nothing here has the lock
    and the Dockerfile of the job's image, which is said. Raises JobContradictsError where Azure ML
    reports another image for the job's environment than the job was submitted with, or a tag
    `git.commit` that is not a commit id.
    """
    record = read_run_record(folder) if (folder / RECORD).is_file() else None
    if record is None and not _is_whole(project, folder):
        return False
    # Completed by us, and not by the program that ran there.
    outside = None if record is None else record.outside
    if outside is not None and outside.job is not None and outside.job.name == folder.name:
        return True
    job = found(cloud, folder.name)
    image = Image(
        tag=_environment_image(cloud, job),
        id=job.tag("hakobune.image"),
        base=job.tag("hakobune.base"),
        size_bytes=0,
        environment_sha256=job.tag("hakobune.environment"),
        lock_sha256=job.tag("hakobune.lock"),
        source_sha256=job.tag("hakobune.source"),
    )
    commit = _commit(job)
    try:
        documents = find_documents(project, image)
    except RecordIncompleteError as exc:
        reporter.say(
            f"{exc.what}, so the record of {folder.name} stays incomplete; "
            + (f"check out commit {commit[:12]} and fetch again" if commit else exc.remedy)
        )
        return False
    how = Circumstances(
        found_by="job",
        documents=documents,
        commit=commit,
        is_dirty=job.tag("git.dirty") != "false",
        arguments=job_arguments(project, job.command),
        inputs=_uploaded(project, job),
        job=JobFacts(
            name=job.name, environment=job.environment, image=image.tag, tags=dict(job.tags)
        ),
    )
    complete(project, folder, image, runner, how)
    return True


def _commit(job: Job) -> str:
    """Return the commit that the job was submitted from; anybody in the workspace can set a tag."""
    try:
        return valid_commit(job.tag("git.commit").removeprefix("none"))
    except ValueError as exc:
        raise JobContradictsError(
            f"the tag `git.commit` of job {job.name}: {exc}",
            remedy="do not use the results of this job: hakobune never writes such a value, so "
            "another user of the workspace changed the tag",
        ) from exc


def _is_whole(project: Project, folder: Path) -> bool:
    """Tell whether every output is there, and not one that was asked for alone."""
    return all(files.has_content(folder / name) for out in project.outputs for name in out.files)


def _environment_image(cloud: Cloud, job: Job) -> str:
    """Return the image that the service has for the job's environment, once it is the job's."""
    name, _, version = job.environment.partition(":")
    image = cloud.environment_image(name, version) or ""
    submitted = job.tag("hakobune.image")
    if not submitted or image.partition("@")[2] != submitted:
        raise JobContradictsError(
            f"Azure ML reports {image or 'no image'} for {job.environment} of job {job.name}, "
            f"which was submitted with {submitted or 'no digest'}",
            remedy="do not use this model; find out who registered that environment",
        )
    return image


def _uploaded(project: Project, job: Job) -> tuple[RecordedInput, ...]:
    """Return the files that were uploaded for the job, by the sha256 that they had then.

    The path is empty where this machine does not know it, or has another file there now.
    """
    paths = next((note.inputs for note in notes(project) if note.name == job.name), {})
    found = []
    for item in project.inputs:
        sha256 = job.tag(f"hakobune.data.{item.name}")
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):  # a reference to a place of Azure ML
            continue
        path = paths.get(item.name, "")
        there = recorded_input(project.root, path) if path else None
        if there is None or not has_digest(there, sha256):
            path = ""
        found.append(RecordedInput(name=item.name, path=path, sha256=sha256))
    return tuple(found)
