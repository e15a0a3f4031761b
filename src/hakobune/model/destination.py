"""Where jobs go: a workspace of Azure ML, and a registry for images."""

from dataclasses import dataclass

from hakobune.errors import DestinationIncompleteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A workspace by its three names, a registry's address, a compute; each empty where not given.

    `is_private_cloud` says that the environment names endpoints that are not Azure's own.
    """

    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""
    registry: str = ""
    compute: str = ""
    is_private_cloud: bool = False

    def require_workspace(self) -> None:
        """Raise DestinationIncompleteError unless the workspace is named by all three names."""
        names = {
            "--subscription": self.subscription,
            "--resource-group": self.resource_group,
            "--workspace": self.workspace,
        }
        missing = [flag for flag, name in names.items() if not name]
        if missing:
            raise DestinationIncompleteError(
                f"no workspace given: missing {', '.join(missing)}",
                remedy="give the options, or put the portal's config.json into this folder "
                "(the workspace's page, Download config.json)",
            )
