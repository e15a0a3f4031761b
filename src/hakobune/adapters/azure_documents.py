"""Plans of ours to YAML of Azure ML's command line, version 2. Does no I/O.

The same text is shown by `--dry-run`, written by `hakobune export`, and loaded by the SDK when
something is created: there is no second way to describe a job. Nothing here is read back by us.
"""

from pathlib import PurePosixPath
from typing import Any

from hakobune.model.job import RW_MOUNT, ComputePlan, EnvironmentPlan, JobInput, JobPlan
from hakobune.model.sandbox import JOB, SANDBOXES

# The addresses are names, for editors that check the file; nothing here asks them.
_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
_IDLE_S = 120
_TIERS = {False: "standard", True: "spot"}
_IDENTITIES = {"user": "user_identity", "managed": "managed"}


def environment_document(plan: EnvironmentPlan) -> str:
    """Return environment.yml: the image by its digest, without a conda file to build."""
    return _yaml(
        {
            "$schema": f"{_SCHEMAS}/environment.schema.json",
            "name": plan.name,
            "version": plan.version,
            "image": plan.image,
            "tags": dict(plan.tags),
        }
    )


def compute_document(asked: ComputePlan) -> str:
    """Return compute.yml: a cluster that scales down to no node while it has no job.

    In a subnet its nodes have no public address.
    """
    plan = asked.whole()
    network = {"network_settings": {"subnet": plan.subnet}, "enable_node_public_ip": False}
    return _yaml(
        {
            "$schema": f"{_SCHEMAS}/amlCompute.schema.json",
            "name": plan.name,
            "type": "amlcompute",
            "size": plan.size,
            "min_instances": 0,
            "max_instances": plan.max_instances,
            "idle_time_before_scale_down": _IDLE_S,
            "tier": "low_priority" if plan.is_low_priority else "dedicated",
            # Without one, its jobs fail where the storage allows no keys.
            "identity": {"type": "system_assigned"},
            **(network if plan.subnet else {}),
        }
    )


def job_document(plan: JobPlan, *, with_name: bool = True, way_to_project: str = "") -> str:
    """Return job.yml. Without a name the service chooses one, so that it can be created again.

    `way_to_project` leads from the file's folder to the project's, for local paths.
    """
    document: dict[str, Any] = {
        "$schema": f"{_SCHEMAS}/commandJob.schema.json",
        "type": "command",
        "name": plan.name,
        "display_name": plan.display_name,
        "experiment_name": plan.experiment,
        "command": plan.command,
        "environment": f"azureml:{plan.environment}",
        "compute": f"azureml:{plan.compute}" if plan.compute else {},
        "inputs": {
            item.name: {
                "type": "uri_folder" if item.is_folder else "uri_file",
                "path": _path(item, way_to_project),
                "mode": plan.input_mode,
            }
            for item in plan.inputs
        },
        "outputs": {name: _output(plan, name) for name in plan.outputs},
        "environment_variables": dict(plan.variables),
        "tags": dict(plan.tags),
        "identity": {"type": _IDENTITIES[plan.identity]} if plan.identity else {},
        "resources": {
            "instance_count": plan.instances,
            **SANDBOXES[JOB].job_resources(),
            **({"instance_type": plan.size} if plan.size else {}),
        },
        # One process on each node. Without a distribution it is not documented what runs where.
        "distribution": {"type": "pytorch", "process_count_per_instance": 1}
        if plan.instances > 1
        else {},
        "queue_settings": {} if plan.compute else {"job_tier": _TIERS[plan.is_spot]},
        "limits": {"timeout": plan.timeout_s},
    }
    if not with_name:
        del document["name"]
    return _yaml({key: value for key, value in document.items() if value != {}})


def _output(plan: JobPlan, name: str) -> dict[str, str]:
    if name not in plan.kept:
        return {"type": "uri_folder", "mode": plan.output_mode}
    # The store that each workspace has; a job's own folder has its name, and each job another one.
    place = f"azureml://datastores/workspaceblobstore/paths/hakobune/{plan.kept_at}/{name}/"
    found = {"type": "uri_folder", "mode": RW_MOUNT}
    return {**found, "path": place} if plan.kept_at else found


def _path(item: JobInput, way_to_project: str) -> str:
    if not item.is_local or not way_to_project:
        return item.path
    return str(PurePosixPath(way_to_project, item.path))


def _yaml(document: dict[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - slow to import, and `--help` needs none

    return yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True)
