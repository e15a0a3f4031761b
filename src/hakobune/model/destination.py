"""Where jobs go: a workspace of Azure ML, and a registry for images."""

from dataclasses import dataclass
from pathlib import Path

from hakobune.errors import CloudUnknownError, DestinationIncompleteError

# The commands of a shell; `eval "$(…)"` alone would go on where drydock has nothing to print.
REHEARSE_AGAIN = """to rehearse, restart drydock (the stand-in for Azure ML) and load its variables:
drydock stop; drydock start
found="$(drydock env)" && eval "$found"
to use Azure itself, open a terminal in which HAKOBUNE_REHEARSAL is not set"""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rehearsal:
    """What HAKOBUNE_REHEARSAL=1 confines hakobune to: one drydock of this machine.

    `variables` are those that lead a program there, as the environment has them; a proxy's address
    may hold a password, so they are never printed.
    """

    address: str
    ca_bundle: Path
    registry: str
    variables: tuple[tuple[str, str], ...]

    def require_registry(self, host: str) -> None:
        """Raise CloudUnknownError for any registry but drydock's."""
        if host != self.registry:
            raise CloudUnknownError(
                f"HAKOBUNE_REHEARSAL=1 allows drydock's registry {self.registry} only, not {host}",
                remedy="leave out --registry; to work with that registry, open a new terminal "
                "without drydock's variables",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A workspace by its three names, a registry's address, a compute; each empty where not given.

    `is_private_cloud` says that the environment names endpoints that are not Azure's own;
    `rehearsal` is None unless nothing but a drydock may be asked.
    """

    subscription: str = ""
    resource_group: str = ""
    workspace: str = ""
    registry: str = ""
    compute: str = ""
    is_private_cloud: bool = False
    rehearsal: Rehearsal | None = None

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
