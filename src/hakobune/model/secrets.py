"""What a build may need and no layer may keep."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BuildSecrets:
    """The host's CA bundle, its pip configuration and an extra index's address.

    `pip_conf` is the text of a pip.conf that holds only what a container can use.
    """

    ca_bundle: Path | None
    pip_conf: str
    extra_index_url: str

    def __repr__(self) -> str:
        """Return nothing that may hold a password."""
        return "BuildSecrets(***)"


NO_SECRETS = BuildSecrets(ca_bundle=None, pip_conf="", extra_index_url="")
