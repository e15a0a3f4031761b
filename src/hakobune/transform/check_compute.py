"""Whether a compute can run a job. No I/O."""

from hakobune.errors import ComputeUnusableError, QuotaExceededError
from hakobune.model.job import Compute, ComputePlan, Quota

_LIVING = ("Succeeded", "Creating", "Updating", "Resizing")


def check_compute(compute: Compute, *, instances: int, wanted: ComputePlan | None) -> None:
    """Raise ComputeUnusableError where the job would never start, or not as it was wanted."""
    if compute.state not in _LIVING:
        raise ComputeUnusableError(
            f"compute {compute.name} is in state {compute.state or 'unknown'}"
            + (f": {compute.errors}" if compute.errors else ""),
            remedy="wait, or fix it in the studio, or name another with --compute",
        )
    if compute.max_instances and compute.max_instances < instances:
        raise ComputeUnusableError(
            f"compute {compute.name} allows {compute.max_instances} node(s), "
            f"and the job asks for {instances}",
            remedy="lower --instances, or raise the cluster's maximum number of nodes",
        )
    if wanted is not None:
        _check_asked(compute, wanted)


def _check_asked(compute: Compute, wanted: ComputePlan) -> None:
    """Raise ComputeUnusableError for a cluster of another size, tier or subnet than was asked."""
    tier = {True: "low priority", False: "dedicated", None: ""}
    for option, there, asked in (
        ("--size", compute.size, wanted.size),
        (
            "--low-priority" if wanted.is_low_priority else "--dedicated",
            tier[compute.is_low_priority],
            tier[wanted.is_low_priority],
        ),
        ("--subnet", compute.subnet, wanted.subnet),
    ):
        if asked and asked.lower() != there.lower():
            raise ComputeUnusableError(
                f"compute {compute.name} already exists with {there or 'no subnet'}, not {asked}",
                remedy=f"to use it as it is, leave out --create-compute and {option}; or name "
                f"another than {compute.name}",
            )


def require_identity(compute: Compute) -> None:
    """Raise ComputeUnusableError for a cluster whose jobs cannot log in to the storage as it."""
    if compute.identity.lower() in ("", "none"):
        raise ComputeUnusableError(
            f"compute {compute.name} has no identity, by which its jobs must reach the workspace's "
            "storage: that allows no keys, or --identity managed was given",
            remedy=f"az ml compute update --name {compute.name} --identity-type SystemAssigned, "
            "then give that identity the role Storage Blob Data Contributor for the workspace's "
            "storage account; or submit with --identity user",
        )


def check_gpus(name: str, size: str) -> None:
    """Raise ComputeUnusableError for machines that have no GPU, where the project uses one.

    Azure's sizes with a GPU are those of the N family; a size that is not known is left to the job.
    https://learn.microsoft.com/azure/virtual-machines/sizes/overview
    """
    if size and not size.lower().startswith("standard_n"):
        raise ComputeUnusableError(
            f"[tool.hakobune] has gpus, and compute {name} is of size {size}, which has none",
            remedy="name a cluster with GPUs: --compute NAME; or create one: --create-compute "
            "--compute NAME --size Standard_NC4as_T4_v3",
        )


def check_quotas(compute: Compute, quotas: tuple[Quota, ...], *, instances: int) -> None:
    """Raise QuotaExceededError where the job's nodes could not all be had."""
    for quota in quotas:
        if quota.used + quota.per_node * instances > quota.allowed:
            raise QuotaExceededError(
                f"{instances} x {compute.size} needs {quota.per_node * instances} processors of "
                f"{quota.kind}; {quota.used} of {quota.allowed} are in use",
                remedy="ask for more quota in the Azure portal (Quotas), "
                "choose another --size, or try --low-priority",
            )
