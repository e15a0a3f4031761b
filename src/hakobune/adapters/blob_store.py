"""Files in the workspace's blob storage: where they lie, their names, their bytes.

Not through the SDK's own download, which checks nothing, begins anew after each dropped
connection, and signs log addresses wrongly where the store gives a SAS.
"""

import re
from pathlib import Path
from typing import Any

from hakobune.adapters.patience import TransientError
from hakobune.model.job import RemoteFile, folders_above

_PLACE = re.compile(r"azureml://(?:.*/)?datastores/([^/]+)/(?:paths/)?(.*)")
_CHUNK_BYTES = 4 * 1024 * 1024


def place_of(uri: str) -> tuple[str, str] | None:
    """Return the datastore's name and the path in it, of an `azureml://` address."""
    found = _PLACE.fullmatch(uri)
    return (found[1], found[2]) if found else None


def connect(datastore: Any, login: Any, **options: Any) -> Any:
    """Return a client for the container behind a datastore, by its own secret or by the login."""
    from azure.storage.blob import ContainerClient  # noqa: PLC0415 - the SDK is slow to import

    secret = datastore.credentials
    key = getattr(secret, "sas_token", None) or getattr(secret, "account_key", None)
    address = f"{datastore.protocol}://{datastore.account_name}.blob.{datastore.endpoint}"
    return ContainerClient(address, datastore.container_name, credential=key or login, **options)


def list_files(container: Any, folder: str) -> tuple[RemoteFile, ...]:
    """Return the files below a folder, by name; the names are those in the store, unchecked.

    A blob store has no folders. What stands for one, to mounts and tools, is left out.
    """
    prefix = folder.rstrip("/") + "/"
    # The service tells metadata only to those who ask for it.
    blobs = list(container.list_blobs(name_starts_with=prefix, include=["metadata"]))
    above = folders_above(blob.name for blob in blobs)
    found = [
        RemoteFile(
            name=blob.name.removeprefix(prefix),
            place=blob.name,
            size_bytes=int(blob.size),
            mark=str(blob.etag),
        )
        for blob in blobs
        if not _is_folder(blob, above)
    ]
    return tuple(sorted(found, key=lambda file: file.name))


def _is_folder(blob: Any, above: frozenset[str]) -> bool:
    """Tell whether the blob stands for a folder: it is empty, and marked or named as one.

    The service's mount and hierarchical accounts mark it in metadata, other tools end its name in a
    slash. An empty blob that others lie beneath lost its mark in a copy, and can be no file.
    """
    if int(blob.size):
        return False
    marks = {name.lower(): str(value).lower() for name, value in (blob.metadata or {}).items()}
    is_marked = marks.get("hdi_isfolder") == "true"
    return is_marked or blob.name.endswith("/") or blob.name in above


def read_from(container: Any, place: str, offset: int) -> bytes:
    """Return the file's bytes from this one on."""
    content = container.download_blob(place, offset=offset, max_concurrency=1).readall()
    assert isinstance(content, bytes)  # noqa: S101 - no encoding was given; this is for mypy
    return content


def fetch(container: Any, file: RemoteFile, target: Path) -> None:
    """Write the file; go on where an earlier try left off. Raises TransientError if cut short."""
    part = target.with_name(f"{target.name}.{_word(file.mark)}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as out:
        have = out.tell()
        if have < file.size_bytes:
            stream = container.download_blob(
                file.place, offset=have, length=file.size_bytes - have, max_concurrency=1
            )
            for chunk in stream.chunks():
                out.write(chunk)
        have = out.tell()
    if have < file.size_bytes:
        raise TransientError(f"{file.name}: {have} of {file.size_bytes} bytes came")
    part.replace(target)


def _word(mark: str) -> str:
    """Return the mark as part of a file name: another version of the file is begun anew."""
    return re.sub(r"\W", "", mark)
