"""A runner that runs nothing: a job's command says by its words what becomes of it."""

import threading
from collections.abc import Callable

from drydock.blob_store import FOLDER_MARK
from drydock.engine import EngineError
from drydock.job_spec import BlobPlace, Finished, JobSpec, PullRefusedError

LINES = b"first line\nsecond line\n"


class RunnerInProcess:
    """Ends a job when told to; `exit N`, `oom`, `timeout` and `wait` are its commands."""

    def __init__(
        self,
        containers: dict[str, dict[str, bytes]],
        metadata: dict[str, dict[str, str]] | None = None,
    ) -> None:
        self._containers = containers
        self._metadata = {} if metadata is None else metadata
        self.jobs: dict[str, JobSpec] = {}
        self.cancelled: list[str] = []
        self.finished: list[JobSpec] = []
        self.lost: list[int] = []
        self.ends_after_loss = False
        self.cleared: list[str] = []
        self.released = threading.Event()
        self.refused: set[str] = set()

    def start(self, job: JobSpec, *, is_unwanted: Callable[[], bool]) -> str:
        if job.image in self.refused:
            raise PullRefusedError("manifest unknown")
        container = f"container of {job.name}"
        self.jobs[container] = job
        for node in range(job.nodes):
            self._write(job.log_of(node), LINES)
        return container

    def poll(self, container_id: str) -> Finished | None:
        if container_id not in self.jobs:
            raise EngineError("no such container")
        words = self.jobs[container_id].command.split()
        if words[0] == "wait" and container_id not in self.cancelled:
            if not self.released.is_set():
                return None
            return Finished(exit_code=0)
        if words[0] == "exit":
            return Finished(exit_code=int(words[1]))
        return Finished(
            exit_code=137 if words[0] in ("oom", "timeout") else 0,
            is_out_of_memory=words[0] == "oom",
            is_timed_out=words[0] == "timeout",
        )

    def finish(self, job: JobSpec, container_id: str) -> None:
        self.finished.append(job)
        self._write(job.log_of(0), LINES + b"last line\n")
        for name, place in job.outputs.items():
            content = f"{name} of {job.name}".encode()
            self._write(
                BlobPlace(container=place.container, path=f"{place.path}model/a.txt"), content
            )
            for folder in (place.path.rstrip("/"), f"{place.path}model"):
                self._write(BlobPlace(container=place.container, path=folder), b"")
                self._metadata[f"{place.container}/{folder}"] = dict(FOLDER_MARK)

    def cancel(self, container_id: str) -> None:
        self.cancelled.append(container_id)

    def lose(self, job: JobSpec, container_id: str, node: int) -> None:
        self.lost.append(node)
        if self.ends_after_loss:
            self.released.set()

    def clear(self, job: JobSpec) -> None:
        self.cleared.append(job.name)

    def _write(self, place: BlobPlace, content: bytes) -> None:
        self._containers.setdefault(place.container, {})[place.path] = content
