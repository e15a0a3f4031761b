"""Fetch the Debian packages that the base lacks, each by its sha256.

    python fetch_debian.py LIST FOLDER VENDORED

Each line of LIST is `release name version architecture sha256 path`; those of the base's own Debian
release are taken, without those that the base has in this version or a newer one. The archive is
the one that the secret `debian_mirror` names (its address and, after a blank, that of the security
archive), else the one of the base's own apt. Files that lie in VENDORED (`hakobune vendor` put them
there) are only checked. With VENDORED = `all`, every package of the release is fetched.

Runs inside the image's build, on Python 3.7 and later, with the standard library alone.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

TIMEOUT_S = 60
TRIES = 3
SECRETS = Path("/run/secrets")
CACHE = Path("/root/.cache/hakobune-debs")
APT = Path("/etc/apt")
NOT_FOUND = 404


def release() -> str:
    """Return the name of the base's Debian release."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def is_installed(name: str, version: str) -> bool:
    """Tell whether the base has a package in this version or a newer one."""
    ask = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name]
    done = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    status, _, found = done.stdout.decode().partition(" ")
    if done.returncode != 0 or status != "installed":
        return False
    return subprocess.call(["dpkg", "--compare-versions", found, "ge", version]) == 0


def archives() -> tuple[str, str]:
    """Return the addresses of the archive and of its security archive; empty: not known."""
    secret = SECRETS / "debian_mirror"
    named = secret.read_text(encoding="utf-8").split() if secret.is_file() else []
    if not named:
        named = [of_apt(security=False), of_apt(security=True)]
    archive, security = (*named, "")[:2]
    beside = archive + "-security" if archive.endswith("/debian") else ""
    return archive.rstrip("/"), (security or beside).rstrip("/")


def of_apt(*, security: bool) -> str:
    """Return an address of the base's own apt sources, in either of their forms."""
    entries = []  # type: list[tuple[str, list[str]]]
    for file in sorted(APT.glob("sources.list.d/*.sources")):
        for part in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            address = re.search(r"^URIs:\s*(\S+)", part, re.MULTILINE)
            suites = re.search(r"^Suites:\s*(.+)", part, re.MULTILINE)
            if address and suites:
                entries.append((address.group(1), suites.group(1).split()))
    for file in [APT / "sources.list", *sorted(APT.glob("sources.list.d/*.list"))]:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        lines = re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)
        entries += [(root, [suite]) for root, suite in lines]
    for root, of in entries:
        if any(suite.endswith("-security") for suite in of) == security:
            return root.rstrip("/")
    return ""


def read(address: str) -> bytes:
    """Return the bytes at an address, which may hold a login."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https"):
        sys.exit("hakobune: the address of the Debian mirror is not one of the web")
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    request = urllib.request.Request(urllib.parse.urlunsplit(plain))  # noqa: S310 - just checked
    if parts.username:
        login = urllib.parse.unquote(parts.username + ":" + (parts.password or ""))
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    bundle = SECRETS / "ca_bundle"
    is_given = bundle.is_file() and bundle.stat().st_size
    context = ssl.create_default_context(cafile=str(bundle) if is_given else None)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
        return bytes(answer.read())


def fetch(name: str, version: str, sha256: str, path: str) -> bytes:
    """Return a package's bytes; ends the build with a line that says why it cannot be had."""
    archive, security = archives()
    root = security if path.startswith("pool/updates/") else archive
    if not root:
        sys.exit(
            "hakobune: this base names no Debian mirror: build with `hakobune build`, on a Debian "
            "host or with HAKOBUNE_DEBIAN_MIRROR"
        )
    why = ""
    for number in range(TRIES):
        time.sleep(number)
        try:
            content = read(root + "/" + path)
        except urllib.error.HTTPError as exc:
            if exc.code == NOT_FOUND:
                sys.exit(f"hakobune: gone: {name} {version}")
            why = f"HTTP {exc.code}"
        except (OSError, ValueError) as exc:
            why = type(getattr(exc, "reason", exc)).__name__
        else:
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
            why = ""
    if why:
        sys.exit(f"hakobune: the Debian mirror does not give {name} {version}: {why}")
    sys.exit(f"Hash mismatch for `{name}`")


def main(listing: str, folder: str, vendored: str) -> None:
    """Fetch what is listed for this release and lacking."""
    here, target = release(), Path(folder)
    rows = [line.split() for line in Path(listing).read_text(encoding="utf-8").splitlines()]
    rows = [row[1:] for row in rows if row[0] == here]
    if not rows:
        sys.exit("hakobune: the lock has no packages for this base, which is Debian " + here)
    target.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    taken = []
    for name, version, _architecture, sha256, path in rows:
        if vendored != "all" and is_installed(name, version):
            continue
        taken.append(name + " " + version)
        file = path.rpartition("/")[2]
        for kept in (CACHE / sha256, Path(vendored, file)):
            if kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() == sha256:
                shutil.copy(str(kept), str(target / file))
                break
        else:
            content = fetch(name, version, sha256, path)
            (CACHE / (sha256 + ".partial")).write_bytes(content)
            (CACHE / (sha256 + ".partial")).replace(CACHE / sha256)
            (target / file).write_bytes(content)
    print(f"Debian packages: {len(taken)} of {len(rows)} are not in the base")


if __name__ == "__main__":
    main(*sys.argv[1:])
