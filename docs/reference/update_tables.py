"""Write the tables that `hakobune lock` reads, from public sources that were fetched before.

    python docs/reference/update_tables.py names MAPPING.json
    python docs/reference/update_tables.py images OFFICIAL-IMAGES.git
    python docs/reference/update_tables.py libraries FOLDER

MAPPING.json is `files/v0/conda-forge/compressed_mapping.json` of prefix-dev/parselmouth: what each
package of conda-forge is called on the Python package index, read off the packages themselves.
OFFICIAL-IMAGES.git is a clone of docker-library/official-images, whose history has each tag that
the official Python image ever had. FOLDER has `<release>.gz` for each Debian release of a base:
`main/Contents-amd64.gz`, which lists every file of every package. None is a part of this
repository: only the facts are.
"""

import gzip
import json
import re
import subprocess
import sys
from collections import defaultdict
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


# A library where the loader finds it, and the packages that have it as `section/package`.
LIBRARY = re.compile(r"(?:usr/)?lib/(?:x86_64-linux-gnu/)?(lib[\w.+-]*\.so\.\d[\d.]*) +(\S+)\s*")
# The releases that a Debian base can be made of (bases.toml); the first gives the usual name.
RELEASES = ("trixie", "bookworm", "bullseye", "forky")


def libraries(folder: Path) -> str:
    """Return a line for each library of Debian's section `libs`: its soname, and the package.

    The package is left out where it is called as Debian's policy says (8.1). `release:package`
    follows for a release that has the library in a package of another name. For the names of 2024's
    change of `time_t` (`libglib2.0-0t64`) stand the former ones, which those packages provide.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for release in RELEASES:
        for library, packages in libraries_of(folder / f"{release}.gz").items():
            found[library][release] = min(packages, key=lambda p: (p != rule(library), len(p), p))
    lines = [
        "# The Debian package that has a shared library; from docs/reference/update_tables.py.",
        "# Facts of Debian's lists of files (Contents-amd64), section `libs` of `main`.",
        "# A library alone is in the package that Debian's policy names after it (8.1).",
    ]
    for library, packages in sorted(found.items()):
        if not {"trixie", "bookworm"} & packages.keys():
            continue
        usual = next(iter(packages.values()))
        others = [f"{release}:{name}" for release, name in packages.items() if name != usual]
        named = [usual] if others or usual != rule(library) else []
        lines.append(" ".join([library, *named, *others]))
    return "\n".join(lines) + "\n"


def libraries_of(contents: Path) -> dict[str, set[str]]:
    """Return the packages of each library; of one package's names for a library, the shortest."""
    by_package: dict[str, set[str]] = defaultdict(set)
    with gzip.open(contents, "rt", encoding="utf-8") as lines:
        for line in lines:
            if found := LIBRARY.fullmatch(line):
                for place in found[2].split(","):
                    section, _, package = place.rpartition("/")
                    if section == "libs":
                        by_package[package.removesuffix("t64")].add(found[1])
    packages: dict[str, set[str]] = defaultdict(set)
    for package, names in by_package.items():
        for name in names:
            if not any(name.startswith(f"{other}.") for other in names - {name}):
                packages[name].add(package)
    return packages


def rule(library: str) -> str:
    """Return the package's name by Debian's policy: `libpq.so.5` is in `libpq5`."""
    stem, _, version = library.partition(".so.")
    name = stem.lower().replace("_", "-")
    return f"{name}{'-' if name[-1].isdigit() else ''}{version}"


TABLES = {
    "names": ("conda_names.txt", names),
    "images": ("python_images.txt", lambda source: images(history(source))),
    "libraries": ("debian_libraries.txt", libraries),
}


def main(arguments: list[str]) -> int:
    """Write the table that the first argument names from the source that the second names."""
    if len(arguments) != 2 or arguments[0] not in TABLES:  # noqa: PLR2004 - kind, source
        sys.stderr.write(f"{__doc__}\n")
        return 2
    file, table = TABLES[arguments[0]]
    (DATA / file).write_text(table(Path(arguments[1])), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
