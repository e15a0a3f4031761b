"""What a run's record says of its files: which run it was, and the sha256 of each by name."""

import json
from dataclasses import dataclass

from trainer.errors import SavedModelInvalidError
from trainer.record import SCHEMA_VERSION
from trainer.saved.seal import is_sealed

RECORD = "record.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """The run's id, and the sha256 as hex of each file by its path in the run's folder."""

    run_id: str
    files: dict[str, str]


def read_run_manifest(content: bytes, place: str) -> RunManifest:
    """Return the manifest of a record that is whole, of a run that succeeded.

    Raises SavedModelInvalidError, which names `place`.
    """
    try:
        raw = json.loads(content)
        version, status, run_id = raw["schema_version"], raw["status"], str(raw["run_id"])
        found = {name: str(entry["sha256"]) for name, entry in raw["manifest"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise SavedModelInvalidError(
            f"{place} is not the record of a run: {exc!r}",
            remedy="use an unchanged copy of the run, or train again",
        ) from exc
    if not is_sealed(content):
        raise SavedModelInvalidError(
            f"{place} was changed after it was written: its seal does not match",
            remedy="use an unchanged copy of the run, or train again",
        )
    if version != SCHEMA_VERSION or status != "succeeded":
        raise SavedModelInvalidError(
            f"{place} has form {version!r} and the status {status!r}; supported are "
            f"succeeded runs of form {SCHEMA_VERSION}",
            remedy="use the release that trained it, or train again",
        )
    return RunManifest(run_id=run_id, files=found)
