"""The lines of a conda file's `pip:` list, and of the files that they include. No I/O."""

import hashlib
import posixpath
import re
import tomllib

from packaging.utils import canonicalize_name

from hakobune.model.spec import Included, Index, LeftOut, Requirement
from hakobune.transform import pip_line
from hakobune.transform.spec_findings import Findings, Place, decoded

_DEEPEST = 10


def take_pip_line(
    text: str,
    place: Place,
    found: Findings,
    *,
    within: tuple[str, ...],
    is_constraint: bool = False,
) -> None:
    """Take in a line of pip's; `within` are the files that led to it, this one last."""
    try:
        for part in pip_line.read_pip_line(text):
            match part:
                case pip_line.Wanted() as wanted:
                    _take_wanted(wanted, text, place, found, is_constraint=is_constraint)
                case pip_line.MoreLines() as more:
                    constrains = is_constraint or more.is_constraint
                    _include(more.path, place, found, within=within, is_constraint=constrains)
                case pip_line.OwnProject() as own:
                    _take_own_project(own, text, place, found, within=within)
                case pip_line.Index() as index:
                    found.indexes.append(Index(address=index.address, is_default=index.is_default))
                case pip_line.FindLinks() as links:
                    found.links.setdefault(_links(links.place, within=within), str(place))
                case pip_line.PreReleases():
                    found.takes_prereleases = True
    except ValueError as exc:
        found.add(place, f"`{_without_password(text)}`: {exc}")


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]+@", "//***@", text)


def _take_wanted(
    wanted: pip_line.Wanted,
    text: str,
    place: Place,
    found: Findings,
    *,
    is_constraint: bool,
) -> None:
    name = canonicalize_name(wanted.requirement.name)
    if name == "pip":
        return  # The installer; uv does its work in the build, and the image needs none.
    if reason := found.of_another_system(name):
        found.left_out.append(
            LeftOut(name=wanted.requirement.name, place=str(place), reason=reason)
        )
        return
    requirement = Requirement(
        name=name,
        text=str(wanted.requirement),
        written=text,
        line=place.line,
        file=place.file,
        hashes=wanted.hashes,
    )
    (found.constraints if is_constraint else found.requirements).append(requirement)


def _include(
    path: str, place: Place, found: Findings, *, within: tuple[str, ...], is_constraint: bool
) -> None:
    """Take in the lines of a file that `-r` or `-c` names; its path starts at the file it is in."""
    if not path.startswith("file://"):
        path = path.removeprefix("file:")  # pip takes `-r file:requirements.txt`, too
    if re.match(r"[a-z]+://", path):
        raise ValueError("what an address answers may change: copy the file into the project")
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(within[-1]), path))
    if posixpath.isabs(path) or inside.split("/")[0] == "..":
        raise ValueError("the file is outside the project: copy it into the project")
    if inside in within or len(within) > _DEEPEST:
        raise ValueError("the file includes itself")
    content = found.read(inside)
    if content is None:
        raise ValueError(f"the project has no file {inside}")
    try:
        text = decoded(content)
    except UnicodeDecodeError:
        raise ValueError(f"{inside} is not UTF-8 text") from None
    found.included[inside] = Included(path=inside, sha256=hashlib.sha256(content).hexdigest())
    for number, line in pip_line.logical_lines(text):
        take_pip_line(
            line,
            Place(inside, number, place.top_line),
            found,
            within=(*within, inside),
            is_constraint=is_constraint,
        )


def _links(place: str, *, within: tuple[str, ...]) -> str:
    """Return a page's address, or a folder relative to the project. Raises ValueError."""
    if re.match(r"https?://", place):
        return place
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(within[-1]), place))
    if posixpath.isabs(place) or inside.split("/")[0] == "..":
        raise ValueError("the folder is outside the project: copy it into the project")
    return inside


def _take_own_project(
    own: pip_line.OwnProject,
    written: str,
    place: Place,
    found: Findings,
    *,
    within: tuple[str, ...],
) -> None:
    """Accept `-e .`: the image has the project's source; its dependencies come along."""
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(within[-1]), own.path))
    if folder != "." and not f"{found.source}/".startswith(f"{folder}/"):
        raise ValueError(
            "a folder cannot be locked: publish it to an index, or put its code below `source`"
        )
    manifest = posixpath.normpath(f"{folder}/pyproject.toml")
    content = found.read(manifest)
    listed = _dependencies_of(content, own.extras) if content else ()
    if content and listed:
        found.included[manifest] = Included(
            path=manifest, sha256=hashlib.sha256(content).hexdigest()
        )
    for number, text in listed:
        at = Place(manifest, number, place.top_line)
        take_pip_line(text, at, found, within=(*within, manifest))
    found.note(
        place,
        f"`{written}` is this project: the image has its code from `source`"
        + (f", and {manifest} names what it needs" if listed else ""),
    )


def _dependencies_of(content: bytes, extras: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Return `[project] dependencies` of a pyproject.toml, each with its line; extras' ones, too.

    Raises ValueError for an extra that the file does not have.
    """
    try:
        text = content.decode()
        project = tomllib.loads(text).get("project", {})
        optional = {canonicalize_name(key): v for key, v in _table(project).items()}
        listed = [*_list(project.get("dependencies"))]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError):
        return ()
    for extra in extras:
        if canonicalize_name(extra) not in optional:
            raise ValueError(f"pyproject.toml has no `{extra}` in [project.optional-dependencies]")
        listed += _list(optional[canonicalize_name(extra)])
    lines = text.splitlines()
    return tuple(
        (next((n for n, line in enumerate(lines, 1) if str(item) in line), 1), str(item))
        for item in listed
    )


def _table(project: dict[str, object]) -> dict[str, object]:
    optional = project.get("optional-dependencies", {})
    return optional if isinstance(optional, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
