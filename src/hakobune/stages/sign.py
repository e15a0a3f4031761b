"""A run's record to a signed statement, and from there to the image in the registry."""

from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import (
    DigestMissingError,
    KeyUnusableError,
    SignatureInvalidError,
    SignatureMissingError,
)
from hakobune.model.link import Link
from hakobune.model.record import RECORD, RunRecord
from hakobune.model.reporter import Reporter
from hakobune.stages.record import read_run_record, require_outside

STATEMENT = "provenance.intoto.jsonl"
PUBLIC_KEY = "provenance.pub.pem"
# https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md
MEDIA_TYPE = "application/vnd.in-toto.bundle"


def sign(folder: Path, key: Path, reporter: Reporter) -> Path:
    """Sign the run's record with a private key; return the path of the signed statement.

    The public half is laid beside it. Raises KeyUnusableError, or what reading the record raises.
    """
    from hakobune.adapters import signing  # noqa: PLC0415 - takes a third of a second
    from hakobune.transform.provenance import PAYLOAD_TYPE, write_statement  # noqa: PLC0415

    record = read_run_record(folder)
    statement = write_statement(
        record,
        require_outside(record, folder),
        record_sha256=files.sha256_of(folder / RECORD),
    )
    signed = signing.sign(statement, payload_type=PAYLOAD_TYPE, key=_key(key), place=str(key))
    files.write_bytes(folder / STATEMENT, signed.envelope)
    files.write_bytes(folder / PUBLIC_KEY, signed.public_key)
    named = signing.fingerprint(signed.public_key, place=str(key))
    reporter.done("sign", f"{folder / STATEMENT} by the key {named}")
    return folder / STATEMENT


def attach(
    folder: Path, repository: str, runner: Runner, patience: Patience, reporter: Reporter
) -> str:
    """Attach the run's signed statement to its image in the registry; return what was attached.

    `repository` is `registry/name`; empty for a job's run, which names its own. Raises
    SignatureMissingError, DigestMissingError, or what the registry's answers mean.
    """
    from hakobune.adapters import manifests, registry  # noqa: PLC0415 - a quarter of a second

    record = read_run_record(folder)
    outside = require_outside(record, folder)
    statement = files.read_bytes(folder / STATEMENT)
    if statement is None:
        raise SignatureMissingError(
            f"{folder / STATEMENT}: the run is not signed",
            remedy=f"hakobune sign {folder.name} --key PRIVATE_KEY",
        )
    if outside.job is not None:
        repository = outside.reference.partition("@")[0]
    manifest = registry.manifest(runner, f"{repository}@{outside.image}", patience)
    if manifest is None:
        raise DigestMissingError(
            f"{repository} has no image {outside.image[:19]}", remedy="hakobune push"
        )
    digest = manifests.attach(
        repository, manifest, statement, media_type=MEDIA_TYPE, name=STATEMENT
    )
    reporter.done("attach", f"to {repository}@{outside.image[:19]}", digest=digest)
    return f"{repository}@{digest}"


def check_signature(folder: Path, record: RunRecord, key: Path | None) -> Link:
    """Check the run's signature, if it has one, with this public key or the one beside it.

    Raises SignatureInvalidError, SignatureMissingError (a key was given), KeyUnusableError.
    """
    envelope = files.read_bytes(folder / STATEMENT)
    if envelope is None:
        if key is not None or (folder / PUBLIC_KEY).exists():
            raise SignatureMissingError(
                f"{folder / STATEMENT}: the run is not signed",
                remedy=f"hakobune sign {folder.name} --key PRIVATE_KEY",
            )
        return Link(name="signed", what="nobody signed this run", is_seen=False)
    from hakobune.adapters import signing  # noqa: PLC0415 - takes a third of a second
    from hakobune.transform.provenance import PAYLOAD_TYPE, subjects  # noqa: PLC0415

    beside = _key(folder / PUBLIC_KEY)
    if not signing.is_as_written(beside, place=str(folder / PUBLIC_KEY)):
        raise KeyUnusableError(
            f"{folder / PUBLIC_KEY} is not as it was written", remedy="sign the run again"
        )
    place = key or folder / PUBLIC_KEY
    statement = signing.opened(
        envelope,
        payload_type=PAYLOAD_TYPE,
        key=_key(place),
        places=(str(folder / STATEMENT), str(place)),
    )
    wanted = {entry.name: entry.sha256 for entry in record.manifest}
    wanted[RECORD] = files.sha256_of(folder / RECORD)
    try:
        signed = subjects(statement)
    except ValueError as exc:
        raise SignatureInvalidError(
            f"{folder / STATEMENT} is signed, and says nothing of a run: {exc}",
            remedy="take the statement that was signed for this run, or sign it: hakobune sign",
        ) from exc
    if dict(signed) != wanted:
        raise SignatureInvalidError(
            f"{folder / STATEMENT} is a signature of other files than the record names",
            remedy="sign the run again: hakobune sign",
        )
    named = signing.fingerprint(_key(place), place=str(place))
    whose = f"by {key}" if key is not None else "by whoever holds the key; --key asks for one"
    return Link(name="signed", what=f"{named}, {whose}")


def _key(path: Path) -> bytes:
    content = files.read_bytes(path)
    if content is None:
        raise KeyUnusableError(
            f"{path}: there is no such key",
            remedy="make one: openssl genpkey -algorithm ed25519 -out key.pem",
        )
    return content
