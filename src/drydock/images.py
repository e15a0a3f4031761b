"""The two images of a rehearsal, built from docker/drydock if the engine lacks them."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drydock.engine import PLATFORM, Engine
from drydock.errors import StartFailedError

_CHECKOUT = Path(__file__).resolve().parents[2] / "docker"
_INSTALLED = Path(__file__).resolve().parent / "data"  # in the wheel
FOLDER = next((place for place in (_CHECKOUT, _INSTALLED) if place.is_dir()), _CHECKOUT) / "drydock"
REGISTRY, BLOBS = "registry", "blobs"
_BASE_SCRIPTS = FOLDER.parent / "base"
# The release whose packages docker/drydock/Dockerfile installs.
_SUITE = "trixie"
_OFFICIAL = f"docker.io/library/python:3.13-slim-{_SUITE}"
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
# Not REQUESTS_CA_BUNDLE: in a rehearsal that is drydock's own authority.
_BUNDLE_VARIABLES = ("HAKOBUNE_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
# The label of an image that hakobune built with the base that it used on this machine.
_BASE_LABEL = "org.opencontainers.image.base.name"
_BUILT_LABEL = "hakobune.lock.sha256"
_LAST_LINES = 8
_VARIABLE = "DRYDOCK_SECRET_"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BuildHost:
    """How this machine builds: the base image, and addresses, which may contain passwords.

    An empty base means the base of an image that hakobune built, else the official image.
    """

    base: str
    ca_bundle: Path | None
    debian_mirror: str
    npm_registry: str


def read_build_host(environ: Mapping[str, str] | None = None) -> BuildHost:
    """Return the build settings of this machine, from its environment and system."""
    env = os.environ if environ is None else environ
    named = [env.get(name, "") for name in _BUNDLE_VARIABLES]
    bundles = [Path(name) for name in (*named, *_BUNDLES) if name]
    return BuildHost(
        base=env.get("HAKOBUNE_BASE", ""),
        ca_bundle=next((path for path in bundles if path.is_file()), None),
        debian_mirror=_debian_mirror(env),
        npm_registry=env.get("NPM_CONFIG_REGISTRY") or env.get("npm_config_registry") or "",
    )


def ensure_image(target: str, engine: Engine, host: BuildHost) -> str:
    """Build the image if the engine lacks it, and return its tag.

    The tag is a digest of all sources of the image, so an outdated image is never used.
    Raises StartFailedError.
    """
    base = host.base or _found_base(engine)
    tag = f"drydock-{target}:{_fingerprint(base)}"
    if not engine.has_image(tag):
        _build(target, tag, base, host)
    return tag


def _found_base(engine: Engine) -> str:
    """Return the base of an image that hakobune built, if drydock's programs run on it.

    They are packages of one Debian release, and an older one's C library does not have what they
    need.
    """
    found = engine.labels(_BASE_LABEL, of=_BUILT_LABEL)
    made = [base for base in found if base.startswith(f"hakobune-base:{_SUITE}-")]
    official = [base for base in found if "@sha256:" in base]
    return (*made, *official, _OFFICIAL)[0]


def build_command(target: str, tag: str, base: str, host: BuildHost) -> list[str]:
    """Return the build as an argument list; see `secret_variables`."""
    command = ["docker", "buildx", "build", "--platform", PLATFORM, "--provenance=false", "--load"]
    command += ["--target", target, "--tag", tag, "--build-arg", f"HAKOBUNE_BASE={base}"]
    if host.ca_bundle is not None:
        # A line of CSV, in which a path may hold commas.
        source = str(host.ca_bundle).replace('"', '""')
        command += ["--secret", f'id=ca_bundle,"src={source}"']
    for variable in secret_variables(host):
        name = variable.removeprefix(_VARIABLE).lower()
        command += ["--secret", f"id={name},env={variable}"]
    return [*command, str(FOLDER)]


def secret_variables(host: BuildHost) -> dict[str, str]:
    """Return the variables that hand the addresses to the build, so that no file holds them."""
    texts = {"DEBIAN_MIRROR": host.debian_mirror, "NPM_REGISTRY": host.npm_registry}
    return {f"{_VARIABLE}{name}": text for name, text in texts.items() if text}


def _build(target: str, tag: str, base: str, host: BuildHost) -> None:
    done = subprocess.run(
        build_command(target, tag, base, host),
        env={**os.environ, **secret_variables(host)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-_LAST_LINES:])
        raise StartFailedError(
            f"the image drydock-{target} could not be built\n{last}",
            remedy="docker/drydock/README.md explains what the build needs, and how to update it",
        )


def _fingerprint(base: str) -> str:
    found = hashlib.sha256(base.encode())
    for path in sorted(FOLDER.iterdir()):
        if path.is_file() and path.suffix != ".md":
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def _debian_mirror(env: Mapping[str, str]) -> str:
    """Return this machine's Debian archive; empty to use the base image's."""
    if named := env.get("HAKOBUNE_DEBIAN_MIRROR"):
        return named.split()[0]
    if shutil.which("bash") is None:
        return ""
    done = subprocess.run(
        [str(_BASE_SCRIPTS / "mirror.sh")], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
