"""What a run's record says of its files: which run it was, and the sha256 of each by name."""

import json
import re
from dataclasses import dataclass

from trainer.errors import SavedModelInvalidError
from trainer.printable import limited
from trainer.record import SCHEMA_VERSION
from trainer.saved.seal import is_sealed
from trainer.settings import RUN_ID

RECORD = "record.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PATH = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")


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
        version, status = raw["schema_version"], raw["status"]
        run_id = _matched(RUN_ID, raw["run_id"])
        found = {
            _matched(_PATH, name): _matched(_DIGEST, entry["sha256"])
            for name, entry in raw["manifest"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise SavedModelInvalidError(
            f"{place} is not the record of a run: {limited(repr(exc))}",
            remedy="use an unchanged copy of the run, or train again",
        ) from exc
    if not is_sealed(content):
        raise SavedModelInvalidError(
            f"{place} was changed after it was written: its seal does not match",
            remedy="use an unchanged copy of the run, or train again",
        )
    if version != SCHEMA_VERSION or status != "succeeded":
        raise SavedModelInvalidError(
            f"{place} has form {version!r:.40} and the status {status!r:.40}; supported are "
            f"succeeded runs of form {SCHEMA_VERSION}",
            remedy="use the release that trained it, or train again",
        )
    return RunManifest(run_id=run_id, files=found)


def _matched(pattern: re.Pattern[str], text: object) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ValueError(f"{text!r:.80} is not {pattern.pattern}")
    return text
