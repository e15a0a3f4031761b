"""Answers whose form the SDK does not check: it raises what looks like a bug."""

from types import SimpleNamespace
from typing import Any

import pytest

from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.errors import ServiceRefusedError
from hakobune.model.destination import Destination
from tests.cloud_samples import make_patience

TO = Destination(subscription="S", resource_group="R", workspace="W", registry="")
READ = "import json\ndef get(*_): return {0}"


def workspace(name: str, reads: str) -> AzureWorkspace:
    """Return a workspace whose client reads a job's answer in a module of this name."""
    module: dict[str, Any] = {"__name__": name}
    exec(READ.format(reads), module)  # noqa: S102 - a module that is not installed
    client = SimpleNamespace(
        workspaces=SimpleNamespace(get=lambda _: SimpleNamespace(id="/workspaces/W")),
        jobs=SimpleNamespace(get=module["get"]),
    )
    return AzureWorkspace(TO, make_patience(), connect=lambda _: (client, "login"))


@pytest.mark.parametrize(
    "reads", ["None.description", "json.loads('[' * 100_000)", "b'\\xff'.decode()", "int(None)"]
)
def test_an_answer_that_the_sdk_cannot_read_is_the_service_s_failure(reads: str) -> None:
    with pytest.raises(ServiceRefusedError, match=r"job demo-1: .* cannot be read \(\w+Error\)"):
        workspace("azure.ai.ml.made_up", reads).job("demo-1")


def test_the_same_in_code_of_ours_is_a_bug() -> None:
    with pytest.raises(AttributeError):
        workspace("hakobune.adapters.made_up", "None.description").job("demo-1")
