"""The blob store as drydock itself uses it: containers, signatures, lists. Speaks no ARM."""

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from drydock.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.storage.blob import BlobServiceClient

SUFFIX = "core.drydock.test"  # .test resolves nowhere; the SDK splits the name at `.blob.core.`
ARTIFACTS = "azureml"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Account:
    """The storage account: its name, its key, and where its plain HTTP answers on loopback."""

    name: str
    key: str
    endpoint: str

    def __repr__(self) -> str:
        """Return nothing that opens the account."""
        return f"Account({self.name}, ***)"

    @property
    def host(self) -> str:
        """The name by which the SDK calls the account."""
        return f"{self.name}.blob.{SUFFIX}"


class BlobStore:
    """The account's containers and blobs."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._ready: set[str] = set()

    def ensure_container(self, name: str) -> None:
        """Make a container where it is missing."""
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - heavy

        if name in self._ready:
            return
        with self._client() as client, suppress(ResourceExistsError):
            client.create_container(name)
        self._ready.add(name)

    def names(self, container: str, prefix: str) -> tuple[str, ...]:
        """Return the names of the blobs that start with the prefix."""
        with self._client() as client:
            found = client.get_container_client(container).list_blob_names(name_starts_with=prefix)
            return tuple(found)

    def account_signature(self, now: datetime, hours: int) -> str:
        """Return a shared access signature for the whole account."""
        from azure.storage.blob import (  # noqa: PLC0415 - heavy
            AccountSasPermissions,
            ResourceTypes,
            generate_account_sas,
        )

        return generate_account_sas(
            self.account.name,
            self.account.key,
            resource_types=ResourceTypes(container=True, object=True),
            permission=AccountSasPermissions(
                read=True, write=True, delete=True, list=True, create=True, update=True
            ),
            start=now - timedelta(minutes=10),
            expiry=now + timedelta(hours=hours),
        )

    def container_signature(self, container: str, now: datetime) -> str:
        """Return a shared access signature for one container, good for eight hours."""
        from azure.storage.blob import (  # noqa: PLC0415 - heavy
            ContainerSasPermissions,
            generate_container_sas,
        )

        return generate_container_sas(
            self.account.name,
            container,
            account_key=self.account.key,
            permission=ContainerSasPermissions(
                read=True, write=True, list=True, create=True, add=True
            ),
            start=now - timedelta(minutes=10),
            expiry=now + timedelta(hours=8),
        )

    def url(self, container: str, path: str = "", signature: str = "") -> str:
        """Return a blob's address as the SDK sees it."""
        address = "/".join([f"https://{self.account.host}", container, path]).rstrip("/")
        return f"{address}?{signature}" if signature else address

    @contextmanager
    def _client(self) -> "Iterator[BlobServiceClient]":
        from azure.core.exceptions import AzureError, ResourceExistsError  # noqa: PLC0415
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

        # The user's proxy and CA settings are for other addresses than this one on loopback.
        client = BlobServiceClient(
            f"{self.account.endpoint}/{self.account.name}",
            credential={"account_name": self.account.name, "account_key": self.account.key},
            use_env_settings=False,
            retry_total=2,
            connection_timeout=5,
        )
        try:
            with client:
                yield client
        except ResourceExistsError:
            raise
        except AzureError as exc:
            raise Refusal(
                503, "StorageUnreachable", f"the blob store does not answer: {exc}"
            ) from exc
