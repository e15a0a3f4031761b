"""Line ends: what git may turn into CRLF in a checkout, and what to do about it. No I/O."""

from hakobune.errors import LineEndsError

_REMEDY = """\
let git keep LF: add the line `* text=auto eol=lf` to .gitattributes and commit it.
Then check the files out again (commit your own changes first):
git rm -r -q --cached . && git reset -q --hard"""


def line_ends_error(file: str) -> LineEndsError:
    """Return the error of a file with CRLF line ends."""
    return LineEndsError(
        f"{file}: CRLF line ends; it was written with LF, and a digest is of the exact bytes",
        remedy=_REMEDY,
        place=file if " and " not in file else "",
    )


def with_lf(content: bytes) -> bytes:
    """Return the content with each CRLF as LF."""
    return content.replace(b"\r\n", b"\n")


def has_other_line_ends(found: bytes, wanted: bytes) -> bool:
    """Tell whether two contents differ in their line ends alone."""
    return found != wanted and with_lf(found) == with_lf(wanted)
