"""The lists that `docker/base/resolve.sh` prints and `docker/base/build.sh` reads. No I/O."""

import re
from dataclasses import dataclass, replace

from packaging.version import Version

from hakobune.model.lock import LockedDebian


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A package as Debian has it now.

    `fixed` is the newest version in the security suite, empty where that has none. The base needs
    the package (`is_base`), or what the project adds to the base does (`is_added`), or both.
    """

    package: LockedDebian
    fixed: str
    is_base: bool
    is_added: bool


def read_candidates(text: str) -> tuple[Candidate, ...]:
    """Return what resolve.sh printed: nine columns, by tabs, which it describes at its head."""
    found = []
    for line in text.splitlines():
        name, version, architecture, size, sha256, path, suite, fixed, role = line.split("\t")
        package = LockedDebian(
            name=name,
            version=version,
            architecture=architecture,
            size=int(size),
            sha256=sha256,
            path=path,
            suite=suite,
        )
        found.append(
            Candidate(
                package=package,
                fixed="" if fixed == "-" else fixed,
                is_base=role != "added",
                is_added=role != "base",
            )
        )
    return tuple(found)


def read_packages(text: str) -> tuple[LockedDebian, ...]:
    """Return the packages of a list that resolve.sh printed."""
    return tuple(candidate.package for candidate in read_candidates(text))


def of_base(package: LockedDebian, suite: str) -> LockedDebian:
    """Return a package as the base's list has it: its suite is named only where it is another."""
    return replace(package, suite="") if package.suite == suite else package


def write_packages(packages: tuple[LockedDebian, ...]) -> str:
    """Return the list that build.sh reads: name, version, architecture, size, sha256, path."""
    return "".join(
        "\t".join((p.name, p.version, p.architecture, str(p.size), p.sha256, p.path)) + "\n"
        for p in packages
    )


def upstream(version: str) -> Version | None:
    """Return the software's own version, which a Debian version begins with; None: it has none.

    `1:2.47.3+ds-0+deb13u1` is 2.47.3 (https://www.debian.org/doc/debian-policy, 5.6.12).
    """
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return Version(found[1]) if found else None
