"""A run's record to a signed statement, and from there to the image in the registry."""

from collections import deque
from pathlib import Path

from hakobune.adapters import files, registry
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import (
    DestinationIncompleteError,
    DigestMissingError,
    ImageInvalidError,
    PushFailedError,
    RecordDamagedError,
    SignatureMissingError,
)
from hakobune.model.destination import Rehearsal
from hakobune.model.project import Project
from hakobune.model.record import PUBLIC_KEY, RECORD, STATEMENT
from hakobune.model.reporter import Reporter
from hakobune.oci import referrers
from hakobune.stages.check_signature import read_key
from hakobune.stages.push import pushed_repository, pushed_tag, require_manifest_of
from hakobune.stages.record import (
    check_files,
    check_listing,
    read_run_record,
    require_outside,
)
from hakobune.transform.names import valid_name

# https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md
MEDIA_TYPE = "application/vnd.in-toto.bundle"


def sign(folder: Path, key: Path, reporter: Reporter) -> Path:
    """Sign the run's record with a private key; return the path of the signed statement.

    Its public half is written beside it. Raises FileChangedError for a run that differs from its
    record, FileUnlistedError, KeyUnusableError, or what reading the record raises.
    """
    from hakobune.adapters import signing  # noqa: PLC0415 - takes a third of a second
    from hakobune.transform.provenance import PAYLOAD_TYPE, write_statement  # noqa: PLC0415

    record = read_run_record(folder)
    check_listing(folder, record)
    deque(check_files(folder, record), maxlen=0)
    try:
        statement = write_statement(
            record,
            require_outside(record, folder),
            record_sha256=files.sha256_of(folder / RECORD),
        )
    except ValueError as exc:  # an invalid time
        raise RecordDamagedError(
            f"{folder / RECORD}: {exc}", remedy="docs/reference/record.md describes its form"
        ) from exc
    signed = signing.sign(statement, payload_type=PAYLOAD_TYPE, key=_private(key), place=str(key))
    if (folder / STATEMENT).exists():
        reporter.say("the earlier signature is replaced")
    files.write_bytes(folder / STATEMENT, signed.envelope)
    files.write_bytes(folder / PUBLIC_KEY, signed.public_key)
    named = signing.fingerprint(signed.public_key, place=str(key))
    reporter.done("sign", f"{folder / STATEMENT} with the key {named}")
    return folder / STATEMENT


def pushed_place(
    project: Project, folder: Path, *, registry_name: str, rehearsal: Rehearsal | None = None
) -> str:
    """Return where a registry has the run's image: a job names its own, by digest.

    Raises DestinationIncompleteError where neither a job nor the user names a registry, and
    CloudUnknownError in a rehearsal for the registry of a job that did not run in it.
    """
    outside = require_outside(read_run_record(folder), folder)
    if outside.job is not None:
        if rehearsal is not None:
            rehearsal.require_registry(outside.reference.partition("/")[0])
        return outside.reference
    if not registry_name:
        raise DestinationIncompleteError(
            "no registry given that has the run's image, and no job ran it",
            remedy="--registry name.azurecr.io, or HAKOBUNE_REGISTRY",
        )
    repository = pushed_repository(project, valid_name("registry", registry_name))
    return f"{repository}:{pushed_tag(outside.image)}"


def attach(folder: Path, place: str, runner: Runner, patience: Patience, reporter: Reporter) -> str:
    """Attach the run's signed statement to its image in the registry; return what was attached.

    `place` is where the registry has the image. Raises SignatureMissingError, DigestMissingError,
    DigestMismatchError, or what `adapters.registry` raises.
    """
    outside = require_outside(read_run_record(folder), folder)
    statement = files.read_inside(folder, STATEMENT, largest=files.LARGEST_SIGNATURE)
    if statement is None:
        raise SignatureMissingError(
            f"{folder / STATEMENT}: the run is unsigned",
            remedy=f"hakobune sign {folder} --key PRIVATE_KEY",
        )
    manifest = registry.manifest(runner, place, patience)
    if manifest is None:
        raise DigestMissingError(
            f"the registry has no image {place}, which made the run", remedy="hakobune push"
        )
    require_manifest_of(place, manifest, outside.image)
    repository = place.partition("@")[0] if "@" in place else place.rpartition(":")[0]
    try:
        digest = referrers.attach(
            registry.open_repository(repository),
            manifest,
            statement,
            media_type=MEDIA_TYPE,
            name=STATEMENT,
        )
    except ImageInvalidError as exc:
        raise PushFailedError(
            f"{place}: {exc.what}", remedy="remove that list from the registry, then attach again"
        ) from exc
    reporter.done("attach", f"to {place}", digest=digest)
    return f"{repository}@{digest}"


def _private(path: Path) -> bytes:
    return read_key(path, remedy="create one: openssl genpkey -algorithm ed25519 -out key.pem")
