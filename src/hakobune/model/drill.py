"""What a drill takes away from a running job, and what came of it."""

from dataclasses import dataclass
from enum import Enum


class Target(Enum):
    """What is taken away; the value is the drill's name."""

    CONTAINER = "container"
    WORKER = "worker"
    WORKERS = "workers"
    HEAD = "node-0"
    JOB = "all-nodes"
    PROCESS = "process"


MOST_NODES = 16
# A program that shares no work has one container. Of one that does, node 0 has scheduler, client
# and merge in one process, so that one drill is the drill of all three.
ALONE = (Target.CONTAINER,)
SHARED = (Target.WORKER, Target.WORKERS, Target.HEAD, Target.JOB, Target.PROCESS)
WHAT = {
    Target.CONTAINER: "the container is killed in the middle, and started again",
    Target.WORKER: "node 1 is killed while it writes a file",
    Target.WORKERS: "all nodes but node 0 are killed, and started again",
    Target.HEAD: "node 0 (scheduler, client and merge) is killed, and started again",
    Target.JOB: "all nodes are killed, as when a job is preempted, and started again",
    Target.PROCESS: "what works on node 1 is killed three times, as by a batch that kills it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a program says of its work in record.json: what it counts, all of it, done twice."""

    unit: str
    total: int
    twice: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a job of a drill made: seconds, the sha256 of each file, and the program's own count.

    `work` is None where the program counts nothing.
    """

    seconds: float
    files: dict[str, str]
    work: Work | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """One drill beside the undisturbed job. `problem` is empty where a whole result came.

    `how` says what was hit in fact. `differing` are the files that are missing, new or other.
    """

    target: Target
    how: str
    seconds: float = 0.0
    lost_s: float = 0.0
    unit: str = ""
    twice: int | None = None
    lost: int | None = None
    differing: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_passed(self) -> bool:
        """Tell whether nothing is lost and all bytes are equal."""
        return not self.problem and not self.differing and not self.lost

    @property
    def outcome(self) -> str:
        """Return in words whether the bytes are the same."""
        if self.problem:
            return self.problem
        return f"differ: {', '.join(self.differing)}" if self.differing else "equal"
