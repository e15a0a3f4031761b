"""What Azure's resource manager says of access: roles of the caller and of a cluster, firewalls.

These are other providers' resources, of which the SDK of Azure ML has no calls.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from hakobune.adapters.azure_answers import checked, text_of
from hakobune.adapters.azure_sdk import ask_arm, ask_arm_pages
from hakobune.adapters.azure_session import AzureSession
from hakobune.errors import AnswerInvalidError, PermissionMissingError, ServiceRefusedError
from hakobune.model.access import PULL, Permission, RegistryAccount, Resource, StorageAccount
from hakobune.model.forms import required
from hakobune.model.job import Pairs

_AUTHORIZATION = "/providers/Microsoft.Authorization"
_AUTHORIZATION_API = "2022-04-01"
_STORAGE_API = "2023-01-01"
_REGISTRY_API = "2023-07-01"
_ABAC_API = "2025-11-01"  # its answer has the mode of the roles
_FIELDS = {
    "actions": "actions",
    "not_actions": "notActions",
    "data_actions": "dataActions",
    "not_data_actions": "notDataActions",
}
_MOST = 10_000


class AzureAccess(AzureSession):
    """Questions about the workspace's storage and registry, and about roles; see Cloud."""

    def needed_roles(self) -> Pairs:
        """See Cloud. A registry whose mode cannot be read is taken for one without ABAC."""
        pull = PULL
        with contextlib.suppress(ServiceRefusedError, PermissionMissingError, AnswerInvalidError):
            own = self.registry_account()
            pull = own.pull_role if own is not None else pull
        found = (
            ("Storage Blob Data Contributor", self._scope("storage")),
            (pull, self._scope("registry")),
        )
        return tuple((role, scope) for role, scope in found if scope)

    def permissions(self, resource: Resource) -> tuple[Permission, ...]:
        """See Cloud. https://learn.microsoft.com/rest/api/authorization/permissions."""
        path = f"{self._scope(resource)}{_AUTHORIZATION}/permissions"
        found = self._asked(
            f"your roles on the {resource}", lambda c: ask_arm_pages(c, path, _AUTHORIZATION_API)
        )
        with checked("your roles"):
            return tuple(_permission(one) for one in found)

    def roles_of(self, principal: str, resource: Resource) -> tuple[str, ...]:
        """See Cloud. https://learn.microsoft.com/rest/api/authorization/role-assignments."""
        path = f"{self._scope(resource)}{_AUTHORIZATION}/roleAssignments"
        chosen = f"atScope() and assignedTo('{text_of('service id', principal)}')"
        found = self._asked(
            f"the cluster's roles on the {resource}",
            lambda c: ask_arm_pages(c, path, _AUTHORIZATION_API, **{"$filter": chosen}),
        )
        with checked("the cluster's roles"):
            ids = [str(one["properties"]["roleDefinitionId"]) for one in found]
            return tuple(required("place", one).rpartition("/")[2].lower() for one in ids)

    def storage_account(self) -> StorageAccount:
        """See Cloud. https://learn.microsoft.com/rest/api/storagerp/storage-accounts."""
        path = self._scope("storage")
        found = self._asked("the storage account", lambda c: ask_arm(c, path, _STORAGE_API))
        with checked("a storage account"):
            properties = found["properties"]
            rules = properties.get("networkAcls") or {}
            network = str(properties.get("publicNetworkAccess") or "Enabled")
            return StorageAccount(
                allows_keys=properties.get("allowSharedKeyAccess") is not False,
                is_network_limited=str(rules.get("defaultAction") or "Allow").lower() != "allow"
                or network.lower() != "enabled",
            )

    def registry_account(self) -> RegistryAccount | None:
        """See Cloud. https://learn.microsoft.com/rest/api/containerregistry/registries."""
        return self._registry(_ABAC_API)

    def _registry(self, version: str = _REGISTRY_API) -> RegistryAccount | None:
        path = self._scope("registry")
        if not path:
            return None
        found = self._asked(f"registry {path}", lambda c: ask_arm(c, path, version))
        with checked("a registry"):
            properties = found["properties"]
            return RegistryAccount(
                # Each cloud has another suffix, and a registry may have a name of its own in it.
                server=required("registry", properties["loginServer"].lower()),
                is_abac=str(properties.get("roleAssignmentMode")) == "AbacRepositoryPermissions",
                has_admin_user=properties.get("adminUserEnabled") is True,
            )

    def _scope(self, resource: Resource) -> str:
        """Return the id of the workspace, its storage or its registry; empty where it has none."""
        self._connected()
        field = {"workspace": "id", "storage": "storage_account", "registry": "container_registry"}
        return text_of("place", getattr(self._workspace, field[resource], None))


def _permission(found: Mapping[str, Any]) -> Permission:
    """Return one role's patterns. Raises ValueError for what is not a list of lines."""
    lists = {name: found.get(theirs) or [] for name, theirs in _FIELDS.items()}
    if not all(isinstance(one, list) and len(one) <= _MOST for one in lists.values()):
        raise ValueError("the operations of a role are not a list")
    return Permission(
        **{name: tuple(required("line", str(text)) for text in one) for name, one in lists.items()}
    )
