"""The rehearsal's blob store as its owner sees it: the account, its containers, blobs and logs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

SUFFIX = "core.drydock.test"  # .test never resolves; the SDK splits the name at `.blob.core.`
# The SDK downloads code only from an address below it, of which it uses container and path; the
# account's own host follows from the datastore. The proxy refuses this name.
PUBLIC_SUFFIX = "core.windows.net"
ACCOUNT = "drydock"
ARTIFACTS = "azureml"
# In a signature's query: the object that the service delegated it to, and the key's other facts.
# https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
DELEGATION = "skoid"
_RETRIES = 3
_CONNECT_S = 5
_COPY_STEP_S = 0.05
# A signature is valid from a little earlier on, so that two clocks may differ.
_SKEW = timedelta(minutes=10)
# How the service's mount, hierarchical accounts and several tools mark a folder.
FOLDER_MARK = {"hdi_isfolder": "true"}


class BlobStoreError(Exception):
    """The blob store refuses a request, or does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Account:
    """The storage account: its name, its key, and its plain HTTP address on loopback.

    A keyless account refuses its key and what is signed with it, except in drydock itself.
    """

    name: str
    key: str
    endpoint: str
    is_keyless: bool = False

    def __repr__(self) -> str:
        """Return nothing that opens the account."""
        return f"Account({self.name}, ***)"

    @property
    def host(self) -> str:
        """The name that the SDK uses for the account."""
        return f"{self.name}.blob.{SUFFIX}"

    def url(self, container: str, path: str = "", signature: str = "") -> str:
        """Return a blob's URL as the SDK uses it."""
        address = "/".join([f"https://{self.host}", container, path]).rstrip("/")
        return f"{address}?{signature}" if signature else address

    def signature(self, now: datetime, hours: int) -> str:
        """Return a shared access signature for the whole account."""
        from azure.storage.blob import (  # noqa: PLC0415 - heavy
            AccountSasPermissions,
            ResourceTypes,
            generate_account_sas,
        )

        return generate_account_sas(
            self.name,
            self.key,
            resource_types=ResourceTypes(container=True, object=True),
            permission=AccountSasPermissions(
                read=True, write=True, delete=True, list=True, create=True, update=True
            ),
            start=now - _SKEW,
            expiry=now + timedelta(hours=hours),
        )

    def container_signature(self, container: str, now: datetime) -> str:
        """Return a shared access signature for one container, valid for eight hours.

        That of a keyless account is one that the service makes for a login (user delegation).
        """
        from azure.storage.blob import (  # noqa: PLC0415 - heavy
            ContainerSasPermissions,
            generate_container_sas,
        )

        signed = generate_container_sas(
            self.name,
            container,
            account_key=self.key,
            permission=ContainerSasPermissions(
                read=True, write=True, list=True, create=True, add=True
            ),
            start=now - _SKEW,
            expiry=now + timedelta(hours=8),
        )
        return f"{signed}&{DELEGATION}=drydock" if self.is_keyless else signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob's name in its container, its size, and the service's mark of its content.

    `is_folder`: it is the empty blob that marks a folder.
    """

    name: str
    size: int
    etag: str = ""
    is_folder: bool = False


class BlobStore(Protocol):
    """The blob store as the handlers and the runner use it; tests pass one in memory."""

    @property
    def account(self) -> Account:
        """The storage account, whose signatures and URLs the SDK gets."""
        ...

    def ensure_container(self, container: str) -> None:
        """Create the container if it is missing."""
        ...

    def blobs(self, container: str, prefix: str, *, with_folders: bool = False) -> tuple[Blob, ...]:
        """Return the blobs with this prefix, sorted by name; with the marks of folders if asked."""
        ...

    def read(self, container: str, name: str, *, start: int = 0) -> Iterator[bytes]:
        """Return the blob's content in pieces, from this byte on."""
        ...

    def write(self, container: str, name: str, content: IO[bytes], size: int) -> str:
        """Write a blob of this size and return its etag; an existing one is overwritten."""
        ...

    def mark_folder(self, container: str, name: str) -> None:
        """Write the empty blob that marks a folder."""
        ...

    def copy(self, container: str, name: str, target: str) -> None:
        """Copy a blob within the store; an existing target is overwritten."""
        ...

    def delete(self, container: str, name: str) -> None:
        """Delete a blob; do nothing if it is absent."""
        ...

    def start_log(self, container: str, name: str) -> None:
        """Create an empty append blob."""
        ...

    def append(self, container: str, name: str, content: bytes, *, at: int) -> None:
        """Append to a blob that `start_log` created and that is `at` bytes long."""
        ...

    def size(self, container: str, name: str) -> int | None:
        """Return a blob's size, or None if there is no such blob."""
        ...


class AzureBlobStore:
    """The blob store of an account, through Azure's library and with the account's key."""

    def __init__(self, account: Account) -> None:
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - heavy

        self.account = account
        self._service = BlobServiceClient(
            f"{account.endpoint.rstrip('/')}/{account.name}",
            credential={"account_name": account.name, "account_key": account.key},
            # The user's proxy and CA settings do not apply to a port of this machine.
            use_env_settings=False,
            retry_total=_RETRIES,
            connection_timeout=_CONNECT_S,
        )

    def ensure_container(self, container: str) -> None:
        """See BlobStore."""
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - heavy

        with _translated():
            try:
                self._service.create_container(container)
            except ResourceExistsError:
                return

    def blobs(self, container: str, prefix: str, *, with_folders: bool = False) -> tuple[Blob, ...]:
        """See BlobStore."""
        with _translated():
            found = [
                Blob(
                    name=one.name,
                    size=one.size,
                    etag=_etag(one.etag),
                    is_folder=FOLDER_MARK.items() <= (one.metadata or {}).items(),
                )
                for one in self._service.get_container_client(container).list_blobs(
                    name_starts_with=prefix, include=["metadata"]
                )
            ]
        wanted = [one for one in found if with_folders or not one.is_folder]
        return tuple(sorted(wanted, key=lambda blob: blob.name))

    def read(self, container: str, name: str, *, start: int = 0) -> Iterator[bytes]:
        """See BlobStore."""
        with _translated():
            # Without an offset the first request has no range, which an empty blob would refuse.
            yield from self._client(container, name).download_blob(offset=start or None).chunks()

    def write(self, container: str, name: str, content: IO[bytes], size: int) -> str:
        """See BlobStore."""
        with _translated():
            blob = self._client(container, name)
            return _etag(blob.upload_blob(content, length=size, overwrite=True)["etag"])

    def mark_folder(self, container: str, name: str) -> None:
        """See BlobStore."""
        with _translated():
            self._client(container, name).upload_blob(b"", metadata=FOLDER_MARK, overwrite=True)

    def copy(self, container: str, name: str, target: str) -> None:
        """See BlobStore."""
        copied = self._client(container, target)
        with _translated():
            begun = copied.start_copy_from_url(self._client(container, name).url)
            status = str(begun["copy_status"])
            while status == "pending":
                time.sleep(_COPY_STEP_S)
                status = str(copied.get_blob_properties().copy.status)
        if status != "success":
            raise BlobStoreError(f"the copy of {name} is {status}")

    def delete(self, container: str, name: str) -> None:
        """See BlobStore."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

        with _translated(), suppress(ResourceNotFoundError):
            self._client(container, name).delete_blob()

    def start_log(self, container: str, name: str) -> None:
        """See BlobStore."""
        with _translated():
            self._client(container, name).create_append_blob()

    def append(self, container: str, name: str, content: bytes, *, at: int) -> None:
        """See BlobStore."""
        with _translated():
            # With the position, a repeated request fails if the first one arrived: no line twice.
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
        """Close the connections."""
        self._service.close()

    def _client(self, container: str, name: str) -> "BlobClient":
        return self._service.get_blob_client(container, name)


def _etag(text: object) -> str:
    """Return an etag without the quotes that a header has and a list does not."""
    return str(text).strip('"')


@contextmanager
def _translated() -> Iterator[None]:
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - heavy

    try:
        yield
    except AzureError as exc:
        raise BlobStoreError(str(exc).partition("\n")[0]) from exc
