"""The listing of a folder of vendored files, to and from its text. No I/O.

It is what `sha256sum --check` reads, with the base in a comment and a seal as the last line.
"""

import re

from hakobune.model.vendor import VendorListing
from hakobune.transform.seal import is_sealed, seal

_HEAD = """\
# Written by `hakobune vendor`; `sha256sum --check SHA256SUMS` in this folder checks the files.
# base: {base} {digest}
"""
_BASE = re.compile(r"^# base: (\S+) (sha256:[0-9a-f]{64})$", re.MULTILINE)
_FILE = re.compile(r"([0-9a-f]{64})  (\S+)")


def write_listing(listing: VendorListing) -> bytes:
    """Return the file's bytes; same value, same bytes."""
    lines = [f"{sha256}  {path}\n" for path, sha256 in sorted(listing.files)]
    return seal(_HEAD.format(base=listing.base, digest=listing.base_digest) + "".join(lines))


def read_listing(content: bytes) -> VendorListing | None:
    """Return what the file says, or None where it is not what `write_listing` wrote.

    A listing may have been written by others: every path that is returned lies inside the folder.
    """
    if not is_sealed(content):
        return None
    text = content.decode("utf-8", "replace")
    base = _BASE.search(text)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    files = [(match[2], match[1]) for line in lines if (match := _FILE.fullmatch(line))]
    if base is None or len(files) != len(lines) or not all(_is_ours(path) for path, _ in files):
        return None
    return VendorListing(base=base[1], base_digest=base[2], files=tuple(files))


def _is_ours(path: str) -> bool:
    top, *below = path.split("/")
    is_known = top == "base" or (top == "wheels" and len(below) == 1)
    return is_known and bool(below) and not {"", ".", ".."} & set(below)
