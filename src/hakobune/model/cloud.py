"""What the stages ask of Azure ML. Tests pass a fake; `adapters/azure_ml.py` asks the real one."""

from pathlib import Path
from typing import Protocol

from hakobune.model.access import Permission, RegistryAccount, Resource, StorageAccount
from hakobune.model.job import (
    Compute,
    ComputePlan,
    EnvironmentPlan,
    Job,
    JobPlan,
    Pairs,
    Quota,
    RemoteFile,
    Surroundings,
)


class Cloud(Protocol):
    """A workspace. Every call raises errors of ours and is safe to repeat."""

    def registry(self) -> str:
        """Return the address of the workspace's own container registry; empty if it has none."""
        ...

    def surroundings(self) -> Surroundings:
        """Return what the workspace says of itself; this proves the login."""
        ...

    def read_storage(self) -> None:
        """Read the list of files in the workspace's storage, as a log is read; raise why not."""
        ...

    def environment_image(self, name: str, version: str) -> str | None:
        """Return the image of a registered environment, or None."""
        ...

    def create_environment(self, plan: EnvironmentPlan) -> None:
        """Register an environment."""
        ...

    def compute(self, name: str) -> Compute | None:
        """Return a compute, or None."""
        ...

    def create_compute(self, plan: ComputePlan) -> Compute:
        """Create a cluster, and wait until it exists."""
        ...

    def is_keyless(self) -> bool:
        """Tell whether jobs reach the workspace's storage by an identity only, without keys."""
        ...

    def needed_roles(self) -> Pairs:
        """Return each role that a cluster's identity needs for jobs, and the resource's id."""
        ...

    def permissions(self, resource: Resource) -> tuple[Permission, ...]:
        """Return what each of the caller's roles allows on a resource of the workspace."""
        ...

    def roles_of(self, principal: str, resource: Resource) -> tuple[str, ...]:
        """Return the ids of the roles that an identity has on a resource, its groups' included."""
        ...

    def storage_account(self) -> StorageAccount:
        """Return whom the workspace's storage lets in."""
        ...

    def registry_account(self) -> RegistryAccount | None:
        """Return how the workspace's own registry decides who may pull; None if it has none."""
        ...

    def quotas(self, compute: Compute) -> tuple[Quota, ...]:
        """Return the quotas that nodes of this compute count against; none if not known."""
        ...

    def why_waiting(self, compute: str) -> str:
        """Return what is known of a cluster's nodes and quotas, in one line."""
        ...

    def job(self, name: str) -> Job | None:
        """Return a job, or None."""
        ...

    def create_job(self, plan: JobPlan, *, root: Path) -> Job:
        """Submit a job; its local paths are relative to `root`."""
        ...

    def cancel_job(self, name: str) -> None:
        """Ask for a job's end."""
        ...

    def why_failed(self, name: str) -> str:
        """Return what the service says of a failed job."""
        ...

    def log(self, name: str, offset: int) -> tuple[bytes, int]:
        """Return the job's log from this byte on, and where to go on.

        A log that became shorter than `offset` (the job was started again) comes from its start.
        """
        ...

    def end_of_log(self, name: str, node: int) -> bytes:
        """Return the last bytes of the log of one node of several; nothing if it has none."""
        ...

    def output_files(self, job: Job, output: str) -> tuple[RemoteFile, ...]:
        """Return the files of an output, by name."""
        ...

    def fetch_file(self, file: RemoteFile, target: Path) -> None:
        """Write a remote file to this path; go on where an earlier try left off."""
        ...

    def model_version(self, name: str, tag: tuple[str, str]) -> str | None:
        """Return the newest version of a model that has this tag, or None."""
        ...

    def create_model(self, name: str, path: Path, *, description: str, tags: Pairs) -> str:
        """Register a file of this machine as a new version; return the version."""
        ...
