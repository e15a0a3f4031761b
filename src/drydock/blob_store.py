"""The rehearsal's blob store, spoken to as its owner: whole blobs, folders of blobs, and logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_RETRIES = 3
# How the service's mount, hierarchical accounts and several tools write a folder down.
FOLDER_MARK = {"hdi_isfolder": "true"}


class BlobStoreError(Exception):
    """The blob store refuses, or does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob's name in its container, and its size."""

    name: str
    size: int


class BlobStore(Protocol):
    """What services and runner ask of a blob store; tests pass one in memory."""

    def ensure_container(self, container: str) -> None:
        """Create the container where it is missing."""
        ...

    def blobs(self, container: str, prefix: str) -> tuple[Blob, ...]:
        """Return the blobs whose names begin so, in the order of their names; no folders' marks."""
        ...

    def read(self, container: str, name: str) -> Iterator[bytes]:
        """Return the blob's content in pieces."""
        ...

    def write(self, container: str, name: str, content: IO[bytes], size: int) -> None:
        """Write a blob of this size, over one that is there."""
        ...

    def mark_folder(self, container: str, name: str) -> None:
        """Write the empty blob that stands for a folder."""
        ...

    def start_log(self, container: str, name: str) -> None:
        """Make an empty blob that can be appended to."""
        ...

    def append(self, container: str, name: str, content: bytes, *, at: int) -> None:
        """Append to a blob that `start_log` made, and that is `at` bytes long."""
        ...

    def size(self, container: str, name: str) -> int | None:
        """Return a blob's size, or None where there is no such blob."""
        ...


class AzureBlobStore:
    """A blob store at an address such as http://127.0.0.1:10000, with the account's key."""

    def __init__(self, *, address: str, account: str, key: str) -> None:
        # Imported here: it is slow to import.
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - heavy

        self._service = BlobServiceClient(
            f"{address}/{account}",
            credential={"account_name": account, "account_key": key},
            # No proxy of the environment stands between us and a port of this machine.
            use_env_settings=False,
            retry_total=_RETRIES,
        )

    def ensure_container(self, container: str) -> None:
        """See BlobStore."""
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - heavy

        with _translated():
            try:
                self._service.create_container(container)
            except ResourceExistsError:
                return

    def blobs(self, container: str, prefix: str) -> tuple[Blob, ...]:
        """See BlobStore."""
        with _translated():
            found = self._service.get_container_client(container).list_blobs(
                name_starts_with=prefix, include=["metadata"]
            )
            files = [
                one for one in found if not FOLDER_MARK.items() <= (one.metadata or {}).items()
            ]
            return tuple(
                sorted(
                    (Blob(name=one.name, size=one.size) for one in files),
                    key=lambda blob: blob.name,
                )
            )

    def read(self, container: str, name: str) -> Iterator[bytes]:
        """See BlobStore."""
        with _translated():
            yield from self._client(container, name).download_blob().chunks()

    def write(self, container: str, name: str, content: IO[bytes], size: int) -> None:
        """See BlobStore."""
        with _translated():
            self._client(container, name).upload_blob(content, length=size, overwrite=True)

    def mark_folder(self, container: str, name: str) -> None:
        """See BlobStore."""
        with _translated():
            self._client(container, name).upload_blob(b"", metadata=FOLDER_MARK, overwrite=True)

    def start_log(self, container: str, name: str) -> None:
        """See BlobStore."""
        with _translated():
            self._client(container, name).create_append_blob()

    def append(self, container: str, name: str, content: bytes, *, at: int) -> None:
        """See BlobStore."""
        with _translated():
            # The position makes a repetition of what arrived already fail, and not double it.
            self._client(container, name).append_block(content, appendpos_condition=at)

    def size(self, container: str, name: str) -> int | None:
        """See BlobStore."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

        with _translated():
            try:
                return int(self._client(container, name).get_blob_properties().size)
            except ResourceNotFoundError:
                return None

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()

    def _client(self, container: str, name: str) -> "BlobClient":
        return self._service.get_blob_client(container, name)


@contextmanager
def _translated() -> Iterator[None]:
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - heavy

    try:
        yield
    except AzureError as exc:
        raise BlobStoreError(str(exc).partition("\n")[0]) from exc
