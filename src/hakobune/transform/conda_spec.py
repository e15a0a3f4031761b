"""One line of a conda file (`numpy >=1.2,<2`) to a CondaSpec, with conda's own meaning. No I/O.

Conda's MatchSpec and VersionSpec have no page that is whole; the source is conda's own
`models/match_spec.py` and `models/version.py` (https://github.com/conda/conda). What counts here:

- `=1.2` is a prefix, `1.2` after a blank is exact, as `==1.2` is; `=1.2=py39_0`, with a build, too.
- `,` means and, `|` means or, and binds less; brackets give fields by name.
"""

import re
from dataclasses import dataclass
from itertools import product

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_LONGEST = 500
_MOST_ALTERNATIVES = 16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_CHANNEL = re.compile(r"[\w.:/+-]+(\[[\w, -]+\])?")
_FIELD = re.compile(
    r"""\s*(?P<key>[a-z_0-9]+)\s*=\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*(?:,|$)"""
)
# What conda knows of a package and this reader has no use for: it changes nothing in the version.
_IDLE_FIELDS = ("build_number", "channel", "subdir", "url", "md5", "sha256", "license", "fn")
# A version and a build: the last word that no operator precedes.
_BUILD = re.compile(r"(?P<version>.*?[^=!<>~|,\s])\s*(?:=|\s)\s*(?P<build>[^\s=<>!~|,]+)")
# The address of a package's file, which conda takes in a line's place.
_FILE = re.compile(
    r"\w+://\S*/(?P<name>[\w.-]+)-(?P<version>[^-/]+)-(?P<build>[^-/]+)\.(tar\.bz2|conda)"
)
# `1!2.0` has an epoch: only at the start is `!` an operator's.
_PART = re.compile(r"(?P<operator>[=!<>~]*)\s*(?P<version>[^=!<>~\s]+(?:![^=!<>~\s]+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaSpec:
    """What a line asks for.

    `versions` are alternatives, each a specifier of PEP 440 (empty: any version); of them one must
    hold. `build` is conda's build string, which has no meaning for wheels.
    """

    name: str
    versions: tuple[str, ...] = ("",)
    build: str = ""
    channel: str = ""


def name_of(written: str) -> str:
    """Return the package's name of a line, whatever follows it; empty where there is none."""
    found = _NAME.match(_without_address(written).rpartition("::")[2].strip())
    return found[0] if found else ""


def read_conda_spec(written: str) -> CondaSpec:
    """Return what the line asks for. Raises ValueError with the reason."""
    text = _without_address(written)
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    channel, separator, rest = text.rpartition("::")
    if separator and not _CHANNEL.fullmatch(channel):
        raise ValueError(f"`{channel}` is not a channel")
    if re.search(r"\[[\w-]+(\s*,\s*[\w-]+)*\]", rest):
        raise ValueError("conda has no extras: put the line under `- pip:`")
    rest, fields = _fields(rest)
    found = _NAME.match(rest)
    if re.match(r"\w+://", rest):
        raise ValueError("it is an address, and not that of a conda package: name the package")
    if found is None:
        raise ValueError("it does not begin with a package's name")
    if ";" in rest:
        raise ValueError("conda has no markers: put the line under `- pip:`")
    version, build = _version_and_build(rest[found.end() :])
    version = fields.get("version", version)
    build = fields.get("build", build)
    return CondaSpec(name=found[0], versions=_versions(version), build=build, channel=channel)


def _without_address(written: str) -> str:
    """Return the line without its comment; a file's address as the name, version and build."""
    text = written.partition("#")[0].strip()
    file = _FILE.fullmatch(text[:_LONGEST])
    return f"{file['name']} {file['version']} {file['build']}" if file else text


def _fields(text: str) -> tuple[str, dict[str, str]]:
    """Take the brackets of `numpy[version='>=1', build=py*]` off; return what is left, and them."""
    match = re.fullmatch(r"(?P<rest>[^\[\]]*)\[(?P<inside>[^\[\]]*)\]\s*", text)
    if match is None:
        return text, {}
    inside, fields = match["inside"], {}
    while inside.strip():
        field = _FIELD.match(inside)
        if field is None or field.end() == 0:
            raise ValueError(f"`[{match['inside']}]` is not a list of `field=value`")
        if field["key"] not in {"version", "build", *_IDLE_FIELDS}:
            raise ValueError(f"`{field['key']}` is not a field of conda's")
        fields[field["key"]] = field["value"]
        inside = inside[field.end() :]
    return match["rest"], fields


def _version_and_build(text: str) -> tuple[str, str]:
    """Return the version as a VersionSpec, and the build, of what follows a package's name."""
    text = text.strip()
    match = _BUILD.fullmatch(text)
    build = match["build"] if match else ""
    if match:
        text = match["version"].strip()
    if text.startswith("=") and not text.startswith("=="):
        bare = text[1:].strip()
        # Beside a build the version is exact; alone it is a prefix.
        if not re.search(r"[=,|]", bare):
            text = bare if build or bare.endswith("*") else f"={bare}"
    return text, build


def _versions(text: str) -> tuple[str, ...]:
    """Return a VersionSpec as alternatives of PEP 440."""
    tokens = re.findall(r"[()|,]|[^()|,]+", re.sub(r"\s*([()|,])\s*", r"\1", text.strip()))
    if not tokens:
        return ("",)
    alternatives, left = _choice(tokens)
    if left:
        raise ValueError(f"`{text}` is not a version")
    if len(alternatives) > _MOST_ALTERNATIVES:
        raise ValueError(f"`{text}` has more than {_MOST_ALTERNATIVES} alternatives")
    unique = tuple(dict.fromkeys(",".join(filter(None, parts)) for parts in alternatives))
    # Beside one that takes any version, the others say nothing.
    return ("",) if "" in unique else unique


Alternatives = list[tuple[str, ...]]


def _choice(tokens: list[str]) -> tuple[Alternatives, list[str]]:
    """Read `a,b|c` from the front of the tokens; return the alternatives, and the tokens left."""
    found, tokens = _all_of(tokens)
    while tokens[:1] == ["|"]:
        more, tokens = _all_of(tokens[1:])
        found += more
    return found, tokens


def _all_of(tokens: list[str]) -> tuple[Alternatives, list[str]]:
    found, tokens = _one(tokens)
    while tokens[:1] == [","]:
        more, tokens = _one(tokens[1:])
        found = [(*one, *other) for one, other in product(found, more)]
        if len(found) > _MOST_ALTERNATIVES:
            raise ValueError(f"it has more than {_MOST_ALTERNATIVES} alternatives")
    return found, tokens


def _one(tokens: list[str]) -> tuple[Alternatives, list[str]]:
    if not tokens or tokens[0] in {")", "|", ","}:
        raise ValueError("a version is missing")
    if tokens[0] != "(":
        return [(_specifier(tokens[0]),)], tokens[1:]
    found, left = _choice(tokens[1:])
    if left[:1] != [")"]:
        raise ValueError("a `)` is missing")
    return found, left[1:]


def _specifier(text: str) -> str:
    """Return one part of a VersionSpec as PEP 440 has it: `1.2.*` as `==1.2.*`."""
    match = _PART.fullmatch(text.strip())
    if match is None or match["operator"] not in {"", "=", "==", "!=", "<", "<=", ">", ">=", "~="}:
        raise ValueError(f"`{text}` is not a version")
    operator, version = match["operator"], match["version"]
    if version == "*" and operator in {"", "=", "=="}:
        return ""
    is_prefix = operator == "=" or version.endswith("*")
    bare = re.sub(r"\.?\*$", "", version)
    if operator in {"<", "<=", ">", ">=", "~="}:
        # Conda drops the star here: it says nothing beside an order.
        return _checked(operator, bare, text)
    operator = operator if operator == "!=" else "=="
    return _prefix(operator, bare, text) if is_prefix else _checked(operator, bare, text)


def _prefix(operator: str, version: str, text: str) -> str:
    """Return `==version.*`; `==version` for one such as 1.0.dev1, which has no later releases."""
    try:
        return str(SpecifierSet(f"{operator}{version}.*"))
    except InvalidSpecifier:
        return _checked(operator, version, text)


def _checked(operator: str, version: str, text: str) -> str:
    try:
        Version(version)
        return str(SpecifierSet(f"{operator}{version}"))
    except (InvalidSpecifier, InvalidVersion):
        raise ValueError(f"`{text}` is not a version") from None
