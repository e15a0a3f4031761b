"""A job as its runner gets it, and the protocol of a runner."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

_SIZE = re.compile(r"([1-9][0-9]{0,8})([bkmg])")
SHARED_MEMORY_BYTES = 2 * 1024**3  # of a job that asks for none, as on the service


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPlace:
    """A blob, or all blobs below a path, in one container of the blob store."""

    container: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job as a container runs it.

    `image` is `registry/name@sha256:…`. `command` still holds `${{inputs.name}}` and
    `${{outputs.name}}`, which the runner replaces by the paths of its mounts. `log` is the blob for
    stdout and stderr. `code` is copied into the working folder. `mounted` are the outputs in mode
    `rw_mount`; the others are uploaded at the job's end. A job with a distribution runs the command
    once on each of its `nodes`; without one, `nodes` is 1.
    """

    name: str
    image: str
    command: str
    environment: Mapping[str, str]
    literals: Mapping[str, str]
    inputs: Mapping[str, BlobPlace]
    outputs: Mapping[str, BlobPlace]
    log: BlobPlace
    timeout_s: float | None
    code: BlobPlace | None = None
    shared_memory_bytes: int = SHARED_MEMORY_BYTES
    mounted: frozenset[str] = frozenset()
    nodes: int = 1
    is_distributed: bool = False

    def log_of(self, node: int) -> BlobPlace:
        """Return the blob of a node's log."""
        if not self.is_distributed:
            return self.log
        folder = self.log.path.rpartition("/")[0]
        return BlobPlace(
            container=self.log.container, path=f"{folder}/{process_log(node, self.nodes)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a job's container ended; of several, the one of this node ended the job."""

    exit_code: int
    node: int = 0
    is_out_of_memory: bool = False
    is_timed_out: bool = False


class PullRefusedError(Exception):
    """The registry refused to serve the image."""


class StartRefusedError(Exception):
    """The job itself cannot start; `code` names the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnwantedError(Exception):
    """The job was cancelled before its container ran."""


class Runner(Protocol):
    """Runs a job's containers: one for each node. The id of the first stands for all of them."""

    def start(self, job: JobSpec, *, is_unwanted: Callable[[], bool]) -> str:
        """Pull the image, start the containers and return the first one's id.

        Raises PullRefusedError, StartRefusedError, and UnwantedError once the job is unwanted.
        """
        ...

    def poll(self, container_id: str) -> Finished | None:
        """Return how the job ended, or None while it runs.

        It ends with the first node's command, or with the first command that fails; the others are
        then stopped.
        """
        ...

    def finish(self, job: JobSpec, container_id: str) -> None:
        """Upload the outputs and the rest of the log, and remove the container."""
        ...

    def cancel(self, container_id: str) -> None:
        """Stop the containers."""
        ...

    def lose(self, job: JobSpec, container_id: str, node: int) -> None:
        """Take a node away, without a signal to clean up by, and stop the others."""
        ...

    def clear(self, job: JobSpec) -> None:
        """Remove all that the job has on this machine; nothing more is uploaded."""
        ...


def process_log(node: int, nodes: int) -> str:
    """Return the name of a node's log, as public logs show it: `std_log_process_0.txt`.

    From eleven nodes on the number has leading zeros.
    """
    return f"std_log_process_{node:0{len(str(nodes - 1))}}.txt"


def bytes_of(size: object) -> int:
    """Return the bytes of a size like 512m; 0 if there is none, or none of this form."""
    found = _SIZE.fullmatch(str(size or ""))
    return int(found[1]) * 1024 ** "bkmg".index(found[2]) if found else 0
