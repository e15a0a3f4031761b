"""The digest of a source tree, as `sha256sum` and the image's build compute it too. No I/O.

It is the sha256 of the lines that `sha256sum` prints for the tree's files (`./path`), in byte order
of their paths. Modes and times do not count, because a checkout does not keep them.
"""

import hashlib
from collections.abc import Mapping


def source_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest as hex. `files` maps paths relative to the tree (with `/`) to contents."""
    lines = sorted((f"./{path}".encode(), hashlib.sha256(data)) for path, data in files.items())
    listing = b"".join(digest.hexdigest().encode() + b"  " + path + b"\n" for path, digest in lines)
    return hashlib.sha256(listing).hexdigest()
