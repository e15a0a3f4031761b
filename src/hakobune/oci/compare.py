"""Two images to what differs between them. No I/O.

In the order in which somebody would look: files of a layer, then the configuration, then the
manifest around both.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hakobune.oci.documents import Configuration
from hakobune.oci.walk import ImageTree

# They follow from the layers, whose differences are reported by file.
_OF_LAYERS = ("rootfs.diff_ids",)
_ABSENT = "none"
_LAYER_MAKERS = ("ADD", "COPY", "RUN", "WORKDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """One entry of a layer, as its tar file has it.

    `link` is where a symbolic or hard link points, `device` both numbers of a device, `names` the
    owner's and the group's names, and `extended` the other fields of the header (PAX records,
    sorted). `sha256` is that of a plain file's bytes and empty for anything else.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    mtime: float
    size: int
    link: str
    device: str
    names: str
    extended: tuple[tuple[str, str], ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs: where (a file, a field), what, and the two values as text.

    `is_content` is true where a file's bytes differ, so that the first of them can be looked for.
    """

    place: str
    what: str
    first: str
    second: str
    is_content: bool = False


def _mode(file: LayerFile) -> str:
    return f"{file.mode:04o}"


def _owner(file: LayerFile) -> str:
    return f"{file.uid}:{file.gid}"


def _time(file: LayerFile) -> str:
    try:
        whole = datetime.fromtimestamp(int(file.mtime), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OSError, OverflowError, ValueError):  # a header may claim any number
        return f"{file.mtime} s"
    part = f"{file.mtime % 1:.9f}"[1:].rstrip("0").rstrip(".")
    return f"{whole}{part}Z"


# In this order the parts of an entry are compared; of each, how it is shown.
_PARTS: tuple[tuple[str, Callable[[LayerFile], str]], ...] = (
    ("kind", lambda file: file.kind),
    ("mode", _mode),
    ("owner", _owner),
    ("owner's name", lambda file: file.names),
    ("time", _time),
    ("link target", lambda file: file.link or _ABSENT),
    ("device", lambda file: file.device),
    ("extended header", lambda file: " ".join(map("=".join, file.extended)) or _ABSENT),
)


def compare_files(
    first: Iterable[LayerFile], second: Iterable[LayerFile]
) -> tuple[Difference, ...]:
    """Return how the entries of two layers differ, by path; last, whether their order does."""
    one = {file.path: file for file in first}
    two = {file.path: file for file in second}
    found = []
    for path in sorted({*one, *two}):
        if path not in two:
            found.append(Difference(place=path, what="missing", first=one[path].kind, second=""))
        elif path not in one:
            found.append(Difference(place=path, what="added", first="", second=two[path].kind))
        else:
            found += _compare_file(one[path], two[path])
    return tuple(found) or _compare_order(list(one), list(two))


def _compare_file(one: LayerFile, two: LayerFile) -> list[Difference]:
    if one == two:
        return []
    found = [
        Difference(place=one.path, what=what, first=show(one), second=show(two))
        for what, show in _PARTS
        if show(one) != show(two)
    ]
    if one.kind == two.kind and one.sha256 != two.sha256:
        found.append(
            Difference(
                place=one.path,
                what="size" if one.size != two.size else "bytes",
                first=f"{one.size} bytes",
                second=f"{two.size} bytes",
                is_content=True,
            )
        )
    return found


def _compare_order(one: list[str], two: list[str]) -> tuple[Difference, ...]:
    for number, (first, second) in enumerate(zip(one, two, strict=True), 1):
        if first != second:
            return (Difference(place=f"entry {number}", what="order", first=first, second=second),)
    return ()


def compare_documents(first: ImageTree, second: ImageTree) -> tuple[Difference, ...]:
    """Return how configuration and manifest differ, field by field.

    Digests and sizes of layers and configuration are left out: their causes are reported. The
    outermost index or manifest is compared only where the configurations are the same.
    """
    found = [
        difference
        for difference in _compare_values(
            "", first.configuration.values, second.configuration.values
        )
        if not difference.place.startswith(_OF_LAYERS)
    ]
    if not found:
        found = [
            difference
            for difference in _compare_values("", _outermost(first), _outermost(second))
            if not re.match(r"(layers|config|manifests)\b.*\.(digest|size)$", difference.place)
        ]
    return tuple(found)


def _outermost(image: ImageTree) -> Mapping[str, Any]:
    document = image.steps[0].document
    return {} if isinstance(document, Configuration) else document.values


def _compare_values(place: str, one: Any, two: Any) -> list[Difference]:  # noqa: ANN401 - JSON
    if type(one) is type(two) and isinstance(one, Mapping):
        inner = [
            (f"{place}.{key}" if place else key, one.get(key, _MISSING), two.get(key, _MISSING))
            for key in sorted({*one, *two})
        ]
    elif type(one) is type(two) and isinstance(one, list):
        length = max(len(one), len(two))
        padded = [part + [_MISSING] * (length - len(part)) for part in (one, two)]
        inner = [(f"{place}[{n}]", *pair) for n, pair in enumerate(zip(*padded, strict=True))]
    elif one == two and type(one) is type(two):
        return []
    else:
        return [Difference(place=place, what="value", first=_shown(one), second=_shown(two))]
    return [difference for parts in inner for difference in _compare_values(*parts)]


_MISSING = object()


def _shown(value: object) -> str:
    return _ABSENT if value is _MISSING else json.dumps(value)


def layer_origins(image: ImageTree, dockerfile: str, name: str) -> tuple[str, ...]:
    """Return for each layer the instruction that made it: `docker/Dockerfile:123: COPY …`.

    For a layer of the base, which the Dockerfile does not make, the base's history is quoted.
    """
    history = image.configuration.values.get("history")
    steps = (
        [step for step in history if isinstance(step, dict)] if isinstance(history, list) else []
    )
    made = [step for step in steps if not step.get("empty_layer")][: len(image.layers)]
    texts = [str(step.get("created_by", "")).removesuffix(" # buildkit") for step in made]
    texts = texts[: len(image.layers)]
    texts += ["?"] * (len(image.layers) - len(texts))
    lines = _layer_lines(dockerfile)
    start = len(image.layers) - len(lines)
    origins = [f"the base: {text}" for text in texts]
    for number, (line, text) in enumerate(lines, start):
        if number >= 0 and texts[number].split()[:1] == text.split()[:1]:
            origins[number] = f"{name}:{line}: {text}"
    return tuple(origins)


def _layer_lines(dockerfile: str) -> list[tuple[int, str]]:
    """Return line numbers and texts of the last stage's instructions that make a layer each."""
    found: list[tuple[int, str]] = []
    end = ""
    for number, line in enumerate(dockerfile.splitlines(), 1):
        if end:
            end = "" if line == end else end
            continue
        word = line.partition(" ")[0].upper()
        if word == "FROM":
            found = []
        elif word in _LAYER_MAKERS:
            found.append((number, line.strip()))
        if opened := re.search(r"<<-?['\"]?(\w+)['\"]?", line):
            end = opened[1]
    return found
