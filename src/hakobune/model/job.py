"""A job of Azure ML, its environment and its cluster: as planned, and as the workspace has it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

Pairs = tuple[tuple[str, str], ...]
DEFAULT_SIZE = "Standard_D2s_v3"
# How a job's outputs get into the store: at its end, or file by file while it runs.
UPLOAD, RW_MOUNT = OUTPUT_MODES = ("upload", "rw_mount")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPlan:
    """An environment to be registered: the image by its digest, under a version made from it."""

    name: str
    version: str
    image: str
    tags: Pairs

    @property
    def reference(self) -> str:
        """The environment as a job names it: `name:version`."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePlan:
    """A cluster to be created: without a job it has no node and costs nothing."""

    name: str
    size: str = DEFAULT_SIZE
    max_instances: int = 1
    is_low_priority: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A compute that the workspace has. `state` is Azure ML's own word."""

    name: str
    kind: str
    state: str
    size: str
    max_instances: int
    is_low_priority: bool
    errors: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Processors of a kind: needed for one node, in use by others, and allowed."""

    kind: str
    per_node: int
    used: int
    allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """What the job reads: a file or folder here, to be uploaded, or a reference of Azure ML.

    `path` is relative to the project or absolute for one of this machine; a folder's ends with `/`.
    Of a reference, neither size nor sha256 is known.
    """

    name: str
    path: str
    sha256: str = ""
    size_bytes: int = 0
    is_folder: bool = False

    @property
    def is_local(self) -> bool:
        """Tell whether it is on this machine."""
        return bool(self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWishes:
    """What the user may choose for a job; `arguments` go to the training program."""

    arguments: tuple[str, ...]
    compute: ComputePlan
    is_compute_created: bool = False
    instances: int = 1
    timeout_s: int = 3600
    experiment: str = ""
    display_name: str = ""
    variables: Pairs = ()
    tags: Pairs = ()
    output_mode: str = ""

    @property
    def outputs(self) -> tuple[str, str]:
        """How the outputs get into the store, and why: the user's choice, or what loses nothing.

        Of a node that is taken away or fails, `upload` delivers nothing. `rw_mount` keeps what was
        closed by then, but in it folders cannot be renamed.
        """
        if self.output_mode:
            return self.output_mode, "--output-mode"
        if self.compute.is_low_priority:
            return RW_MOUNT, "a low-priority node that is taken away uploads nothing"
        if self.instances > 1:
            return RW_MOUNT, "each of several nodes writes its own files"
        return UPLOAD, "one dedicated node, which uploads them at the job's end"

    def on_compute(self, name: str) -> "JobWishes":
        """Return the same on the cluster of this name, if it is not empty."""
        return replace(self, compute=replace(self.compute, name=name)) if name else self


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A whole job. `environment` is `name:version`; `outputs` are names of folders."""

    name: str
    display_name: str
    experiment: str
    command: str
    environment: str
    compute: str
    instances: int
    timeout_s: int
    inputs: tuple[JobInput, ...]
    outputs: tuple[str, ...]
    variables: Pairs
    tags: Pairs
    output_mode: str = UPLOAD

    @property
    def node_hours(self) -> float:
        """What the job can cost at most: nodes, times the hours after which it is stopped."""
        return self.instances * self.timeout_s / 3600


class Fate(Enum):
    """How far a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


_FATES = {
    "Completed": Fate.COMPLETED,
    "Failed": Fate.FAILED,
    "NotResponding": Fate.FAILED,
    "Canceled": Fate.CANCELED,
    "Running": Fate.RUNNING,
    "Finalizing": Fate.RUNNING,
    "CancelRequested": Fate.RUNNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that the workspace has. `status` is Azure ML's own word; `page` its address.

    `environment` is `name:version`; `command` the text that the node's shell was given.
    """

    name: str
    status: str
    page: str
    tags: Pairs
    outputs: Pairs
    environment: str = ""
    command: str = ""

    @property
    def fate(self) -> Fate:
        """How far the job is, in our words; a word that we do not know means: waiting."""
        return _FATES.get(self.status, Fate.WAITING)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.fate in (Fate.COMPLETED, Fate.FAILED, Fate.CANCELED)

    def tag(self, name: str) -> str:
        """Return a tag's value, or nothing."""
        return dict(self.tags).get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file of a job's output: its name within the output, and what the store says of it."""

    name: str
    place: str
    size_bytes: int
    mark: str


def folders_above(names: Iterable[str]) -> frozenset[str]:
    """Return each folder that these names lie in."""
    return frozenset(name[:at] for name in names for at, letter in enumerate(name) if letter == "/")
