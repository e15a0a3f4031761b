"""Conda environment file (text) to EnvironmentSpec: parse, validate, complete. No I/O.

Every problem of a file is reported at once, each as `file:line: what`.
The format is conda's: https://docs.conda.io/projects/conda (environment.yml, MatchSpec).
"""

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import yaml
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PipRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hakobune.errors import EnvironmentFileInvalidError
from hakobune.model.forms import escaped
from hakobune.model.spec import EnvironmentSpec, Requirement
from hakobune.transform.names import environment_name

KNOWN_KEYS = ("name", "channels", "dependencies", "prefix")
_CONDA = re.compile(
    r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<version>[=<>!~\s].*)?"
)
_LARGEST = 256 << 10
_LONGEST = 2000  # characters of one package with its version and marker
_PYTHON = re.compile(r"={0,2}\s*(?P<version>3\.\d+(?:\.\d+)?)(?:\.\*)?")
_MLFLOW_KEYS = {"build_dependencies", "python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaNames:
    """What a conda name means on the Python package index (`data/conda_names.toml`)."""

    renamed: Mapping[str, str]
    not_on_index: Mapping[str, str]


@dataclass(slots=True)
class _Findings:
    """Problems met so far, and the values read; internal to one call."""

    file: str
    problems: list[str] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    python: str | None = None
    python_line: int = 0
    place: str = ""

    def add(self, line: int, what: str) -> None:
        self.place = self.place or f"{self.file}:{line}"
        self.problems.append(f"{self.file}:{line}: {escaped(what)}")


def read_spec(content: bytes, *, file: str, names: CondaNames) -> EnvironmentSpec:
    """Return what the conda file of these bytes asks for.

    `file` is how messages call it. Raises EnvironmentFileInvalidError with every problem found.
    """
    found = _Findings(file)
    top = _parse(content, found)
    keys = {} if top is None else _mapping(top, found)
    if not found.problems:
        _refuse_unknown_keys(keys, found)
    name = _read_name(keys, found)
    channels = _read_channels(keys, found)
    _read_dependencies(keys, found, names)
    if found.python is None and not found.problems:
        found.add(_line(keys["dependencies"]), "`dependencies` has no `python=…`")
    if found.problems or found.python is None:
        raise EnvironmentFileInvalidError(
            "\n".join(found.problems),
            remedy=f"correct {file}; a working example is in docs/reference/environment-file.md",
            place=found.place,
        )
    return EnvironmentSpec(
        name=environment_name(name),
        written_name=name,
        name_line=_line(keys["name"]) if "name" in keys else 1,
        python=found.python,
        python_line=found.python_line,
        channels=channels,
        requirements=tuple(found.requirements),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _parse(content: bytes, found: _Findings) -> yaml.Node | None:
    """Return the document's root node; report what is not YAML."""
    if len(content) > _LARGEST:
        found.add(1, f"not a conda environment file: longer than {_LARGEST >> 10} KiB")
        return None
    try:
        text = content.decode("utf-8-sig")
        # Not the faster CSafeLoader: it overruns the C stack where a file is nested too deeply.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as exc:
        found.add(content.count(b"\n", 0, exc.start) + 1, "not UTF-8 text")
        return None
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        found.add(line, f"not YAML: {exc.problem or exc.context}")
        return None
    except yaml.YAMLError as exc:
        found.add(1, f"not YAML: {str(exc).splitlines()[0]}")
        return None
    except RecursionError:
        found.add(1, "not a conda environment file: nested too deeply")
        return None
    if node is None:
        found.add(1, "the file is empty")
    return node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _mapping(node: yaml.Node, found: _Findings) -> dict[str, yaml.Node]:
    """Return a mapping node's values by key; report anything else, and keys given twice."""
    if not isinstance(node, yaml.MappingNode):
        found.add(_line(node), "expected `key: value` lines (name, channels, dependencies)")
        return {}
    values: dict[str, yaml.Node] = {}
    for key, value in node.value:
        text = str(key.value) if isinstance(key, yaml.ScalarNode) else "a list or mapping"
        if text in values:
            found.add(_line(key), f"`{text}` is given twice")
        values[text] = value
    return values


def _refuse_unknown_keys(keys: Mapping[str, yaml.Node], found: _Findings) -> None:
    if set(keys) >= _MLFLOW_KEYS:
        found.add(1, "this is MLflow's python_env format, not a conda environment file")
        return
    for key, value in keys.items():
        if key in KNOWN_KEYS:
            continue
        near = difflib.get_close_matches(key, KNOWN_KEYS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(KNOWN_KEYS[:3])}"
        found.add(_line(value), f"unknown key `{key}`; {hint}")


def _text(node: yaml.Node) -> str | None:
    """Return a scalar node's text, or None for a list, a mapping or null."""
    if isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:null":
        return str(node.value).strip()
    return None


def _read_name(keys: Mapping[str, yaml.Node], found: _Findings) -> str:
    """Return the environment's name: that of the file (as conda has it) where none is given."""
    node = keys.get("name")
    name = PurePosixPath(found.file).stem if node is None else _text(node) or ""
    if not name and node is not None:
        found.add(_line(node), "`name` must be a text that is not empty")
    return name


def conda_name(content: bytes, *, file: str) -> str | None:
    """Return the name in a conda file; None where this is another kind of file or names none."""
    found = _Findings(file)
    top = _parse(content, found)
    keys = _mapping(top, found) if isinstance(top, yaml.MappingNode) else {}
    return _text(keys["name"]) if {"name", "dependencies"} <= keys.keys() else None


def _read_channels(keys: Mapping[str, yaml.Node], found: _Findings) -> tuple[str, ...]:
    node = keys.get("channels")
    if node is None:
        return ()
    if not isinstance(node, yaml.SequenceNode):
        found.add(_line(node), "`channels` must be a list")
        return ()
    return tuple(_text(item) or "" for item in node.value)


def _read_dependencies(keys: Mapping[str, yaml.Node], found: _Findings, names: CondaNames) -> None:
    node = keys.get("dependencies")
    if node is None:
        if not found.problems:
            found.add(1, "no `dependencies:`")
        return
    if not isinstance(node, yaml.SequenceNode):
        found.add(_line(node), "`dependencies` must be a list")
        return
    for item in node.value:
        if isinstance(item, yaml.MappingNode):
            _read_pip_section(item, found)
        elif len(written := _text(item) or "") > _LONGEST:
            found.add(_line(item), f"a package of more than {_LONGEST} characters")
        elif not written:
            found.add(_line(item), "expected a package such as `pandas=3.1`")
        else:
            _read_conda_package(written, _line(item), found, names)


def _read_pip_section(node: yaml.MappingNode, found: _Findings) -> None:
    for key, value in _mapping(node, found).items():
        if key != "pip":
            found.add(_line(node), f"unknown section `{key}`; did you mean `pip:`?")
        elif not isinstance(value, yaml.SequenceNode):
            found.add(_line(value), "`pip:` must be a list")
        else:
            for item in value.value:
                if len(written := _text(item) or "") > _LONGEST:
                    found.add(_line(item), f"a package of more than {_LONGEST} characters")
                else:
                    _read_pip_package(written, _line(item), found)


def _read_pip_package(written: str, line: int, found: _Findings) -> None:
    text = re.sub(r"\s+#.*$", "", written)
    if text.startswith("-"):
        found.add(line, _why_no_option(text))
        return
    try:
        wanted = PipRequirement(text)
    except (InvalidRequirement, RecursionError):
        hint = " (folders and addresses cannot be locked)" if re.search(r"[/\\]|^\.", text) else ""
        found.add(line, f"`{written}` is not a package requirement{hint}")
        return
    if wanted.url is not None:
        found.add(line, f"`{wanted.name}` comes from an address: only releases can be locked")
        return
    if canonicalize_name(wanted.name) != "pip":
        found.requirements.append(
            Requirement(
                name=canonicalize_name(wanted.name), text=str(wanted), written=written, line=line
            )
        )


def _why_no_option(text: str) -> str:
    if re.match(r"-r\b|--requirement", text):
        return f"`{text}`: put that file's lines here; one file decides the environment"
    if re.match(r"-i\b|-f\b|--(extra-)?index-url|--find-links|--trusted-host", text):
        option = text.split(maxsplit=1)[0]
        return f"`{option}`: an index comes from pip's configuration, not from this file"
    if re.match(r"-e\b|--editable", text):
        return f"`{text}`: your own code comes from `source` in pyproject.toml, not from here"
    return f"`{text}`: options of pip have no meaning here"


def _read_conda_package(written: str, line: int, found: _Findings, names: CondaNames) -> None:
    match = _CONDA.fullmatch(written)
    if match is None:
        found.add(line, f"`{written}` is not a package such as `pandas=3.1`")
        return
    name = canonicalize_name(match["name"])
    version = (match["version"] or "").strip()
    if name == "python":
        _read_python(written, version, line, found)
    elif name == "pip":
        pass  # The installer; uv does its work in the build, and the image needs none.
    elif reason := names.not_on_index.get(name):
        found.add(line, f"`{match['name']}` is not a Python package: {reason}")
    else:
        specifier = _pip_specifier(version)
        if specifier is None:
            found.add(line, _why_no_version(written, version))
            return
        index_name = names.renamed.get(name, match["name"])
        found.requirements.append(
            Requirement(
                name=canonicalize_name(index_name),
                text=f"{index_name}{specifier}",
                written=written,
                line=line,
            )
        )


def _read_python(written: str, version: str, line: int, found: _Findings) -> None:
    match = _PYTHON.fullmatch(version)
    if match is None:
        found.add(line, f"`{written}`: name one Python, such as `python=3.13`")
    elif found.python is not None:
        found.add(line, f"`python` is given twice (first on line {found.python_line})")
    else:
        found.python, found.python_line = match["version"], line


def _pip_specifier(version: str) -> str | None:
    """Return conda's version text as pip understands it, or None where that is impossible.

    Conda's single `=` is a prefix match: `=1.21` takes 1.21 and every 1.21.x.
    """
    parts = []
    for part in (piece.strip() for piece in version.split(",")) if version else ():
        fuzzy = re.fullmatch(r"=?\s*([0-9][\w.!+]*?)(\.?\*)?", part)
        exact = re.fullmatch(r"==\s*([0-9][\w.!+]*?)(\.\*)?", part)
        if exact:
            parts.append("==" + exact[1] + (exact[2] or ""))
        elif fuzzy:
            parts.append(_prefix_match(fuzzy[1]))
        else:
            parts.append(part.replace(" ", ""))
    try:
        SpecifierSet(",".join(parts))
    except InvalidSpecifier:
        return None
    return ",".join(parts)


def _prefix_match(version: str) -> str:
    """Return `==version.*`; `==version` for one such as 1.0.dev1, which has no later releases."""
    try:
        return str(SpecifierSet(f"=={version}.*"))
    except InvalidSpecifier:
        return f"=={version}"


def _why_no_version(written: str, version: str) -> str:
    if re.fullmatch(r"=[^=<>!]+=[^=]+", version):
        return f"`{written}` names a build of conda's: leave it out (conda env export --no-builds)"
    if "|" in version:
        return f"`{written}`: a choice with `|` cannot be locked; name one range"
    return f"`{written}`: `{version}` is not a version"
