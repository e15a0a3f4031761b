"""Runs a job's container on this machine's Docker engine, from the pushed digest.

All its state is in the containers' labels, so that a restarted drydock continues with the
containers of the previous one. `lifecycle` decides the job's status.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

from drydock import job_files, job_folder
from drydock.blob_store import BlobStore
from drydock.clock import Clock
from drydock.engine import (
    ContainerPlan,
    ContainerState,
    Engine,
    EngineError,
    Mount,
    remove_labelled,
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
from drydock.output_mounts import MountFailedError, Mounts

OWNER = "drydock.state"
ROLE = "drydock.role"
JOB = "drydock.job"
_LOG_CONTAINER = "drydock.log.container"
_LOG_PATH = "drydock.log.path"
_TIMEOUT = "drydock.timeout_s"

GRACE_S = 0.5  # between SIGTERM and SIGKILL: a cancel takes less than a second
_STEP_S = 0.03
_LOG_END_S = 10.0
_ARTIFACTS = ("outputs", "logs")  # folders in the working folder that are always uploaded


class DockerRunner:
    """Runs jobs as containers that belong to one state folder.

    `memory_bytes` is a node's memory (0: all of this machine's), `network` the engine's name of the
    jobs' network, `user` the jobs' user (empty: the image's). With a `job_network`, each job gets a
    network of its own instead, which leads to drydock. Without `mounts`, an output in mode
    `rw_mount` is a plain folder, which is uploaded at the end.
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
        mounts: Mounts | None = None,
    ) -> None:
        self._owner = owner
        self._engine = engine
        self._store = store
        self._clock = clock
        self._memory_bytes = memory_bytes
        self._network = network
        self._user = user
        self._job_network = job_network
        self._mounts = mounts
        self._lock = threading.Lock()
        self._logs: dict[str, JobLog] = {}

    def start(self, job: JobSpec, *, is_unwanted: Callable[[], bool] = lambda: False) -> str:
        """Pull the image, copy the inputs, start the container and return its id.

        Raises PullRefusedError, StartRefusedError, UnwantedError, and then leaves no container.
        """
        self._clear(job)
        self._pull(job.image, is_unwanted)
        try:
            container = self._create(job)
            self._start(container, is_unwanted)
        except BaseException:
            self._clear(job)
            raise
        self._follow(container, job.log)
        return container

    def poll(self, container_id: str) -> Finished | None:
        """Return how the container ended, or None while it runs; also update its log."""
        state = self._engine.state(container_id)
        self._log_of(container_id, state).pass_on()
        if not state.is_running:
            return Finished(exit_code=state.exit_code, is_out_of_memory=_is_out_of_memory(state))
        if self._is_over_time(state):
            self.cancel(container_id)
            return Finished(exit_code=self._engine.state(container_id).exit_code, is_timed_out=True)
        return None

    def cancel(self, container_id: str) -> None:
        """Stop the container within a second, half of which a program has to clean up."""
        self._engine.signal(container_id, "SIGTERM")
        deadline = time.monotonic() + GRACE_S
        while self._engine.state(container_id).is_running:
            if time.monotonic() > deadline:
                self._engine.signal(container_id, "SIGKILL")
            time.sleep(_STEP_S)

    def finish(self, job: JobSpec, container_id: str) -> None:
        """Upload the outputs and the rest of the log, and remove the container.

        If an upload fails, the container is kept, so that a later call can repeat it.
        """
        state = self._engine.state(container_id)
        self._log_of(container_id, state).finish(_LOG_END_S)
        for name, place in job.outputs.items():
            if not self._is_mounted(job, name):
                folder = job_folder.output_folder(job.name, name)
                self._upload(container_id, folder, place, is_mounted=name in job.mounted)
        artifacts = job.log.path.rsplit("/", 2)[0]
        for name in _ARTIFACTS:
            place = BlobPlace(container=job.log.container, path=f"{artifacts}/{name}")
            self._upload(container_id, f"{job_folder.working_folder(job.name)}/{name}", place)
        self._clear(job)
        with self._lock:
            self._logs.pop(container_id, None)

    def sweep(self, keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Remove the containers of jobs that are not in this set; return their ids.

        Called at the start, when a crashed drydock may have left containers of jobs.
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
        if self._mounts is not None:
            self._mounts.sweep(frozenset(job for job in jobs if job))
        return tuple(gone)

    def _pull(self, image: str, is_unwanted: Callable[[], bool]) -> None:
        try:
            self._engine.pull(image, is_unwanted=is_unwanted)
        except EngineError as exc:
            raise PullRefusedError(str(exc)) from exc
        if is_unwanted():
            raise UnwantedError(image)

    def _create(self, job: JobSpec) -> str:
        inputs, carrier = self._copy_inputs(job)
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
                # The service ignores the image's ENTRYPOINT and CMD, and runs a shell.
                entrypoint=("/bin/sh", "-c"),
                command=(command,),
                environment={**trust, **job_folder.variables(job, inputs)},
                user=self._user,
                working_folder=working_folder,
                mounts=self._mount(job),
                volumes_from=carrier,
                network=self._network_of(job),
                memory_bytes=self._memory_bytes,
                shared_memory_bytes=job.shared_memory_bytes,
            )
        )
        outputs = [
            job_folder.output_folder(job.name, name)
            for name in job.outputs
            if not self._is_mounted(job, name)
        ]
        self._put(container, job_files.pack_folders([working_folder, *outputs]))
        if self._job_network is not None:
            certificate = self._job_network.authority.read_bytes()
            path = self._job_network.authority_path(job.name)
            self._put(container, job_files.pack_file(path, certificate))
        if job.code is not None:
            self._copy_code(job.code, container, working_folder)
        return container

    def _is_mounted(self, job: JobSpec, output: str) -> bool:
        return self._mounts is not None and output in job.mounted

    def _mount(self, job: JobSpec) -> tuple[Mount, ...]:
        """Mount the outputs in mode `rw_mount`; return where they are in the container."""
        if self._mounts is None:
            return ()
        try:
            return tuple(
                Mount(
                    source=str(self._mounts.mount(job.name, name, job.outputs[name])),
                    target=job_folder.output_folder(job.name, name),
                )
                for name in sorted(job.mounted)
            )
        except MountFailedError as exc:
            raise StartRefusedError("BFSMountError", str(exc)) from exc

    def _network_of(self, job: JobSpec) -> str:
        """Return the engine's name of the job's network; create it if the job has its own."""
        if self._job_network is None:
            return self._network
        holder = self._engine.create(self._job_network.plan(self._labels(job, "network")))
        self._engine.start(holder)
        return f"container:{holder}"

    def _copy_code(self, place: BlobPlace, container: str, folder: str) -> None:
        try:
            found = job_files.find_input(self._store, "code", place, folder)
        except job_files.InputMissingError as exc:
            raise StartRefusedError("CodeMissing", str(exc)) from exc
        self._put(container, job_files.pack_inputs(self._store, [found]))

    def _copy_inputs(self, job: JobSpec) -> tuple[dict[str, str], str]:
        """Return the path of each input, and the container that holds the files.

        That container never runs. The job's container mounts its volumes read-only, as the service
        mounts inputs.
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
            pass  # read to the end, which frees the connection
        try:
            self._engine.start(container)
        except EngineError as exc:
            raise StartRefusedError("ContainerSetupFailed", str(exc)) from exc

    def _upload(
        self, container: str, folder: str, place: BlobPlace, *, is_mounted: bool = False
    ) -> None:
        stream = self._engine.get(container, folder)
        if stream is not None:
            job_files.upload(self._store, place, stream, is_mounted=is_mounted)

    def _clear(self, job: JobSpec) -> None:
        """Remove the job's containers, and then its mounts, which these use."""
        remove_labelled(self._engine, {OWNER: self._owner, JOB: job.name})
        if self._mounts is not None:
            self._mounts.unmount(job.name)

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
    # The engine also reports it if only a child was killed and the command succeeded.
    return state.is_out_of_memory and state.exit_code != 0
