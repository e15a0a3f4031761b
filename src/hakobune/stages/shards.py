"""One plan as several jobs of one node each, which share its work; another job merges that.

Each shard is submitted again alone if its node is lost. On nodes that may be taken away this is
cheaper than one job of many nodes, which starts again as a whole whenever it loses one of them.
"""

from dataclasses import dataclass, replace

from hakobune.adapters.patience import Clock
from hakobune.errors import JobCanceledError, JobFailedError, JobUnfinishedError
from hakobune.interruption import Interrupted
from hakobune.model.cloud import Cloud
from hakobune.model.job import Job, WatchWishes
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.job_notes import attempt_of, shards_of
from hakobune.stages.submit import Submission, submit, submit_after
from hakobune.stages.watch import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    LONGEST_SILENCE_S,
    asked,
    require_unfailed,
)
from hakobune.transform.plan_job import plan_shards


@dataclass(slots=True, kw_only=True)
class _Shard:
    """A shard's newest job, and whether somebody was seen to cancel it.

    Without its submission it is only watched.
    """

    job: Job
    submission: Submission | None = None
    is_cancel_seen: bool = False


class Shards:
    """The shards of one plan; `name` is that of the job that merges their work."""

    def __init__(self, project: Project, name: str, cloud: Cloud, reporter: Reporter) -> None:
        self._project = project
        self._name = name
        self._cloud = cloud
        self._reporter = reporter
        self._shards: list[_Shard] = []

    def find(self) -> tuple[Job, ...]:
        """Find the shards that were submitted from here; return the job of each."""
        for note in shards_of(self._project, self._name):
            if (job := self._cloud.job(note.name)) is not None:
                self._shards.append(_Shard(job=job))
        return tuple(shard.job for shard in self._shards)

    def submit(self, whole: Submission) -> tuple[Job, ...]:
        """Submit every shard that was not submitted before; return the job of each.

        `whole` is the submission of the job that merges their work.
        """
        for plan in plan_shards(whole.job, whole.wishes.shards):
            one = replace(whole, job=plan)
            is_ready = bool(self._shards)
            job = submit(self._project, one, self._cloud, self._reporter, is_ready=is_ready)
            self._shards.append(_Shard(submission=one, job=job))
        return tuple(shard.job for shard in self._shards)

    def follow(self, clock: Clock, *, retries: int, how: WatchWishes) -> None:
        """Wait for the end of every shard; submit one again alone if its node was lost.

        The other shards go on if one fails; what they finish is there for the next submit. Raises
        the first failure at the end, and what `watch` raises. An interruption leaves the jobs
        running unless `how` says otherwise.
        """
        try:
            failures = self._followed(clock, retries)
        except (Interrupted, KeyboardInterrupt):
            self._leave(how)
            raise
        for failure in failures[1:]:
            self._reporter.say(failure.what)
        if failures:
            raise failures[0]
        self._reporter.done("watch", f"{len(self._shards)} shards are completed")

    def _followed(self, clock: Clock, retries: int) -> list[JobFailedError | JobCanceledError]:
        failures: list[JobFailedError | JobCanceledError] = []
        left, seen = list(self._shards), dict[str, str]()
        began = last_news = clock.now()
        pause = FIRST_PAUSE_S
        while left:
            for shard in list(left):
                job = shard.job = asked(self._cloud, shard.job.name, is_seen=shard.job.name in seen)
                shard.is_cancel_seen |= job.status == "CancelRequested"
                if seen.get(job.name) != job.status:
                    self._reporter.say(f"{job.name}: {job.status} ({clock.now() - began:.0f} s)")
                    seen[job.name] = job.status
                    pause, last_news = FIRST_PAUSE_S, clock.now()
                if job.is_over and not self._is_tried_again(shard, retries, failures):
                    left.remove(shard)
            if left and clock.now() - last_news > LONGEST_SILENCE_S:
                names = ", ".join(shard.job.name for shard in left)
                raise JobUnfinishedError(
                    f"no status of {names} changed for a day",
                    remedy="the jobs keep running; to follow them again, run the same command",
                )
            if left:
                clock.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_S)
        return failures

    def _is_tried_again(
        self, shard: _Shard, retries: int, failures: list[JobFailedError | JobCanceledError]
    ) -> bool:
        """Submit a shard again if its node was lost; else keep its failure, if it has one."""
        name = shard.job.name
        try:
            require_unfailed(self._cloud, replace(shard.job, is_cancel_seen=shard.is_cancel_seen))
        except (JobFailedError, JobCanceledError) as exc:
            attempt = attempt_of(self._project, name) + 1
            if not exc.is_node_fault or attempt > retries + 1 or shard.submission is None:
                failures.append(exc)
                return False
            self._reporter.say(
                f"{exc.what}\nthe node was lost; resubmitting this shard: attempt {attempt} of "
                f"{retries + 1}"
            )
            shard.job = submit_after(
                self._project, shard.submission, name, self._cloud, self._reporter
            )
            shard.is_cancel_seen = False
            return True
        return False

    def _leave(self, how: WatchWishes) -> None:
        running = [shard.job.name for shard in self._shards if not shard.job.is_over]
        if how.is_canceled_on_interrupt:
            for name in running:
                self._cloud.cancel_job(name)
            self._reporter.say(f"\n{len(running)} shards are canceled")
            return
        self._reporter.say(f"\n{len(running)} shards keep running: {', '.join(running)}")
        self._reporter.say("to go on, run the same command again")
        self._reporter.say(f"to end them: hakobune cancel {self._name}")
