"""Names what differs between two wheels of the same source. No I/O."""

import io
import zipfile
import zlib

_MOST_NAMED = 4


def wheel_difference(first: bytes, second: bytes) -> str:
    """Return which files of two wheels differ, or that only their times, modes or order do."""
    try:
        ours, theirs = _contents(first), _contents(second)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError):
        return "one of them is not a zip archive"
    names = sorted(
        name
        for name in ours.keys() | theirs.keys()
        if ours.get(name) != theirs.get(name) and not name.endswith(".dist-info/RECORD")
    )
    if not names:
        return "the same files with other times, modes or in another order"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _contents(wheel: bytes) -> dict[str, int]:
    """Return the checksum that a wheel has of each file in it."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}
