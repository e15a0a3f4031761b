"""Plans of ours to YAML of Azure ML's command line, version 2. Does no I/O.

The same text is shown by `--dry-run`, written by `hakobune export`, and loaded by the SDK when
something is created: there is no second way to describe a job. Nothing here is read back by us.
"""

from pathlib import PurePosixPath
from typing import Any

from hakobune.model.job import ComputePlan, EnvironmentPlan, JobInput, JobPlan
from hakobune.model.sandbox import JOB, SANDBOXES

# The addresses are names, for editors that check the file; nothing here asks them.
_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
_IDLE_S = 120


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


def compute_document(plan: ComputePlan) -> str:
    """Return compute.yml: a cluster that scales down to no node while it has no job."""
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
        "compute": f"azureml:{plan.compute}",
        "inputs": {
            item.name: {
                "type": "uri_folder" if item.is_folder else "uri_file",
                "path": _path(item, way_to_project),
                "mode": "ro_mount",
            }
            for item in plan.inputs
        },
        "outputs": {
            name: {"type": "uri_folder", "mode": plan.output_mode} for name in plan.outputs
        },
        "environment_variables": dict(plan.variables),
        "tags": dict(plan.tags),
        "resources": {"instance_count": plan.instances, **SANDBOXES[JOB].job_resources()},
        "limits": {"timeout": plan.timeout_s},
    }
    if not with_name:
        del document["name"]
    return _yaml({key: value for key, value in document.items() if value != {}})


def _path(item: JobInput, way_to_project: str) -> str:
    if not item.is_local or not way_to_project:
        return item.path
    return str(PurePosixPath(way_to_project, item.path))


def _yaml(document: dict[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - slow to import, and `--help` needs none

    return yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True)
