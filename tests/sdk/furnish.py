"""Put into a fresh workspace what Microsoft's tests find in theirs."""

import os
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, Data, Environment
from azure.identity import DefaultAzureCredential

CURATED = "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"


def main() -> None:
    """Make them with the SDK, as a user would."""
    client = MLClient(
        DefaultAzureCredential(),
        os.environ["HAKOBUNE_SUBSCRIPTION"],
        os.environ["HAKOBUNE_RESOURCE_GROUP"],
        os.environ["HAKOBUNE_WORKSPACE"],
    )
    for version in ("1", "33"):
        # No test runs a job to its end, so the image need not exist.
        image = f"{os.environ['HAKOBUNE_REGISTRY']}/curated@sha256:{'1' * 64}"
        client.environments.create_or_update(
            Environment(name=CURATED, version=version, image=image)
        )
    for name in ("testCompute", "cpu-cluster"):
        cluster = AmlCompute(name=name, size="Standard_D2s_v3", min_instances=0, max_instances=2)
        client.compute.begin_create_or_update(cluster).result()
    data = Path(__file__).parent / "test_configs" / "data" / "sample1.csv"
    client.data.create_or_update(Data(name="one", version="1", path=str(data), type="uri_file"))


if __name__ == "__main__":
    main()
