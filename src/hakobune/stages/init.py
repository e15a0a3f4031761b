"""A folder to a project of hakobune: what it has, and the table that says so.

Nothing of the script runs, nothing is asked, and no byte that is there is changed. Everything is
read and checked before the first file is written; `pyproject.toml` is written last.
"""

import re
import shlex
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hakobune.adapters import files
from hakobune.errors import ConfigurationInvalidError, FileNotWritableError, ProjectUnclearError
from hakobune.model.forms import is_of
from hakobune.model.project import WHOLE, Project
from hakobune.model.script import ScriptOption, Takes
from hakobune.transform.read_project import read_project
from hakobune.transform.read_script import is_started_as_script, read_script
from hakobune.transform.render_dockerfile import is_left_out
from hakobune.transform.write_table import (
    FILE,
    table_of,
    with_attributes,
    with_ignored,
    with_table,
)

_ENVIRONMENTS = ("", "environments", "environment", "envs", "env", "conda")
_LARGEST_YAML = 256 << 10
# Where a training script lies, the likeliest first; `*` is a package.
_SCRIPTS = (
    ("train.py", "scripts/train.py"),
    ("src/train.py", "src/*/__main__.py", "*/__main__.py"),
    ("src/*/train.py", "*/train.py"),
    ("main.py", "run.py", "scripts/main.py", "src/main.py"),
)
# Folders that are no package, whatever is in them.
_SKIPPED = {"src", "scripts", "tests", "test", "docs", "examples", "runs", "docker", "vendor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What was written, as rows of file and content; what the user should know; the next step."""

    written: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    next_step: str


def begin(folder: Path, *, environment: str = "", script: str = "") -> Begun:
    """Write what the folder lacks to be a project.

    `environment` and `script` choose where there are several. Raises ProjectUnclearError,
    ScriptInvalidError, ConfigurationInvalidError, FileDiffersError, or FileNotWritableError.
    """
    conda_file = _environment(folder, environment)
    program = _script(folder, script)
    options = read_script(_content(folder / program), file=program)
    source, command = _layout(folder, PurePosixPath(program))
    table = table_of(environment=conda_file, source=source, command=command, options=options)
    before = {name: _text(folder, name) for name in (".gitignore", ".gitattributes", FILE)}
    after = with_table(before[FILE], table)
    project = read_project(after, root=folder)
    ignore, ignored = with_ignored(before[".gitignore"])
    kept = (project.environment, project.lock, f"{project.dockerfile}*")
    attributes, attributed = with_attributes(before[".gitattributes"], kept)
    wanted = (
        (".gitignore", ignore, ", ".join(ignored)),
        (".gitattributes", attributes, ", ".join(attributed)),
        (FILE, after, "[tool.hakobune]"),
    )
    written = tuple(
        (name, what)
        for name, text, what in wanted
        if text != before[name] and _written(folder / name, text)
    )
    return Begun(
        written=written,
        notes=tuple(_notes(project, program, options)),
        next_step=_next_step(project, options),
    )


def _written(path: Path, text: str) -> bool:
    # Through a link, as an editor would: the link itself stays, and so do the rights.
    there = path.resolve()
    mode = there.stat().st_mode if there.exists() else None
    changed = files.write_bytes(there, text.encode())
    if mode is not None:
        there.chmod(stat.S_IMODE(mode))
    return changed


def _text(folder: Path, name: str) -> str:
    """Return a file's text, empty where it is missing.

    Raises ConfigurationInvalidError, or FileNotWritableError for a link that leads out of the
    project: a project of somebody else's must not make us write elsewhere.
    """
    path = folder / name
    if path.is_symlink() and not (
        _exists(path) and path.resolve().is_relative_to(folder.resolve())
    ):
        raise FileNotWritableError(
            f"{path} is a link to no file of the project", remedy=f"remove it: rm {name}"
        )
    content = files.read_bytes(path, largest=files.LARGEST_DOCUMENT)
    try:
        return (content or b"").decode()
    except UnicodeDecodeError:
        raise ConfigurationInvalidError(
            f"{path.name} is not UTF-8", remedy=f"save {path.name} as UTF-8", place=path.name
        ) from None


def _content(path: Path) -> bytes:
    content = files.read_bytes(path, largest=files.LARGEST_DOCUMENT)
    if content is None:
        raise ProjectUnclearError(
            f"{path}: there is no such file", remedy="name a file of the project's folder"
        )
    return content


def _environment(folder: Path, chosen: str) -> str:
    """Return the conda file's path in the folder: the chosen one, or the only one."""
    if chosen:
        path = _inside(folder, chosen)
        if not _is_conda_file(folder / path):
            raise ProjectUnclearError(
                f"{path} is not a conda file: it has no list `dependencies`",
                remedy="name another: hakobune init --environment FILE",
            )
        if not is_of("path in the project", path):
            raise _odd_name(path)
        return path
    found = [path for path in _yaml_files(folder) if _is_conda_file(folder / path)]
    odd = [path for path in found if not is_of("path in the project", path)]
    if odd and len(found) == 1:
        raise _odd_name(odd[0])
    if not found:
        raise ProjectUnclearError(
            f"{folder}: no conda file. Looked for *.yml and *.yaml with a list `dependencies` in "
            f"this folder and in {', '.join(name for name in _ENVIRONMENTS if name)}",
            remedy="write one, or from an environment of yours: "
            "conda env export --from-history > environment.yml",
        )
    return _only(found, "conda files", "--environment")


def _odd_name(path: str) -> ProjectUnclearError:
    return ProjectUnclearError(
        f"{path}: the name of a conda file has letters, digits, `.`, `-` and `_` only",
        remedy="rename it, and run hakobune init again",
    )


def _yaml_files(folder: Path) -> list[str]:
    return sorted(
        str(PurePosixPath(inner, path.name))
        for inner in _ENVIRONMENTS
        for path in _entries(folder / inner)
        if path.suffix in (".yml", ".yaml") and path.is_file()
    )


def _is_conda_file(path: Path) -> bool:
    """Tell whether the file is a mapping with a list `dependencies`, and not one of MLflow's.

    A file that is no YAML, and would be one, is taken: `hakobune lock` names its lines.
    """
    import yaml  # noqa: PLC0415 - slow to import: only once there is a file

    try:
        content = files.read_bytes(path, largest=_LARGEST_YAML) or b""
    except FileNotWritableError:  # too large, or unreadable
        return False
    if b"dependencies" not in content:
        return False
    try:
        # C's loader, where there is one, is ten times as fast.
        found = yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, RecursionError):
        return re.search(rb"(?m)^dependencies\s*:", content) is not None
    return (
        isinstance(found, dict)
        and isinstance(found.get("dependencies"), list)
        and "build_dependencies" not in found
        and all(isinstance(entry, str) or _is_pip(entry) for entry in found["dependencies"])
    )


def _is_pip(entry: object) -> bool:
    return isinstance(entry, dict) and set(entry) == {"pip"}


def _script(folder: Path, chosen: str) -> str:
    """Return the script's path in the folder: the chosen one, or the only likely one."""
    if chosen:
        return _inside(folder, chosen)
    for patterns in _SCRIPTS:
        if found := [path for pattern in patterns for path in _matching(folder, pattern)]:
            return _only(found, "scripts", "--script")
    others = [path.name for path in _entries(folder) if path.suffix == ".py" and path.is_file()]
    started = [name for name in others if is_started_as_script(_content(folder / name))]
    if not others:
        looked = ", ".join(name for patterns in _SCRIPTS for name in patterns)
        raise ProjectUnclearError(
            f"{folder}: no script. Looked for {looked}, and any other .py in this folder",
            remedy="name it: hakobune init --script FILE",
        )
    return _only(started or others, "scripts", "--script")


def _matching(folder: Path, pattern: str) -> list[str]:
    """Return the files of a pattern whose `*` is a folder that may be a package."""
    before, star, after = pattern.partition("*/")
    if not star:
        return [pattern] if (folder / pattern).is_file() else []
    return [
        f"{before}{path.name}/{after}"
        for path in _entries(folder / before)
        if path.name.isidentifier() and path.name not in _SKIPPED and (path / after).is_file()
    ]


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder and not hidden, by name; nothing where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _inside(folder: Path, chosen: str) -> str:
    """Return the path in the project of a file that was named from there."""
    root = folder.resolve()
    path = Path(root, chosen)
    if not path.is_file() or not path.resolve().is_relative_to(root):
        raise ProjectUnclearError(
            f"{chosen}: there is no such file in {folder}",
            remedy="name a file of the project by its path from that folder",
        )
    return path.resolve().relative_to(root).as_posix()


def _only(found: list[str], what: str, option: str) -> str:
    if len(found) > 1:
        raise ProjectUnclearError(
            f"there are {len(found)} {what}: {', '.join(found)}",
            remedy=f"choose one: hakobune init {option} {shlex.quote(found[0])}",
        )
    return found[0]


def _layout(folder: Path, script: PurePosixPath) -> tuple[str, tuple[str, ...]]:
    """Return `source` and `command` for a script: a package below `src`, or the whole project."""
    above = script.parent
    is_package = script.name == "__main__.py" or (folder / above / "__init__.py").is_file()
    if not is_package or len(above.parts) not in (1, 2):
        return WHOLE, ("python", str(script))
    module = above.name if script.name == "__main__.py" else f"{above.name}.{script.stem}"
    if above.parent == PurePosixPath("src"):
        return str(above), ("python", "-m", module)
    if above.parent == PurePosixPath():
        return WHOLE, ("python", "-m", module)
    return WHOLE, ("python", str(script))


def _exists(path: Path) -> bool:
    """Tell whether something is there; a text that cannot be a path names nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_in_image(project: Project, path: str) -> bool:
    """Tell whether a file that the script reads by default is taken for code."""
    place = PurePosixPath(path)
    return (
        project.source == WHOLE
        and path != ""
        and not place.is_absolute()
        and ".." not in place.parts
        and not is_left_out(project, str(place))
        and _exists(project.root / place)
    )


def _notes(project: Project, script: str, options: Iterable[ScriptOption]) -> Iterable[str]:
    takes = [option.takes for option in options]
    for option in options:
        if option.takes is Takes.OUTPUT_FILE:
            yield (
                f"{script}: {option.flag} seems to name a file that the script writes; "
                "an output of hakobune is a folder"
            )
    for option in options:
        if option.takes is Takes.INPUT and _is_in_image(project, option.default):
            yield (
                f"{option.default} becomes part of the image, as every file of the project that "
                "git does not ignore: move it to data/, or ignore it"
            )
    if Takes.OUTPUT not in takes:
        yield (
            f"{script} has no option for the folder of its results: add one, such as --output, "
            f"and name it in {FILE}:\n"
            "  [tool.hakobune.outputs]\n"
            '  output = { flag = "--output" }'
        )
    if Takes.INPUT not in takes:
        yield (
            f"{script} has no option for its data: the container sees the folder data, read-only"
            if (project.root / "data").is_dir()
            else f"{script} has no option for its data: what it reads belongs into a folder data, "
            "which the container would see read-only"
        )


def _next_step(project: Project, options: Iterable[ScriptOption]) -> str:
    """Return what to type in the project's folder, with the data that the script would read."""
    train = ["hakobune", "train"]
    for option in options:
        is_there = option.default and _exists(project.root / option.default)
        if option.takes is Takes.INPUT and (is_there or option.is_required):
            train += [option.flag, option.default if is_there else "FILE"]
    return shlex.join(train)
