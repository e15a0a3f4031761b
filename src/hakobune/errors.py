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


class ImportFailedError(HakobuneError):
    """A package of the conda file cannot be imported in the image, which is not made."""

    exit_code = 123


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
    """A run ended well and yet a declared output is not there, or is empty."""

    exit_code = 30


class TrainingFailedError(HakobuneError):
    """The container ended with an error. `hakobune train` exits with the container's own code."""

    exit_code = 31

    def __init__(self, what: str, *, remedy: str, container_exit_code: int) -> None:
        super().__init__(what, remedy=remedy)
        self.container_exit_code = container_exit_code


class RegistryUnreachableError(HakobuneError):
    """The container registry does not answer."""

    exit_code = 32


class RegistryRefusedError(HakobuneError):
    """The container registry wants a login, or refuses this one."""

    exit_code = 33


class PushFailedError(HakobuneError):
    """The image could not be pushed."""

    exit_code = 34


class DigestMismatchError(HakobuneError):
    """The registry holds another image than the one of this machine under its name."""

    exit_code = 35


class DigestMissingError(HakobuneError):
    """The registry does not have the image of this digest."""

    exit_code = 36


class PlatformUnsupportedError(HakobuneError):
    """The image was not built for linux/amd64, which is what Azure ML's nodes run."""

    exit_code = 37


class ReferenceMutableError(HakobuneError):
    """A name such as `:latest` was given, which may mean another thing tomorrow."""

    exit_code = 38


class ImageNotReproducedError(HakobuneError):
    """Built again from nothing, the image is another one; what differs is named."""

    exit_code = 39


class BaseNotReproducedError(HakobuneError):
    """The base, made or asked for again, is another one than the image stands on."""

    exit_code = 6


class VendorIncompleteError(HakobuneError):
    """The folder of vendored files lacks what the lock names, or belongs to another lock."""

    exit_code = 7


class VendorDamagedError(HakobuneError):
    """A vendored file is not the one that the lock or the folder's listing names."""

    exit_code = 8


class SbomInvalidError(HakobuneError):
    """The image does not tell what is in it, so its list of parts cannot be written."""

    exit_code = 9


class DestinationIncompleteError(HakobuneError):
    """It is not said which subscription, resource group, workspace or registry to use."""

    exit_code = 80


class SdkMissingError(HakobuneError):
    """Azure ML's SDK is not installed beside hakobune."""

    exit_code = 81


class CloudUnknownError(HakobuneError):
    """The cloud that the environment names does not answer, or is named only by half."""

    exit_code = 82


class LoginMissingError(HakobuneError):
    """Nobody is logged in to Azure here, or the login was refused."""

    exit_code = 83


class LoginExpiredError(HakobuneError):
    """The login to Azure has expired."""

    exit_code = 84


class TenantWrongError(HakobuneError):
    """The login belongs to another Azure tenant than the subscription."""

    exit_code = 85


class PermissionMissingError(HakobuneError):
    """This login may not do that in the workspace."""

    exit_code = 86


class WorkspaceNotFoundError(HakobuneError):
    """There is no such subscription, resource group or workspace, or this login cannot see it."""

    exit_code = 87


class ComputeNotFoundError(HakobuneError):
    """The workspace has no compute of this name."""

    exit_code = 88


class ComputeUnusableError(HakobuneError):
    """The compute is there and cannot run this job."""

    exit_code = 89


class QuotaExceededError(HakobuneError):
    """The subscription's quota of processors is not enough."""

    exit_code = 90


class NameInvalidError(HakobuneError):
    """A name is too long, or has characters that Azure ML does not take."""

    exit_code = 91


class EnvironmentConflictError(HakobuneError):
    """The environment's version is registered with another image."""

    exit_code = 92


class InputNotFoundError(HakobuneError):
    """An input of the job is neither a file of this machine nor a reference that Azure ML knows."""

    exit_code = 93


class SubmitRunningError(HakobuneError):
    """Another `hakobune submit` of this project is at work."""

    exit_code = 94


class JobNotFoundError(HakobuneError):
    """The workspace has no job of this name, or it was deleted meanwhile."""

    exit_code = 95


class JobFailedError(HakobuneError):
    """The job ran and failed."""

    exit_code = 96

    def __init__(self, what: str, *, remedy: str, is_node_fault: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.is_node_fault = is_node_fault


class JobCanceledError(HakobuneError):
    """The job was canceled."""

    exit_code = 97


class JobUnfinishedError(HakobuneError):
    """The job is not over yet."""

    exit_code = 98


class OutputUnknownError(HakobuneError):
    """The job has no output of this name, or the service does not list it."""

    exit_code = 99


class OutputDamagedError(HakobuneError):
    """A fetched file is not the one that the job wrote, by the sha256 in its record."""

    exit_code = 100


class ModelMissingError(HakobuneError):
    """`pyproject.toml` names no model to register, or the run has none."""

    exit_code = 101


class ServiceUnavailableError(HakobuneError):
    """Azure, or the way to it, was down for longer than hakobune waits."""

    exit_code = 102


class ServiceRefusedError(HakobuneError):
    """Azure ML refused a request for a reason of its own."""

    exit_code = 103


class RunMissingError(HakobuneError):
    """There is no such run, or it has no record."""

    exit_code = 104


class RecordDamagedError(HakobuneError):
    """A run's record was changed or cut off after it was written."""

    exit_code = 105


class RecordFromFutureError(HakobuneError):
    """A record has a schema that this version of hakobune does not know."""

    exit_code = 106


class RecordIncompleteError(HakobuneError):
    """A record does not say which image made the run, or what is known outside contradicts it."""

    exit_code = 107


class FileChangedError(HakobuneError):
    """A file of a run is not the one that its record names."""

    exit_code = 108


class DataChangedError(HakobuneError):
    """The data lies where the run read it, and is not what the run read."""

    exit_code = 109


class DocumentChangedError(HakobuneError):
    """A run's lock, conda file or Dockerfile is not the one that its record names."""

    exit_code = 110


class SourceUnprovenError(HakobuneError):
    """A run's record says that its source is a commit's, and it is not."""

    exit_code = 111


class ImageChangedError(HakobuneError):
    """The image under this digest is another than the record says, or one of its layers is."""

    exit_code = 112


class RunClaimedTwiceError(HakobuneError):
    """Two records claim to be of the same run."""

    exit_code = 113


class JobContradictsError(HakobuneError):
    """Azure ML reports another image for a job than its record names."""

    exit_code = 114


class SignatureInvalidError(HakobuneError):
    """A signature does not belong to the record, or is not of the key that it was checked with."""

    exit_code = 115


class SignatureMissingError(HakobuneError):
    """A signature was asked for, and the run has none."""

    exit_code = 116


class KeyUnusableError(HakobuneError):
    """A key file is no Ed25519 key in PEM form, or is not the half that is needed."""

    exit_code = 117


class ReceiptMissingError(HakobuneError):
    """An image has not passed its smoke tests and a reference training on this machine."""

    exit_code = 118


class ReceiptDamagedError(HakobuneError):
    """A receipt was changed after it was written."""

    exit_code = 119


class SmokeFailedError(HakobuneError):
    """A smoke test of the image failed."""

    exit_code = 120


class ModelDiffersError(HakobuneError):
    """A run that was made again gave another model."""

    exit_code = 121


class ReproduceRunningError(HakobuneError):
    """Another `hakobune reproduce model` of this project is at work."""

    exit_code = 122
