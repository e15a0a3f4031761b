"""From a job's properties to what its runner needs: the spec, its variables, its logs."""

import re
from collections.abc import Mapping
from typing import Any

from drydock.arm_ids import API_HOST, tracking_uri
from drydock.blob_uris import artifact_place, code_place, input_place, output_place
from drydock.job_spec import SHARED_MEMORY_BYTES, BlobPlace, JobSpec, bytes_of, process_log
from drydock.state.jobs import Job
from drydock.state.logins import issue_run_token
from drydock.workspace_state import WorkspaceState

LOG_FOLDER = "user_logs"
LOG = f"{LOG_FOLDER}/std_log.txt"
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_MOUNTED = "ReadWriteMount"


def spec_of(state: WorkspaceState, job: Job) -> JobSpec:
    """Return the job as its runner needs it."""
    given = job.given
    outputs = {
        name: value for name, value in (given.get("outputs") or {}).items() if name != "default"
    }
    return JobSpec(
        name=job.name,
        image=job.image,
        command=str(given.get("command", "")),
        environment=environment_of(state, job),
        inputs={
            name: place
            for name, value in (given.get("inputs") or {}).items()
            if (place := input_place(state, value)) is not None
        },
        outputs={name: output_place(state, job.name, name, out) for name, out in outputs.items()},
        # The service's default is to mount.
        mounted=frozenset(
            name for name, out in outputs.items() if (out.get("mode") or _MOUNTED) == _MOUNTED
        ),
        literals={
            name: str(value.get("value", ""))
            for name, value in (given.get("inputs") or {}).items()
            if value.get("jobInputType") == "literal"
        },
        log=BlobPlace(
            container=artifact_place(job.name).container,
            path=artifact_place(job.name).path + LOG,
        ),
        nodes=nodes_of(given),
        is_distributed=bool(given.get("distribution")),
        timeout_s=seconds_of((given.get("limits") or {}).get("timeout")),
        code=code_place(state, given.get("codeId")),
        shared_memory_bytes=bytes_of((given.get("resources") or {}).get("shmSize"))
        or SHARED_MEMORY_BYTES,
    )


def logs_of(job: Job) -> tuple[str, ...]:
    """Return the paths of a job's logs among its artifacts, that of the first node first."""
    if not job.given.get("distribution"):
        return (LOG,)
    count = nodes_of(job.given)
    return tuple(f"{LOG_FOLDER}/{process_log(node, count)}" for node in range(count))


def environment_of(state: WorkspaceState, job: Job) -> Mapping[str, str]:
    """Return the variables of a job: its own, and those that Azure ML sets."""
    ids = state.arm_ids
    experiment = str(job.given.get("experimentName") or "Default")
    address = f"https://{API_HOST}"
    token = issue_run_token(state.workspace, job.name, state.clock.now())
    found = {
        "AZUREML_RUN_ID": job.name,
        "AZUREML_ROOT_RUN_ID": job.name,
        "AZUREML_EXPERIMENT_SCOPE": f"{ids.workspace_id}/experiments/{experiment}",
        "AZUREML_ARM_SUBSCRIPTION": ids.subscription,
        "AZUREML_ARM_RESOURCEGROUP": ids.group,
        "AZUREML_ARM_WORKSPACE_NAME": ids.workspace,
        "AZUREML_ARM_PROJECT_NAME": experiment,
        "AZUREML_WORKSPACE_ID": ids.guid,
        "AZUREML_WORKSPACE_SCOPE": ids.workspace_id,
        "AZUREML_CR_NODE_RANK": "0",
        "AZUREML_EXPERIMENT_ID": ids.guid,
        "AZUREML_SERVICE_ENDPOINT": address,
        "AZUREML_RUN_HISTORY_SERVICE_ENDPOINT": address,
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{address}/discovery",
        "AZUREML_RUN_TOKEN": token,
        "MLFLOW_TRACKING_URI": tracking_uri(ids),
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": job.name,
        "MLFLOW_EXPERIMENT_ID": ids.guid,
        "MLFLOW_EXPERIMENT_NAME": experiment,
    }
    own: dict[str, Any] = job.given.get("environmentVariables") or {}
    return found | {name: str(value) for name, value in own.items()}


def seconds_of(duration: str | None) -> float | None:
    """Return the seconds of a duration like PT1H30M, or None if there is no duration."""
    found = _DURATION.fullmatch(duration or "")
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def nodes_of(given: Mapping[str, Any]) -> int:
    """Return how many nodes the properties of a job ask for."""
    count = (given.get("resources") or {}).get("instanceCount")
    return 1 if count is None else int(count)
