"""A short job of the image that compares what hakobune assumes of a node with what is there."""

import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.process import Runner
from hakobune.errors import (
    HakobuneError,
    JobFailedError,
    OutputsMissingError,
)
from hakobune.model.cloud import Cloud
from hakobune.model.finding import Finding
from hakobune.model.image import PushedImage
from hakobune.model.job import Job
from hakobune.model.project import Project
from hakobune.stages.deliver import Order, Services
from hakobune.stages.dry_run import documents
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, push
from hakobune.stages.submit import Submission, plan_submit, submit_once
from hakobune.stages.watch import watch
from hakobune.transform.canary import (
    LARGEST,
    MARK,
    OUTPUT,
    REPORT,
    Report,
    canary_command,
    find_report,
    judge,
    read_report,
)

KEPT = ".hakobune/canary"
_LONGEST_LOG = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the canary of a job found, and the file that keeps it."""

    job: str
    findings: tuple[Finding, ...]
    facts: dict[str, str]
    file: Path


def preview_canary(project: Project, order: Order, runner: Runner) -> tuple[str, ...]:
    """Return the YAML of all that a canary would create."""
    pushed = plan_push(project, runner, registry_name=order.registry or UNKNOWN_REGISTRY)
    return documents(_plan(project, order, pushed, runner))


def _plan(project: Project, order: Order, pushed: PushedImage, runner: Runner) -> Submission:
    """Return the canary's job: the image, environment, compute and options of a training's job."""
    planned = plan_submit(project, order.wishes, pushed, runner=runner, cwd=order.cwd)
    job = replace(
        planned.job,
        name=f"{planned.job.name}-canary",
        command=canary_command(files.read_data("canary.py"), project.program),
        inputs=(),
        outputs=(OUTPUT,),
    )
    return replace(planned, job=job)


def run_canary(services: Services, order: Order) -> Observation:
    """Push the image if it is not there, run the canary's job, and keep what it observed.

    Raises what push and submit raise, JobFailedError where the program did not run at all, and
    OutputsMissingError where it ran and neither log nor output has its report.
    """
    project, cloud, patience = services.project, services.cloud, services.patience
    registry = order.registry or cloud.registry()
    pushing = plan_push(project, services.runner, registry_name=registry)
    pushed = push(pushing, services.runner, patience, patience.reporter)
    submission = _plan(project, order, pushed, services.runner)
    job = submit_once(project, submission, cloud, patience.reporter)
    log = bytearray()
    failed: JobFailedError | None = None
    try:
        job = watch(
            cloud,
            job.name,
            patience.reporter,
            patience.clock,
            lambda content: log.extend(content[: _LONGEST_LOG - len(log)]),
        )
    except JobFailedError as exc:
        failed = exc
    report = _report(cloud, job, bytes(log), failed)
    findings = judge(report)
    return Observation(
        job=job.name,
        findings=findings,
        facts=report.facts,
        file=_keep(project, job, findings, report.facts),
    )


def _report(cloud: Cloud, job: Job, log: bytes, failed: JobFailedError | None) -> Report:
    """Return the program's report with what was seen from here: log and output."""
    logged = find_report(log)
    stored, why = _stored(cloud, job)
    if not (logged or stored):
        raise failed or OutputsMissingError(
            f"the job {job.name} completed, and its report is neither in its log nor in its output "
            f"({why})",
            remedy="look at the job's log in the studio: it should have a line that begins with "
            f"{MARK.decode().strip()}",
        )
    report = read_report(logged or stored)
    is_stored = bool(stored) and (not logged or stored.strip() == logged)
    is_writable = report.checks["output"][0] is True
    seen = {
        "arrival": (is_stored if is_writable else None, why or "the report is there"),
        "log": (bool(logged), "the report is in it" if logged else "the report is not in it"),
    }
    return replace(report, checks={**report.checks, **seen})


def _stored(cloud: Cloud, job: Job) -> tuple[bytes, str]:
    """Return the report in the job's output; else nothing, and why."""
    try:
        there = [file for file in cloud.output_files(job, OUTPUT) if file.name == REPORT]
        if not there or there[0].size_bytes > LARGEST:
            return b"", f"the output has no {REPORT}"
        with tempfile.TemporaryDirectory() as folder:
            cloud.fetch_file(there[0], Path(folder) / REPORT)
            return (Path(folder) / REPORT).read_bytes(), ""
    except HakobuneError as exc:
        return b"", exc.what


def _keep(project: Project, job: Job, findings: tuple[Finding, ...], facts: dict[str, str]) -> Path:
    files.own_folder(project.root)
    path = project.root / KEPT / f"{job.name}.json"
    document = {
        "schema_version": 1,
        "job": job.name,
        "findings": [asdict(one) for one in findings],
        "facts": facts,
    }
    content = json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"
    files.write_bytes(path, content)
    return path
