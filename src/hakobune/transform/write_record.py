"""Values of a record to its bytes. No I/O.

The bytes are canonical: what is read from them gives them again. The last key is their seal, the
sha256 of the same document without it. A seal shows accidents; against intent there are signatures.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hakobune.model.record import Outside

SEAL = "sha256"


def write_json(values: Mapping[str, Any]) -> bytes:
    """Return the values as a record has them: UTF-8, two spaces, no NaN, a line break at the end.

    The training program writes the same form (docs/reference/record.md).
    """
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def seal_of(values: Mapping[str, Any]) -> str:
    """Return the seal that belongs to these values, as hex."""
    unsealed = {key: value for key, value in values.items() if key != SEAL}
    return hashlib.sha256(write_json(unsealed)).hexdigest()


def sealed(values: Mapping[str, Any]) -> bytes:
    """Return the values with their seal as the last key."""
    unsealed = {key: value for key, value in values.items() if key != SEAL}
    return write_json({**unsealed, SEAL: seal_of(unsealed)})


def completed(values: Mapping[str, Any], outside: Outside) -> bytes:
    """Return the record with what the outside knows, sealed anew."""
    inner = {key: value for key, value in values.items() if key not in (SEAL, "outside")}
    return sealed({**inner, "outside": asdict(outside)})
