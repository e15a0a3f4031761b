"""Every failure that a person can mend: its exit code, what failed, and the next step.

Only `cli/main.py` catches these. Exit codes are part of the interface: a test checks that they
differ, and `docs/reference/exit-codes.md` is generated from this file.
"""

from typing import ClassVar


class HakobuneError(Exception):
    """Something failed that the user can mend.

    `what` is one sentence that names the place; `remedy` is the next step. Either may span lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class ConfigurationInvalidError(HakobuneError):
    """`pyproject.toml` has no usable `[tool.hakobune]`, or the folder is no project."""

    exit_code = 3


class EnvironmentFileInvalidError(HakobuneError):
    """The conda file cannot be read, or says something that hakobune does not know."""

    exit_code = 10


class PackageUnknownError(HakobuneError):
    """A package of the conda file is not on the Python package index."""

    exit_code = 11


class ResolutionImpossibleError(HakobuneError):
    """No set of wheels satisfies the conda file."""

    exit_code = 12


class IndexUnreachableError(HakobuneError):
    """The package index did not answer."""

    exit_code = 13


class LockMissingError(HakobuneError):
    """There is no lock file yet."""

    exit_code = 14


class LockDamagedError(HakobuneError):
    """The lock file was edited, merged badly, or written by a newer hakobune."""

    exit_code = 15


class LockStaleError(HakobuneError):
    """The conda file changed after it was locked, or C files came that need a compiler."""

    exit_code = 16


class DockerfileStaleError(HakobuneError):
    """The Dockerfile is not the one that the lock gives."""

    exit_code = 17


class CompilerMissingError(HakobuneError):
    """The compiler that the lock names is not installed beside hakobune."""

    exit_code = 18


class CompilationFailedError(HakobuneError):
    """The compiler refused the C files of a library."""

    exit_code = 19


class EngineMissingError(HakobuneError):
    """No Docker engine answers."""

    exit_code = 20


class BuildKitMissingError(HakobuneError):
    """The Docker engine or client cannot build with BuildKit, or has no compose."""

    exit_code = 21


class BaseUnavailableError(HakobuneError):
    """No registry answers, and the base image cannot be made from Debian's packages here."""

    exit_code = 22


class BasePackageGoneError(HakobuneError):
    """The mirror no longer has a Debian package that the lock names."""

    exit_code = 23


class BuildFailedError(HakobuneError):
    """The image build stopped."""

    exit_code = 24


class HashMismatchError(HakobuneError):
    """A downloaded file is not the one that the lock names."""

    exit_code = 25


class DiskFullError(HakobuneError):
    """The disk is full."""

    exit_code = 26


class FileNotWritableError(HakobuneError):
    """A file that this command writes, or reads, cannot be written or read."""

    exit_code = 27


class ImageMissingError(HakobuneError):
    """The image was not built yet."""

    exit_code = 28


class ImageStaleError(HakobuneError):
    """The image was built from an earlier lock or from earlier code."""

    exit_code = 29


class OutputsMissingError(HakobuneError):
    """The run ended well and yet a declared output is not there."""

    exit_code = 30


class TrainingFailedError(HakobuneError):
    """The container ended with an error. `hakobune train` exits with the container's own code."""

    exit_code = 31

    def __init__(self, what: str, *, remedy: str, container_exit_code: int) -> None:
        super().__init__(what, remedy=remedy)
        self.container_exit_code = container_exit_code
