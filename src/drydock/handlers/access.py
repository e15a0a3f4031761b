"""Roles, and the workspace's storage account and registry, as their resource providers answer."""

import re
from typing import Any

from drydock.arm_ids import LOCATION
from drydock.http_values import Answer, Context, Request, page_of
from drydock.refusal import Refusal, bad_request

REGISTRY = "drydock"
_ROLES = "/providers/Microsoft.Authorization/roleDefinitions/"
_STORAGE, _REGISTRIES = "storageAccounts", "registries"
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
_ROLE_OF = {  # by the name that the route gives to the resource
    "account": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",  # Storage Blob Data Contributor
    "registry": "7f951dda-4ed3-4680-a7ca-43fe172d538d",  # AcrPull
}
_NONE: dict[str, Any] = {"actions": [], "notActions": [], "dataActions": [], "notDataActions": []}
_READER = {**_NONE, "actions": ["*/read"]}
_CONTRIBUTOR = {
    **_NONE,
    "actions": ["*"],
    "notActions": [
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ],
}
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_BLOB_CONTRIBUTOR = {
    **_NONE,
    "dataActions": [f"{_BLOBS}/{name}" for name in ("delete", "read", "write", "move/action")],
}
_ID = r"'?([0-9a-fA-F-]{36})'?"
_FILTER = re.compile(rf"(?:atScope\(\) and )?assignedTo\({_ID}\)|principalId eq {_ID}")


def list_permissions(request: Request, context: Context) -> Answer:
    """Return what the roles of the rehearsal's one identity allow: Contributor, and of the blobs.

    https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
    """
    _check_resource(request, context)
    if context.state.faults.take(("role-missing",), "permissions_list"):
        return page_of([_READER])
    return page_of([_CONTRIBUTOR, _BLOB_CONTRIBUTOR])


def list_role_assignments(request: Request, context: Context) -> Answer:
    """Return a cluster's roles: those that its jobs have here. Only a filter by identity is known.

    https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope
    """
    _check_resource(request, context)
    found = _FILTER.fullmatch(request.query.get("$filter", ""))
    if found is None:
        raise bad_request(
            "The filter is invalid: it must be assignedTo('ID') or principalId eq ID."
        )
    principal = found[1] or found[2]
    held = {str((one.identity or {}).get("principalId")) for one in context.state.computes.all()}
    is_missing = context.state.faults.take(("role-missing",), "role_assignments_list")
    role = next((role for part, role in _ROLE_OF.items() if part in request.names), None)
    if is_missing or role is None or principal.lower() not in {one.lower() for one in held}:
        return page_of([])
    scope = request.path.partition("/providers/Microsoft.Authorization")[0]
    guid = context.state.ids.guid()
    properties = {
        "roleDefinitionId": f"/subscriptions/{context.state.arm_ids.subscription}{_ROLES}{role}",
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "scope": scope,
        "condition": None,
        "conditionVersion": None,
    }
    return page_of(
        [
            {
                "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid}",
                "type": "Microsoft.Authorization/roleAssignments",
                "name": guid,
                "properties": properties,
            }
        ]
    )


def get_storage_account(request: Request, context: Context) -> Answer:
    """Return the workspace's storage account, with its firewall.

    https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties
    """
    account = context.state.blobs.account
    _check_resource(request, context)
    is_closed = context.state.faults.take(("storage-firewall",), "storage_accounts_get")
    body = {
        "id": storage_id(context),
        "name": account.name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": LOCATION,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "tags": {},
        "properties": {
            "provisioningState": "Succeeded",
            "allowSharedKeyAccess": not account.is_keyless,
            "publicNetworkAccess": "Enabled",
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Deny" if is_closed else "Allow",
                "ipRules": [],
                "virtualNetworkRules": [],
            },
            "primaryEndpoints": {"blob": f"https://{account.host}/"},
        },
    }
    return Answer(body=body)


def get_registry(request: Request, context: Context) -> Answer:
    """Return the workspace's registry.

    https://learn.microsoft.com/rest/api/containerregistry/registries/get
    """
    _check_resource(request, context)
    is_abac = context.state.faults.take(("registry-abac",), "container_registries_get")
    mode = "AbacRepositoryPermissions" if is_abac else "LegacyRegistryPermissions"
    body = {
        "id": registry_id(context),
        "name": REGISTRY,
        "type": "Microsoft.ContainerRegistry/registries",
        "location": LOCATION,
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {
            "loginServer": context.addresses.registry,
            "provisioningState": "Succeeded",
            # Azure ML creates it with one; where keys are not allowed, identities pull the images.
            "adminUserEnabled": not context.state.blobs.account.is_keyless,
            "roleAssignmentMode": mode,
        },
    }
    return Answer(body=body)


def registry_id(context: Context) -> str:
    """Return the ARM id of the workspace's registry."""
    return f"{_group(context)}/providers/Microsoft.ContainerRegistry/{_REGISTRIES}/{REGISTRY}"


def storage_id(context: Context) -> str:
    """Return the ARM id of the workspace's storage account."""
    name = context.state.blobs.account.name
    return f"{_group(context)}/providers/Microsoft.Storage/{_STORAGE}/{name}"


def _group(context: Context) -> str:
    ids = context.state.arm_ids
    return f"/subscriptions/{ids.subscription}/resourceGroups/{ids.group}"


def _check_resource(request: Request, context: Context) -> None:
    """Refuse what is neither the workspace nor its storage account or registry."""
    scope = request.path.lower().partition("/providers/microsoft.authorization")[0].rstrip("/")
    known = (context.state.arm_ids.workspace_id, storage_id(context), registry_id(context))
    if scope not in {one.lower() for one in known}:
        raise Refusal(404, "ResourceNotFound", f"The resource '{scope}' was not found.")
