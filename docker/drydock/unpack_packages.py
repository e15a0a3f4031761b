# ruff: noqa: INP001 - a program of its own inside the build
"""Unpacks the listed Debian packages, and no other, into a folder during an image build.

    python3 unpack_packages.py LIST.tsv FOLDER

LIST.tsv is the output of docker/base/resolve.sh: name, version, architecture, size, sha256, path.
No package script runs. The archive is that of the secret `debian_mirror`, else that of this image's
apt. Needs the standard library only.
"""

import hashlib
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECRETS = Path("/run/secrets")
TRIES = 3
TIMEOUT_S = 60


def main() -> None:
    """Unpack the packages in the list; a failure prints one line and exits with 1."""
    listing, folder = sys.argv[1:]
    rows = [line.split("\t") for line in Path(listing).read_text(encoding="utf-8").splitlines()]
    mirror = archive()
    Path(folder).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=4) as workers:
        packages = list(workers.map(lambda row: download(mirror, row), rows))
    for content in packages:
        with tempfile.NamedTemporaryFile(suffix=".deb") as file:
            file.write(content)
            file.flush()
            subprocess.run(["dpkg-deb", "-x", file.name, folder], check=True)


def archive() -> str:
    """Return the URL of the archive, the folder above its `pool/`."""
    secret = SECRETS / "debian_mirror"
    if secret.is_file() and (named := secret.read_text(encoding="utf-8").strip()):
        return named.rstrip("/")
    for sources in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        found = re.search(r"^URIs:\s*(\S+)", sources.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].rstrip("/")
    sys.exit("packages: this image names no Debian archive; set HAKOBUNE_DEBIAN_MIRROR")


def download(mirror: str, row: list[str]) -> bytes:
    """Return the package of this row; exit if its sha256 differs from the list's."""
    name, version, _, _, sha256, path = row
    bundle = SECRETS / "ca_bundle"
    context = ssl.create_default_context(cafile=str(bundle) if _has_text(bundle) else None)
    failure = ""
    for _ in range(TRIES):
        try:
            request = urllib.request.Request(f"{mirror}/{path}")  # noqa: S310 - a mirror may use http
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
                content: bytes = answer.read()
        except urllib.error.HTTPError as exc:
            failure = f"not in the archive (HTTP {exc.code})"
        except OSError as exc:
            failure = f"the archive is unreachable ({type(exc).__name__})"
        else:
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
            failure = "its sha256 differs from the list's"
    sys.exit(f"packages: {name} {version}: {failure}")


def _has_text(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


if __name__ == "__main__":
    main()
