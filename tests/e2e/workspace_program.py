"""Asks a workspace through the SDK: a program, because the SDK reads variables on import.

python workspace_program.py tracked JOB | models NAME | environment NAME VERSION IMAGE |
    delete JOB | clear JSON

The same for drydock and for Azure: the variables say which.
"""

import contextlib
import json
import logging
import os
import sys
from typing import Any

import requests

logging.disable(logging.WARNING)

from azure.ai.ml import MLClient  # noqa: E402 - it speaks while it is imported
from azure.ai.ml.entities import Environment  # noqa: E402
from azure.core.exceptions import ResourceNotFoundError  # noqa: E402
from azure.identity import DefaultAzureCredential  # noqa: E402

LOGIN = DefaultAzureCredential(
    disable_instance_discovery=bool(os.environ.get("ARM_CLOUD_METADATA_URL"))
)
SCOPE = "https://management.azure.com/.default"
# An end for an answer that never comes, and no statement about speed.
TIMEOUT_S = 600
OVER = ("Completed", "Failed", "Canceled")


def tracked(client: MLClient, job: str) -> dict[str, Any]:
    """Return the metrics that MLflow has of a job, and the files that lie with its run."""
    found = client.jobs.get(job)
    address = found.services["Tracking"].endpoint.replace("azureml://", "https://").rstrip("?")
    host, _, scope = address.partition("/mlflow/v1.0")
    headers = {"Authorization": f"Bearer {LOGIN.get_token(SCOPE).token}"}

    def ask(path: str) -> Any:
        answer = requests.get(host + path, headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    run = ask(f"/mlflow/v2.0{scope}/api/2.0/mlflow/runs/get?run_id={job}")["run"]
    place = f"{scope}/experiments/{found.experiment_name}/runs/{job}/artifacts"
    files = ask(f"/history/v1.0{place}")["value"]
    return {
        "metrics": {one["key"]: one["value"] for one in run["data"].get("metrics", [])},
        "files": [one["path"] for one in files],
    }


def delete(job: str) -> None:
    """Delete a job, which the SDK cannot."""
    base = os.environ.get("ARM_CLOUD_METADATA_URL", "https://management.azure.com/metadata")
    subscription, group, workspace = sys.argv[1:4]
    address = (
        f"{base.partition('/metadata')[0]}/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace}/jobs/{job}"
    )
    headers = {"Authorization": f"Bearer {LOGIN.get_token(SCOPE).token}"}
    params = {"api-version": "2024-04-01"}
    requests.delete(address, headers=headers, params=params, timeout=TIMEOUT_S).raise_for_status()


def clear(client: MLClient, made: dict[str, list[str]]) -> None:
    """Archive or remove what tests made; what cannot be is told and does not hold up the rest."""
    for job in made["jobs"]:
        with _told(f"job {job}"):
            if client.jobs.get(job).status not in OVER:
                client.jobs.begin_cancel(job).result(TIMEOUT_S)
            client.jobs.archive(job)
    for kind in ("models", "environments"):
        for name in made[kind]:
            with _told(f"{kind} {name}"):
                operations = getattr(client, kind)
                for one in list(operations.list(name=name)):
                    operations.archive(name=name, version=one.version)
    for name in made["computes"]:
        with _told(f"compute {name}"):
            client.compute.begin_delete(name).result(600)


@contextlib.contextmanager
def _told(what: str) -> Any:
    try:
        yield
    except ResourceNotFoundError:
        return  # a test that failed early had not made it
    except Exception as exc:  # noqa: BLE001 - the rest is to be cleared all the same
        sys.stderr.write(f"left in the workspace: {what}: {exc}\n")


def main() -> None:
    """Do what the arguments say; print JSON."""
    # What the SDK prints is no answer.
    with contextlib.redirect_stdout(sys.stderr):
        client = MLClient(LOGIN, *sys.argv[1:4], enable_telemetry=False, show_progress=False)
        answer: Any = None
        match sys.argv[4:]:
            case ["tracked", job]:
                answer = tracked(client, job)
            case ["models", name]:
                answer = sorted(str(one.version) for one in client.models.list(name=name))
            case ["environment", name, version, image]:
                made = Environment(name=name, version=version, image=image)
                client.environments.create_or_update(made)
            case ["delete", job]:
                delete(job)
            case ["clear", text]:
                clear(client, json.loads(text))
            case other:
                sys.exit(f"what is {other}?")
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
