"""Who may do what in the cloud: permissions, roles, and what storage and registry let in."""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_ONLY_STARS = re.compile(r"[\[?]")  # which fnmatch would take for patterns, and Azure does not
Resource = Literal["workspace", "storage", "registry"]

# The operations that each command needs; of ARM's list of operations of its resource providers.
# https://learn.microsoft.com/azure/role-based-access-control/permissions/ai-machine-learning
_ML = "Microsoft.MachineLearningServices/workspaces"
SUBMIT = (f"{_ML}/jobs/write", f"{_ML}/environments/versions/write")
REGISTER = (f"{_ML}/models/versions/write",)
CREATE_CLUSTER = (f"{_ML}/computes/write",)
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
WRITE_BLOBS = (f"{_BLOBS}/write",)
PUSH = ("Microsoft.ContainerRegistry/registries/push/write",)
PUSH_ABAC = ("Microsoft.ContainerRegistry/registries/repositories/content/write",)

# Built-in roles have the same id everywhere, and names that are translated.
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BLOB_ROLES = (
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe",  # Storage Blob Data Contributor
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",  # Storage Blob Data Owner
)
PULL = "AcrPull"  # the role, in a registry without ABAC
# In a registry without ABAC also those that may do everything to it.
PULL_ROLES = (
    "7f951dda-4ed3-4680-a7ca-43fe172d538d",  # AcrPull
    "8311e382-0749-4cb8-b61a-304f252e45ec",  # AcrPush
    "b24988ac-6180-42a0-ab88-20f7382dd24c",  # Contributor
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",  # Owner
)
PULL_ROLES_ABAC = (
    "b93aa761-3e63-49ed-ac28-beffa264f7ac",  # Container Registry Repository Reader
    "2a1e307c-b015-4ebd-883e-5b7698a07328",  # Container Registry Repository Writer
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What one role allows: patterns of operations, less others, for resources and for data."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, operation: str) -> bool:
        """Tell whether the role allows this operation on a resource."""
        return _any(self.actions, operation) and not _any(self.not_actions, operation)

    def allows_data(self, operation: str) -> bool:
        """Tell whether the role allows this operation on the data in a resource."""
        return _any(self.data_actions, operation) and not _any(self.not_data_actions, operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAccount:
    """Whom a storage account lets in: requests signed by its keys, and networks."""

    allows_keys: bool
    is_network_limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccount:
    """A container registry: its address, and how it decides who may pull and push."""

    server: str
    is_abac: bool
    has_admin_user: bool

    @property
    def pull_role(self) -> str:
        """The name of the role that an identity needs to pull from it."""
        return "Container Registry Repository Reader" if self.is_abac else PULL

    @property
    def push_role(self) -> str:
        """The name of the role that a login needs to push to it."""
        return "Container Registry Repository Writer" if self.is_abac else "AcrPush"


def lacking(permissions: Iterable[Permission], operations: Iterable[str]) -> list[str]:
    """Return the operations that no role allows."""
    held = tuple(permissions)
    return [name for name in operations if not any(one.allows(name) for one in held)]


def lacking_data(permissions: Iterable[Permission], operations: Iterable[str]) -> list[str]:
    """Return the operations on data that no role allows."""
    held = tuple(permissions)
    return [name for name in operations if not any(one.allows_data(name) for one in held)]


def _any(patterns: Iterable[str], operation: str) -> bool:
    """Tell whether a pattern matches. Case is ignored, and `*` matches any text.

    `/*/` matches a single `/`, too: the role AzureML Data Scientist is allowed `workspaces/*/write`
    less `workspaces/write`, and by `computes/*/write` it may not create a cluster.
    """
    text = operation.lower()
    for pattern in (_ONLY_STARS.sub(r"[\g<0>]", one.lower()) for one in patterns):
        if any(fnmatch.fnmatchcase(text, way) for way in (pattern, pattern.replace("/*/", "/"))):
            return True
    return False
