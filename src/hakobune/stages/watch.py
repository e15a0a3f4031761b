"""Follow a job's log to the job's end, and cancel a job."""

import re
from collections.abc import Callable

from hakobune.adapters.patience import Clock
from hakobune.errors import (
    JobCanceledError,
    JobContradictsError,
    JobFailedError,
    JobNotFoundError,
    JobUnfinishedError,
)
from hakobune.interruption import Interrupted
from hakobune.model.cloud import Cloud
from hakobune.model.job import Fate, Job
from hakobune.model.reporter import Reporter
from hakobune.stages.failed_job import what_it_left
from hakobune.transform.names import valid_name

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0
_AGAIN = "for a new job of the same plan: hakobune submit --again"
_LONGEST_SILENCE_S = 24 * 3600.0
# The node was taken away or never started: the same job may succeed on another one.
_NODE_FAULT = re.compile(
    r"preempt|node[^.]{0,40}(lost|unusable|unresponsive|evict)|NodeLost", re.IGNORECASE
)
# What to do about a failure that is not the training program's; the first that fits.
_CAUSES = (
    (
        re.compile(r"(?i)image.{0,20}pull|pull.{0,20}image"),
        "let the workspace's identity read the registry (the role AcrPull), then submit again",
    ),
    (
        _NODE_FAULT,
        "submit again with --retries 3, or without --low-priority",
    ),
    (
        re.compile(r"(?i)out.?of.?memory|OOM|exit 137|status code 137"),
        "choose a --size with more memory, and another --compute name for it",
    ),
)


def watch(
    cloud: Cloud, name: str, reporter: Reporter, clock: Clock, write: Callable[[bytes], None]
) -> Job:
    """Show the log until the job is over, and return it.

    The log of a job that is over already is shown too. Raises JobFailedError, JobCanceledError,
    JobNotFoundError, or JobUnfinishedError where nothing changed for a day; that and an
    interruption leave the job running.
    """
    try:
        job = _followed(cloud, name, reporter, clock, write)
    except (Interrupted, KeyboardInterrupt):
        reporter.say(f"\njob {name} keeps running")
        reporter.say(f"to see it again: hakobune watch {name}")
        reporter.say(f"to end it: hakobune cancel {name}")
        raise
    require_unfailed(cloud, job)
    reporter.done("watch", f"{name} is completed")
    return job


def require_unfailed(cloud: Cloud, job: Job) -> None:
    """Raise JobFailedError or JobCanceledError for a job that ended in this way."""
    if job.fate is Fate.FAILED:
        raise failure(cloud, job)
    if job.fate is Fate.CANCELED:
        raise canceled(job)


def _followed(
    cloud: Cloud, name: str, reporter: Reporter, clock: Clock, write: Callable[[bytes], None]
) -> Job:
    offset, status, pause, began = 0, "", _FIRST_PAUSE_S, clock.now()
    last_news = began
    while clock.now() - last_news <= _LONGEST_SILENCE_S:
        # The status first: what the log holds after the job's end is all of it.
        job = found(cloud, name)
        if job.status != status:
            reporter.say(f"{name}: {job.status} ({clock.now() - began:.0f} s)")
            status, pause, last_news = job.status, _FIRST_PAUSE_S, clock.now()
        content, following = cloud.log(name, offset)
        if following < offset + len(content):
            reporter.say("the log starts again: the job was restarted")
        if content:
            write(content)
            pause, last_news = _FIRST_PAUSE_S, clock.now()
        offset = following
        if job.is_over:
            return job
        clock.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)
    raise JobUnfinishedError(
        f"the job {name} is {status}, and its log and status did not change for a day",
        remedy=f"the job keeps running; to follow it again: hakobune watch {name}\n"
        f"to end it: hakobune cancel {name}",
    )


def found(cloud: Cloud, name: str) -> Job:
    """Return the job. Raises JobNotFoundError, NameInvalidError, JobContradictsError."""
    job = cloud.job(valid_name("job", name))
    if job is None:
        raise JobNotFoundError(
            f"the workspace has no job {name}",
            remedy="check the name and the workspace: the studio lists all jobs",
        )
    if job.name != name:
        raise JobContradictsError(
            f"the workspace was asked for the job {name} and describes {job.name}",
            remedy="write the job's name as the studio shows it",
        )
    return job


def failure(cloud: Cloud, job: Job) -> JobFailedError:
    """Return the error for a failed job, with what the service reports of it."""
    why = cloud.why_failed(job.name)
    left = what_it_left(cloud, job)
    fitting = (remedy for cause, remedy in _CAUSES if cause.search(why))
    remedy = next(fitting, f"read its log: hakobune watch {job.name}; it shows the program's error")
    return JobFailedError(
        f"the job {job.name} failed" + "".join(f"\n  {line}" for line in (why, *left) if line),
        remedy=f"{remedy}\n{_AGAIN}" + (f"\n{job.page}" if job.page else ""),
        is_node_fault=_NODE_FAULT.search(why) is not None,
    )


def canceled(job: Job) -> JobCanceledError:
    """Return the error for a canceled job."""
    return JobCanceledError(f"the job {job.name} was canceled", remedy=_AGAIN)


def cancel(cloud: Cloud, name: str, reporter: Reporter) -> Job:
    """Cancel the job and return it; a job that is over keeps its state."""
    job = found(cloud, name)
    if job.is_over:
        reporter.say(f"{name} is over already: {job.status}")
        return job
    cloud.cancel_job(name)
    job = found(cloud, name)
    reporter.done("cancel", f"{name}: {job.status}")
    return job
