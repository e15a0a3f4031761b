"""A run's record: what was made, of what, by which image. docs/reference/record.md has the form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hakobune.errors import ArgumentInvalidError, NameInvalidError
from hakobune.model.forms import is_of, optional, required, shortened

SCHEMA_VERSION = 2
RECORD = "record.json"
# What our training program leaves of a run that failed, in place of a record.
FAILURE = "failure.json"
# The folder of a run that holds the documents its image was made of.
DOCUMENTS = "image"
STATEMENT = "provenance.intoto.jsonl"
PUBLIC_KEY = "provenance.pub.pem"
SIGNATURE_FILES = (STATEMENT, PUBLIC_KEY)


def valid_commit(text: str) -> str:
    """Return a git commit's id: the 40 or 64 hex digits of SHA-1 or SHA-256, or nothing.

    It is handed to the git program, which would take other text for an option or for a name that
    moves. Raises ValueError for anything else.
    """
    return required("commit id", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """A file of a run: its path inside the run's folder, sha256 as hex, and size.

    Raises ValueError for a path that leads out of the folder, and for other forms.
    """

    name: str
    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        """Look at the path: whoever has an entry may open and remove what it names."""
        required("file name", self.name)
        required("sha256", self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInput:
    """What the program read; `path` is empty for data that the image holds.

    Raises ValueError for a text of another form, as all values of this module do, and
    NameInvalidError for a path: that one is of the user's own file.
    """

    name: str
    path: str
    sha256: str

    def __post_init__(self) -> None:
        """Check the forms."""
        required("input name", self.name)
        required("sha256", self.sha256)
        if self.path and not is_of("place", self.path):
            raise NameInvalidError(
                f"input {self.name}: the path {shortened(self.path)} cannot be recorded",
                remedy="rename the file or folder: no control characters, UTF-8 only",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text of the project: its path there, and the sha256 of its bytes as hex."""

    path: str
    sha256: str

    def __post_init__(self) -> None:
        """Check the forms: the path's last part is a file of the run's folder."""
        required(self._form(), self.path)
        required("sha256", self.sha256)

    def _form(self) -> str:
        return "path in the project"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFolder(Document):
    """The folder of a run's code, and the digest of its files; `.` is the whole project."""

    def _form(self) -> str:
        return "folder of the project"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What Azure ML reports of the job: its environment as `name:version`, and that one's image."""

    name: str
    environment: str
    image: str
    tags: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check the forms."""
        required("job name", self.name)
        required("environment", self.environment)
        required("image reference", self.image)
        for text in (*self.tags, *self.tags.values()):
            required("tag", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How a run came about; the fields are those of `Outside` and, for `arguments`, `RunRecord`.

    `documents` are the contents, by path in the project, of what the run's image was made of.
    """

    found_by: str
    documents: Mapping[str, bytes]
    commit: str
    is_dirty: bool
    arguments: tuple[str, ...] = ()
    inputs: tuple[RecordedInput, ...] = ()
    job: JobFacts | None = None

    def __post_init__(self) -> None:
        """Check the forms: what a record says is handed to git and to the program later.

        Raises ArgumentInvalidError before a run whose record could not be read.
        """
        valid_commit(self.commit)
        for text in self.arguments:
            if not is_of("argument", text):
                raise ArgumentInvalidError(
                    f"the argument {shortened(text)} cannot be recorded: it is not UTF-8 text, or "
                    "too long",
                    remedy="pass UTF-8 text; rename a file whose name is not UTF-8",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What only the outside of the container knows.

    `image` is the engine's id of the image: its manifest's digest, or its configuration's in the
    older image store. `found_by` says how it is known: hakobune started the `container`, Azure ML
    ran it as a `job`, or the image that lies here has the same `labels` as the run.
    """

    hakobune: str
    image: str
    reference: str
    found_by: str
    base: str
    environment: Document
    lock: Document
    dockerfile: Document
    source: SourceFolder
    commit: str
    is_dirty: bool
    host: Mapping[str, str]
    inputs: tuple[RecordedInput, ...]
    job: JobFacts | None

    def __post_init__(self) -> None:
        """Check the forms: image and commit are handed to docker and git."""
        required("version", self.hakobune)
        required("digest", self.image)
        required("image reference", self.reference)
        required("source of knowledge", self.found_by)
        optional("image reference", self.base)
        valid_commit(self.commit)
        for text in (*self.host, *self.host.values()):
            required("line", text)

    @property
    def documents(self) -> tuple[Document, ...]:
        """What the run's folder keeps a copy of."""
        return self.environment, self.lock, self.dockerfile


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A read record. `image` are the digests that the container knew of its own image.

    `outside` is None until the record was completed; `values` is the whole JSON; `sha256` its seal.
    """

    run_id: str
    arguments: tuple[str, ...]
    image: Mapping[str, str]
    inputs: tuple[RecordedInput, ...]
    manifest: tuple[ManifestEntry, ...]
    outside: Outside | None
    values: Mapping[str, Any]
    sha256: str
