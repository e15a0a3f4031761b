"""The only reader of environment variables and of pip's configuration.

docs/reference/configuration.md lists what is read.
"""

import codecs
import configparser
import netrc
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from hakobune.errors import (
    CloudUnknownError,
    ConfigurationInvalidError,
    DestinationIncompleteError,
)
from hakobune.model.destination import REHEARSE_AGAIN, Destination, Rehearsal
from hakobune.model.forms import optional, required, shortened
from hakobune.model.host_settings import PROXIES
from hakobune.model.json_text import parse_json
from hakobune.model.secrets import AskedIndex, BuildSecrets
from hakobune.model.spec import Index

# Where Linux distributions keep the bundle of trusted authorities: Debian and Ubuntu, then Fedora.
_SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
# Ours, then the names that Azure's own tools use.
_DESTINATION = {
    "subscription": ("HAKOBUNE_SUBSCRIPTION", "AZURE_SUBSCRIPTION_ID"),
    "resource_group": ("HAKOBUNE_RESOURCE_GROUP", "AZURE_RESOURCE_GROUP"),
    "workspace": ("HAKOBUNE_WORKSPACE", "AZUREML_WORKSPACE_NAME"),
    "registry": ("HAKOBUNE_REGISTRY",),
    "compute": ("HAKOBUNE_COMPUTE",),
}
# Keys of the portal's config.json; the SDK's `from_config` looks for it upwards, place by place.
_CONFIG_KEYS = {
    "subscription": "subscription_id",
    "resource_group": "resource_group",
    "workspace": "workspace_name",
}
_SCOPE = re.compile(
    r"/subscriptions/([^/]+)/resource[gG]roups/([^/]+)/providers/[^/]+/workspaces/([^/]+)(?:/.*)?"
)
_LARGEST_CONFIG = 64 << 10
_LARGEST_PROFILE = 16 << 20  # of the az program; it has an entry for each subscription
# What proves a service principal in place of its secret.
_OTHER_PROOFS = ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
_CONFIG_PLACES = (
    ".azureml/config.json",
    ".azureml/project.json",
    "aml_config/config.json",
    "aml_config/project.json",
    "config.json",
    "project.json",
)
# What `drydock env` prints, and what a rehearsal is not one without: where programs go, and the
# login, for which Azure's SDK would otherwise look elsewhere on this machine.
_REHEARSAL_ENDPOINTS = (
    *("AZUREML_CURRENT_CLOUD", "ARM_CLOUD_METADATA_URL", "AZURE_AUTHORITY_HOST"),
    *("REQUESTS_CA_BUNDLE", "HAKOBUNE_REGISTRY"),
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
    *("NO_PROXY", "no_proxy"),
)
_REHEARSAL_LOGIN = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_SHOWN = 3
_DRYDOCK = re.compile(r"(https://127\.0\.0\.1:[0-9]{1,5})/metadata/endpoints(\?[a-z0-9=-]*)?")
# What messages call the index that is asked last, and that no package's line in a lock names.
DEFAULT_INDEX = "the default index"
Keyring = Callable[[str, str], str]
_BUNDLE_VARIABLES = ("HAKOBUNE_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """How this machine reaches the package index. Addresses may hold passwords: never print it."""

    ca_bundle: Path | None
    index_url: str
    extra_index_urls: tuple[str, ...]
    own_extra_index_url: str
    limits: tuple[str, str] = ("", "")  # memory and processors of a training, unchecked
    proxies: tuple[str, ...] = ()  # the names of variables, not their values
    has_docker_proxies: bool = False  # docker hands a proxy of its own to builds
    # Returns `user:password`, quoted, for an address and a user (or none); empty: unknown.
    find_login: Callable[[str, str], str] = lambda _address, _user: ""

    def asked_indexes(self, named: Sequence[Index] = ()) -> tuple[AskedIndex, ...]:
        """Return the indexes in the order in which they are asked, the default one last.

        `named` are those of the project and of the conda file, which come first. Raises
        ConfigurationInvalidError where a variable of an address is not set; so do the next two.
        """
        default = AskedIndex(name=DEFAULT_INDEX, address=self.index_url, is_default=True)
        beside = []
        for index in named:
            asked = AskedIndex(
                name=index.label,
                address=_with_variables(index.address),
                is_default=index.is_default,
                packages=index.packages,
            )
            if index.is_default:
                default = asked
            else:
                beside.append(asked)
        for address in (*self.own_extra_index_url.split(), *self.extra_index_urls):
            # The host alone: some services have a token in the path.
            host = urlsplit(address).netloc.rpartition("@")[2]
            beside.append(AskedIndex(name=host, address=address))
        # Twice the same is asked once, but an index that serves some packages alone stays apart.
        first = {(index.bare, index.packages): index for index in reversed(beside)}
        kept = [index for index in beside if first[index.bare, index.packages] is index]
        return tuple(self._with_login(index) for index in (*kept, default))

    def _with_login(self, index: AskedIndex) -> AskedIndex:
        """Return the index with the user and password of ~/.netrc or a keyring, if it needs any."""
        if not index.address or ":" in index.login:
            return index
        found = self.find_login(index.bare, index.login)
        return (
            replace(index, address=index.bare.replace("//", f"//{found}@", 1)) if found else index
        )

    def build_secrets(self, named: Sequence[Index] = ()) -> BuildSecrets:
        """Return what the image's build needs of this, and of the indexes that the lock names."""
        *beside, default = self.asked_indexes(named)
        return BuildSecrets(
            ca_bundle=self.ca_bundle,
            pip_conf=f"[global]\nindex-url = {default.address}\n" if default.address else "",
            extra_index_url=" ".join(index.address for index in beside),
        )

    def uv_environment(self, named: Sequence[Index] = ()) -> dict[str, str]:
        """Return uv's variables for this (https://docs.astral.sh/uv/reference/environment/).

        What has packages of its own stands in uv's input, and here only its login.
        """
        *beside, default = self.asked_indexes(named)
        found = {
            "SSL_CERT_FILE": str(self.ca_bundle or ""),
            "UV_DEFAULT_INDEX": default.address,
            "UV_INDEX": " ".join(index.address for index in beside if not index.packages),
        }
        for index in beside:
            if index.packages and index.login:
                user, _, password = index.login.partition(":")
                found[f"UV_INDEX_{index.name.upper()}_USERNAME"] = unquote(user)
                found[f"UV_INDEX_{index.name.upper()}_PASSWORD"] = unquote(password)
        return {name: value for name, value in found.items() if value}


def read_settings(
    environ: Mapping[str, str] | None = None, keyring: Keyring = lambda _address, _user: ""
) -> Settings:
    """Return this machine's settings, from the environment and from pip's configuration files.

    `keyring` returns the password of a user at an address; it is asked only when one is needed.
    """
    env = os.environ if environ is None else environ
    pip = _pip_configuration(env)
    return Settings(
        ca_bundle=_ca_bundle(env, pip),
        index_url=next(iter(_remote(env.get("PIP_INDEX_URL") or pip.get("index-url", ""))), ""),
        extra_index_urls=_remote(env.get("PIP_EXTRA_INDEX_URL") or pip.get("extra-index-url", "")),
        own_extra_index_url=env.get("HAKOBUNE_EXTRA_INDEX_URL", ""),
        limits=(env.get("HAKOBUNE_MEMORY", ""), env.get("HAKOBUNE_CPUS", "")),
        proxies=tuple(name for name in PROXIES if env.get(name)),
        has_docker_proxies=_has_docker_proxies(env),
        find_login=partial(_find_login, env, keyring),
    )


def _find_login(env: Mapping[str, str], keyring: Keyring, address: str, user: str) -> str:
    if found := _netrc_login(env, address, user):
        return found
    password = keyring(address, unquote(user)) if user else ""
    return f"{user}:{quote(password, safe='')}" if password else ""


def _has_docker_proxies(env: Mapping[str, str]) -> bool:
    """Tell whether docker's configuration hands a proxy to builds and containers.

    https://docs.docker.com/engine/cli/proxy/
    """
    folder = Path(env.get("DOCKER_CONFIG") or Path(env.get("HOME", "/nonexistent"), ".docker"))
    try:
        found = parse_json((folder / "config.json").read_bytes())
        return bool(found.get("proxies"))
    except (OSError, ValueError, AttributeError):
        return False


def _with_variables(address: str) -> str:
    """Return an index's address with the values of its variables put in."""
    return re.sub(r"\$\{(\w+)\}", partial(_variable, address), address)


def _netrc_login(env: Mapping[str, str], address: str, user: str) -> str:
    """Return `user:password` for an address from $NETRC or ~/.netrc, quoted; empty: none there.

    https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
    """
    path = env.get("NETRC") or Path(env.get("HOME", "/nonexistent"), ".netrc")
    try:
        found = netrc.netrc(path).authenticators(urlsplit(address).hostname or "")
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return ""  # as with a broken pip.conf: nothing from it
    if found is None or (user and user != quote(found[0], safe="")):
        return ""
    return f"{quote(found[0], safe='')}:{quote(found[2], safe='')}"


def _variable(address: str, match: re.Match[str]) -> str:
    value = os.environ.get(match[1], "")
    if not value:
        raise ConfigurationInvalidError(
            f"the index {address} needs the environment variable {match[1]}, which is not set",
            remedy=f"set {match[1]} to the user or password for this index",
        )
    return quote(value, safe="")


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
    found: dict[str, str] = {}
    for place in places:
        # One for each file: a parser that failed halfway keeps values that are no text.
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(place, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself complains of a broken file; here it only means: nothing from it.
        if parser.has_section("global"):
            found |= parser["global"]
    return found


def read_destination(
    given: Mapping[str, str], folder: Path, environ: Mapping[str, str] | None = None
) -> Destination:
    """Return where jobs go: by what was given, else by the environment, else by a config.json.

    What nobody says is empty. Raises DestinationIncompleteError where a private cloud is named by
    half: the SDK would quietly turn to Azure itself. Raises CloudUnknownError for a rehearsal that
    would leave this machine; whether its drydock answers is not asked here.
    """
    env = os.environ if environ is None else environ
    rehearsal = _rehearsal(env)
    names = {key: given.get(key, "") for key in _DESTINATION}
    for key, variables in _DESTINATION.items():
        names[key] = names[key] or next((env[v] for v in variables if env.get(v)), "")
    if not all(names[key] for key in _CONFIG_KEYS):
        found = _config_file(folder)
        for key, name in _CONFIG_KEYS.items():
            names[key] = names[key] or found.get(name, "")
    if rehearsal is not None:
        rehearsal.require_registry(names["registry"])
    return Destination(**names, is_private_cloud=_names_private_cloud(env), rehearsal=rehearsal)


def find_login(environ: Mapping[str, str] | None = None) -> str:
    """Return what Azure's SDK logs in with on this machine; empty where there is nothing.

    The order is that of DefaultAzureCredential. Nothing is asked: whether Azure accepts it is not
    known. https://learn.microsoft.com/python/api/azure-identity/azure.identity.defaultazurecredential
    """
    env = os.environ if environ is None else environ
    if env.get("AZURE_TENANT_ID") and env.get("AZURE_CLIENT_ID"):
        for name in ("AZURE_CLIENT_SECRET", *_OTHER_PROOFS):
            if env.get(name):
                return f"AZURE_CLIENT_ID and {name} are set"
    if env.get("IDENTITY_ENDPOINT") or env.get("MSI_ENDPOINT"):
        return "this machine has a managed identity"
    home = env.get("AZURE_CONFIG_DIR") or Path(env.get("HOME", "/nonexistent"), ".azure")
    try:
        with Path(home, "azureProfile.json").open("rb") as file:
            content = file.read(_LARGEST_PROFILE + 1)
        found = parse_json(content.removeprefix(codecs.BOM_UTF8), largest=_LARGEST_PROFILE)
    except (OSError, ValueError):
        return ""
    has_login = isinstance(found, dict) and bool(found.get("subscriptions"))
    return "az login was done on this machine" if has_login else ""


def _rehearsal(env: Mapping[str, str]) -> Rehearsal | None:
    """Return what a rehearsal may ask, None where there is none. Raises CloudUnknownError."""
    asked = env.get("HAKOBUNE_REHEARSAL", "")
    if asked in ("", "0"):
        return None
    if asked != "1":
        raise CloudUnknownError(
            f"HAKOBUNE_REHEARSAL is {asked!r}, which is neither 1 nor 0",
            remedy="set it to 1 for a rehearsal, or unset it",
        )
    missing = [name for name in (*_REHEARSAL_ENDPOINTS, *_REHEARSAL_LOGIN) if not env.get(name)]
    if missing:
        raise CloudUnknownError(
            "HAKOBUNE_REHEARSAL=1 allows drydock only, the stand-in for Azure ML on this machine, "
            f"and {_some(missing)} of its variables {'is' if len(missing) == 1 else 'are'} not "
            "set. Without them Azure's SDK may turn to Azure itself",
            remedy=REHEARSE_AGAIN,
        )
    found = _DRYDOCK.fullmatch(env["ARM_CLOUD_METADATA_URL"])
    if found is None:
        raise CloudUnknownError(
            "HAKOBUNE_REHEARSAL=1 allows a drydock of this machine only, and ARM_CLOUD_METADATA_URL"
            " is not https://127.0.0.1:PORT/metadata/endpoints",
            remedy=REHEARSE_AGAIN,
        )
    return Rehearsal(
        address=found[1],
        ca_bundle=Path(env["REQUESTS_CA_BUNDLE"]),
        registry=env["HAKOBUNE_REGISTRY"],
        variables=tuple((name, env[name]) for name in _REHEARSAL_ENDPOINTS),
    )


def _names_private_cloud(env: Mapping[str, str]) -> bool:
    address, name = env.get("ARM_CLOUD_METADATA_URL", ""), env.get("AZUREML_CURRENT_CLOUD", "")
    if address and not name:
        raise DestinationIncompleteError(
            "ARM_CLOUD_METADATA_URL is set and AZUREML_CURRENT_CLOUD is not: if that endpoint "
            "is down, the SDK silently falls back to public Azure",
            remedy="set both, or unset ARM_CLOUD_METADATA_URL",
        )
    return bool(address)


def _some(names: list[str]) -> str:
    first = ", ".join(names[:_SHOWN])
    return f"{first} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else first


def _config_file(folder: Path) -> Mapping[str, str]:
    """Return the names in the nearest config.json, or nothing where there is none.

    Raises DestinationIncompleteError for one that is none, and for one above the project that
    belongs to another user of this machine: it would decide where data and code go.
    """
    for place in _CONFIG_PLACES:
        for above in (folder, *folder.parents):
            path = above / place
            if not path.is_file():
                continue
            try:
                if above != folder and path.stat().st_uid not in (0, os.getuid()):
                    raise ValueError("it belongs to another user of this machine")  # noqa: TRY301 - told below
                return _names_in(path)
            except (OSError, ValueError) as exc:
                raise DestinationIncompleteError(
                    f"{path} is not the file that the Azure portal gives: {exc}",
                    remedy="download config.json again from the workspace's page, or remove it",
                ) from exc
    return {}


def _names_in(path: Path) -> Mapping[str, str]:
    """Return the names in a config.json. Raises ValueError or OSError."""
    with path.open("rb") as file:
        content = file.read(_LARGEST_CONFIG + 1)
    found = parse_json(content.removeprefix(codecs.BOM_UTF8), largest=_LARGEST_CONFIG)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - one kind for the caller
    if scope := found.get("Scope"):
        named = _SCOPE.fullmatch(required("place", scope))
        if named is None:
            raise ValueError(f"`Scope` is {shortened(scope)}")
        found = dict(zip(_CONFIG_KEYS.values(), named.groups(), strict=True))
    return {
        name: optional(kind.replace("_", " "), found.get(name, ""))
        for kind, name in _CONFIG_KEYS.items()
    }
