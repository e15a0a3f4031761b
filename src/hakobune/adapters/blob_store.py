"""Files in the workspace's blob storage: where they lie, their names, their bytes.

Not through the SDK's own download, which checks nothing, begins anew after each dropped
connection, and signs log addresses wrongly where the store gives a SAS.
"""

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Any

from hakobune.adapters.azure_answers import checked
from hakobune.adapters.azure_errors import is_missing
from hakobune.adapters.patience import TransientError
from hakobune.errors import AnswerInvalidError, DataChangedError, OutputDamagedError
from hakobune.model.forms import is_of, required, shortened
from hakobune.model.job import RemoteFile, folders_above

_PLACE = re.compile(r"azureml://(?:.*/)?datastores/([^/]+)/(?:paths/)?(.*)")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"[a-z0-9$][a-z0-9-]{2,62}")
_ENDPOINT = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
# The storage of Azure's clouds: public, China's, the US government's. The login goes nowhere else.
_ENDPOINTS = ("core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net")
_LONGEST_NAME = 1024  # the service's own limit
_MOST_FILES = 100_000
_LARGEST = 1 << 50
_SHA256 = "hakobune_sha256"  # in the metadata of what was uploaded


def place_of(uri: str) -> tuple[str, str] | None:
    """Return the datastore's name and the path in it, of an `azureml://` address."""
    found = _PLACE.fullmatch(uri)
    return (found[1], found[2]) if found and is_of("datastore", found[1]) else None


def connect(datastore: Any, login: Any, *, is_private_cloud: bool, **options: Any) -> Any:
    """Return a client for the container behind a datastore, by its own secret or by the login.

    Raises AnswerInvalidError for an account or endpoint that would lead elsewhere: whoever defines
    a datastore must not be handed the user's token.
    """
    from azure.storage.blob import ContainerClient  # noqa: PLC0415 - the SDK is slow to import

    with checked("a datastore"):
        account, endpoint = str(datastore.account_name), str(datastore.endpoint)
        name, protocol = str(datastore.container_name), str(datastore.protocol)
        is_sound = _ACCOUNT.fullmatch(account) and _ENDPOINT.fullmatch(endpoint)
        if not is_sound or not _CONTAINER.fullmatch(name) or protocol not in ("https", "http"):
            raise ValueError(f"{protocol!r}, {account!r}, {endpoint!r}, {name!r}")
        secret = datastore.credentials
        key = getattr(secret, "sas_token", None) or getattr(secret, "account_key", None)
        is_known = is_private_cloud or (endpoint in _ENDPOINTS and protocol == "https")
        if key is None and not is_known:
            raise ValueError(f"without a secret of its own, and with the endpoint {endpoint!r}")
    address = f"{protocol}://{account}.blob.{endpoint}"
    return ContainerClient(address, name, credential=key or login, **options)


def list_files(container: Any, folder: str) -> tuple[RemoteFile, ...]:
    """Return the files below a folder, by name; the names are those in the store, unchecked.

    A blob store has no folders. What stands for one, to mounts and tools, is left out. Raises
    AnswerInvalidError for sizes and version marks that are none, and for too many files.
    """
    prefix = folder.rstrip("/") + "/"
    blobs = []
    names: set[str] = set()
    # The service tells metadata only to those who ask for it.
    for blob in container.list_blobs(name_starts_with=prefix, include=["metadata"]):
        blobs.append(blob)
        if blob.name in names:  # or a listing that begins again would never end
            raise AnswerInvalidError(
                f"the storage lists {shortened(str(blob.name))} twice",
                remedy="look at the job's outputs in the studio; then fetch again",
            )
        names.add(blob.name)
        if len(str(blob.name)) > _LONGEST_NAME:
            raise AnswerInvalidError(
                f"the storage lists {shortened(str(blob.name))}, longer than a name can be",
                remedy="look at the job's outputs in the studio; then fetch again",
            )
        if len(blobs) > _MOST_FILES:
            raise AnswerInvalidError(
                f"the output has more than {_MOST_FILES} files",
                remedy="make the program write fewer files, such as one archive",
            )
    with checked("a file of an output"):
        above = folders_above(blob.name for blob in blobs)
        found = [
            RemoteFile(
                name=blob.name.removeprefix(prefix),
                place=blob.name,
                size_bytes=_size(blob),
                mark=required("version mark", str(blob.etag)),
            )
            for blob in blobs
            if not _is_folder(blob, above)
        ]
    return tuple(sorted(found, key=lambda file: file.name))


def _size(blob: Any) -> int:
    if type(blob.size) is not int or not 0 <= blob.size <= _LARGEST:
        raise ValueError(f"{blob.size!r:.40} is not the size of a file")
    return int(blob.size)


def _is_folder(blob: Any, above: frozenset[str]) -> bool:
    """Tell whether the blob stands for a folder: it is empty, and marked or named as one.

    The service's mount and hierarchical accounts mark it in metadata, other tools end its name in a
    slash. An empty blob that others lie beneath lost its mark in a copy, and can be no file.
    """
    if _size(blob):
        return False
    marks = {name.lower(): str(value).lower() for name, value in (blob.metadata or {}).items()}
    is_marked = marks.get("hdi_isfolder") == "true"
    return is_marked or blob.name.endswith("/") or blob.name in above


def read_from(container: Any, place: str, offset: int) -> bytes:
    """Return the file's bytes from this one on."""
    content = container.download_blob(place, offset=offset, max_concurrency=1).readall()
    assert isinstance(content, bytes)  # noqa: S101 - no encoding was given; this is for mypy
    return content


def upload(container: Any, path: Path, place: str) -> None:
    """Write a file of this machine to the store, unless an earlier upload of it is there whole.

    The sha256 in its metadata is written last, so that what was cut off is written again. Raises
    DataChangedError for a file that changes meanwhile.
    """
    blob = container.get_blob_client(place)
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if _sha256_there(blob) == sha256:
            return
        file.seek(0)
        blob.upload_blob(file, length=before.st_size, overwrite=True, max_concurrency=1)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataChangedError(
            f"{path} was changed while it was uploaded",
            remedy="run the command again, and change the file afterwards",
        )
    blob.set_blob_metadata({_SHA256: sha256})


def _sha256_there(blob: Any) -> str:
    try:
        found = blob.get_blob_properties().metadata or {}
    except Exception as exc:
        if is_missing(exc):
            return ""
        raise
    return str({name.lower(): value for name, value in found.items()}.get(_SHA256, ""))


def fetch(container: Any, file: RemoteFile, target: Path) -> None:
    """Write the file; go on where an earlier try left off.

    Raises TransientError if cut short, and OutputDamagedError if more bytes come than were listed.
    """
    part = target.with_name(part_name(file))
    part.parent.mkdir(parents=True, exist_ok=True)
    # No link that lies there is followed, and no pipe is waited for.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(part, flags, 0o644), "ab") as out:  # noqa: PTH123 - with these flags
        if not stat.S_ISREG(os.fstat(out.fileno()).st_mode):
            raise OutputDamagedError(f"{part} is not a plain file", remedy=f"remove it: rm {part}")
        have = out.seek(0, os.SEEK_END)
        if have < file.size_bytes:
            stream = container.download_blob(
                file.place, offset=have, length=file.size_bytes - have, max_concurrency=1
            )
            for chunk in stream.chunks():
                have += len(chunk)
                if have > file.size_bytes:
                    break
                out.write(chunk)
    if have > file.size_bytes:
        part.unlink()
        raise OutputDamagedError(
            f"{file.name}: the storage sends more than the {file.size_bytes} bytes that it lists",
            remedy="fetch again; if it stays, ask who else may write to the storage",
        )
    if have < file.size_bytes:
        raise TransientError(f"{file.name}: {have} of {file.size_bytes} bytes came")
    part.replace(target)


def part_name(file: RemoteFile) -> str:
    """Return the name, beside its target, of a file that is not whole yet.

    Another version of the file is begun anew, and any name and mark give one of the same length.
    """
    digest = hashlib.sha256(ascii((file.place, file.mark)).encode()).hexdigest()
    return f".{digest[:32]}.part"
