"""What a lock file says: everything that the image is made of, by name, version and hash."""

from dataclasses import dataclass

from hakobune.model.spec import requirement_name

SCHEMA_VERSION = 1
PLATFORM = "linux/amd64"
# The wheel that compiles a project's C files; it is among the tools only where there are some.
COMPILER = "ziglang"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWheel:
    """One wheel of the Python package index: file name, size in bytes and sha256 as hex."""

    name: str
    version: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianPackage:
    """One Debian package; `path` is relative to any mirror's root."""

    name: str
    version: str
    architecture: str
    size: int
    sha256: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryBase:
    """The base image as a registry has it; `digest` is None until a registry has answered."""

    image: str
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianBase:
    """The base image as Debian's packages make it."""

    suite: str
    packages: tuple[DebianPackage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A read lock file. `sha256` is that of its bytes; `environment_sha256` that of the YAML's."""

    environment: str
    environment_sha256: str
    platform: str
    python: str
    requirements: tuple[str, ...]
    registry_base: RegistryBase
    debian_base: DebianBase | None
    tools: tuple[LockedWheel, ...]
    packages: tuple[LockedWheel, ...]
    sha256: str

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The locked packages that the conda file names itself.

        A requirement whose marker does not apply to the image was not locked.
        """
        named = {requirement_name(text) for text in self.requirements}
        return tuple(sorted(wheel.name for wheel in self.packages if wheel.name in named))

    @property
    def compilers(self) -> tuple[LockedWheel, ...]:
        """The wheel that compiles C files; none where the lock was made for a project without."""
        return tuple(wheel for wheel in self.tools if wheel.name == COMPILER)

    @property
    def installers(self) -> tuple[LockedWheel, ...]:
        """The wheels that install the packages."""
        return tuple(wheel for wheel in self.tools if wheel.name != COMPILER)
