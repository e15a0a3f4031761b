"""What Azure ML reports of a fetched job, written into the record of its run."""

from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.process import Runner
from hakobune.errors import JobContradictsError
from hakobune.model.cloud import Cloud
from hakobune.model.image import Image
from hakobune.model.job import Job
from hakobune.model.project import Project
from hakobune.model.record import RECORD, Circumstances, JobFacts, RecordedInput, RunRecord
from hakobune.model.reporter import Reporter
from hakobune.stages.project import read_current_lock
from hakobune.stages.record import complete, read_run_record
from hakobune.stages.submit import notes
from hakobune.stages.watch import found


def complete_job(
    project: Project, cloud: Cloud, folder: Path, runner: Runner, reporter: Reporter
) -> bool:
    """Complete the record of a fetched run; tell whether it is complete now.

    Not so where the program left no record, and where the lock that lies here is not the job's any
    more, which is said. Raises JobContradictsError where Azure ML reports another image for the
    job's environment than the job was submitted with.
    """
    if not (folder / RECORD).is_file():
        return False
    record = read_run_record(folder)
    if record.outside is not None:
        return True
    job = found(cloud, folder.name)
    reference = _environment_image(cloud, job)
    if read_current_lock(project).sha256 != job.tag("hakobune.lock"):
        reporter.say(
            f"{project.lock} is not the job's any more, so its record stays incomplete; "
            f"check out commit {job.tag('git.commit')[:12]} and fetch again"
        )
        return False
    image = Image(
        tag=reference,
        id=job.tag("hakobune.image"),
        base=record.image.get("base", ""),
        size_bytes=0,
        environment_sha256=job.tag("hakobune.environment"),
        lock_sha256=job.tag("hakobune.lock"),
        source_sha256=job.tag("hakobune.source"),
    )
    facts = JobFacts(
        name=job.name, environment=job.environment, image=reference, tags=dict(job.tags)
    )
    how = Circumstances(found_by="job", inputs=_uploaded(project, job.name, record), job=facts)
    complete(project, folder, image, runner, how)
    return True


def _environment_image(cloud: Cloud, job: Job) -> str:
    """Return the image that the service has for the job's environment, once it is the job's."""
    name, _, version = job.environment.partition(":")
    image = cloud.environment_image(name, version) or ""
    submitted = job.tag("hakobune.image")
    if not submitted or image.partition("@")[2] != submitted:
        raise JobContradictsError(
            f"Azure ML reports {image or 'no image'} for {job.environment} of job {job.name}, "
            f"which was submitted with {submitted or 'no digest'}",
            remedy="do not use this model: find out who registered that environment",
        )
    return image


def _uploaded(project: Project, name: str, record: RunRecord) -> tuple[RecordedInput, ...]:
    """Return the files of this machine that the job read, if they still are what it read."""
    read = {item.name: item.sha256 for item in record.inputs}
    return tuple(
        RecordedInput(name=item, path=path, sha256=read[item])
        for note in notes(project)
        if note.name == name
        for item, path in note.inputs.items()
        if (project.root / path).is_file()
        and files.sha256_of(project.root / path) == read.get(item)
    )
