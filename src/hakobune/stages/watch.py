"""Follow a job's log to the job's end, and cancel a job."""

import re
from collections.abc import Callable
from dataclasses import replace

from hakobune.adapters.patience import Clock
from hakobune.errors import (
    JobCanceledError,
    JobContradictsError,
    JobFailedError,
    JobNotFoundError,
    JobUnfinishedError,
    LoginError,
    QueueTimeoutError,
    ServiceError,
    ServiceUnavailableError,
    WatchEndedError,
)
from hakobune.interruption import Interrupted
from hakobune.model.cloud import Cloud
from hakobune.model.job import Fate, Job, WatchWishes
from hakobune.model.reporter import Reporter
from hakobune.stages.failed_job import end_of_its_log, what_it_left
from hakobune.transform.names import valid_name

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0
_AGAIN = "for a new job of the same plan: hakobune submit --again"
LONGEST_SILENCE_S = 24 * 3600.0
_CANCELING = "CancelRequested"
_UNKNOWN = "why is not known"
_REASON_S = 60.0  # how often a job that waits for a node says why
# The node was taken away or never started: the same job may succeed on another one.
_NODE_FAULT = re.compile(
    r"pre-?empt|node[^.]{0,40}(lost|unusable|unresponsive|evict)|NodeLost", re.IGNORECASE
)
# What to do about a failure that is not the training program's; the first that fits.
_CAUSES = (
    (
        re.compile(r"(?i)identity of the specified managed compute"),
        (
            "give the cluster an identity: az ml compute update --name <compute> --identity-type "
            "SystemAssigned, with the role Storage Blob Data Contributor for the workspace's "
            "storage account; or submit with --identity user"
        ),
    ),
    (
        re.compile(r"(?i)StreamAccess|DataAccessError|BFSMount"),
        (
            "the node cannot read the data: give the cluster's identity the role Storage Blob Data "
            "Reader, or submit with --identity user or --input-mode download"
        ),
    ),
    (
        re.compile(r"(?i)image.{0,20}pull|pull.{0,20}image|acr ?refresh ?token"),
        (
            "the cluster's identity pulls the image: give it the role AcrPull for the registry, or "
            "Container Registry Repository Reader for a registry in ABAC mode"
        ),
    ),
    (
        _NODE_FAULT,
        "submit again with --retries 3, or without --low-priority",
    ),
    (
        re.compile(r"(?i)out.?of.?memory|\boom|(?:exit|code)\W{1,5}137\b"),
        "choose a --size with more memory, and another --compute name for it",
    ),
    (
        re.compile(r"(?i)time.?limit|timed?.?out|max(?:imum)?.{0,10}duration|allotted"),
        "it ran for as long as --timeout allows: submit with a longer one, such as --timeout 6h",
    ),
    (
        re.compile(r"(?i)container.?setup|(?:exit|code)\W{1,5}126\b"),
        "the node cannot start the image's shell: hakobune smoke tries it here, canary there",
    ),
)


def watch(  # noqa: PLR0913 - what it watches, with what, and how
    cloud: Cloud,
    name: str,
    reporter: Reporter,
    clock: Clock,
    write: Callable[[bytes], None],
    *,
    how: WatchWishes = WatchWishes(),  # noqa: B008 - it is frozen
) -> Job:
    """Show the log until the job is over, and return it.

    The log of a job that is over already is shown too. Raises JobFailedError, JobCanceledError,
    JobNotFoundError, QueueTimeoutError after canceling the job, or an error of the family
    JobRunningError where the job keeps running: nothing changed for a day, or the login ended. An
    interruption leaves it running unless `how` says otherwise.
    """
    try:
        job = _followed(cloud, name, reporter, clock, write, how)
    except (Interrupted, KeyboardInterrupt):
        if how.is_canceled_on_interrupt:
            cloud.cancel_job(name)
            reporter.say(f"\njob {name} is canceled")
            raise
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
        raise canceled(cloud, job)


class _Log:
    """A job's log, read bit by bit. Whether the job succeeds does not depend on who may read it."""

    def __init__(self, cloud: Cloud, job: str, reporter: Reporter) -> None:
        self._cloud, self._job, self._reporter = cloud, job, reporter
        self._offset, self._is_readable = 0, True

    def read_on(self) -> bytes:
        """Return what was not read yet; nothing where it cannot be read, which is said once."""
        if not self._is_readable:
            return b""
        try:
            content, following = self._cloud.log(self._job, self._offset)
        except ServiceUnavailableError as exc:
            self._reporter.say(f"the log is not shown for now: {exc.what}")
            return b""
        except (LoginError, ServiceError) as exc:
            self._reporter.say(f"the log is not shown: {exc.what}\n{exc.remedy}")
            self._is_readable = False
            return b""
        if following < self._offset + len(content):
            self._reporter.say("the log starts again: the job was restarted")
        self._offset = following
        return content


def _followed(  # noqa: PLR0913, PLR0917 - as above
    cloud: Cloud,
    name: str,
    reporter: Reporter,
    clock: Clock,
    write: Callable[[bytes], None],
    how: WatchWishes,
) -> Job:
    status, pause, began = "", FIRST_PAUSE_S, clock.now()
    last_news, last_reason = began, began
    log, is_cancel_seen = _Log(cloud, name, reporter), False
    while clock.now() - last_news <= LONGEST_SILENCE_S:
        # The status first: what the log holds after the job's end is all of it.
        job = asked(cloud, name, is_seen=bool(status))
        is_cancel_seen = is_cancel_seen or job.status == _CANCELING
        if job.status != status:
            reporter.say(f"{name}: {job.status} ({clock.now() - began:.0f} s)")
            status, pause, last_news = job.status, FIRST_PAUSE_S, clock.now()
        if content := log.read_on():
            write(content)
            pause, last_news = FIRST_PAUSE_S, clock.now()
        if job.is_over:
            return replace(job, is_cancel_seen=is_cancel_seen)
        if job.fate is Fate.WAITING:
            _end_long_wait(cloud, job, clock.now() - began, how)
            if clock.now() - last_reason >= _REASON_S:
                reporter.say(f"{name} waits for a node: {_why_waiting(cloud, job)}")
                last_reason = clock.now()
        clock.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_S)
    raise JobUnfinishedError(
        f"the job {name} is {status}, and its log and status did not change for a day",
        remedy=f"the job keeps running; to follow it again: hakobune watch {name}\n"
        f"to end it: hakobune cancel {name}",
    )


def asked(cloud: Cloud, name: str, *, is_seen: bool) -> Job:
    """Return the job. Raises WatchEndedError where it was seen before and cannot be asked now."""
    try:
        return found(cloud, name)
    except (LoginError, ServiceUnavailableError) as exc:
        if not is_seen:
            raise
        raise WatchEndedError(
            f"{exc.what}\n  the job {name} keeps running",
            remedy=f"{exc.remedy}\nto follow the job again with a new login: hakobune watch {name}",
        ) from exc


def _end_long_wait(cloud: Cloud, job: Job, waited_s: float, how: WatchWishes) -> None:
    """Cancel a job that waited for longer than it may, and raise QueueTimeoutError."""
    if not how.queue_timeout_s or waited_s < how.queue_timeout_s:
        return
    why = _why_waiting(cloud, job)
    cloud.cancel_job(job.name)
    raise QueueTimeoutError(
        f"the job {job.name} had not started after {how.queue_timeout_s} s, and is canceled\n"
        f"  {why}",
        remedy=f"choose another --size, --compute or --low-priority, or wait longer\n{_AGAIN}",
    )


def _why_waiting(cloud: Cloud, job: Job) -> str:
    """Return why a job has no node yet, as far as that can be asked."""
    if not job.compute:
        return "it is serverless, and Azure ML does not say how many nodes are free"
    try:
        return f"{job.compute}: {cloud.why_waiting(job.compute)}"
    except (LoginError, ServiceError) as exc:
        return f"why is not known ({exc.what})"


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
    why, shown = _reason(cloud, job)
    left = (*end_of_its_log(cloud, job, why), *what_it_left(cloud, job))
    fallback = f"read its log: hakobune watch {job.name}; it shows the program's error"
    remedy = _remedy(why) or fallback
    return JobFailedError(
        f"the job {job.name} failed" + "".join(f"\n  {line}" for line in (shown, *left) if line),
        remedy=f"{remedy}\n{_AGAIN}" + (f"\n{job.page}" if job.page else ""),
        is_node_fault=_NODE_FAULT.search(why) is not None,
    )


def _reason(cloud: Cloud, job: Job) -> tuple[str, str]:
    """Return the service's words for a job's end, and what is shown in their place.

    How the job ended is known without them.
    """
    try:
        why = cloud.why_failed(job.name)
    except (LoginError, ServiceError) as exc:
        return "", f"{_UNKNOWN}: {exc.what}"
    return why, why


def _remedy(why: str) -> str:
    """Return what to do about the first known cause in the service's words; empty for none."""
    return next((remedy for cause, remedy in _CAUSES if cause.search(why)), "")


def canceled(cloud: Cloud, job: Job) -> JobCanceledError:
    """Return the error for a canceled job.

    A preempted job can end as canceled, too, and then names no reason. On machines that may be
    taken away, a job that nobody was seen to cancel is taken for one whose node was lost.
    """
    why, shown = _reason(cloud, job)
    compute = None
    if job.compute and not shown:
        try:
            compute = cloud.compute(job.compute)
        except (LoginError, ServiceError) as exc:
            shown = f"{_UNKNOWN}: {exc.what}"
    is_lost = compute is not None and compute.is_low_priority and not job.is_cancel_seen
    return JobCanceledError(
        f"the job {job.name} was canceled"
        + (f"\n  {shown}" if shown else "")
        + ("\n  its node may have been preempted: the cluster has low priority" if is_lost else ""),
        remedy="\n".join(filter(None, (_remedy(why), _AGAIN))),
        is_node_fault=is_lost or _NODE_FAULT.search(why) is not None,
    )


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
