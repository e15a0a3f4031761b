"""The form of every text that comes from outside: records, jobs, tags, listings, config.json.

Each field has one pattern, which the whole text must match; whatever differs is refused before it
reaches an argument list, a path, a shell or a terminal. docs/reference/forms.md lists them, and a
test compares that page with this table.
"""

import re
import unicodedata
from dataclasses import dataclass

# What no text may hold that is shown or becomes a name: control characters, ends of lines, halves
# of characters, and what turns the direction of writing (Unicode, Bidi_Control).
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
UNSEEN = rf"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}"
_LINE = rf"[^{UNSEEN}]"
_SEGMENT = rf"(?!\.{{1,2}}(?:/|$))[^/\\{UNSEEN}]+"
# What Python calls unprintable and names in Japanese, Persian or Hindi have.
_JOINERS, _SPACE = "\u200c\u200d", "Zs"
# What a program's log may do to a terminal: end lines, begin them anew, and colour text.
_LOG_SIGNS = "\n\r\t"
_COLOUR = re.compile(r"(\x1b\[[0-9;]{0,20}m)")
_LONGEST_SEGMENT = 255  # bytes; Linux's own limit of a name
_PROJECT_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Form:
    """A pattern, what it means in words, the texts that have it, and how long they may be."""

    pattern: str
    words: str
    used: str
    longest: int = 1024


_WORD = "letters, digits, `.`, `-` and `_`"
_ONE_LINE = "one line without control and bidi characters"
FORMS = {
    "sha256": Form(
        r"[0-9a-f]{64}", "64 hex digits", "each `sha256`; `image.*_sha256`; job tags", 64
    ),
    "digest": Form(
        r"sha256:[0-9a-f]{64}",
        "`sha256:` and 64 hex digits",
        "`outside.image`; a receipt's `image`; the tag `hakobune.image`",
        71,
    ),
    "commit id": Form(
        r"(?:[0-9a-f]{40}|[0-9a-f]{64})?",
        "40 or 64 hex digits, or nothing",
        "`outside.commit`; the tag `git.commit`",
        64,
    ),
    "run id": Form(
        rf"(?![.-])[^/\\{UNSEEN}]+",
        f"{_ONE_LINE}, `/` and backslash; not first `.` or `-`",
        "`run_id`",
        200,
    ),
    "job name": Form(
        r"[A-Za-z0-9][A-Za-z0-9_-]*",
        "letters, digits, `-` and `_`; not first `-` or `_`",
        "`outside.job.name`; a job's answer; a note",
        255,
    ),
    "job status": Form(r"[A-Za-z]*", "letters", "a job's answer", 40),
    "environment": Form(
        r"[A-Za-z0-9][A-Za-z0-9._-]*:[A-Za-z0-9][A-Za-z0-9._-]*",
        f"`name:version`, of {_WORD}",
        "`outside.job.environment`; a job's answer",
        512,
    ),
    "input name": Form(
        r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
        f"{_WORD}; not first `.` or `-`",
        "`inputs[].name`; a job's outputs; a note",
        128,
    ),
    "image reference": Form(
        r"(?!.*/[./])[A-Za-z0-9][A-Za-z0-9._:/@-]*",
        f"{_WORD}, `:`, `/`, `@`; the first is a letter or digit, and no `.` or `/` follows a `/`",
        "`outside.reference`, `outside.base`, `image.base`, `outside.job.image`; "
        "an environment's answer",
        512,
    ),
    "version": Form(
        r"[A-Za-z0-9][A-Za-z0-9.+!_-]*",
        f"{_WORD}, `+`, `!`; the first is a letter or digit",
        "`outside.hakobune`; a model's version",
        64,
    ),
    "source of knowledge": Form(
        r"container|job|labels", "`container`, `job` or `labels`", "`outside.found_by`", 9
    ),
    "path in the project": Form(
        rf"{_PROJECT_SEGMENT}(?:/{_PROJECT_SEGMENT})*",
        f"names of {_WORD}, separated by `/`; no name begins with `.` or `-`",
        "`path` of `outside.environment`, `lock` and `dockerfile`",
        512,
    ),
    "folder of the project": Form(
        rf"\.|{_PROJECT_SEGMENT}(?:/{_PROJECT_SEGMENT})*",
        "`.` for the whole project, or a path in the project",
        "`path` of `outside.source`",
        512,
    ),
    "file name": Form(
        rf"{_SEGMENT}(?:/{_SEGMENT})*",
        f"a path inside its folder: {_ONE_LINE}, backslash and `..`, each part at most 255 bytes",
        "`manifest`; the files of a job's outputs; a receipt's `references`",
        2048,
    ),
    "place": Form(
        rf"{_LINE}+",
        _ONE_LINE,
        "`inputs[].path`; a job's inputs and the addresses of its outputs; a note",
        4096,
    ),
    "line": Form(
        rf"{_LINE}*",
        f"{_ONE_LINE}, or nothing",
        "`outside.host`, `versions`, `numerics`, `processor.model`; a compute's answer; a lock's "
        "`requirements`",
    ),
    "tag": Form(rf"{_LINE}*", f"{_ONE_LINE}, or nothing", "tags and their values", 4096),
    "argument": Form(
        r"[^\x00\ud800-\udfff]*",
        "any text but NUL and lone surrogates",
        "`arguments`; a job's command; a receipt's `checks`",
        128 * 1024,
    ),
    "drill": Form(
        r"hakobune-drill-[0-9a-f]{8}",
        "`hakobune-drill-` and eight hexadecimal digits",
        "`.hakobune/drill`: the prefix of what a drill makes",
        40,
    ),
    "unit": Form(r"[a-z]+", "a word", "what a program counts of its work", 20),
    "time": Form(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "such as `2026-11-25T01:02:03Z`",
        "`started`, `ended`; a note",
        20,
    ),
    "memory": Form(
        r"[1-9][0-9]*[bkmgBKMG]?",
        "a size as docker writes it: `8g`, `512m`",
        "`HAKOBUNE_MEMORY`",
        20,
    ),
    "processors": Form(
        r"[0-9]+(?:\.[0-9]+)?",
        "a number of processors: `4`, `1.5`; `0` for all of them",
        "`HAKOBUNE_CPUS`",
        20,
    ),
    "service id": Form(
        r"[0-9A-Fa-f-]+",
        "hex digits and `-`",
        "the correlation id of an answer that is an error",
        64,
    ),
    "version mark": Form(
        r'"?[A-Za-z0-9._+/=-]+"?',
        "letters, digits and `._+/=-`, may be quoted",
        "the ETag of a file in storage",
        128,
    ),
    "datastore": Form(
        r"[A-Za-z0-9_][A-Za-z0-9_.-]*", _WORD, "a datastore's answer; addresses of outputs", 255
    ),
    "subscription": Form(r"[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and `-`", "config.json", 64),
    "resource group": Form(
        r"(?![.-])[\w().-]*[\w()-]",
        f"{_WORD}, `(` and `)`; not first `.` or `-`, not last `.`",
        "config.json",
        90,
    ),
    "workspace": Form(
        r"[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, `_` and `-`", "config.json", 255
    ),
    "registry": Form(
        r"(?=[a-z0-9])[a-z0-9.-]*(?<=[a-z0-9])(?::\d{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*",
        "an address such as `name.azurecr.io`, without `https://`",
        "a workspace's answer",
        255,
    ),
}
_COMPILED = {kind: re.compile(form.pattern, re.ASCII) for kind, form in FORMS.items()}


def is_of(kind: str, text: object) -> bool:
    """Tell whether this is a text of this form."""
    return (
        isinstance(text, str)
        and len(text) <= FORMS[kind].longest
        and _COMPILED[kind].fullmatch(text) is not None
        and (kind != "file name" or all(_fits(part) for part in text.split("/")))
    )


def required(kind: str, text: object) -> str:
    """Return the text. Raises ValueError, with the text escaped, unless it has this form."""
    if not is_of(kind, text):
        raise ValueError(f"{shortened(text)} is not a valid {kind}: {FORMS[kind].words}")
    assert isinstance(text, str)  # noqa: S101 - is_of looked; for mypy
    return text


def optional(kind: str, text: object) -> str:
    """Return the text, which may also be empty. Raises ValueError as `required` does."""
    return "" if text == "" else required(kind, text)


def shortened(value: object) -> str:
    """Return a value as messages may show it: escaped and short."""
    if isinstance(value, str):
        return repr(value[:_SHOWN]) + ("…" if len(value) > _SHOWN else "")
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int) and abs(value) < 1 << 63:
        return repr(value)
    return f"a value of the type {type(value).__name__}"


def escaped(text: str, *, keep: str = "") -> str:
    r"""Return text as a terminal may show it: unprintable characters are written as `\x1b`.

    Those in `keep` stay. Control and bidi characters, line breaks and lone surrogates are
    unprintable, so text from outside can neither move the cursor nor begin a line.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if is_printable(letter) or letter in keep else ascii(letter)[1:-1] for letter in text
    )


def without_effects(content: bytes) -> bytes:
    """Return a program's log as a terminal may show it: text, line breaks and colours."""
    # A character that two pieces of a log share is shown as its bytes: seldom, and harmless.
    parts = _COLOUR.split(content.decode(errors="backslashreplace"))
    shown = (
        part if number % 2 else escaped(part, keep=_LOG_SIGNS) for number, part in enumerate(parts)
    )
    return "".join(shown).encode()


def is_printable(letter: str) -> bool:
    """Tell whether a character has no effect but to be seen; spaces and joiners of scripts, too."""
    return letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == _SPACE


def colliding(names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return two names that differ only in case or in Unicode's normalisation, or None.

    A file system of macOS or Windows keeps one file for both.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        other = seen.setdefault(folded, name)
        if other != name:
            return other, name
    return None


def _fits(segment: str) -> bool:
    return len(segment.encode()) <= _LONGEST_SEGMENT
