"""Runs a job's containers on this machine's Docker engine, from the pushed digest.

All its state is in the containers' labels, so that a restarted drydock continues with the
containers of the previous one. `job_containers` creates them, `lifecycle` decides the job's status.
"""

import threading
import time
from collections.abc import Callable

from drydock import job_files, job_folder
from drydock.assumptions import Broken, broken_job
from drydock.blob_store import BlobStore
from drydock.clock import Clock
from drydock.engine import ContainerState, Engine, EngineError
from drydock.job_containers import (
    LOG_CONTAINER,
    LOG_PATH,
    TIMEOUT,
    JobContainers,
)
from drydock.job_log import JobLog
from drydock.job_network import JobNetwork
from drydock.job_spec import (
    BlobPlace,
    Finished,
    JobSpec,
    PullRefusedError,
    StartRefusedError,
    UnwantedError,
)
from drydock.output_mounts import Mounts

GRACE_S = 0.5  # between SIGTERM and SIGKILL: a cancel takes less than a second
_STEP_S = 0.03
_LOG_END_S = 10.0
_ARTIFACTS = ("outputs", "logs")  # folders in the working folder that are always uploaded


class DockerRunner:
    """Runs jobs as containers that belong to one state folder: one for each node of a job.

    `memory_bytes` is a node's memory (0: all of this machine's), `network` the engine's name of the
    jobs' network, `user` the jobs' user (empty: the image's). With a `job_network`, each node gets
    a network of its own instead, which leads to drydock, and to the other nodes of its job. Without
    `mounts`, an output in mode `rw_mount` is a plain folder, which is uploaded at the end.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, and three properties of a node
        self,
        *,
        owner: str,
        engine: Engine,
        store: BlobStore,
        clock: Clock,
        memory_bytes: int = 0,
        network: str = "none",
        user: str = "",
        job_network: JobNetwork | None = None,
        broken: Callable[[], Broken] = frozenset,
        mounts: Mounts | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._broken = broken
        self._mounts = mounts
        self._containers = JobContainers(
            owner=owner,
            engine=engine,
            store=store,
            memory_bytes=memory_bytes,
            network=network,
            user=user,
            job_network=job_network,
            broken=broken,
            mounts=mounts,
        )
        self._lock = threading.Lock()
        self._logs: dict[str, JobLog] = {}

    def start(self, job: JobSpec, *, is_unwanted: Callable[[], bool] = lambda: False) -> str:
        """Pull the image, copy the inputs, start the containers and return the first one's id.

        Raises PullRefusedError, StartRefusedError, UnwantedError, and then leaves no container.
        """
        job = broken_job(job, self._broken())
        self._containers.clear(job)
        self._pull(job.image, is_unwanted)
        try:
            containers = self._containers.create(job)
            self._start(containers, is_unwanted)
        except BaseException:
            self._containers.clear(job)
            raise
        for node, container in enumerate(containers):
            place = job.log_of(node)
            self._store.start_log(place.container, place.path)  # one of an earlier start is gone
            self._follow(container, place)
        return containers[0]

    def poll(self, container_id: str) -> Finished | None:
        """Return how the job ended, or None while it runs; also update its logs.

        As on Azure Batch, under the service: the job ends with its first node's command, or with
        the first command that fails, and the commands of the other nodes are then stopped.
        https://learn.microsoft.com/azure/batch/batch-mpi
        """
        nodes = self._containers.of(container_id)
        states = [self._engine.state(container) for container in nodes]
        for container, state in zip(nodes, states, strict=True):
            self._log_of(container, state).pass_on()
        ended = [node for node, state in enumerate(states) if not state.is_running]
        failed = [node for node in ended if states[node].exit_code != 0]
        if failed or 0 in ended:
            self._stop(nodes)
            node = failed[0] if failed else 0
            return Finished(
                exit_code=states[node].exit_code,
                node=node,
                is_out_of_memory=_is_out_of_memory(states[node]),
            )
        if self._is_over_time(states[0]):
            self._stop(nodes)
            return Finished(exit_code=self._engine.state(nodes[0]).exit_code, is_timed_out=True)
        return None

    def cancel(self, container_id: str) -> None:
        """Stop the containers within a second, half of which a program has to clean up."""
        self._stop(self._containers.of(container_id))

    def lose(self, job: JobSpec, container_id: str, node: int) -> None:
        """Take a node away, without a signal to clean up by, and stop the others.

        Its mounts go first: what its program has not closed by then never arrives.
        """
        nodes = self._containers.of(container_id)
        if self._mounts is not None:
            self._mounts.lose(job.name, node)
        self._engine.signal(nodes[node], "SIGKILL")
        self._stop(nodes)

    def clear(self, job: JobSpec) -> None:
        """Remove all that the job has on this machine; nothing more is uploaded."""
        self._containers.clear(job)

    def finish(self, job: JobSpec, container_id: str) -> None:
        """Upload the outputs and the rest of the logs, and remove the containers.

        Each node uploads its own folders: of two files with the same name the later one stays. If
        an upload fails, the containers are kept, so that a later call can repeat it.
        """
        job = broken_job(job, self._broken())
        nodes = self._containers.of(container_id)
        for container in nodes:
            self._log_of(container, self._engine.state(container)).finish(_LOG_END_S)
        for container in nodes:
            self._upload_all(job, container)
        self._containers.clear(job)
        with self._lock:
            for container in nodes:
                self._logs.pop(container, None)

    def sweep(self, keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Remove the containers of jobs that are not in this set; return their ids.

        Called at the start, when a crashed drydock may have left containers of jobs.
        """
        return self._containers.sweep(keep)

    def _pull(self, image: str, is_unwanted: Callable[[], bool]) -> None:
        try:
            self._engine.pull(image, is_unwanted=is_unwanted)
        except EngineError as exc:
            raise PullRefusedError(str(exc)) from exc
        if is_unwanted():
            raise UnwantedError(image)

    def _start(self, containers: tuple[str, ...], is_unwanted: Callable[[], bool]) -> None:
        if is_unwanted():
            raise UnwantedError(containers[0])
        shell = self._engine.get(containers[0], "/bin/sh")
        if shell is None:
            raise StartRefusedError("ContainerSetupFailed", "the image has no /bin/sh")
        for _ in shell:
            pass  # read to the end, which frees the connection
        try:
            for container in containers:
                self._engine.start(container)
        except EngineError as exc:
            raise StartRefusedError("ContainerSetupFailed", str(exc)) from exc

    def _stop(self, containers: tuple[str, ...]) -> None:
        """End the containers that run; the time to clean up is the same for all of them."""
        running = [one for one in containers if self._engine.state(one).is_running]
        for container in running:
            self._engine.signal(container, "SIGTERM")
        deadline = time.monotonic() + GRACE_S
        while running := [one for one in running if self._engine.state(one).is_running]:
            if time.monotonic() > deadline:
                for container in running:
                    self._engine.signal(container, "SIGKILL")
            time.sleep(_STEP_S)

    def _upload_all(self, job: JobSpec, container: str) -> None:
        for name, place in job.outputs.items():
            if not self._containers.is_mounted(job, name):
                folder = job_folder.output_folder(job.name, name)
                self._upload(container, folder, place, is_mounted=name in job.mounted)
        artifacts = job.log.path.rsplit("/", 2)[0]
        for name in _ARTIFACTS:
            place = BlobPlace(container=job.log.container, path=f"{artifacts}/{name}")
            self._upload(container, f"{job_folder.working_folder(job.name)}/{name}", place)

    def _upload(
        self, container: str, folder: str, place: BlobPlace, *, is_mounted: bool = False
    ) -> None:
        stream = self._engine.get(container, folder)
        if stream is not None:
            job_files.upload(self._store, place, stream, is_mounted=is_mounted)

    def _log_of(self, container: str, state: ContainerState) -> JobLog:
        with self._lock:
            found = self._logs.get(container)
        place = BlobPlace(container=state.labels[LOG_CONTAINER], path=state.labels[LOG_PATH])
        return found or self._follow(container, place)

    def _follow(self, container: str, place: BlobPlace) -> JobLog:
        log = JobLog(self._store, place, lambda: self._engine.follow(container), self._clock.now)
        with self._lock:
            return self._logs.setdefault(container, log)

    def _is_over_time(self, state: ContainerState) -> bool:
        limit_s = float(state.labels[TIMEOUT])
        if not limit_s or state.started is None:
            return False
        return (self._clock.now() - state.started).total_seconds() > limit_s


def _is_out_of_memory(state: ContainerState) -> bool:
    # The engine also reports it if only a child was killed and the command succeeded.
    return state.is_out_of_memory and state.exit_code != 0
