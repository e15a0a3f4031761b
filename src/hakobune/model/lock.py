"""What a lock file says: everything that the image is made of, by name, version and hash.

A locked package is of one of four kinds. Whatever treats the kinds differently matches on them
exhaustively (`assert_never`), so that mypy names each place that a new kind needs; a place that
cannot handle a kind raises `unsupported`.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, assert_never

from hakobune.errors import PackageKindUnsupportedError
from hakobune.model.spec import Index, requirement_name

SCHEMA_VERSION = 1
PLATFORM = "linux/amd64"
# The wheel that compiles a project's C files; it is among the tools only if the project has some.
COMPILER = "ziglang"
# PyTorch's wheels without CUDA: asked where a conda file wants those (`cpuonly`).
# https://pytorch.org/get-started/locally/
PYTORCH_CPU = Index(
    name="pytorch_cpu",
    address="https://download.pytorch.org/whl/cpu",
    packages=("torch", "torchaudio", "torchvision"),
)
# `${NAME}` is an environment variable's place: a password itself is never in a lock.
INDEX_ADDRESS = re.compile(
    r"https?://(\$\{\w+\}(:\$\{\w+\})?@)?[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~%+-]*)*"
)
# Where a package's file is, if no index has it: an address without a login, git's with a commit, or
# a file of the project.
FILE_ADDRESS = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9._~%+!@:/-]+"
    r"|git\+(https?://|ssh://(\w+@)?)[A-Za-z0-9._~%+:/-]+@[0-9a-f]{40}"
    r"|file:(?!/)(?!(.*/)?\.\.(/|$))[A-Za-z0-9._+!/-]+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWheel:
    """One wheel of the Python package index: file name, size in bytes and sha256 as hex.

    `index` is the label of the index that has it; empty: the default index. `uploaded` is when the
    index got the file, where a solve has just said so: no lock has it.
    `address` is where the file is, if no index has it (FILE_ADDRESS).
    """

    name: str
    version: str
    file: str
    size: int
    sha256: str
    index: str = ""
    address: str = ""
    uploaded: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSdist:
    """One source distribution of the Python package index, and what its wheel is built with.

    `builders` are pins of the lock's builders (`setuptools==75.3.2`); a compiler among them says
    that it is compiled. `wheel_sha256` is that of the wheel's bytes, as hex; empty until one was
    built. `is_accepted` tells that the wheel may have other bytes with each build. `index`,
    `address` and `uploaded` are as with wheels; an address of git ends in the commit.
    """

    name: str
    version: str
    file: str
    size: int
    sha256: str
    index: str = ""
    builders: tuple[str, ...] = ()
    wheel_sha256: str = ""
    is_accepted: bool = False
    address: str = ""
    uploaded: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedDebian:
    """One Debian package; `path` is relative to the root of any mirror of its archive.

    A path that begins with `pool/updates/` is of the security archive. `suite` is where the
    version came from (`trixie`, `trixie-security`, `trixie-updates`); empty: the base's own.
    """

    name: str
    version: str
    architecture: str
    size: int
    sha256: str
    path: str
    suite: str = ""

    @property
    def release(self) -> str:
        """The Debian release (`trixie`) that the package belongs to; empty: the base's."""
        return self.suite.partition("-")[0]

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedConda:
    """One conda package; `file` lies in the folder `subdir` of any mirror of its channel."""

    name: str
    version: str
    subdir: str
    file: str
    size: int
    sha256: str


LockedPackage = LockedWheel | LockedSdist | LockedDebian | LockedConda
# How the lock file names the kinds.
Kind = Literal["wheel", "sdist", "debian", "conda"]


def kind_of(package: LockedPackage) -> Kind:
    """Return the kind of a package."""
    match package:
        case LockedWheel():
            return "wheel"
        case LockedSdist():
            return "sdist"
        case LockedDebian():
            return "debian"
        case LockedConda():
            return "conda"
        case _:
            assert_never(package)


def unsupported(package: LockedPackage, step: str) -> PackageKindUnsupportedError:
    """Return the error of a step (`install`) that cannot handle this package's kind."""
    kind = kind_of(package)
    return PackageKindUnsupportedError(
        f"hakobune cannot {step} {package.name} {package.version}: "
        f"the lock has it as a package of the kind `{kind}`",
        remedy=f"name a release of {package.name} that has a wheel, then run: hakobune lock; or "
        "use a newer hakobune, if that wrote the lock",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryBase:
    """The base image in a registry; `digest` is None until a registry has answered."""

    image: str
    digest: str | None

    @property
    def release(self) -> str:
        """The Debian release that the image is made of (`trixie`); empty: its name has none."""
        return self.image.partition("-slim-")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianBase:
    """The base image made from Debian's packages.

    `headers` are packages that are unpacked where source distributions are compiled. They are
    neither in the base nor in the image.
    """

    suite: str
    packages: tuple[LockedDebian, ...]
    headers: tuple[LockedDebian, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A read lock file. `sha256` is that of its bytes; `environment_sha256` that of the YAML's.

    `variables` are set in the image. `indexes` are those that the project and the conda file name.
    `included` are the files that the conda file includes, by path in the project with
    the sha256 of their bytes. `builders` build source distributions. `overrides` are requirements
    that win over what packages say.
    `debian` are the Debian packages that the image has besides its base's, by name, each with who
    asked for it; the files are among the `packages`, for each release that a base is made of.
    """

    environment: str
    environment_sha256: str
    platform: str
    python: str
    requirements: tuple[str, ...]
    registry_base: RegistryBase
    debian_base: DebianBase | None
    tools: tuple[LockedWheel, ...]
    packages: tuple[LockedPackage, ...]
    sha256: str
    variables: tuple[tuple[str, str], ...] = ()
    indexes: tuple[Index, ...] = ()
    included: tuple[tuple[str, str], ...] = ()
    builders: tuple[LockedWheel, ...] = ()
    overrides: tuple[str, ...] = ()
    debian: tuple[tuple[str, str], ...] = ()

    @property
    def python_packages(self) -> tuple[LockedWheel | LockedSdist, ...]:
        """The packages of the Python package index."""
        found: list[LockedWheel | LockedSdist] = []
        for package in self.packages:
            match package:
                case LockedWheel() | LockedSdist():
                    found.append(package)
                case LockedDebian() | LockedConda():
                    pass
                case _:
                    assert_never(package)
        return tuple(found)

    @property
    def debian_packages(self) -> tuple[LockedDebian, ...]:
        """The Debian packages that the image has besides its base's, of each release."""
        return tuple(found for found in self.packages if isinstance(found, LockedDebian))

    @property
    def sdists(self) -> tuple[LockedSdist, ...]:
        """The packages whose wheels are built for the image."""
        return tuple(found for found in self.python_packages if isinstance(found, LockedSdist))

    @property
    def compiled(self) -> tuple[LockedSdist, ...]:
        """The source distributions that a compiler is at hand for."""
        return tuple(
            sdist
            for sdist in self.sdists
            if any(requirement_name(pin) == COMPILER for pin in sdist.builders)
        )

    @property
    def unsettled(self) -> tuple[LockedSdist, ...]:
        """The source distributions whose wheel's bytes are to be found out by a build."""
        return tuple(s for s in self.sdists if not s.wheel_sha256 and not s.is_accepted)

    @property
    def outside(self) -> tuple[LockedWheel | LockedSdist, ...]:
        """The packages whose files come from an address of their own."""
        return tuple(package for package in self.python_packages if package.address)

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The Python packages that the conda file itself names and the lock has.

        A requirement whose marker does not apply to the image was not locked.
        """
        named = {requirement_name(text) for text in self.requirements}
        return tuple(sorted(found.name for found in self.python_packages if found.name in named))

    @property
    def skipped(self) -> tuple[str, ...]:
        """The packages that the conda file names and whose marker does not apply to the image."""
        named = (requirement_name(text) for text in self.requirements)
        locked = {package.name for package in self.packages} | {"python"}
        return tuple(dict.fromkeys(name for name in named if name not in locked))

    @property
    def compilers(self) -> tuple[LockedWheel, ...]:
        """The wheel that compiles C files; empty if the project had none when it was locked."""
        return tuple(wheel for wheel in self.tools if wheel.name == COMPILER)

    @property
    def installers(self) -> tuple[LockedWheel, ...]:
        """The wheels that install the packages."""
        return tuple(wheel for wheel in self.tools if wheel.name != COMPILER)
