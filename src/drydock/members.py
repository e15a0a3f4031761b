"""Which members a request's `properties` may have, by the kind of resource, and of which types.

The service refuses any other member by its name. The names are those of the SDK's REST models (API
versions 2023-04-01-preview to 2025-01-01-preview); what only a newer version has is marked there.
A member with the value null counts as missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drydock.refusal import bad_request


@dataclass(frozen=True, slots=True)
class Form:
    """An object with these members and no other; a member's value is a type, a form or a map."""

    name: str
    members: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with any names, whose values all are of one type or form."""

    value: Any


# The service makes text of other scalars: the SDK sends the version of a hash as a number.
_TEXTS = MapOf((str, int, float, bool))
_ASSET = {
    "description": str,
    "properties": _TEXTS,
    "tags": _TEXTS,
    "isAnonymous": bool,
    "isArchived": bool,
    "autoDeleteSetting": dict,
    "intellectualProperty": dict,
    "provisioningState": str,
    "stage": str,
}
_INPUT = Form(
    "JobInput",
    {
        "description": str,
        "jobInputType": str,
        "mode": str,
        "uri": str,
        "value": str,
        "pathOnCompute": str,  # since 2024
    },
)
_OUTPUT = Form(
    "JobOutput",
    {
        "description": str,
        "jobOutputType": str,
        "mode": str,
        "uri": str,
        "assetName": str,
        "assetVersion": str,
        "autoDeleteSetting": dict,
        "pathOnCompute": str,  # since 2024
    },
)
_RESOURCES = Form(
    "JobResourceConfiguration",
    {
        "instanceCount": int,
        "instanceType": str,
        "properties": dict,
        "shmSize": str,
        "dockerArgs": str,
        "dockerArgsList": list,
        "locations": list,  # since 2024, as the next one
        "maxInstanceCount": int,
    },
)
COMMAND_JOB = Form(
    "CommandJob",
    {
        "description": str,
        "properties": _TEXTS,
        "tags": _TEXTS,
        "componentId": str,
        "computeId": str,
        "displayName": str,
        "experimentName": str,
        "identity": Form(
            "IdentityConfiguration",
            {"identityType": str, "clientId": str, "objectId": str, "resourceId": str},
        ),
        "isArchived": bool,
        "jobType": str,
        "notificationSetting": dict,
        "parentJobName": str,
        "services": MapOf(dict),
        "status": str,
        "codeId": str,
        "command": str,
        "distribution": dict,
        "environmentId": str,
        "environmentVariables": _TEXTS,
        "inputs": MapOf(_INPUT),
        "limits": Form("CommandJobLimits", {"jobLimitsType": str, "timeout": str}),
        "outputs": MapOf(_OUTPUT),
        "parameters": object,
        "queueSettings": Form("QueueSettings", {"jobTier": str, "priority": (int, str)}),
        "resources": _RESOURCES,
        "autologgerSettings": dict,  # since 2024, as the next one
        "secretsConfiguration": dict,
    },
)
PYTORCH = Form("PyTorch", {"distributionType": str, "processCountPerInstance": int})
ENVIRONMENT = Form(
    "EnvironmentVersion",
    {
        **_ASSET,
        "autoRebuild": str,
        "build": Form("BuildContext", {"contextUri": str, "dockerfilePath": str}),
        "condaFile": str,
        "environmentType": str,
        "image": str,
        "inferenceConfig": dict,
        "osType": str,
    },
)
DATA = Form("DataVersionBase", {**_ASSET, "dataType": str, "dataUri": str, "referencedUris": list})
MODEL = Form(
    "ModelVersion",
    {
        **_ASSET,
        "flavors": MapOf(dict),
        "jobName": str,
        "modelType": str,
        "modelUri": str,
        "datasets": list,
        "systemMetadata": dict,
        "defaultDeploymentTemplate": dict,
    },
)
# Of a run, what a client may change; its other members are the service's and not looked at.
RUN = Form("ModifyRunDto", {"tags": _TEXTS, "displayName": str, "description": str, "hidden": bool})
CODE = Form("CodeVersion", {**_ASSET, "codeUri": str})
CONTAINER = Form(
    "AssetContainer",
    {**_ASSET, "latestVersion": str, "nextVersion": str, "dataType": str},
)
COMPUTE = Form(
    "Compute",
    {
        "computeType": str,
        "computeLocation": str,
        "provisioningState": str,
        "provisioningErrors": list,
        "provisioningWarnings": (dict, list),
        "description": str,
        "createdOn": str,
        "modifiedOn": str,
        "resourceId": str,
        "isAttachedCompute": bool,
        "disableLocalAuth": bool,
        "properties": dict,
    },
)
IDENTITY = Form(
    "ManagedServiceIdentity",
    {
        "type": str,
        "principalId": str,
        "tenantId": str,
        "userAssignedIdentities": MapOf(dict),
    },
)
CLUSTER = Form(
    "AmlComputeProperties",
    {
        "osType": str,
        "vmSize": str,
        "vmPriority": str,
        "virtualMachineImage": dict,
        "isolatedNetwork": bool,
        "scaleSettings": Form(
            "ScaleSettings",
            {"maxNodeCount": int, "minNodeCount": int, "nodeIdleTimeBeforeScaleDown": str},
        ),
        "userAccountCredentials": dict,
        "subnet": dict,
        "remoteLoginPortPublicAccess": str,
        "allocationState": str,
        "allocationStateTransitionTime": str,
        "errors": list,
        "currentNodeCount": int,
        "targetNodeCount": int,
        "nodeStateCounts": dict,
        "enableNodePublicIp": bool,
        "enableBatchPrivateLink": bool,
        "propertyBag": dict,
    },
)
DATASTORE = Form(
    "Datastore",
    {
        "description": str,
        "properties": _TEXTS,
        "tags": _TEXTS,
        "credentials": Form(
            "DatastoreCredentials",
            {
                "credentialsType": str,
                "secrets": Form(
                    "DatastoreSecrets", {"secretsType": str, "key": str, "sasToken": str}
                ),
            },
        ),
        "datastoreType": str,
        "isDefault": bool,
        "resourceGroup": str,
        "subscriptionId": str,
        "accountName": str,
        "containerName": str,
        "fileShareName": str,
        "filesystem": str,
        "endpoint": str,
        "protocol": str,
        "serviceDataAccessAuthIdentity": str,
        "intellectualProperty": dict,
    },
)
COMPUTE_BODY = Form("ComputeResource", {"tags": _TEXTS, "identity": IDENTITY})
_WORDS = {
    float: "a number",
    str: "a text",
    bool: "true or false",
    int: "an integer",
    dict: "an object",
    list: "a list",
}


def check(form: Form, given: Mapping[str, Any], path: str = "properties") -> None:
    """Refuse a member that the form does not have, or whose value is of another type."""
    for name, value in given.items():
        if name not in form.members:
            raise bad_request(
                f"Could not find member '{name}' on object of type '{form.name}'. "
                f"Path '{path}.{name}'."
            )
        if value is not None:
            _check_value(form.members[name], value, f"{path}.{name}")


def _check_value(wanted: Any, value: Any, path: str) -> None:  # noqa: ANN401 - a JSON value
    if isinstance(wanted, Form | MapOf):
        if not isinstance(value, dict):
            raise _unexpected(value, path, _WORDS[dict])
        if isinstance(wanted, Form):
            check(wanted, value, path)
            return
        for name, part in value.items():
            if part is not None:
                _check_value(wanted.value, part, f"{path}.{name}")
        return
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    # JSON has no type for it, but Python's true is an int.
    is_wrong = isinstance(value, bool) and not {bool, object} & set(kinds)
    if is_wrong or not isinstance(value, kinds):
        raise _unexpected(value, path, " or ".join(_WORDS[kind] for kind in kinds))


def _unexpected(value: Any, path: str, wanted: str) -> Exception:  # noqa: ANN401 - a JSON value
    shown = str(value)
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    return bad_request(f"Unexpected value '{shown}': {wanted} is expected. Path '{path}'.")


_LONGEST = 100
