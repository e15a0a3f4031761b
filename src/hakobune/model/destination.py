"""Where jobs go: a workspace of Azure ML, and a registry for images."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A workspace by its three names, a registry's address, a compute; each empty where not given.

    `is_private_cloud` says that the environment names a cloud that is none of Azure's own.
    """

    subscription: str
    resource_group: str
    workspace: str
    registry: str
    compute: str = ""
    is_private_cloud: bool = False
