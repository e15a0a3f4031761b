import threading
from pathlib import Path

import pytest

from hakobune.errors import (
    LoginExpiredError,
    PermissionMissingError,
    RegistryRefusedError,
    WorkspaceNotFoundError,
)
from hakobune.model.finding import Finding
from hakobune.model.job import Quota, Surroundings
from hakobune.stages.doctor_cloud import examine_cloud
from tests.cloud_samples import FakeCloud, make_compute, make_patience
from tests.samples import FakeRunner, on

# What docker says of an image that a registry does not have.
NO_IMAGE = on("imagetools", exit_code=1, stderr="ERROR: hakobune-doctor: not found")
DENIED = on("imagetools", exit_code=1, stderr="ERROR: unauthorized: authentication required")


def make_cloud(**other: object) -> FakeCloud:
    return FakeCloud(computes={"cpu-cluster": make_compute()}, **other)  # type: ignore[arg-type] # by name, in tests


def examine(
    cloud: FakeCloud, *, registry: object = NO_IMAGE, compute: str = "cpu-cluster"
) -> dict[str, Finding]:
    found = examine_cloud(
        lambda: cloud,
        FakeRunner([registry]),  # type: ignore[list-item] # an answer
        make_patience(),
        registry_name="",
        compute=compute,
        limit_s=5,
    )
    return {one.step: one for one in found}


def test_all_that_is_there_is_ok_and_nothing_is_changed() -> None:
    cloud = make_cloud(quota=(Quota(kind="DSv3", per_node=2, used=2, allowed=10),))
    found = examine(cloud)
    assert {name: one.state for name, one in found.items()} == {
        "cloud": "ok",
        "storage": "ok",
        "push": "ok",
        "compute": "ok",
    }
    assert "8 of 10 DSv3" in found["compute"].what
    assert cloud.calls == []


@pytest.mark.parametrize(
    "error",
    [
        LoginExpiredError("the login has expired", remedy="az login"),
        WorkspaceNotFoundError("there is no workspace", remedy="compare"),
    ],
)
def test_without_login_or_workspace_nothing_else_is_asked(error: Exception) -> None:
    found = examine(make_cloud(fails={"surroundings": error}))
    assert list(found) == ["cloud"]
    assert found["cloud"].state == "no"
    assert found["cloud"].remedy


def test_each_thing_that_is_wrong_is_named_with_its_remedy() -> None:
    refused = PermissionMissingError("AuthorizationPermissionMismatch", remedy="ask")
    found = examine(make_cloud(fails={"storage": refused}), registry=DENIED, compute="other")
    assert found["storage"].state == found["push"].state == "no"
    assert "az acr login --name own" in found["push"].remedy
    assert (found["compute"].state, "other" in found["compute"].what) == ("weak", True)


def test_a_used_up_quota_is_named() -> None:
    cloud = make_cloud(quota=(Quota(kind="DSv3", per_node=2, used=10, allowed=10),))
    assert "10 of 10" in examine(cloud)["compute"].what
    assert examine(cloud)["compute"].state == "no"


def test_a_private_keyless_workspace_is_told() -> None:
    around = Surroundings(location="here", storage_mode="identity", network="Disabled")
    found = examine(make_cloud(around=around))
    assert (found["cloud"].state, found["storage"].state) == ("weak", "weak")
    assert "Storage Blob Data Contributor" in found["storage"].remedy


def test_a_service_that_never_answers_is_waited_for_no_longer_than_the_limit() -> None:
    cloud, released = make_cloud(), threading.Event()
    cloud.read_storage = released.wait  # type: ignore[method-assign,assignment] # never answers
    found = examine_cloud(
        lambda: cloud,
        FakeRunner([NO_IMAGE]),
        make_patience(),
        registry_name="",
        compute="cpu-cluster",
        limit_s=0.05,
    )
    released.set()
    assert found[1].state == "no"
    assert "no answer within 0.05 s" in found[1].what


def test_a_defect_of_ours_is_a_line_and_no_traceback() -> None:
    cloud = make_cloud(fails={"storage": KeyError("x")})
    assert "KeyError" in examine(cloud)["storage"].what


def test_a_registry_that_refuses_is_the_registry_s_error() -> None:
    assert RegistryRefusedError.name() == "registry-refused"
    assert examine(make_cloud(), registry=DENIED)["push"].state == "no"


def test_no_registry_at_all_is_said(tmp_path: Path) -> None:
    cloud = make_cloud()
    cloud.registry = lambda: ""  # type: ignore[method-assign] # a workspace without one
    assert "no container registry" in examine(cloud)["push"].what
