"""Whether a compute can run a job. No I/O."""

from hakobune.errors import ComputeUnusableError, QuotaExceededError
from hakobune.model.job import Compute, ComputePlan, Quota

_LIVING = ("Succeeded", "Creating", "Updating", "Resizing")


def check_compute(compute: Compute, *, instances: int, wanted: ComputePlan | None) -> None:
    """Raise ComputeUnusableError where the job would never start, or not as it was wanted.

    `wanted` is what `--create-compute` asked for.
    """
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
    if wanted is not None and wanted.size.lower() != compute.size.lower():
        raise ComputeUnusableError(
            f"compute {compute.name} already exists with {compute.size}, not {wanted.size}",
            remedy=f"drop --size to use it as it is, or name another than {compute.name}",
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
