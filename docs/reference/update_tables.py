"""Write the tables that `hakobune lock` reads, from public sources that were fetched before.

    python docs/reference/update_tables.py names MAPPING.json
    python docs/reference/update_tables.py images OFFICIAL-IMAGES.git

MAPPING.json is `files/v0/conda-forge/compressed_mapping.json` of prefix-dev/parselmouth: what each
package of conda-forge is called on the Python package index, read off the packages themselves.
OFFICIAL-IMAGES.git is a clone of docker-library/official-images, whose history has each tag that
the official Python image ever had. Neither is a part of this repository: only the facts are.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parents[2] / "src/hakobune/data"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Debian's releases that an image of ours can be made of, oldest first.
SUITES = ("stretch", "buster", "bullseye", "bookworm", "trixie")
OLDEST = (3, 7)
# Names that are in many others.
GENERIC = ("core", "pip", "lit", "client", "attr", "hpc")


def names(mapping: Path) -> str:
    """Return a line for each conda package that is on the index: its name, and the other's."""
    lines = [
        "# Conda's packages on the Python package index; from docs/reference/update_tables.py.",
        "# Facts of the mapping that prefix.dev publishes (github.com/prefix-dev/parselmouth).",
        "# A second word is the index's name, where it differs.",
    ]
    for conda, found in sorted(json.loads(mapping.read_text(encoding="utf-8")).items()):
        normal = [re.sub(r"[-_.]+", "-", name).lower() for name in found or ()]
        own = re.sub(r"[-_.]+", "-", conda).lower()
        if NAME.fullmatch(own) and own in normal:
            lines.append(own)
        elif NAME.fullmatch(own) and len(normal) == 1 and are_alike(own, normal[0]):
            lines.append(f"{own} {normal[0]}")
    return "\n".join(dict.fromkeys(lines)) + "\n"


def are_alike(conda: str, index: str) -> bool:
    """Tell whether one name is in the other: otherwise the package may only contain a copy."""
    one, other = conda.replace("-", ""), index.replace("-", "")
    return index not in GENERIC and (one in other or other in one)


def history(repository: Path) -> str:
    """Return what the repository's list of Python's images ever said."""
    git = ("git", "--git-dir", str(repository))
    log = subprocess.run(
        [*git, "log", "--format=", "--unified=0", "--patch", "--", "library/python"],
        check=True,
        capture_output=True,
        text=True,
    )
    return log.stdout


def images(tags: str) -> str:
    """Return a line for each release of Python: the newest Debian of its slim image."""
    found: dict[tuple[int, ...], set[str]] = {}
    for version, suite in re.findall(r"\b(3\.\d+\.\d+)-slim-([a-z]+)\b", tags):
        release = tuple(int(part) for part in version.split("."))
        if release >= OLDEST and suite in SUITES:
            found.setdefault(release, set()).add(suite)
    lines = [
        "# The Debian release of the official image `python:<version>-slim-<release>`, the newest",
        "# that there is; written by docs/reference/update_tables.py.",
        "# Facts of docker-library/official-images, library/python and its history.",
    ]
    for release in sorted(found):
        newest = max(found[release], key=SUITES.index)
        lines.append(f"{'.'.join(map(str, release))} {newest}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the table that the first argument names from the source that the second names."""
    if len(arguments) != 2 or arguments[0] not in {"names", "images"}:  # noqa: PLR2004 - kind, source
        sys.stderr.write(f"{__doc__}\n")
        return 2
    kind, source = arguments
    if kind == "names":
        (DATA / "conda_names.txt").write_text(names(Path(source)), encoding="utf-8")
    else:
        (DATA / "python_images.txt").write_text(images(history(Path(source))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
