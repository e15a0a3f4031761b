"""What uv's words about a failure mean: one of our errors, with the lines at fault and a way on."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hakobune.adapters.process import Completed
from hakobune.errors import (
    EnvironmentFileInvalidError,
    HakobuneError,
    IndexUnreachableError,
    PackageUnknownError,
    ResolutionImpossibleError,
    WheelMissingError,
)
from hakobune.model.spec import requirement_name

if TYPE_CHECKING:
    from hakobune.adapters.resolver import Question

_LINES_SHOWN = 6
# What uv is told that the list of what is asked for is called, where that needs a name.
WANTED = "hakobune-wanted"


def unknown_name(text: str) -> str:
    """Return the package that uv did not find on the index; empty where that is not the cause."""
    found = re.search(r"([\w.-]+) was not found in the package registry", _flat(text))
    return requirement_name(found[1]) if found else ""


def unknown_packages(names: Sequence[str], question: "Question") -> PackageUnknownError:
    """Return the error of packages that the index does not have."""
    return PackageUnknownError(
        "\n".join(
            f"{', '.join(question.places.get(name, (question.file,)))}: "
            f"the Python package index has no `{name}`"
            for name in names
        ),
        remedy="check the spelling; if conda alone has it, leave it out or find the wheel "
        "that does the same (docs/reference/environment-file.md lists renamed packages)",
        place=question.places.get(names[0], (question.file,))[0],
    )


def _flat(text: str) -> str:
    """Return uv's words on one line: its lines end, and its lines and boxes begin, anywhere."""
    return " ".join(re.sub(r"[^\x00-\x7f]", " ", text).split())


def pythons_of_wheels(done: Completed) -> tuple[str, str]:
    """Return the package whose wheels are for other Pythons only (`name==version`), and the newest.

    Both are empty where that is not the cause.
    """
    found = re.search(
        r"wheels for `([\w.-]+)` \(v([^)\s]+)\) with the following Python ABI tags?: (.*)",
        _flat(done.stderr or done.stdout),
    )
    minors = [int(text) for text in re.findall(r"`cp3(\d+)m?`", found[3])] if found else []
    return (f"{found[1]}=={found[2]}", f"3.{max(minors)}") if found and minors else ("", "")


def failure_of(
    done: Completed, question: "Question", other: Completed | None = None
) -> HakobuneError:
    """Return the error that uv's words mean.

    `other` is what uv says of a package with wheels for other Pythons only, asked for the newest of
    these.
    """
    text = done.stderr or done.stdout
    said = re.sub(r"^(error|hint|\s*cause): ", "", text.strip(), flags=re.MULTILINE)
    # Where the file of an address was put for uv; its name alone means something to a reader.
    said = re.sub(r"file://\S*/hakobune-[^/\s]*/", "", said)
    # Options of uv's that `hakobune lock` does not have.
    said = re.sub(r" *Consider using `exclude-newer-package`.*", "", said)
    said = re.sub(r" *By default, uv will only consider versions[^`]*`--index-strat.*", "", said)
    said = re.sub(rf"\b{WANTED}(\s+)depends(\s+)on\b", r"you\1require", said)
    flat = _flat(said)
    if lost := re.search(r"Failed to read `--find-links` [^:]*: (\S+)", flat):
        places = (p for name, p in question.places.items() if lost[1].endswith(name.lstrip("./")))
        place = next(places, (question.file,))[0]
        what = f"{place}: the list of links cannot be read\n{_indent(said)}"
        if re.search(r"error sending request|timed out|dns|Connect", said):
            return IndexUnreachableError(
                what, remedy="check the address, the network and the proxy, then retry", place=place
            )
        return EnvironmentFileInvalidError(
            what,
            remedy="correct the line: it names a page, or a folder beside the file that it is in",
            place=place,
        )
    if re.search(r"Failed to fetch|error sending request|timed out|dns|Connect", said):
        return IndexUnreachableError(
            f"{question.file}: the package index does not answer\n{_indent(said)}",
            remedy="check the network, the proxy and pip's configuration, then retry",
        )
    lacking = _without_wheels(flat)
    named = dict.fromkeys(
        place
        for name in question.places
        if _is_named(name, flat)
        for place in question.places[name]
    )
    shown = said if question.is_whole else _cut(said)
    what = f"{', '.join(named) or question.file}: no set of wheels fits\n{_indent(shown)}"
    place = next(iter(named), question.file)
    if lacking:
        return WheelMissingError(
            what,
            remedy="loosen one of the versions named above, or choose a release that has a wheel "
            f"for Python {question.python} on linux/amd64, or another Python",
            place=place,
            lacking=lacking,
        )
    pin, python = pythons_of_wheels(done)
    if other is not None and other.exit_code == 0:
        remedy = f"python={python} is the newest that {pin} has a wheel for; or loosen its version"
    else:
        remedy = _way_on(flat if other is None else _flat(other.stderr or other.stdout))
    return ResolutionImpossibleError(what, remedy=remedy, place=place, proof=said)


def _way_on(text: str) -> str:
    """Return what can be done about a failure that uv's words tell."""
    foreign = re.search(
        r"Wheels are available for `([\w.-]+)` \([^)]*\) on the following pl[^:]*: (.*)", text
    )
    if foreign and "linux" not in foreign[2]:
        return (
            f"{foreign[1]} exists for other systems only: remove the line, or write behind it "
            '`; sys_platform == "win32"` (`"darwin"` for macOS), under `- pip:`'
        )
    if "filtered by `exclude-newer`" in text:
        return (
            "name a later day by --exclude-newer, or loosen one of the versions named above; of an "
            "index that does not state when its files came, --exclude-newer takes none"
        )
    first = re.search(r"`([\w.-]+)` was found on (\S+), but not at the requested version", text)
    if first:
        return (
            f"{first[1]} comes from the first index that has it: loosen its version, or name that "
            "index in [tool.hakobune.indexes] of pyproject.toml with `packages`, the list of what "
            "is to come from it"
        )
    local = re.search(r"no version of [\w.-]+==\S+\+(\w+)", text)
    if local:
        return (
            f"a release that ends in `+{local[1]}` is on an index of its own: add it under "
            "`- pip:` (--extra-index-url ADDRESS), or leave the ending out"
        )
    return "loosen one of the versions named above"


def _without_wheels(text: str) -> tuple[str, ...]:
    """Return the requirements for which uv found source distributions only."""
    names = re.findall(r"Wheels are required for `([\w.-]+)`", text)
    # `gym[box2d]==0.21.0 has no usable wheels`: the sources are the same with an extra.
    pinned = r"([\w.-]+)(?:\[[^\]]*\])?((?:[=<>!~]=?[^\s,]+,?)+) has no usable wheels"
    ranges = dict(re.findall(pinned, text))
    return tuple(dict.fromkeys(f"{name}{ranges.get(name, '')}" for name in names))


def _is_named(name: str, text: str) -> bool:
    """Tell whether a package is meant: `and` or `wheels` may be a package's name, too."""
    spelled = re.escape(name).replace(r"\-", "[-_.]")
    return bool(
        re.search(rf"(?<![\w.-]){spelled}(\[[^\]]*\])?\s*([=<>!~]=|[<>])", text, re.IGNORECASE)
        or re.search(rf"\b(of|require|on|and) {spelled}(?![\w-])", text, re.IGNORECASE)
    )


def _cut(said: str) -> str:
    """Return the start of uv's proof, which begins with the cause."""
    lines = said.splitlines()
    if len(lines) <= _LINES_SHOWN:
        return said
    left = len(lines) - _LINES_SHOWN
    return "\n".join([*lines[:_LINES_SHOWN], f"… {left} more lines: hakobune lock --verbose"])


def _indent(text: str) -> str:
    return "\n".join(f"  {line.strip()}" for line in text.splitlines() if line.strip())
