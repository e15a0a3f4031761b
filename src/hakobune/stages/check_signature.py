"""The signature of a run: that it holds, that it fits the record, and whose it is."""

from dataclasses import dataclass
from pathlib import Path

from hakobune.adapters import files
from hakobune.errors import (
    ConfigurationInvalidError,
    KeyUnusableError,
    SignatureInvalidError,
    SignatureMissingError,
    SignerUnknownError,
)
from hakobune.model.link import Link
from hakobune.model.project import Project
from hakobune.model.record import PUBLIC_KEY, RECORD, STATEMENT, RunRecord
from hakobune.stages.record import require_outside

_LARGEST_KEY = 64 << 10
_AGAIN = "restore the run's own files, or sign it again: hakobune sign"
UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a run's signature has to be: made with `key`, else with one of the project's `signers`.

    Without either, a signature is only required where `is_required` says so, and any key will do.
    """

    key: Path | None = None
    is_required: bool = False


def check_signature(project: Project, folder: Path, record: RunRecord, demand: Demand) -> Link:
    """Check the run's signature, if it has one; the link is not seen where nobody vouches for it.

    Raises SignatureInvalidError (also for a key without a statement and the reverse),
    SignatureMissingError, SignerUnknownError, KeyUnusableError.
    """
    envelope = files.read_inside(folder, STATEMENT, largest=files.LARGEST_SIGNATURE)
    beside = files.read_inside(folder, PUBLIC_KEY, largest=_LARGEST_KEY)
    if envelope is None and beside is None:
        if demand.is_required or demand.key is not None or project.signers:
            raise SignatureMissingError(
                f"{folder / STATEMENT}: the run is unsigned, and a signature is required",
                remedy=f"hakobune sign {folder} --key PRIVATE_KEY",
            )
        return Link(name="signed", what=UNSIGNED, is_seen=False)
    if envelope is None or beside is None:
        there, gone = (STATEMENT, PUBLIC_KEY) if beside is None else (PUBLIC_KEY, STATEMENT)
        raise SignatureInvalidError(
            f"{folder} has {there} and no {gone}: a part of the signature was removed",
            remedy=_AGAIN,
        )
    _require_whole(folder, record, envelope, beside)
    return _whose(project, folder, beside, demand)


def read_key(path: Path, *, remedy: str) -> bytes:
    """Return the bytes of a key that the user named. Raises KeyUnusableError."""
    content = files.read_bytes(path, largest=_LARGEST_KEY)
    if content is None:
        raise KeyUnusableError(f"{path}: no such key file", remedy=remedy)
    return content


def _require_whole(folder: Path, record: RunRecord, envelope: bytes, beside: bytes) -> None:
    """Raise SignatureInvalidError unless the key beside signed a statement of this record."""
    from hakobune.adapters import signing  # noqa: PLC0415 - takes a third of a second
    from hakobune.transform import provenance  # noqa: PLC0415

    places = str(folder / STATEMENT), str(folder / PUBLIC_KEY)
    if not signing.is_as_written(beside, place=places[1]):
        raise KeyUnusableError(f"{places[1]} was changed", remedy=_AGAIN)
    statement = signing.opened(
        envelope, payload_type=provenance.PAYLOAD_TYPE, key=beside, places=places
    )
    found = files.sha256_inside(folder, RECORD)
    sha256 = found[0] if found else ""
    wanted = {entry.name: entry.sha256 for entry in record.manifest} | {RECORD: sha256}
    try:
        if dict(provenance.subjects(statement)) != wanted:
            raise SignatureInvalidError(
                f"{places[0]} signs other files than the record names",
                remedy="sign the run again: hakobune sign",
            )
        provenance.require_same(statement, record, require_outside(record, folder), sha256)
    except ValueError as exc:
        raise SignatureInvalidError(
            f"{places[0]} is signed but does not describe this run: {exc}", remedy=_AGAIN
        ) from exc


def _whose(project: Project, folder: Path, beside: bytes, demand: Demand) -> Link:
    """Return the link, which is seen where the key is one that was asked for."""
    from hakobune.adapters import signing  # noqa: PLC0415 - as above

    key = signing.key_id(beside, place=str(folder / PUBLIC_KEY))
    named = signing.fingerprint(beside, place=str(folder / PUBLIC_KEY))
    if demand.key is not None:
        if _key_id(demand.key) != key:
            raise SignatureInvalidError(
                f"{folder / STATEMENT} does not verify with {demand.key}: it is signed with the "
                f"key {named}",
                remedy="check that this is the signer's public key; if it is, do not trust the run",
            )
        return Link(name="signed", what=f"{named}, by {demand.key}")
    if project.signers:
        if not any(key.startswith(_signer(project, entry)) for entry in project.signers):
            raise SignerUnknownError(
                f"{folder / STATEMENT} is signed with the key {named}, which is not in `signers`",
                remedy="do not trust the run; if the key is yours, add it to `signers` in "
                "[tool.hakobune]",
            )
        return Link(name="signed", what=f"{named}, in `signers`")
    what = f"{named}, the key beside it; --key or `signers` says whose key counts"
    return Link(name="signed", what=what, is_seen=False)


def _signer(project: Project, entry: str) -> str:
    """Return the key's id, or the first half of it, that an entry of `signers` names."""
    if "/" not in entry and "." not in entry:
        return entry
    try:
        return _key_id(project.root / entry)
    except KeyUnusableError as exc:
        raise ConfigurationInvalidError(
            f"`signers` in [tool.hakobune]: {exc.what}",
            remedy="name a public key in PEM form inside the project, or a key's fingerprint",
        ) from exc


def _key_id(path: Path) -> str:
    from hakobune.adapters import signing  # noqa: PLC0415 - as above

    remedy = "ask the signer for the public key and pass it with --key"
    return signing.key_id(read_key(path, remedy=remedy), place=str(path))
