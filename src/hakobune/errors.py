"""Every failure that a person can correct: what failed, where, and the next step.

One exit code for each family of remedy, and a short stable name for each class: scripts test the
name. Only `cli/main.py` catches these; `docs/reference/exit-codes.md` is generated from this file.
"""

import re
from collections.abc import Mapping
from typing import ClassVar


class HakobuneError(Exception):
    """Something failed that the user can correct.

    `what` is one sentence that says what failed, and `remedy` the next step; both may span lines.
    `place` is the file or `file:line` at fault, if there is one; `what` may begin with it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str, place: str = "") -> None:
        super().__init__(what if what.startswith(place) else f"{place}: {what}")
        self.what = what
        self.remedy = remedy
        self.place = place

    @classmethod
    def name(cls) -> str:
        """Return the class's stable name: `LockStaleError` is `lock-stale`."""
        words = re.findall(r"[A-Z][a-z0-9]*", cls.__name__.removesuffix("Error"))
        return "-".join(words).lower()


class UsageError(HakobuneError):
    """The command names something that does not exist or has the wrong form: correct it."""

    exit_code = 2


class NameInvalidError(UsageError):
    """A name is too long or has characters that Azure ML does not accept."""


class InputNotFoundError(UsageError):
    """An input is neither a file or folder of this machine nor a reference of Azure ML."""


class InputUnusableError(UsageError):
    """An input is not a plain file, or a folder contains something else or changes meanwhile."""


class ArgumentInvalidError(UsageError):
    """An argument or variable holds `${{`, which Azure ML would replace, or is not text."""


class ReferenceMutableError(UsageError):
    """A name such as `:latest` was given, which may mean something else tomorrow."""


class OutputUnknownError(UsageError):
    """The job has no output of this name, or the service does not list it."""


class RunMissingError(UsageError):
    """There is no such run, or it has no record."""


class RunExistsError(UsageError):
    """The folder that a training is to write to contains something already."""


class DestinationIncompleteError(UsageError):
    """No subscription, resource group, workspace or registry was given."""


class ConfigurationError(HakobuneError):
    """The configuration does not allow the command: correct the file or variable."""

    exit_code = 3


class ConfigurationInvalidError(ConfigurationError):
    """`pyproject.toml` has no valid `[tool.hakobune]`, or the folder is not a project."""


class ProjectUnclearError(ConfigurationError):
    """`hakobune init` found no conda file or script, or several, or one that it cannot use."""


class ScriptInvalidError(ConfigurationError):
    """The training script is not valid Python."""


class FileDiffersError(ConfigurationError):
    """A file that the command would write is there with other content; it is not overwritten."""


class CloudUnknownError(ConfigurationError):
    """The Azure endpoints that the environment names are incomplete or do not answer."""


class ModelMissingError(ConfigurationError):
    """`pyproject.toml` names no model to register, or the run has none."""


class KeyUnusableError(ConfigurationError):
    """A key file is not an Ed25519 key in PEM form, or is the wrong half of the pair."""


class SdkMissingError(ConfigurationError):
    """Azure ML's SDK is not installed beside hakobune."""


class LockError(HakobuneError):
    """The conda file or its lock needs a change: edit the conda file or run `hakobune lock`."""

    exit_code = 4


class EnvironmentFileInvalidError(LockError):
    """The conda file cannot be read, or has an entry that hakobune does not support."""


class EnvironmentDoubtfulError(LockError):
    """`lock --check --strict` found in the conda file what `lock` warns of."""


class PackageUnknownError(LockError):
    """A package of the conda file is not on the Python package index."""


class ResolutionImpossibleError(LockError):
    """No set of wheels satisfies the conda file. `proof` is the resolver's, whole."""

    def __init__(self, what: str, *, remedy: str, place: str = "", proof: str = "") -> None:
        super().__init__(what, remedy=remedy, place=place)
        self.proof = proof


class WheelMissingError(LockError):
    """A package has no wheel for the image's Python.

    `lacking` are the requirements for which the index has source distributions only.
    """

    def __init__(
        self, what: str, *, remedy: str, place: str = "", lacking: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what, remedy=remedy, place=place)
        self.lacking = lacking


class DebianPackageUnknownError(LockError):
    """Debian has no package of this name or version for the image's base, or cannot install it.

    `unknown` are the names, each with similar ones that Debian has.
    """

    def __init__(
        self,
        what: str,
        *,
        remedy: str,
        place: str = "",
        unknown: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__(what, remedy=remedy, place=place)
        self.unknown = unknown or {}


class SdistInvalidError(LockError):
    """A source distribution cannot be read, or is not the one that the index names."""


class CommitUnavailableError(LockError):
    """Git does not get the commit that an address names, or no archive can be made of it."""


class PythonUnavailableError(LockError):
    """No base image has the Python that the conda file asks for."""


class LockMissingError(LockError):
    """There is no lock file yet."""


class IndexChangedError(LockError):
    """A locked package would come from another index than before."""


class LockDamagedError(LockError):
    """The lock file was edited, merged badly, or written by a newer hakobune."""


class LineEndsError(LockError):
    """A file has CRLF line ends in this checkout, and was written or is stored by git with LF."""


class PackageKindUnsupportedError(LockError):
    """The lock has a package of a kind (conda, say) that this step does not support yet."""


class LockStaleError(LockError):
    """The conda file changed after it was locked, or C files now need a compiler."""


class DockerfileStaleError(LockError):
    """The Dockerfile is not the one that the lock gives."""


class PrerequisiteError(HakobuneError):
    """This machine lacks something that the command needs: install or start it."""

    exit_code = 5


class EngineMissingError(PrerequisiteError):
    """No Docker engine answers."""


class BuildkitMissingError(PrerequisiteError):
    """The Docker engine or client lacks BuildKit."""


class MountElsewhereError(PrerequisiteError):
    """The engine is on another machine, or does not share this folder with its containers."""


class BaseUnavailableError(PrerequisiteError):
    """No registry answers, and no base image can be made from Debian's packages here."""


class CompilerMissingError(PrerequisiteError):
    """The compiler that the lock names is not installed beside hakobune."""


class ImageError(HakobuneError):
    """The image is missing, out of date or faulty: build it again or correct its sources."""

    exit_code = 6


class BuildFailedError(ImageError):
    """The image build stopped."""


class SdistBuildFailedError(ImageError):
    """A source distribution cannot be built: it fails, uses the network, or lacks something."""


class SdistUnstableError(ImageError):
    """Two builds of a source distribution give two wheels, or another wheel than the lock names."""


class ImportFailedError(ImageError):
    """A package of the conda file cannot be imported in the image, which is not made."""


class CompilationFailedError(ImageError):
    """The C files of a library do not compile."""


class ImageMissingError(ImageError):
    """The image was not built yet."""


class ImageStaleError(ImageError):
    """The image was built from an earlier lock or from earlier code."""


class ImageInvalidError(ImageError):
    """A blob of the image is missing, or its digest, size, media type or form is wrong."""


class PlatformUnsupportedError(ImageError):
    """The image is not for linux/amd64, which Azure ML's nodes run."""


class SmokeFailedError(ImageError):
    """A smoke test of the image failed."""


class ReceiptMissingError(ImageError):
    """The image has not passed its smoke tests and a reference training here."""


class ReceiptDamagedError(ImageError):
    """A receipt was changed after it was written."""


class SbomInvalidError(ImageError):
    """The image does not list its packages, so no SBOM can be written."""


class ImageNotReproducedError(ImageError):
    """The image built again from nothing is different; the difference is named."""


class BaseNotReproducedError(ImageError):
    """The base image, made or requested again, is not the one that the image uses."""


class NetworkError(HakobuneError):
    """An index, mirror or registry does not answer, refuses, or serves the wrong bytes."""

    exit_code = 7


class IndexUnreachableError(NetworkError):
    """The package index did not answer."""


class IndexRefusedError(NetworkError):
    """The package index requires a login, or refuses this one."""


class PackageGoneError(NetworkError):
    """The package index that the build uses does not have a release that the lock names."""


class BasePackageGoneError(NetworkError):
    """The mirror no longer has a Debian package that the lock names."""


class DebianUnreachableError(NetworkError):
    """This host cannot list Debian's packages, and the image needs some that the lock lacks."""


class DebianReleaseGoneError(NetworkError):
    """The mirror has no such release of Debian (any more), and the image needs packages of it."""


class HashMismatchError(NetworkError):
    """A downloaded file is not the one that the lock names."""


class RegistryUnreachableError(NetworkError):
    """The container registry does not answer."""


class RegistryRefusedError(NetworkError):
    """The container registry requires a login, or refuses this one."""


class PushFailedError(NetworkError):
    """The image could not be pushed."""


class DigestMismatchError(NetworkError):
    """The registry has another image under this name than this machine."""


class DigestMissingError(NetworkError):
    """The registry does not have the image with this digest."""


class VendorIncompleteError(NetworkError):
    """The vendored folder lacks files that the lock names, or belongs to another lock."""


class VendorDamagedError(NetworkError):
    """A vendored file is not the one that the lock or the folder's listing names."""


class LoginError(HakobuneError):
    """Azure rejects the login or its permissions: log in, or ask for the role."""

    exit_code = 8


class LoginMissingError(LoginError):
    """This machine is not logged in to Azure, or the login was rejected."""


class LoginExpiredError(LoginError):
    """The login to Azure has expired."""


class AssertionExpiredError(LoginError):
    """The assertion of a federated login (OIDC), which lives for minutes, has expired."""


class MfaRequiredError(LoginError):
    """Azure requires multi-factor authentication, which this login did not do."""


class ConditionalAccessError(LoginError):
    """A Conditional Access policy of the tenant refuses this login or machine."""


class TenantWrongError(LoginError):
    """The login belongs to another Azure tenant than the subscription."""


class PermissionMissingError(LoginError):
    """The login lacks a permission in the workspace."""


class StorageKeysRefusedError(LoginError):
    """The workspace's storage allows no account keys: only logins and identities."""


class StorageRoleMissingError(LoginError):
    """The login or the cluster has no role for the data of the workspace's storage."""


class StorageFirewallError(LoginError):
    """The firewall of the workspace's storage does not let this machine in."""


class ServiceError(HakobuneError):
    """Azure ML answers, but what was asked for is absent, not ready or refused."""

    exit_code = 9


class WorkspaceNotFoundError(ServiceError):
    """The subscription, resource group or workspace does not exist or is not visible."""


class ComputeNotFoundError(ServiceError):
    """The workspace has no compute of this name."""


class ComputeUnusableError(ServiceError):
    """The compute exists but cannot run this job."""


class QuotaExceededError(ServiceError):
    """The subscription's quota of processor cores is too small."""


class EnvironmentConflictError(ServiceError):
    """The environment's version is registered with another image."""


class JobNotFoundError(ServiceError):
    """The workspace has no job of this name, or it was deleted."""


class QueueTimeoutError(ServiceError):
    """The job had no node after --queue-timeout, and was canceled."""


class ServiceUnavailableError(ServiceError):
    """Azure was unreachable for longer than hakobune retries."""


class ServiceRefusedError(ServiceError):
    """Azure ML rejected a request."""


class AnswerInvalidError(ServiceError):
    """Azure ML or its storage gave a name, tag or number that does not have its form."""


class RefusedError(HakobuneError):
    """A run, a model or its data fails its record or a required test: do not use it."""

    exit_code = 10


class RecordDamagedError(RefusedError):
    """The record of a run was changed or cut off after it was written."""


class RecordFromFutureError(RefusedError):
    """A record has a schema that this version of hakobune does not support."""


class RecordIncompleteError(RefusedError):
    """A record does not name the image of the run, or contradicts what is known here."""


class FileChangedError(RefusedError):
    """A file of a run is not the one that its record names."""


class FileUnlistedError(RefusedError):
    """A run's folder holds a file that its record does not list."""


class FileIrregularError(RefusedError):
    """A file of a run is a link, a pipe, a device or a folder, or is too large to be read."""


class RunMisplacedError(RefusedError):
    """The folder of a run does not have the name in the run's record."""


class OutputAbsentError(RefusedError):
    """A run's record does not list an output that the project declares, or it is empty."""


class DataChangedError(RefusedError):
    """The data file is present but is not what the run read."""


class DocumentChangedError(RefusedError):
    """The lock, conda file or Dockerfile of a run is not the one that its record names."""


class SourceUnprovenError(RefusedError):
    """A record claims that its source is a commit's, and it is not."""


class ImageChangedError(RefusedError):
    """The image with this digest, or one of its layers, is not what the record says."""


class RunClaimedTwiceError(RefusedError):
    """Two records claim to be of the same run."""


class JobContradictsError(RefusedError):
    """What Azure ML reports of a job is not what hakobune submitted."""


class SignatureInvalidError(RefusedError):
    """A signature does not match the record or the key."""


class SignatureMissingError(RefusedError):
    """A signature is required, and the run is unsigned."""


class SignerUnknownError(RefusedError):
    """A run is signed with a key that the project's `signers` do not include."""


class SubmitIncompleteError(RefusedError):
    """Several things that a submit needs are missing; the message lists them all."""


class GradeMissingError(RefusedError):
    """A model cannot be registered: no run of this machine is there to compare its job with."""


class ModelDiffersError(RefusedError):
    """A run that was repeated gave a different model."""


class OutputRefusedError(RefusedError):
    """A training left something else than folders and plain files, such as a link or a device."""


class OutputDamagedError(RefusedError):
    """A fetched file is not the one that the job wrote, by the sha256 in its record."""


class ProgramError(HakobuneError):
    """The training program failed, here or in a job, or did not write its outputs."""

    exit_code = 11


class TrainingFailedError(ProgramError):
    """The training program ended with an error."""


class OutOfMemoryError(ProgramError):
    """A process of the training program was killed: the container's memory limit was reached."""


class EndedFromOutsideError(ProgramError):
    """Something other than the training program ended it: `docker kill`, say."""


class OutputsMissingError(ProgramError):
    """The program succeeded, but a declared output is missing or empty."""


class DrillFailedError(ProgramError):
    """A drill lost work, gave other bytes, or did not end."""


class JobFailedError(ProgramError):
    """The job ran and failed."""

    def __init__(self, what: str, *, remedy: str, is_node_fault: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.is_node_fault = is_node_fault


class JobCanceledError(ProgramError):
    """The job was canceled."""

    def __init__(self, what: str, *, remedy: str, is_node_fault: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.is_node_fault = is_node_fault


class JobRunningError(HakobuneError):
    """The command ends, and its job keeps running: follow it with `hakobune watch JOB`."""

    exit_code = 15


class JobUnfinishedError(JobRunningError):
    """The job is not finished yet."""


class WatchEndedError(JobRunningError):
    """The login ended or Azure was unreachable for long while a job was watched."""


class MachineError(HakobuneError):
    """The disk, the memory, a file or another command of this machine prevents it."""

    exit_code = 13


class DiskFullError(MachineError):
    """The disk is full."""


class ContainerFailedError(MachineError):
    """Docker could not create, start or keep the container: the program itself is not at fault."""


class FileNotWritableError(MachineError):
    """A file that this command reads or writes is not accessible."""


class SubmitRunningError(MachineError):
    """Another `hakobune submit` of this project, or a fetch of the same job, is running."""


class DrillRunningError(MachineError):
    """Another `hakobune drill` of the same project is running."""


class ReproduceRunningError(MachineError):
    """Another `hakobune reproduce model` of this project is running."""
