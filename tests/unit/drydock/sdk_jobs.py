"""What a job needs, made with the SDK: environment, cluster, and the job's end; hakobune's plan."""

from typing import TYPE_CHECKING, Any

from hakobune.model.job import JobInput, JobPlan
from tests.samples import PATIENCE_S

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Command, Environment

DIGEST = "sha256:" + "1" * 64
IMAGE = f"127.0.0.1:1/hakobune/arima@{DIGEST}"


def environment(image: str = IMAGE, version: str = "1") -> "Environment":
    from azure.ai.ml.entities import Environment

    return Environment(name="arima", version=version, image=image)


def cluster(client: "MLClient", **changes: Any) -> Any:
    from azure.ai.ml.entities import AmlCompute

    settings = {"size": "Standard_D2s_v3", "min_instances": 0, "max_instances": 1, **changes}
    return client.compute.begin_create_or_update(AmlCompute(name="cpu", **settings)).result()


def job(client: "MLClient", line: str = "exit 0", **changes: Any) -> "Command":
    """Return a command job, as hakobune makes it, with everything there that it needs."""
    from azure.ai.ml import Output, command

    client.environments.create_or_update(environment())
    cluster(client)
    return command(
        **{
            "command": line,
            "environment": "azureml:arima:1",
            "compute": "cpu",
            "outputs": {"output": Output(type="uri_folder")},
            "experiment_name": "forecast",
            "display_name": "a rehearsal",
            "tags": {"image": DIGEST},
            **changes,
        }
    )


def end_of(client: "MLClient", name: str) -> str:
    """Wait for a job's end and return its status."""
    import time

    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = str(client.jobs.get(name).status).rsplit(".", 1)[-1].title()
        if found in ("Completed", "Failed", "Canceled"):
            return found
        time.sleep(0.1)
    raise TimeoutError(name)


def plan(*inputs: JobInput, line: str = "exit 0", identity: str = "") -> JobPlan:
    return JobPlan(
        name="demo-1",
        display_name="demo",
        experiment="demo",
        command=line,
        environment="demo:1",
        compute="cpu-cluster",
        instances=1,
        timeout_s=60,
        inputs=inputs,
        outputs=("output",),
        variables=(),
        tags=(),
        identity=identity,
    )
