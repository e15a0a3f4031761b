"""A job from its submission to its end, tried again where a node was lost."""

from collections.abc import Callable

from hakobune.errors import JobFailedError
from hakobune.model.job import Job
from hakobune.model.reporter import Reporter
from hakobune.stages.submit import Submission, next_attempt


def to_its_end(
    submission: Submission,
    *,
    submitting: Callable[[Submission], Job],
    watching: Callable[[Job], Job],
    reporter: Reporter,
    retries: int,
) -> Job:
    """Return the completed job; one that lost its node is submitted again, `retries` times.

    The training program's own failure is never tried again: it would fail again.
    """
    wanted = submission
    for number in range(2, retries + 2):
        job = submitting(wanted)
        try:
            return watching(job)
        except JobFailedError as exc:
            if not exc.is_node_fault:
                raise
            reporter.say(f"{exc.what}\nthat was the node's fault: attempt {number}")
        wanted = next_attempt(submission, number)
    return watching(submitting(wanted))
