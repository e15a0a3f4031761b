# ruff: noqa: INP001 - a program of its own inside the build
"""Unpacks exactly the listed Debian packages into a folder, inside a build.

    python3 unpack_packages.py LIST.tsv FOLDER

LIST.tsv is what docker/base/resolve.sh prints: name, version, architecture, size, sha256, path. No
package's script runs, and nothing that is not listed is taken. The archive is that of the secret
`debian_mirror`, else the one that this image's own apt would ask. Needs the standard library only.
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
    """Unpack as the arguments say; a failure is one line, and exit code 1."""
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
    """Return the address of the folder that holds the archive's `pool/`."""
    secret = SECRETS / "debian_mirror"
    if secret.is_file() and (named := secret.read_text(encoding="utf-8").strip()):
        return named.rstrip("/")
    for sources in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        found = re.search(r"^URIs:\s*(\S+)", sources.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].rstrip("/")
    sys.exit("packages: no Debian archive is known here; set HAKOBUNE_DEBIAN_MIRROR")


def download(mirror: str, row: list[str]) -> bytes:
    """Return the package of this row, which is what the list says or the build ends here."""
    name, version, _, _, sha256, path = row
    bundle = SECRETS / "ca_bundle"
    context = ssl.create_default_context(cafile=str(bundle) if _has_text(bundle) else None)
    said = ""
    for _ in range(TRIES):
        try:
            request = urllib.request.Request(f"{mirror}/{path}")  # noqa: S310 - the mirror decides
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
                content: bytes = answer.read()
        except urllib.error.HTTPError as exc:
            said = f"gone from the archive ({exc.code})"
        except OSError as exc:
            said = f"the archive cannot be reached ({type(exc).__name__})"
        else:
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
            said = "not what the list names by its sha256"
    sys.exit(f"packages: {name} {version}: {said}")


def _has_text(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


if __name__ == "__main__":
    main()
