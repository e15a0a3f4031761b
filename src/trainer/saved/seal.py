"""A JSON document whose last key, `sha256`, is that of the same document without it: its seal.

As in record.json, so that whoever changes a byte, or cuts the file off, is found out.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# The ends of the two forms: one line, and two spaces of indentation.
_END = re.compile(rb'(?:, |,\n  )"sha256": "([0-9a-f]{64})"(\n?\}\n)\Z')
_LONGEST_END = 100


def sealed(values: Mapping[str, Any]) -> bytes:
    """Return the JSON on one line, with its seal. Refuses NaN and infinity (ValueError)."""
    body = _line(values)
    seal = f'"sha256": "{hashlib.sha256(body).hexdigest()}"}}\n'
    # As the JSON with one more key would be, which takes as long again.
    return body.removesuffix(b"}\n") + (", " if values else "").encode() + seal.encode()


def is_sealed(content: bytes) -> bool:
    """Tell whether the bytes end with the seal of all that stands before it."""
    end = _END.search(content, max(0, len(content) - _LONGEST_END))
    if end is None:
        return False
    body = hashlib.sha256(memoryview(content)[: end.start()])
    body.update(end[2])
    return body.hexdigest().encode() == end[1]


def _line(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n").encode()
