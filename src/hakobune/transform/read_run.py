"""What a run's `record.json` and metrics say (JSON text to values). No I/O."""

from collections.abc import Mapping
from typing import Any

from hakobune.errors import OutputDamagedError
from hakobune.model.forms import is_of
from hakobune.model.job import Pairs
from hakobune.model.json_text import parse_json
from hakobune.model.record import ManifestEntry

_REMEDY = "fetch it again: remove the folder first; if it stays, the job itself wrote that"


def read_manifest(content: bytes, *, place: str) -> tuple[ManifestEntry, ...]:
    """Return the entries of the record's manifest. Raises OutputDamagedError where it has none."""
    manifest: Any = _object(content, place).get("manifest")
    try:
        return tuple(
            ManifestEntry(name=name, sha256=entry["sha256"], size_bytes=int(entry["bytes"]))
            for name, entry in manifest.items()
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise OutputDamagedError(f"{place} has no readable manifest", remedy=_REMEDY) from exc


def read_metrics(content: bytes, *, place: str) -> Pairs:
    """Return the numbers at the top of the metrics file, as text with all their digits.

    A number whose name could not be a tag is left out.
    """
    return tuple(
        (name, repr(value))
        for name, value in _object(content, place).items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and name != "schema_version"
        and is_of("tag", name)
    )


def _object(content: bytes, place: str) -> Mapping[str, Any]:
    try:
        found = parse_json(content)
    except ValueError as exc:
        raise OutputDamagedError(f"{place} is not JSON: {exc}", remedy=_REMEDY) from exc
    if not isinstance(found, dict):
        raise OutputDamagedError(f"{place} is not a JSON object", remedy=_REMEDY)
    return found
