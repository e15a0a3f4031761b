"""Creates the containers of a job on this machine's engine: one for each node, and what these need.

All state is in the labels of containers and networks, so that a restarted drydock finds them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import IO

from drydock import job_files, job_folder
from drydock.assumptions import Broken, broken_container, mode_of
from drydock.blob_store import BlobStore
from drydock.engine import ContainerPlan, Engine, EngineError, Mount, remove_labelled
from drydock.job_network import JobNetwork
from drydock.job_spec import BlobPlace, JobSpec, StartRefusedError
from drydock.output_mounts import MountFailedError, Mounts

OWNER = "drydock.state"
ROLE = "drydock.role"
JOB = "drydock.job"
NODE, NODES = "drydock.node", "drydock.nodes"
LOG_CONTAINER, LOG_PATH = "drydock.log.container", "drydock.log.path"
TIMEOUT = "drydock.timeout_s"


class JobContainers:
    """The containers of one state folder's jobs; see DockerRunner for the arguments."""

    def __init__(  # noqa: PLR0913 - its collaborators, and three properties of a node
        self,
        *,
        owner: str,
        engine: Engine,
        store: BlobStore,
        memory_bytes: int,
        network: str,
        user: str,
        job_network: JobNetwork | None,
        broken: Callable[[], Broken],
        mounts: Mounts | None,
    ) -> None:
        self._owner = owner
        self._engine = engine
        self._store = store
        self._memory_bytes = memory_bytes
        self._network = network
        self._user = user
        self._job_network = job_network
        self._broken = broken
        self._mounts = mounts

    def create(self, job: JobSpec) -> tuple[str, ...]:
        """Return the ids of new containers with the job's files, one for each node in order.

        Raises StartRefusedError.
        """
        inputs, carrier = self._copy_inputs(job)
        try:
            command = job_folder.command_line(job, inputs)
        except job_folder.ExpressionError as exc:
            raise StartRefusedError("CommandInvalid", str(exc)) from exc
        plan = ContainerPlan(
            labels={},
            image=job.image,
            # The service ignores the image's ENTRYPOINT and CMD, and runs a shell.
            entrypoint=("/bin/sh", "-c"),
            command=(command,),
            user=self._user,
            working_folder=job_folder.working_folder(job.name),
            volumes_from=carrier,
            memory_bytes=self._memory_bytes,
            shared_memory_bytes=job.shared_memory_bytes,
        )
        trust = self._job_network.variables(job.name) if self._job_network else {}
        common = {**trust, **job_folder.variables(job, inputs)}
        return tuple(
            self._create_node(job, node, plan, network, {**common, **own})
            for node, (network, own) in enumerate(self._networks(job))
        )

    def of(self, container: str) -> tuple[str, ...]:
        """Return the containers of all nodes of this first node's job, in order.

        Raises EngineError where the container of a node no longer exists.
        """
        labels = self._engine.state(container).labels
        if labels.get(NODES, "1") == "1":
            return (container,)
        wanted = {OWNER: self._owner, ROLE: "job", JOB: labels[JOB]}
        found = {
            int(self._engine.state(one).labels[NODE]): one for one in self._engine.labelled(wanted)
        }
        for node in range(int(labels[NODES])):
            if node not in found:
                raise EngineError(f"the container of node {node} no longer exists")
        return tuple(found[node] for node in sorted(found))

    def clear(self, job: JobSpec) -> None:
        """Remove the job's containers and networks, and then its mounts, which these use."""
        remove_labelled(self._engine, {OWNER: self._owner, JOB: job.name})
        if self._mounts is not None:
            self._mounts.unmount(job.name)

    def sweep(self, keep: frozenset[str]) -> tuple[str, ...]:
        """Remove the containers of jobs that have none in this set; return their ids."""
        found = [
            one
            for role in ("job", "inputs", "network")
            for one in self._engine.labelled({OWNER: self._owner, ROLE: role})
        ]
        jobs = {self._engine.state(one).labels.get(JOB) for one in found if one in keep}
        gone = [one for one in found if self._engine.state(one).labels.get(JOB) not in jobs]
        for container in gone:
            self._engine.remove(container)
        for network, labels in self._engine.networks({OWNER: self._owner}).items():
            if labels.get(JOB) not in jobs:
                self._engine.remove_network(network)
        if self._mounts is not None:
            self._mounts.sweep(frozenset(job for job in jobs if job))
        return tuple(gone)

    def is_mounted(self, job: JobSpec, output: str) -> bool:
        """Return whether an output is a mount, and not a folder to upload."""
        return self._mounts is not None and output in job.mounted

    def _create_node(
        self,
        job: JobSpec,
        node: int,
        plan: ContainerPlan,
        network: str,
        variables: Mapping[str, str],
    ) -> str:
        own = replace(
            plan,
            labels=self._labels(job, "job", node),
            environment=variables,
            mounts=self._mount(job, node),
            network=network,
        )
        broken = self._broken()
        container = self._engine.create(broken_container(own, broken))
        outputs = [
            job_folder.output_folder(job.name, name)
            for name in job.outputs
            if not self.is_mounted(job, name)
        ]
        for kind, folders in (("workdir", [plan.working_folder]), ("output", outputs)):
            packed = job_files.pack_folders(folders, mode=mode_of(kind, broken))
            self._put(container, packed)
        if self._job_network is not None:
            certificate = self._job_network.authority.read_bytes()
            path = self._job_network.authority_path(job.name)
            self._put(container, job_files.pack_file(path, certificate))
        if job.code is not None:
            self._copy_code(job.code, container, plan.working_folder)
        return container

    def _networks(self, job: JobSpec) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """Return each node's network in the engine's words, and the variables that describe it."""
        if not job.is_distributed:
            return ((self._network_of(job), {}),)
        if self._job_network is None:
            raise StartRefusedError("ContainerSetupFailed", "this drydock has no network for nodes")
        shared = self._engine.create_network({OWNER: self._owner, JOB: job.name})
        plan = self._job_network.plan(self._labels(job, "network"), network=shared)
        holders = [self._engine.create(plan) for _ in range(job.nodes)]
        for holder in holders:
            self._engine.start(holder)
        addresses = [self._engine.address(holder, shared) for holder in holders]
        return tuple(
            (f"container:{holder}", job_folder.node_variables(node, addresses))
            for node, holder in enumerate(holders)
        )

    def _network_of(self, job: JobSpec) -> str:
        """Return the engine's name of a single node's network; create it if it has its own."""
        if self._job_network is None:
            return self._network
        holder = self._engine.create(self._job_network.plan(self._labels(job, "network")))
        self._engine.start(holder)
        return f"container:{holder}"

    def _mount(self, job: JobSpec, node: int) -> tuple[Mount, ...]:
        """Mount the outputs in mode `rw_mount`; return where they are in the container.

        Each node has mounts of its own over the same blobs, as on the service.
        """
        if self._mounts is None:
            return ()
        try:
            return tuple(
                Mount(
                    source=str(self._mounts.mount(job.name, name, job.outputs[name], node=node)),
                    target=job_folder.output_folder(job.name, name),
                )
                for name in sorted(job.mounted)
            )
        except MountFailedError as exc:
            raise StartRefusedError("BFSMountError", str(exc)) from exc

    def _copy_code(self, place: BlobPlace, container: str, folder: str) -> None:
        try:
            found = job_files.find_input(self._store, "code", place, folder)
        except job_files.InputMissingError as exc:
            raise StartRefusedError("CodeMissing", str(exc)) from exc
        self._put(container, job_files.pack_inputs(self._store, [found]))

    def _copy_inputs(self, job: JobSpec) -> tuple[dict[str, str], str]:
        """Return the path of each input, and the container that holds the files.

        That container never runs. The job's containers mount its volumes read-only, as the service
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

    def _labels(self, job: JobSpec, role: str, node: int = 0) -> Mapping[str, str]:
        log = job.log_of(node)
        return {
            OWNER: self._owner,
            ROLE: role,
            JOB: job.name,
            NODE: str(node),
            NODES: str(job.nodes),
            LOG_CONTAINER: log.container,
            LOG_PATH: log.path,
            TIMEOUT: str(job.timeout_s or 0),
        }
