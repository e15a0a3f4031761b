"""What Azure ML reports of a fetched job, written into the record of its run."""

from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.process import Runner
from hakobune.errors import JobContradictsError, RecordIncompleteError
from hakobune.model.cloud import Cloud
from hakobune.model.forms import is_of, optional
from hakobune.model.image import Image
from hakobune.model.job import Job
from hakobune.model.project import Project
from hakobune.model.record import (
    RECORD,
    Circumstances,
    JobFacts,
    RecordedInput,
)
from hakobune.model.reporter import Reporter
from hakobune.stages.inputs import has_digest, recorded_input
from hakobune.stages.job_notes import notes
from hakobune.stages.record import complete, find_documents, read_run_record
from hakobune.stages.watch import found
from hakobune.transform.plan_job import job_arguments


def complete_job(
    project: Project, cloud: Cloud, folder: Path, runner: Runner, reporter: Reporter
) -> bool:
    """Complete the record of a fetched run; tell whether it is complete now.

    Where the program left no record, one is made of the files and of what Azure ML knows of the
    job, unless one output alone was fetched. It stays incomplete where nothing here has the lock
    and the Dockerfile of the job's image, which is said. Raises JobContradictsError where Azure ML
    reports another image for the job's environment than the job was submitted with, or a tag or
    command that hakobune does not write.
    """
    record = read_run_record(folder) if files.has_content(folder / RECORD) else None
    if record is None and not _is_whole(project, folder):
        return False
    # Completed by us, and not by the program that ran there.
    outside = None if record is None else record.outside
    if outside is not None and outside.job is not None and outside.job.name == folder.name:
        return True
    job = found(cloud, folder.name)
    image = _image_of(cloud, job)
    commit = _tag(job, "git.commit", "commit id")
    try:
        documents = find_documents(project, image)
    except RecordIncompleteError as exc:
        reporter.say(
            f"{exc.what}, so the record of {folder.name} stays incomplete; "
            + (f"check out commit {commit[:12]} and fetch again" if commit else exc.remedy)
        )
        return False
    arguments = _arguments(project, job)
    how = Circumstances(
        found_by="job",
        documents=documents,
        commit=commit,
        is_dirty=job.tag("git.dirty") != "false",
        arguments=arguments,
        inputs=_uploaded(project.entry(arguments), job),
        job=_facts(job, image),
    )
    complete(project, folder, image, runner, how)
    return True


def _image_of(cloud: Cloud, job: Job) -> Image:
    """Return the job's image as its tags describe it. Raises JobContradictsError."""
    return Image(
        tag=_environment_image(cloud, job),
        id=_tag(job, "hakobune.image", "digest"),
        base=_tag(job, "hakobune.base", "image reference"),
        size_bytes=0,
        environment_sha256=_tag(job, "hakobune.environment", "sha256"),
        lock_sha256=_tag(job, "hakobune.lock", "sha256"),
        source_sha256=_tag(job, "hakobune.source", "sha256"),
    )


def _facts(job: Job, image: Image) -> JobFacts:
    """Return what the record says of the job. Raises JobContradictsError."""
    try:
        return JobFacts(
            name=job.name, environment=job.environment, image=image.tag, tags=dict(job.tags)
        )
    except ValueError as exc:
        raise JobContradictsError(
            f"Azure ML describes job {job.name} with {exc}",
            remedy="correct the job's tags in the studio, then fetch again",
        ) from exc


def _tag(job: Job, name: str, kind: str) -> str:
    """Return a tag's value. Raises JobContradictsError unless it has its form, or is empty."""
    try:
        # What `submit` writes where there is no commit.
        value = job.tag(name)
        return optional(kind, "" if value == "none" else value)
    except ValueError as exc:
        raise JobContradictsError(
            f"the tag `{name}` of job {job.name}: {exc}",
            remedy="do not use the results of this job: hakobune never writes such a value, so "
            "another user of the workspace changed the tag",
        ) from exc


def _arguments(project: Project, job: Job) -> tuple[str, ...]:
    """Return the arguments of the job's command. Raises JobContradictsError."""
    try:
        return job_arguments(project, job.command)
    except ValueError as exc:
        raise JobContradictsError(
            f"the command of job {job.name} is not one that a shell can read: {exc}",
            remedy="do not use the results of this job: hakobune never writes such a command",
        ) from exc


def _is_whole(project: Project, folder: Path) -> bool:
    """Tell whether every output of a command is there, and not one that was asked for alone."""
    entries = (project, *(project.entry((command.name,)) for command in project.commands))
    return any(
        all(files.has_content(folder / name) for out in entry.outputs for name in out.files)
        for entry in entries
    )


def _environment_image(cloud: Cloud, job: Job) -> str:
    """Return the image that the service has for the job's environment, once it is the job's."""
    name, _, version = job.environment.partition(":")
    image = (cloud.environment_image(name, version) if version else None) or ""
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
        if not is_of("sha256", sha256):  # a reference to a place of Azure ML
            continue
        path = paths.get(item.name, "")
        there = recorded_input(project.root, path) if path else None
        if there is None or not has_digest(there, sha256):
            path = ""
        found.append(RecordedInput(name=item.name, path=path, sha256=sha256))
    return tuple(found)
