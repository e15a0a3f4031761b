"""A job of Azure ML, its environment and its cluster: as planned, and as the workspace has it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

Pairs = tuple[tuple[str, str], ...]
DEFAULT_SIZE = "Standard_D2s_v3"
SERVERLESS = "serverless"
# As whom a job reads and writes data: whoever submits it, or the cluster.
IDENTITIES = ("user", "managed")
# How a job gets its inputs: mounted read-only, or copied to the node first.
INPUT_MODES = ("ro_mount", "download")
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
    """What was asked of a cluster; what was not is empty or None. `subnet` is a resource's id.

    One that is created costs nothing without a job, because it then has no node.
    """

    name: str
    size: str = ""
    max_instances: int = 1
    is_low_priority: bool | None = None
    subnet: str = ""

    @property
    def is_serverless(self) -> bool:
        """Tell whether Azure ML finds the nodes itself, without a cluster."""
        return self.name == SERVERLESS

    def whole(self) -> "ComputePlan":
        """Return the cluster to be created, in which nothing is open."""
        return replace(
            self, size=self.size or DEFAULT_SIZE, is_low_priority=bool(self.is_low_priority)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A compute that the workspace has. `state` is Azure ML's own word.

    `identity` is Azure ML's word for the kind of its identity, empty where it has none;
    `principal` is the id of a system-assigned one, to which roles are given.
    """

    name: str
    kind: str
    state: str
    size: str
    max_instances: int
    is_low_priority: bool
    errors: str = ""
    identity: str = ""
    principal: str = ""
    subnet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a workspace says of itself, in Azure ML's words; empty where it says nothing.

    `storage_mode` is `identity` for storage without keys; `network` is whether public networks may
    reach the workspace.
    """

    location: str = ""
    storage_mode: str = ""
    network: str = ""


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
    """What the user may choose for a job; `arguments` go to the training program.

    `identity` is as whom the job reads and writes data, empty for Azure ML's choice. With `shards`
    above 0 the plan becomes that many jobs of one node each, and one that merges their work.
    """

    arguments: tuple[str, ...]
    compute: ComputePlan
    is_compute_created: bool = False
    instances: int = 1
    timeout_s: int = 3600
    experiment: str = ""
    display_name: str = ""
    variables: Pairs = ()
    tags: Pairs = ()
    identity: str = ""
    input_mode: str = INPUT_MODES[0]
    output_mode: str = ""
    shards: int = 0

    @property
    def is_shared(self) -> bool:
        """Whether several nodes share the work."""
        return self.instances > 1 or self.shards > 0

    @property
    def outputs(self) -> tuple[str, str]:
        """How the outputs get into the store, and why: the user's choice, or what loses nothing.

        Of a node that is taken away or fails, `upload` delivers nothing. `rw_mount` keeps what was
        closed by then, but in it folders cannot be renamed.
        """
        if self.is_shared:
            return RW_MOUNT, "each of several nodes writes its own files, and sees the others'"
        if self.output_mode:
            return self.output_mode, "--output-mode"
        if self.compute.is_low_priority:
            return RW_MOUNT, "a low-priority node that is taken away uploads nothing"
        return UPLOAD, "one dedicated node, which uploads them at the job's end"

    def on_compute(self, name: str) -> "JobWishes":
        """Return the same on the cluster of this name, if it is not empty."""
        return replace(self, compute=replace(self.compute, name=name)) if name else self


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A whole job. `environment` is `name:version`; `outputs` are names of folders.

    Without a cluster in `compute` it is serverless; then `size` may name its nodes' size, and a
    spot node is cheaper and may be taken away. The outputs in `kept` are mounted, and lie where
    those of the job `kept_at` do, if it is named: this job goes on from what is there.
    """

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
    identity: str = ""
    input_mode: str = INPUT_MODES[0]
    size: str = ""
    is_spot: bool = False
    output_mode: str = UPLOAD
    kept: tuple[str, ...] = ()
    kept_at: str = ""

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

    `environment` is `name:version`; `command` the text that the node's shell was given; `compute`
    the cluster's name, empty for a serverless job. `is_cancel_seen`: somebody canceled it while it
    was watched.
    """

    name: str
    status: str
    page: str
    tags: Pairs
    outputs: Pairs
    environment: str = ""
    command: str = ""
    compute: str = ""
    is_cancel_seen: bool = False

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
class WatchWishes:
    """How a job is watched: how long it may wait for a node (0: as long as Azure ML lets it)."""

    queue_timeout_s: int = 0
    is_canceled_on_interrupt: bool = False


# Where the nodes of a job keep what only they need, in an output that they share.
NODES_FOLDER = ".cluster/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file of a job's output: its name within the output, and what the store says of it."""

    name: str
    place: str
    size_bytes: int
    mark: str

    @property
    def is_of_nodes(self) -> bool:
        """Tell whether nodes use it among themselves while a job runs: no result, and secret."""
        return self.name.startswith(NODES_FOLDER)


def folders_above(names: Iterable[str]) -> frozenset[str]:
    """Return each folder that these names lie in."""
    return frozenset(name[:at] for name in names for at, letter in enumerate(name) if letter == "/")
