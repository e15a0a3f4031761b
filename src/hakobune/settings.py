"""The only reader of environment variables and of pip's configuration.

docs/reference/configuration.md lists what is read.
"""

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hakobune.model.secrets import BuildSecrets

# Where Linux distributions keep the bundle of trusted authorities: Debian and Ubuntu, then Fedora.
_SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_BUNDLE_VARIABLES = ("HAKOBUNE_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """How this machine reaches the package index. Addresses may hold passwords: never print it."""

    ca_bundle: Path | None
    index_url: str
    extra_index_urls: tuple[str, ...]
    own_extra_index_url: str

    def build_secrets(self) -> BuildSecrets:
        """Return what the image's build needs of this."""
        lines = []
        if self.index_url:
            lines.append(f"index-url = {self.index_url}")
        if self.extra_index_urls:
            lines.append(f"extra-index-url = {' '.join(self.extra_index_urls)}")
        return BuildSecrets(
            ca_bundle=self.ca_bundle,
            pip_conf="\n".join(["[global]", *lines, ""]) if lines else "",
            extra_index_url=self.own_extra_index_url,
        )

    def uv_environment(self) -> dict[str, str]:
        """Return uv's variables for this (https://docs.astral.sh/uv/reference/environment/)."""
        extra = [*self.own_extra_index_url.split(), *self.extra_index_urls]
        found = {
            "SSL_CERT_FILE": str(self.ca_bundle or ""),
            "UV_DEFAULT_INDEX": self.index_url,
            "UV_INDEX": " ".join(extra),
        }
        return {name: value for name, value in found.items() if value}


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return this machine's settings, from the environment and from pip's configuration files."""
    env = os.environ if environ is None else environ
    pip = _pip_configuration(env)
    return Settings(
        ca_bundle=_ca_bundle(env, pip),
        index_url=next(iter(_remote(env.get("PIP_INDEX_URL") or pip.get("index-url", ""))), ""),
        extra_index_urls=_remote(env.get("PIP_EXTRA_INDEX_URL") or pip.get("extra-index-url", "")),
        own_extra_index_url=env.get("HAKOBUNE_EXTRA_INDEX_URL", ""),
    )


def _remote(text: str) -> tuple[str, ...]:
    """Return the addresses of a list that another machine can reach too.

    An index in a local folder is left out: a lock made from it could not be installed elsewhere.
    """
    return tuple(word for word in text.split() if word.startswith(("https://", "http://")))


def _ca_bundle(env: Mapping[str, str], pip: Mapping[str, str]) -> Path | None:
    named = [env.get(name, "") for name in _BUNDLE_VARIABLES]
    for name in (*named, pip.get("cert", ""), *_SYSTEM_BUNDLES):
        if name and Path(name).is_file():
            return Path(name)
    return None


def _pip_configuration(env: Mapping[str, str]) -> dict[str, str]:
    """Return pip's `[global]` options, later files over earlier ones as pip reads them.

    https://pip.pypa.io/en/stable/topics/configuration/
    """
    home = Path(env.get("HOME", "/nonexistent"))
    config_home = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    places = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config_home / "pip/pip.conf"]
    if own := env.get("PIP_CONFIG_FILE"):
        places = [*places, Path(own)]
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    for place in places:
        try:
            parser.read(place, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself complains of a broken file; here it only means: nothing from it.
    return dict(parser["global"]) if parser.has_section("global") else {}
