"""Conda environment file (text) to EnvironmentSpec: parse, validate, complete. No I/O.

Every problem of a file is reported at once, in the order of its lines, each as `file:line: what`.
What `conda env create` takes is taken, with conda's meaning; `pip:` lists have pip's.
The format is conda's: https://docs.conda.io/projects/conda (environment.yml).
"""

import difflib
import fnmatch
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import yaml
from packaging.utils import canonicalize_name

from hakobune.errors import EnvironmentFileInvalidError
from hakobune.model.spec import EnvironmentSpec, LeftOut, Requirement, SystemPackage
from hakobune.transform import pip_line
from hakobune.transform.conda_spec import CondaSpec, name_of, read_conda_spec
from hakobune.transform.names import environment_name
from hakobune.transform.pip_list import take_pip_line
from hakobune.transform.spec_findings import CondaNames, Findings
from hakobune.transform.yaml_nodes import is_null, line_of, mapping, parse, text_of

KNOWN_KEYS = ("name", "channels", "dependencies", "prefix", "variables", "platforms")
_MOST_REASONS = 3
# Of these, conda has builds without CUDA, which `cpu` in the name or in the build string asks for.
_OF_PYTORCH = {
    *("pytorch", "pytorch-cpu", "cpuonly", "pytorch-mutex", "libtorch", "torchvision", "torchaudio")
}
_MLFLOW_KEYS = {"build_dependencies", "python"}
# A file that lists one of these is a whole environment, as `conda env export` writes it.
_ONLY_EXPORTED = {
    *("-libgcc-mutex", "-openmp-mutex", "ld-impl-linux-64", "libcxx"),
    *("vs2015-runtime", "vc14-runtime", "ucrt"),
}
# Anaconda's copy of ruamel.yaml under a module name of its own, which conda itself imports.
_CONDA_S_COPY = "ruamel_yaml"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What the image itself needs; a file that sets them would break it.
_OWN_VARIABLES = re.compile(r"PATH|HOME|USER|LOGNAME|LD_PRELOAD|PYTHONHOME|HAKOBUNE_.*")


def _no_file(_path: str) -> bytes | None:
    return None


def read_spec(
    content: bytes,
    *,
    file: str,
    names: CondaNames,
    read: Callable[[str], bytes | None] = _no_file,
    source: str = "",
) -> EnvironmentSpec:
    """Return what the conda file of these bytes asks for.

    `file` is its path in the project, which messages give. `read` returns the content of another
    file of the project, None where there is none; `source` is the folder of the project's code.
    Raises EnvironmentFileInvalidError with every problem found.
    """
    found = Findings(file, read, source, names)
    top = parse(content, found)
    keys = {} if top is None else mapping(top, found)
    if set(keys) >= _MLFLOW_KEYS:
        _refuse_mlflow(file)
    _note_unknown_keys(top, keys, found)
    name = _read_name(keys, found)
    channels = _read_channels(keys, found)
    variables = _read_variables(keys, found)
    _read_dependencies(keys, found)
    _note_what_has_no_meaning(found)
    if found.problems:
        ordered = sorted(found.problems, key=lambda problem: problem[0].top_line)
        raise EnvironmentFileInvalidError(
            "\n".join(f"{place}: {what}" for place, what in ordered),
            remedy=f"correct {file}; a working example is in docs/reference/environment-file.md",
            place=str(ordered[0][0]),
        )
    return EnvironmentSpec(
        name=environment_name(name),
        written_name=name,
        name_line=line_of(keys["name"]) if "name" in keys else 1,
        python=("",) if found.python is None else found.python,
        python_line=found.python_line,
        channels=channels,
        requirements=tuple(found.requirements),
        sha256=hashlib.sha256(content).hexdigest(),
        constraints=tuple(found.constraints),
        indexes=tuple(found.indexes),
        links=tuple(found.links.items()),
        cpu_place=found.cpu_place,
        pip=found.pip,
        takes_prereleases=found.takes_prereleases,
        variables=variables,
        included=tuple(found.included[path] for path in sorted(found.included)),
        notes=tuple(found.notes),
        left_out=(*found.left_out, *found.libraries),
        debian=tuple(found.debian),
    )


def _refuse_mlflow(file: str) -> None:
    raise EnvironmentFileInvalidError(
        f"{file}:1: this is MLflow's python_env format, not a conda environment file",
        remedy="use the conda.yaml that MLflow writes beside it, or write one: `python=…` from its "
        "`python`, and its `dependencies` as a list under `- pip:`",
        place=f"{file}:1",
    )


def _note_unknown_keys(
    top: yaml.Node | None, keys: Mapping[str, yaml.Node], found: Findings
) -> None:
    """Note what conda ignores, too: a misspelled `dependencies` is reported as missing besides."""
    written = top.value if isinstance(top, yaml.MappingNode) else ()
    lines = {str(key.value): line_of(key) for key, _ in written}  # a value may begin below its key
    for key, value in keys.items():
        if key in KNOWN_KEYS:
            continue
        line = lines.get(key, line_of(value))
        if key == "pip":
            found.note(
                line,
                "unknown key `pip`, ignored; pip's list is an item of `dependencies`: `- pip:`",
            )
            continue
        near = difflib.get_close_matches(key.lower(), KNOWN_KEYS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(KNOWN_KEYS[:3])}"
        what = f"unknown key `{key}`, ignored; {hint}"
        if near and near[0] not in keys:
            found.add(line, f"unknown key `{key}`; {hint}")
        else:
            found.note(line, what)


def _read_name(keys: Mapping[str, yaml.Node], found: Findings) -> str:
    """Return the environment's name: that of the file (as conda has it) where none is given."""
    node = keys.get("name")
    if node is not None and is_null(node):
        node = None
    name = PurePosixPath(found.file).stem if node is None else text_of(node) or ""
    if not name and node is not None:
        found.add(line_of(node), "`name` must be a text that is not empty")
    return name


def conda_name(content: bytes, *, file: str) -> str | None:
    """Return the name in a conda file; None where this is another kind of file or names none."""
    nothing = CondaNames(same={}, renamed={}, left_out={}, refused={})
    found = Findings(file, _no_file, "", nothing)
    top = parse(content, found)
    keys = mapping(top, found) if isinstance(top, yaml.MappingNode) else {}
    return text_of(keys["name"]) if {"name", "dependencies"} <= keys.keys() else None


def _read_channels(keys: Mapping[str, yaml.Node], found: Findings) -> tuple[str, ...]:
    node = keys.get("channels")
    if node is None or is_null(node):
        return ()
    if not isinstance(node, yaml.SequenceNode):
        found.add(line_of(node), "`channels` must be a list")
        return ()
    return tuple(text_of(item) or "" for item in node.value)


def _read_variables(keys: Mapping[str, yaml.Node], found: Findings) -> tuple[tuple[str, str], ...]:
    """Return the environment variables that the file sets."""
    node = keys.get("variables")
    if node is None or is_null(node):
        return ()
    if not isinstance(node, yaml.MappingNode):
        found.add(line_of(node), "`variables` must be `NAME: value` lines")
        return ()
    variables = []
    for name, value in mapping(node, found).items():
        text = None if not isinstance(value, yaml.ScalarNode) else str(value.value)
        if not _VARIABLE.fullmatch(name):
            found.add(line_of(value), f"`{name[:80]}` cannot name an environment variable")
        elif _OWN_VARIABLES.fullmatch(name):
            found.add(
                line_of(value), f"the variable `{name}` belongs to the image: remove the line"
            )
        elif text is None or any(not letter.isprintable() for letter in text):
            found.add(line_of(value), f"the variable `{name}` must be one line of text")
        else:
            variables.append((name, text))
    return tuple(variables)


def _read_dependencies(keys: Mapping[str, yaml.Node], found: Findings) -> None:
    node = keys.get("dependencies")
    if node is None or is_null(node):
        if not found.problems:
            found.add(1 if node is None else line_of(node), "no `dependencies:`")
        return
    if not isinstance(node, yaml.SequenceNode):
        found.add(line_of(node), "`dependencies` must be a list")
        return
    named = {canonicalize_name(name_of(text_of(item) or "")) for item in node.value}
    found.is_export = bool(named & _ONLY_EXPORTED)
    for item in node.value:
        if isinstance(item, yaml.MappingNode):
            _read_pip_section(item, found)
        elif not (written := text_of(item)):
            found.add(line_of(item), "expected a package such as `pandas=3.1`")
        else:
            _read_conda_package(written, line_of(item), found)


def _read_pip_section(node: yaml.MappingNode, found: Findings) -> None:
    if found.pip is None:
        found.pip = ""  # conda adds it, with a warning
    for key, value in mapping(node, found).items():
        if key != "pip":
            found.add(line_of(node), _why_no_section(key, value))
        elif is_null(value):
            continue
        elif not isinstance(value, yaml.SequenceNode):
            found.add(line_of(value), "`pip:` must be a list: each line with `- ` in front")
        else:
            _read_pip_list(value.value, found)


def _why_no_section(key: str, value: yaml.Node) -> str:
    text = text_of(value)
    if text and re.fullmatch(r"sel\(\w+\)", key):
        return (
            f"`{key}: {text}` is a condition, which micromamba has and conda has not: write "
            f"`- {text}` if the image is to have it, or remove the line"
        )
    if text and key.lower() != "pip":
        return f"`{key}: {text}` is not conda's form; write `{key}={text}`"
    return f"unknown section `{key}`; did you mean `pip:`?"


def _read_pip_list(items: Sequence[yaml.Node], found: Findings) -> None:
    for item in items:
        text = text_of(item)
        if text is None:
            found.add(line_of(item), "expected a line of pip's, such as `pandas==3.1`")
        for _, line in pip_line.logical_lines(text or ""):
            take_pip_line(line, found.at(line_of(item)), found, within=(found.file,))


def _read_conda_package(written: str, line: int, found: Findings) -> None:
    # What is left out has versions that the index's packages cannot have (`openssl=1.1.1k`).
    name, shown, place = canonicalize_name(name_of(written)), name_of(written), str(found.at(line))
    if name in _OF_PYTORCH and "cpu" in written.partition("#")[0].lower():
        found.cpu_place = found.cpu_place or place
    reason = found.names.left_out.get(name) or found.of_another_system(name)
    if reason := reason or ("conda's own" if shown == _CONDA_S_COPY else ""):
        found.left_out.append(LeftOut(name=shown, place=place, reason=reason))
        return
    if found.is_export and _is_library(name, found.names):
        reason = "a part of other packages, whose wheels bring what they need"
        found.libraries.append(LeftOut(name=shown, place=place, reason=reason))
        return
    # In conda's files, an exact version or a build stands for the same as on the command line.
    try:
        spec = read_conda_spec(written)
    except ValueError as exc:
        found.add(line, f"`{written[:80]}` is not a package such as `pandas=3.1`: {exc}")
        return
    if name == "python":
        _read_python(spec, line, found)
    elif name == "pip":
        found.pip = re.sub(r"^=?=?|\.\*$", "", spec.versions[0])
    elif name in found.names.debian:
        _take_system_package(spec, written, line, found)
    elif reason := _why_refused(name, found.names):
        found.add(
            line,
            f"`{spec.name}` {reason}"
            if reason.startswith("exists")
            else f"`{spec.name}` is not a Python package: {reason}",
        )
    elif index_name := found.names.renamed.get(name) or found.names.same.get(name):
        _take_conda_package(spec, index_name, written, line, found)
    else:
        found.add(
            line,
            f"conda's `{spec.name}` is not known to be a Python package: remove the line; if you "
            f"mean the index's `{name}`, put it under `- pip:`; if another, add to pyproject.toml, "
            f'in [tool.hakobune.names]: {name} = "its name"',
        )


def _take_system_package(spec: CondaSpec, written: str, line: int, found: Findings) -> None:
    """Take a library or program of conda's as Debian's packages of it."""
    packages, version_of = found.names.debian[canonicalize_name(spec.name)]
    found.debian.append(
        SystemPackage(
            name=spec.name,
            written=written,
            place=str(found.at(line)),
            packages=packages,
            versions=spec.versions,
            version_of=version_of,
            is_exact=not found.is_export,
        )
    )


def _why_refused(name: str, names: CondaNames) -> str:
    """Return why a package cannot be had; R's packages are no more to be had than R itself."""
    is_of_r = name.startswith("r-") and name not in names.renamed and name not in names.same
    return names.refused.get("r-base" if is_of_r else name, "")


def _is_library(name: str, names: CondaNames) -> bool:
    """Tell whether a name is a C library's that other packages brought into the environment."""
    is_python = name in names.renamed or name in names.same
    return not is_python and any(fnmatch.fnmatch(name, known) for known in names.exported)


def _take_conda_package(
    spec: CondaSpec, index_name: str, written: str, line: int, found: Findings
) -> None:
    if spec.build and not ("cpu" in spec.build and spec.name in _OF_PYTORCH):
        found.builds.append(spec.name)
    # The file's spelling where it is the same name: locks that exist have it so.
    shown = (
        spec.name if canonicalize_name(spec.name) == canonicalize_name(index_name) else index_name
    )
    first, *others = (f"{shown}{version}" for version in spec.versions)
    found.requirements.append(
        Requirement(
            name=canonicalize_name(index_name),
            text=first,
            written=written,
            line=line,
            file=found.file,
            others=tuple(others),
            is_of_conda=True,
        )
    )


def _read_python(spec: CondaSpec, line: int, found: Findings) -> None:
    if found.python is not None:
        found.add(line, f"`python` is given twice (first on line {found.python_line})")
        return
    found.python, found.python_line = spec.versions, line
    if spec.build:
        found.builds.append("python")


def _note_what_has_no_meaning(found: Findings) -> None:
    """Tell once what the lines of an exported environment said that wheels do not need."""
    if found.builds:
        found.notes.append(
            f"{found.file}: conda's build strings have no meaning for wheels: "
            f"only the versions count ({_some(found.builds)})"
        )
    if found.left_out:
        reasons = dict.fromkeys(one.reason for one in found.left_out)
        names = _some([one.name for one in found.left_out])
        why = "; ".join(reasons)
        if len(reasons) > _MOST_REASONS:
            why = "hakobune lock --explain prints why"
        found.notes.append(f"{found.file}: left out: {names} ({why})")
    if found.libraries:
        names = _some([one.name for one in found.libraries])
        found.notes.append(
            f"{found.file}: left out as parts of other packages, whose wheels bring what they "
            f"need: {names}; `hakobune build` names what is missing"
        )


def _some(names: list[str], most: int = 8) -> str:
    shown = list(dict.fromkeys(names))
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
