"""The list that `docker/base/resolve.sh` prints and `docker/base/build.sh` reads. No I/O."""

from hakobune.model.lock import LockedDebian


def read_packages(text: str) -> tuple[LockedDebian, ...]:
    """Return the packages of a list: name, version, architecture, size, sha256, path, by tabs."""
    packages = []
    for line in text.splitlines():
        name, version, architecture, size, sha256, path = line.split("\t")
        packages.append(
            LockedDebian(
                name=name,
                version=version,
                architecture=architecture,
                size=int(size),
                sha256=sha256,
                path=path,
            )
        )
    return tuple(packages)


def write_packages(packages: tuple[LockedDebian, ...]) -> str:
    """Return the list's text; `read_packages` gives the packages back."""
    return "".join(
        "\t".join((p.name, p.version, p.architecture, str(p.size), p.sha256, p.path)) + "\n"
        for p in packages
    )
