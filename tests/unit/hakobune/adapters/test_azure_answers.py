from enum import StrEnum
from types import SimpleNamespace

import pytest

from hakobune.adapters.azure_answers import (
    compute_of,
    error_text,
    job_of,
    nodes_of,
    quotas_of,
    studio_page,
)
from hakobune.model.job import Quota
from tests.cloud_samples import make_compute

PAGE = "https://ml.azure.com/runs/demo-1?wsid=x"


class State(StrEnum):
    SUCCEEDED = "Succeeded"


def test_a_job_is_its_name_state_page_tags_and_outputs() -> None:
    output = SimpleNamespace(path="azureml://datastores/a/paths/b/")
    job = job_of(
        SimpleNamespace(
            name="demo-1",
            status="Running",
            studio_url=PAGE,
            tags={"a": 1},
            outputs={"output": output, "default": SimpleNamespace()},
        )
    )
    assert (job.name, job.status, job.page) == ("demo-1", "Running", PAGE)
    assert job.tags == (("a", "1"),)
    assert job.outputs == (("output", "azureml://datastores/a/paths/b/"), ("default", ""))


def test_a_page_on_this_machine_is_one_in_a_rehearsal_only() -> None:
    address = (
        "http://127.0.0.1:7878/jobs/demo-1?token=0a.1b&tid=00000000-0000-0000-0000-000000000000"
    )
    assert studio_page(address, is_rehearsal=True) == address
    assert studio_page(address) == ""
    for other in (
        PAGE,
        address.replace("127.0.0.1", "example.com"),
        address.replace("/jobs/", "/jobs/../"),
        f"{address}&x=y",
        f"{address}\x1b[2J",
    ):
        assert studio_page(other, is_rehearsal=True) == ""


@pytest.mark.parametrize("host", ["ml.azure.com", "studio.ml.azure.cn", "ml.azure.us"])
def test_a_page_of_the_studio_is_kept(host: str) -> None:
    address = f"https://{host}/runs/demo-1?wsid=/subscriptions/s&tid=t"
    assert studio_page(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://127.0.0.1:7878/runs/demo-1",
        "https://localhost/runs/demo-1",
        "http://ml.azure.com/runs/demo-1",
        "https://ml.azure.com",
        "https://ml.azure.com@elsewhere.example/runs/demo-1",
        "https://ml.azure.com.elsewhere.example/runs/demo-1",
        "https://ml.azure.com:8443/runs/demo-1",
        "https://ml.azure.com/runs/demo-1\n\x1b[2J",
    ],
)
def test_another_address_than_the_studio_s_is_no_page(address: str) -> None:
    assert studio_page(address) == ""


def test_a_word_may_be_an_enum() -> None:
    found = SimpleNamespace(
        name="cpu",
        type="amlcompute",
        provisioning_state=State.SUCCEEDED,
        provisioning_errors=None,
        size="STANDARD_D2S_V3",
        max_instances=2,
        tier="LowPriority",
    )
    compute = compute_of(found)
    assert (compute.state, compute.errors, compute.is_low_priority) == ("Succeeded", "", True)


def test_quotas_are_those_of_the_machines_family() -> None:
    size = SimpleNamespace(name="standard_d2s_v3", family="standardDSv3Family", vCPUs=2)
    usages = [
        usage("standardDSv3Family", "vmFamily/dedicatedCores", 4, 24),
        usage("standardDSv3Family", "vmFamily/lowPriorityCores", 0, 0),
        usage("standardFSv2Family", "vmFamily/dedicatedCores", 24, 24),
        usage("TotalDedicatedCores", "totalDedicatedCores", 30, 100),
        usage("TotalLowPriorityCores", "totalLowPriorityCores", 1, 3),
    ]
    assert quotas_of(make_compute(), [size], usages) == (
        Quota(kind="standardDSv3Family", per_node=2, used=4, allowed=24),
        Quota(kind="TotalDedicatedCores", per_node=2, used=30, allowed=100),
    )
    low = quotas_of(make_compute(is_low_priority=True), [size], usages)
    assert [(quota.kind, quota.allowed) for quota in low] == [
        ("standardDSv3Family", 0),
        ("TotalLowPriorityCores", 3),
    ]


def test_a_quota_s_name_may_have_spaces_that_its_sizes_family_has_not() -> None:
    size = SimpleNamespace(name="Standard_NC4as_T4_v3", family="standardNCASv3_T4Family", vCPUs=4)
    usages = [usage("Standard NCASv3_T4 Family", "vmFamily/dedicatedCores", 0, 0)]
    (found,) = quotas_of(make_compute(size="STANDARD_NC4AS_T4_V3"), [size], usages)
    assert (found.per_node, found.allowed) == (4, 0)


def usage(name: str, kind: str, used: int, limit: int) -> SimpleNamespace:
    kind = f"Microsoft.MachineLearningServices/{kind}/usages"
    return SimpleNamespace(name={"value": name}, type=kind, currentValue=used, limit=limit)


def test_a_cluster_s_nodes_are_told_in_one_line() -> None:
    error = SimpleNamespace(error=SimpleNamespace(code="ClusterCoreQuotaReached", message="a\nb"))
    cluster = SimpleNamespace(
        allocation_state=State.SUCCEEDED,
        current_node_count=None,
        target_node_count=2,
        node_state_counts=SimpleNamespace(preparing_node_count=1, unusable_node_count=0),
        errors=[error],
    )
    found = SimpleNamespace(properties=SimpleNamespace(properties=cluster))
    assert nodes_of(found) == ("Succeeded, 0 of 2 nodes; 1 preparing; ClusterCoreQuotaReached: a b")


def test_an_unknown_size_and_an_unlimited_quota_are_not_checked() -> None:
    assert quotas_of(make_compute(), [], []) == ()
    size = SimpleNamespace(name="Standard_D2s_v3", family="f", v_cp_us=2)
    kind = "a/dedicatedCores/usages"
    name = SimpleNamespace(value="f")
    unlimited = SimpleNamespace(name=name, type=kind, current_value=1, limit=-1)
    unsaid = SimpleNamespace(name=name, type=kind, current_value=1, limit=None)
    assert quotas_of(make_compute(), [size], [unlimited, unsaid]) == ()


def test_a_failed_job_s_error_is_code_and_message() -> None:
    text = 'Exception : \n {"error": {"code": "UserError", "message": "exit code 43"}} '
    assert error_text(text) == "UserError: exit code 43"
    assert error_text('Exception : \n {"code": "A", "message": "b"} ') == "A: b"
    assert error_text("Exception : \n something \n else") == "Exception : something else"
