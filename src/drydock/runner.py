"""Runs a job's container on this machine's Docker engine, from the pushed digest.

It keeps nothing that a container's labels do not hold, so that a drydock which is started anew
goes on with the containers of the one before. What becomes of a job is not decided here.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

from drydock import job_files, job_folder
from drydock.blob_store import BlobStore
from drydock.clock import Clock
from drydock.engine import ContainerPlan, ContainerState, Engine, EngineError, remove_labelled
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

OWNER = "drydock.state"
ROLE = "drydock.role"
JOB = "drydock.job"
_LOG_CONTAINER = "drydock.log.container"
_LOG_PATH = "drydock.log.path"
_TIMEOUT = "drydock.timeout_s"

GRACE_S = 0.5  # between SIGTERM and SIGKILL, so that a cancel is done within a second
_STEP_S = 0.03
_LOG_END_S = 10.0
_SHARED_MEMORY = 2 * 1024**3  # what the service gives
_ARTIFACTS = ("outputs", "logs")  # folders of the working folder that are kept without being asked


class DockerRunner:
    """Runs jobs as containers that belong to one state folder.

    `memory_bytes` is a node's memory (0: all of this machine's), `network` the engine's name of the
    network that jobs are in, `user` who they run as (empty: the image's own). With a `job_network`
    each job gets one of its own instead, which leads to drydock.
    """

    def __init__(  # noqa: PLR0913 - what it works with, and three habits of a node
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
    ) -> None:
        self._owner = owner
        self._engine = engine
        self._store = store
        self._clock = clock
        self._memory_bytes = memory_bytes
        self._network = network
        self._user = user
        self._job_network = job_network
        self._lock = threading.Lock()
        self._logs: dict[str, JobLog] = {}

    def start(self, job: JobSpec, *, is_unwanted: Callable[[], bool] = lambda: False) -> str:
        """Pull the image, bring the inputs, start the container and return its id.

        Raises PullRefusedError, StartRefusedError, UnwantedError; no container is left then.
        """
        self._remove_containers(job)
        self._pull(job.image, is_unwanted)
        try:
            container = self._create(job)
            self._start(container, is_unwanted)
        except BaseException:
            self._remove_containers(job)
            raise
        self._follow(container, job.log)
        return container

    def poll(self, container_id: str) -> Finished | None:
        """Return how the container ended, or None while it runs. Passes its log on meanwhile."""
        state = self._engine.state(container_id)
        self._log_of(container_id, state).pass_on()
        if not state.is_running:
            return Finished(exit_code=state.exit_code, is_out_of_memory=_is_out_of_memory(state))
        if self._is_over_time(state):
            self.cancel(container_id)
            return Finished(exit_code=self._engine.state(container_id).exit_code, is_timed_out=True)
        return None

    def cancel(self, container_id: str) -> None:
        """End the container within a second; a program that wants to has half of it to tidy up."""
        self._engine.signal(container_id, "SIGTERM")
        deadline = time.monotonic() + GRACE_S
        while self._engine.state(container_id).is_running:
            if time.monotonic() > deadline:
                self._engine.signal(container_id, "SIGKILL")
            time.sleep(_STEP_S)

    def finish(self, job: JobSpec, container_id: str) -> None:
        """Upload the outputs and the rest of the log, and remove the container.

        A container whose files could not be brought home stays, so that it can be tried again.
        """
        state = self._engine.state(container_id)
        self._log_of(container_id, state).finish(_LOG_END_S)
        for name, place in job.outputs.items():
            folder = job_folder.output_folder(job.name, name)
            self._bring(container_id, folder, place, is_mounted=True)
        artifacts = job.log.path.rsplit("/", 2)[0]
        for name in _ARTIFACTS:
            place = BlobPlace(container=job.log.container, path=f"{artifacts}/{name}")
            self._bring(container_id, f"{job_folder.working_folder(job.name)}/{name}", place)
        self._remove_containers(job)
        with self._lock:
            self._logs.pop(container_id, None)

    def sweep(self, keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Remove the containers of jobs that are not among these; return the removed ids.

        For the start, when jobs of a drydock that broke down may have left some.
        """
        found = []
        for role in ("job", "inputs", "network"):
            found += [
                (one, role) for one in self._engine.labelled({OWNER: self._owner, ROLE: role})
            ]
        jobs = {self._engine.state(one).labels.get(JOB) for one, _ in found if one in keep}
        gone = [one for one, _ in found if self._engine.state(one).labels.get(JOB) not in jobs]
        for container in gone:
            self._engine.remove(container)
        return tuple(gone)

    def _pull(self, image: str, is_unwanted: Callable[[], bool]) -> None:
        try:
            self._engine.pull(image, is_unwanted=is_unwanted)
        except EngineError as exc:
            raise PullRefusedError(str(exc)) from exc
        if is_unwanted():
            raise UnwantedError(image)

    def _create(self, job: JobSpec) -> str:
        inputs, carrier = self._bring_inputs(job)
        try:
            command = job_folder.command_line(job, inputs)
        except job_folder.ExpressionError as exc:
            raise StartRefusedError("CommandInvalid", str(exc)) from exc
        working_folder = job_folder.working_folder(job.name)
        trust = self._job_network.variables(job.name) if self._job_network else {}
        container = self._engine.create(
            ContainerPlan(
                labels=self._labels(job, "job"),
                image=job.image,
                # Neither the image's ENTRYPOINT nor its CMD: the service runs a shell.
                entrypoint=("/bin/sh", "-c"),
                command=(command,),
                environment={**trust, **job_folder.variables(job, inputs)},
                user=self._user,
                working_folder=working_folder,
                volumes_from=carrier,
                network=self._network_of(job),
                memory_bytes=self._memory_bytes,
                shared_memory_bytes=_SHARED_MEMORY,
            )
        )
        outputs = [job_folder.output_folder(job.name, name) for name in job.outputs]
        self._put(container, job_files.pack_folders([working_folder, *outputs]))
        if self._job_network is not None:
            certificate = self._job_network.authority.read_bytes()
            path = self._job_network.authority_path(job.name)
            self._put(container, job_files.pack_file(path, certificate))
        if job.code is not None:
            self._bring_code(job.code, container, working_folder)
        return container

    def _network_of(self, job: JobSpec) -> str:
        """Return the engine's name of the job's network, which is made here if it is its own."""
        if self._job_network is None:
            return self._network
        holder = self._engine.create(self._job_network.plan(self._labels(job, "network")))
        self._engine.start(holder)
        return f"container:{holder}"

    def _bring_code(self, place: BlobPlace, container: str, folder: str) -> None:
        try:
            found = job_files.find_input(self._store, "code", place, folder)
        except job_files.InputMissingError as exc:
            raise StartRefusedError("CodeMissing", str(exc)) from exc
        self._put(container, job_files.pack_inputs(self._store, [found]))

    def _bring_inputs(self, job: JobSpec) -> tuple[dict[str, str], str]:
        """Return what the job is told of each input, and the container that holds them.

        That one never runs. The job's container has its volumes, and cannot write to them, as on
        the service, where inputs are mounted so.
        """
        try:
            found = {
                name: job_files.find_input(
                    self._store, name, place, job_folder.input_folder(job.name, name)
                )
                for name, place in job.inputs.items()
            }
        except job_files.InputMissingError as exc:
            raise StartRefusedError("InputMissing", str(exc)) from exc
        if not found:
            return {}, ""
        carrier = self._engine.create(
            ContainerPlan(
                labels=self._labels(job, "inputs"),
                image=job.image,
                entrypoint=("/bin/sh",),
                volumes=tuple(one.folder for one in found.values()),
            )
        )
        self._put(carrier, job_files.pack_inputs(self._store, found.values()))
        return {name: one.path for name, one in found.items()}, carrier

    def _put(self, container: str, packed: IO[bytes]) -> None:
        with packed:
            self._engine.put(container, packed)

    def _start(self, container: str, is_unwanted: Callable[[], bool]) -> None:
        if is_unwanted():
            raise UnwantedError(container)
        shell = self._engine.get(container, "/bin/sh")
        if shell is None:
            raise StartRefusedError("ContainerSetupFailed", "the image has no /bin/sh")
        for _ in shell:
            pass  # to its end, so that the connection is free again
        try:
            self._engine.start(container)
        except EngineError as exc:
            raise StartRefusedError("ContainerSetupFailed", str(exc)) from exc

    def _bring(
        self, container: str, folder: str, place: BlobPlace, *, is_mounted: bool = False
    ) -> None:
        stream = self._engine.get(container, folder)
        if stream is not None:
            job_files.upload(self._store, place, stream, is_mounted=is_mounted)

    def _remove_containers(self, job: JobSpec) -> None:
        remove_labelled(self._engine, {OWNER: self._owner, JOB: job.name})

    def _labels(self, job: JobSpec, role: str) -> Mapping[str, str]:
        return {
            OWNER: self._owner,
            ROLE: role,
            JOB: job.name,
            _LOG_CONTAINER: job.log.container,
            _LOG_PATH: job.log.path,
            _TIMEOUT: str(job.timeout_s or 0),
        }

    def _log_of(self, container: str, state: ContainerState) -> JobLog:
        with self._lock:
            found = self._logs.get(container)
        place = BlobPlace(container=state.labels[_LOG_CONTAINER], path=state.labels[_LOG_PATH])
        return found or self._follow(container, place)

    def _follow(self, container: str, place: BlobPlace) -> JobLog:
        log = JobLog(self._store, place, lambda: self._engine.follow(container), self._clock.now)
        with self._lock:
            return self._logs.setdefault(container, log)

    def _is_over_time(self, state: ContainerState) -> bool:
        limit_s = float(state.labels[_TIMEOUT])
        if not limit_s or state.started is None:
            return False
        return (self._clock.now() - state.started).total_seconds() > limit_s


def _is_out_of_memory(state: ContainerState) -> bool:
    # The engine says so as well where a child was killed and the command went on without it.
    return state.is_out_of_memory and state.exit_code != 0
