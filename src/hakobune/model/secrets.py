"""What a build may need and no layer may keep."""

from dataclasses import dataclass
from pathlib import Path

_PREFIX = "HAKOBUNE_SECRET_"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BuildSecrets:
    """The host's CA bundle, its pip configuration, an extra index's and the mirror's address.

    `pip_conf` is the text of a pip.conf that holds only what a container can use. `debian_mirror`
    is the address of Debian's archive and, after a blank, of its security archive.
    """

    ca_bundle: Path | None
    pip_conf: str
    extra_index_url: str
    debian_mirror: str = ""

    def variables(self) -> dict[str, str]:
        """Return the variables that hand the texts to a build.

        No file is written: one would stay if this process were killed.
        """
        texts = {
            "pip_conf": self.pip_conf,
            "extra_index_url": self.extra_index_url,
            "debian_mirror": self.debian_mirror,
        }
        return {f"{_PREFIX}{name.upper()}": text for name, text in texts.items() if text}

    def variable_names(self) -> dict[str, str]:
        """Return the variable of each secret that is there, by the secret's id in the build."""
        return {name.removeprefix(_PREFIX).lower(): name for name in self.variables()}

    def __repr__(self) -> str:
        """Return nothing that may hold a password."""
        return "BuildSecrets(***)"


NO_SECRETS = BuildSecrets(ca_bundle=None, pip_conf="", extra_index_url="")
