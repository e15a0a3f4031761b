"""A last line that holds the sha256 of the lines above it, for files that hakobune writes. No I/O.

It tells an earlier output of ours, which may be written over, from a file that somebody edited.
"""

import hashlib

_MARK = b"# sha256 of all lines above: "


def seal(body: str) -> bytes:
    """Return the body (which ends in a line break) with its seal as the last line."""
    content = body.encode()
    return content + _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"


def is_sealed(content: bytes) -> bool:
    """Tell whether the last line is the seal of all lines above it."""
    body, mark, digest = content.rpartition(_MARK)
    return bool(mark) and hashlib.sha256(body).hexdigest().encode() + b"\n" == digest
