"""What asking an index and building may need, and no lock, layer or log may keep."""

import re
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "HAKOBUNE_SECRET_"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AskedIndex:
    """A package index as it is asked: the address may hold a user and a password.

    `name` is what messages and the lock call it. `packages` come from this index alone, and it is
    asked for nothing else; none: it is asked for everything. The default index is asked last, and
    an address of it that nobody set is empty.
    """

    name: str
    address: str
    is_default: bool = False
    packages: tuple[str, ...] = ()

    @property
    def bare(self) -> str:
        """The address without user and password."""
        return re.sub(r"(?<=//)[^/@]*@", "", self.address)

    @property
    def login(self) -> str:
        """`user:password`, each quoted as in an address; empty where there is none."""
        found = re.match(r"https?://([^/@]*)@", self.address)
        return found[1] if found else ""

    def __repr__(self) -> str:
        """Return nothing that may hold a password."""
        return f"AskedIndex({self.name})"


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
