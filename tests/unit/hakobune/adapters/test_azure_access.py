from types import SimpleNamespace
from typing import Any

import pytest

from hakobune.adapters.azure_access import AzureAccess
from hakobune.errors import AnswerInvalidError
from hakobune.model.access import Permission, StorageAccount
from hakobune.model.destination import Destination
from tests.cloud_samples import make_patience

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK warns of its own parts
ARM = "https://arm.example"
WORKSPACE = SimpleNamespace(
    id="/subscriptions/S/workspaces/W",
    storage_account="/subscriptions/S/storageAccounts/a",
    container_registry="/subscriptions/S/registries/r",
)


class Arm:
    """Answers with one body after the other, and keeps the addresses that were asked."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)
        self.asked: list[str] = []

    def send_request(self, request: Any) -> SimpleNamespace:
        self.asked.append(request.url)
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return SimpleNamespace(raise_for_status=lambda: None, json=lambda: body)


def access(arm: Arm) -> AzureAccess:
    config = SimpleNamespace(base_url=f"{ARM}/")
    client = SimpleNamespace(
        workspaces=SimpleNamespace(get=lambda _: WORKSPACE),
        compute=SimpleNamespace(_operation=SimpleNamespace(_client=arm, _config=config)),
    )
    to = Destination(subscription="S", resource_group="R", workspace="W")
    return AzureAccess(to, make_patience(), connect=lambda _: (client, "login"))


def test_permissions_of_all_pages_are_read() -> None:
    more = f"{ARM}/subscriptions/S/more?skip=1"
    arm = Arm(
        {"value": [{"actions": ["*/read"], "notActions": None}], "nextLink": more},
        {"value": [{"dataActions": ["a/*"], "condition": "x"}]},
    )
    assert access(arm).permissions("workspace") == (
        Permission(actions=("*/read",)),
        Permission(data_actions=("a/*",)),
    )
    path = f"{ARM}{WORKSPACE.id}/providers/Microsoft.Authorization/permissions"
    assert arm.asked == [f"{path}?api-version=2022-04-01", more]


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.example/", f"{ARM}.elsewhere.example/", "http://arm.example/x", "/x", 5],
)
def test_a_next_page_elsewhere_is_not_asked(link: object) -> None:
    arm = Arm({"value": [], "nextLink": link})
    with pytest.raises(AnswerInvalidError, match="at another host"):
        access(arm).permissions("storage")
    assert len(arm.asked) == 1


def test_a_list_without_end_is_refused() -> None:
    arm = Arm({"value": [], "nextLink": f"{ARM}/again"})
    with pytest.raises(AnswerInvalidError, match="more than 50 pages"):
        access(arm).permissions("registry")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"value": None},
        {"value": [5]},
        {"value": [{"actions": "*"}]},
        {"value": [{"actions": ["a\nb"]}]},
        {"value": [{"actions": ["x"] * 10_001}]},
    ],
)
def test_permissions_of_another_form_are_refused(body: object) -> None:
    with pytest.raises(AnswerInvalidError):
        access(Arm(body)).permissions("workspace")


def test_an_identity_s_roles_are_asked_with_its_groups_at_the_resource() -> None:
    role = "/subscriptions/S/providers/Microsoft.Authorization/roleDefinitions/7F951DDA-4ed3"
    arm = Arm({"value": [{"properties": {"roleDefinitionId": role}}]})
    assert access(arm).roles_of("11111111-2222", "registry") == ("7f951dda-4ed3",)
    (asked,) = arm.asked
    assert "/registries/r/providers/Microsoft.Authorization/roleAssignments?" in asked
    assert "assignedTo(%2711111111-2222%27)" in asked or "assignedTo('11111111-2222')" in asked


def test_a_principal_that_is_no_id_gets_into_no_filter() -> None:
    arm = Arm({"value": []})
    with pytest.raises(AnswerInvalidError):
        access(arm).roles_of("1') or ('", "registry")
    assert arm.asked == []


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, (True, False)),
        ({"allowSharedKeyAccess": None, "networkAcls": None}, (True, False)),
        ({"allowSharedKeyAccess": False}, (False, False)),
        ({"networkAcls": {"defaultAction": "Deny"}}, (True, True)),
        ({"publicNetworkAccess": "Disabled"}, (True, True)),
        ({"publicNetworkAccess": "SecuredByPerimeter"}, (True, True)),
    ],
)
def test_a_storage_account_is_open_unless_it_says_otherwise(
    properties: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    found = access(Arm({"properties": properties})).storage_account()
    assert found == StorageAccount(allows_keys=expected[0], is_network_limited=expected[1])


@pytest.mark.parametrize("server", [None, 5, "a b", ""])
def test_a_registry_without_an_address_is_refused(server: object) -> None:
    with pytest.raises(AnswerInvalidError):
        access(Arm({"properties": {"loginServer": server}})).registry_account()
