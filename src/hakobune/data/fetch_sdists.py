"""Fetch source distributions from the index that this build uses, each by its sha256.

    python fetch_sdists.py UV LIST FOLDER VENDOR

Each line of LIST is `name==version sha256 file`. uv finds the address, because only it knows the
index, its login and its order; nothing of a package is executed. Files that are in FOLDER already,
or in VENDOR (`hakobune vendor` put them there), are only checked, and so is each that no index has:
its line names no version. A file `*.whl` is any wheel of that package with this sha256.

Runs inside the image's build: on Python 3.7 and later, with the standard library alone.
"""

from __future__ import annotations

import base64
import hashlib
import netrc
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

TIMEOUT_S = 60
URL = re.compile(r'sdist = \{ url = "([^"]+)"')


def address(uv: str, pin: str) -> str:
    """Return where the index has the source distribution of a release."""
    name = pin.partition("==")[0]
    with tempfile.TemporaryDirectory() as folder:
        wanted, answer = Path(folder, "wanted.txt"), Path(folder, "pylock.toml")
        wanted.write_text(pin + "\n", encoding="utf-8")
        # In place of running the package's own code for it.
        known = f'[[dependency-metadata]]\nname = "{name}"\nrequires-dist = []\n'
        Path(folder, "uv.toml").write_text(known, encoding="utf-8")
        command = [uv, "pip", "compile", str(wanted), "-o", str(answer), "--format", "pylock.toml"]
        command += ["--config-file", str(Path(folder, "uv.toml")), "--quiet", "--no-deps"]
        command += ["--python", sys.executable, "--only-binary", ":all:", "--no-binary", name]
        subprocess.run(command, check=True)
        found = URL.search(answer.read_text(encoding="utf-8"))
    if found is None:
        sys.exit("hakobune: the package index has no source distribution of " + pin)
    return found.group(1)


def read(url: str) -> bytes:
    """Return the bytes at an address; a login comes from the address or from ~/.netrc."""
    parts = urllib.parse.urlsplit(url)
    user, password = parts.username, parts.password
    if not user:
        try:
            login = netrc.netrc().authenticators(parts.hostname or "")
        except (OSError, netrc.NetrcParseError):
            login = None
        user, password = (login[0], login[2]) if login else ("", "")
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if plain.scheme not in ("http", "https"):
        sys.exit("hakobune: the package index gives an address that is not of the web")
    request = urllib.request.Request(urllib.parse.urlunsplit(plain))  # noqa: S310 - just checked
    if user:
        text = urllib.parse.unquote(user) + ":" + urllib.parse.unquote(password or "")
        encoded = base64.b64encode(text.encode()).decode()
        request.add_header("Authorization", "Basic " + encoded)
    context = ssl.create_default_context()  # it reads SSL_CERT_FILE itself
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
        return bytes(answer.read())


def keep(name: str, sha256: str, vendor: Path, folder: Path) -> None:
    """Take the wheel that was kept; where it is missing, the build of its package says so."""
    for wheel in sorted(vendor.glob("*.whl")):
        is_its = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower() == name
        if is_its and hashlib.sha256(wheel.read_bytes()).hexdigest() == sha256:
            shutil.copyfile(str(wheel), str(folder / wheel.name))


def main(uv: str, listing: str, folder: str, vendor: str) -> None:
    """Fetch what is listed; end with the first file that is not the one that is named."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for line in Path(listing).read_text(encoding="utf-8").splitlines():
        pin, sha256, file = line.split()
        target = Path(folder, file)
        if file == "*.whl":
            keep(pin, sha256, Path(vendor), Path(folder))
            continue
        if Path(vendor, file).exists():
            shutil.copyfile(str(Path(vendor, file)), str(target))
        if "==" not in pin and not target.exists():
            sys.exit(f"hakobune: {file} comes from no index: `hakobune build` fetches it")
        content = target.read_bytes() if target.exists() else read(address(uv, pin))
        if hashlib.sha256(content).hexdigest() != sha256:
            sys.exit(f"Hash mismatch for `{pin}`")
        target.write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
