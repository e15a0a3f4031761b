import threading
from pathlib import Path

import pytest

from hakobune.errors import (
    LoginExpiredError,
    PermissionMissingError,
    RegistryRefusedError,
    WorkspaceNotFoundError,
)
from hakobune.model.access import Permission, RegistryAccount, StorageAccount
from hakobune.model.finding import Finding
from hakobune.model.job import Quota, Surroundings
from hakobune.stages.doctor_cloud import examine_cloud
from tests.cloud_samples import FakeCloud, make_compute, make_patience
from tests.samples import FakeRunner, on

_ML = "Microsoft.MachineLearningServices"
PRINCIPAL = "11111111-2222-3333-4444-555555555555"
SCIENTIST = Permission(  # the role's definition, as Azure publishes it
    actions=tuple(f"{_ML}/workspaces/*/{verb}" for verb in ("read", "action", "delete", "write")),
    not_actions=(
        f"{_ML}/workspaces/delete",
        f"{_ML}/workspaces/write",
        f"{_ML}/workspaces/computes/*/write",
        f"{_ML}/workspaces/computes/*/delete",
    ),
)
READER = Permission(actions=("*/read",))
# What docker says of an image that a registry does not have.
NO_IMAGE = on("imagetools", exit_code=1, stderr="ERROR: hakobune-doctor: not found")
DENIED = on("imagetools", exit_code=1, stderr="ERROR: unauthorized: authentication required")


@pytest.fixture(autouse=True)
def pushing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the registry begin each upload that it is asked for."""
    asked: list[str] = []

    def begin(repository: str) -> bool:
        asked.append(repository)
        return True

    monkeypatch.setattr("hakobune.adapters.registry.require_writable", begin)
    return asked


def make_cloud(**other: object) -> FakeCloud:
    compute = make_compute(identity="system_assigned", principal=PRINCIPAL)
    return FakeCloud(computes={"cpu-cluster": compute}, **other)  # type: ignore[arg-type] # by name, in tests


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
        "roles": "ok",
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


def test_a_private_workspace_is_told_and_a_keyless_one_with_its_roles_is_ok() -> None:
    around = Surroundings(location="here", storage_mode="identity", network="Disabled")
    found = examine(make_cloud(around=around, keyless=True))
    states = {name: one.state for name, one in found.items()}
    assert states.pop("cloud") == "weak"
    assert set(states.values()) == {"ok"}


CLOSED = StorageAccount(allows_keys=True, is_network_limited=True)
ABAC = RegistryAccount(server="own.azurecr.io", is_abac=True, has_admin_user=False)
REFUSED = PermissionMissingError("AuthorizationFailed", remedy="ask")
NO_IDENTITY = {"cpu-cluster": make_compute()}


@pytest.mark.parametrize(
    ("changes", "step", "state", "says", "remedy"),
    [
        ({"allowed": READER}, "roles", "no", "jobs/write", "AzureML Data Scientist"),
        (
            {"fails": {"permissions workspace": REFUSED}},
            "roles",
            "weak",
            "cannot be read",
            "canary",
        ),
        ({"allowed": READER, "keyless": True}, "storage", "weak", "blobs/write", "Contributor"),
        ({"account": CLOSED}, "storage", "weak", "chosen networks", "--subnet"),
        ({"account": CLOSED}, "compute", "weak", "in no subnet", "--subnet"),
        ({"own": ABAC}, "compute", "weak", "Repository Reader", "Repository Reader"),
        ({"roles": ()}, "compute", "weak", "AcrPull", "AcrPull"),
        ({"roles": (), "keyless": True}, "compute", "weak", "Blob Data", "Blob Data Contributor"),
        ({"computes": NO_IDENTITY}, "compute", "weak", "has none", "--identity-type"),
        (
            {"computes": NO_IDENTITY, "keyless": True},
            "compute",
            "no",
            "no identity",
            "--identity-type SystemAssigned",
        ),
        ({"fails": {"roles registry": REFUSED}}, "compute", "weak", "cannot be read", "AcrPull"),
    ],
)
def test_each_missing_right_is_named_with_its_remedy(
    changes: dict[str, object], step: str, state: str, says: str, remedy: str
) -> None:
    cloud = make_cloud()
    for name, value in changes.items():
        setattr(cloud, name, value)
    found = examine(cloud)[step]
    assert (found.state, says in found.what, remedy in found.remedy) == (state, True, True), found


def test_a_data_scientist_with_a_cluster_is_ok_and_without_one_may_not_create_it() -> None:
    cloud = make_cloud(allowed=SCIENTIST)
    assert examine(cloud)["roles"].state == "ok"
    assert "not create clusters" in examine(cloud)["roles"].what
    found = examine(cloud, compute="other")["roles"]
    assert (found.state, "AzureML Compute Operator" in found.remedy) == ("weak", True)
    assert examine(cloud, compute="serverless")["roles"].state == "ok"
    assert examine(cloud, compute="serverless")["compute"].state == "ok"


def test_a_firewall_that_cannot_be_read_is_said_and_is_no_fault() -> None:
    found = examine(make_cloud(fails={"account": REFUSED, "own": REFUSED}))
    assert (found["storage"].state, "not known" in found["storage"].what) == ("ok", True)
    # Its address comes from an older version of the same question, which other clouds have.
    assert (found["push"].state, "not known" in found["push"].what) == ("ok", True)


@pytest.mark.parametrize(
    ("own", "role"), [(ABAC, "Container Registry Repository Writer"), (None, "AcrPush")]
)
def test_a_push_that_is_refused_names_the_role_of_the_registry_s_mode(
    monkeypatch: pytest.MonkeyPatch, own: RegistryAccount | None, role: str
) -> None:
    def refuse(repository: str) -> bool:
        raise RegistryRefusedError(f"may not push to {repository}", remedy="docker login")

    monkeypatch.setattr("hakobune.adapters.registry.require_writable", refuse)
    found = examine(make_cloud(**({"own": own} if own else {})))["push"]
    assert found.state == "no"
    assert found.remedy.splitlines()[1].startswith(f"it needs the role {role}; ")


@pytest.mark.parametrize(("allowed", "state"), [(READER, "weak"), (None, "ok")])
def test_where_the_push_cannot_be_tried_the_caller_s_roles_decide(
    monkeypatch: pytest.MonkeyPatch, allowed: Permission | None, state: str
) -> None:
    monkeypatch.setattr("hakobune.adapters.registry.require_writable", lambda _: False)
    cloud = make_cloud(**({"allowed": allowed} if allowed else {}))
    found = examine(cloud)["push"]
    assert (found.state, "accepts" in found.what) == (state, state == "weak")


def test_the_push_that_is_tried_is_to_a_repository_of_the_doctor_s(pushing: list[str]) -> None:
    examine(make_cloud())
    assert pushing == ["own.azurecr.io/hakobune-doctor"]


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
    assert found[2].state == "no"
    assert "no answer within 0.05 s" in found[2].what


def test_a_defect_of_ours_is_a_line_and_no_traceback() -> None:
    cloud = make_cloud(fails={"storage": KeyError("x")})
    assert "KeyError" in examine(cloud)["storage"].what


def test_a_registry_that_refuses_is_the_registry_s_error() -> None:
    assert RegistryRefusedError.name() == "registry-refused"
    assert examine(make_cloud(), registry=DENIED)["push"].state == "no"


def test_no_registry_at_all_is_said(tmp_path: Path) -> None:
    cloud = make_cloud()
    cloud.registry = lambda: ""  # type: ignore[method-assign] # a workspace without one
    cloud.registry_account = lambda: None  # type: ignore[method-assign]
    assert "no container registry" in examine(cloud)["push"].what
