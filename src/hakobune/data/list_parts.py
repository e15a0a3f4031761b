"""Runs inside a built image: prints what it is made of, as JSON.

    python -I -c TEXT_OF_THIS_FILE

Debian's packages with the licence names of their copyright files, where these have a form that a
program reads (DEP-5), and Python's packages with what their metadata says of licences. Nothing is
guessed: what a file does not say is left empty. Uses only the standard library.
"""

from __future__ import annotations

import email.parser
import json
import re
import sys
from pathlib import Path

# https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
_FORMAT = re.compile(r"\AFormat: \S*copyright-format/1\.0/?\s*$", re.MULTILINE)
_LICENCE = re.compile(r"^License:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)


def main() -> None:
    """Print the parts."""
    root = Path("/")
    print(json.dumps({"distribution": codename(root), "debian": debian(root), "python": python()}))


def codename(root: Path) -> str:
    """Return the name of the Debian release, empty where the image does not say."""
    path = root / "etc/os-release"
    text = path.read_text() if path.exists() else ""
    found = re.search(r"^VERSION_CODENAME=(\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


def debian(root: Path) -> list[dict[str, object]]:
    """Return the installed Debian packages."""
    status = root / "var/lib/dpkg/status"
    parts = []
    for stanza in status.read_text().split("\n\n") if status.exists() else []:
        package = email.parser.HeaderParser().parsestr(stanza)
        if package.get("Status") == "install ok installed":
            parts.append(
                {
                    "name": package["Package"],
                    "version": package["Version"],
                    "architecture": package["Architecture"],
                    "licences": copyright_names(root, package["Package"]),
                }
            )
    return parts


def copyright_names(root: Path, package: str) -> list[str]:
    """Return the licence names of a package's copyright file, each once."""
    path = root / "usr/share/doc" / package / "copyright"
    text = path.read_text(errors="replace") if path.exists() else ""
    return sorted(set(_LICENCE.findall(text))) if _FORMAT.search(text) else []


def python() -> list[dict[str, object]]:
    """Return the installed Python packages, of the environment and of nothing else."""
    parts = []
    # Read here, because Python 3.7 has no importlib.metadata.
    folders = [Path(folder) for folder in sys.path if Path(folder).is_dir()]
    for path in [path for folder in folders for path in folder.glob("*.dist-info/METADATA")]:
        said = email.parser.HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        parts.append(
            {
                "name": said["Name"],
                "version": said["Version"],
                "expression": (said.get_all("License-Expression") or [""])[0],
                "licence": (said.get_all("License") or [""])[0],
                "classifiers": [
                    text
                    for text in said.get_all("Classifier") or []
                    if text.startswith("License :: ")
                ],
            }
        )
    return parts


if __name__ == "__main__":
    main()
