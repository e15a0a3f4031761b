"""Where a compose file of the project's differs from the container of `hakobune train`. No I/O.

Compose itself is not asked: it gives no lines, and need not be there. `extends` and `include` are
not followed. The file is the project's, and may hold anything.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from hakobune.model.forms import shortened
from hakobune.model.project import Project
from hakobune.model.sandbox import INCOMING, SANDBOXES, TRAIN, WORKSPACE

# Keys of a service that change nothing of what the program sees, or are compared below.
_COMPARED = {"image", "entrypoint", "command", "environment", "volumes", "deploy"}
_HARMLESS = {
    *("annotations", "build", "container_name", "depends_on", "develop", "healthcheck", "init"),
    *("labels", "logging", "platform", "profiles", "pull_policy", "restart", "stdin_open"),
    *("stop_grace_period", "stop_signal", "tty"),
}
_MERGE = "tag:yaml.org,2002:merge"
_MOST_VALUES = 20_000
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIZES = ("shm_size", "mem_limit")
_VARIABLE = re.compile(r"\$(\$|\{\w+(?::?-([^}]*))?\}|\w+)")


_Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Value:
    """A key's value as plain lists, mappings and texts, and where the key stands."""

    place: _Place
    value: Any


class _TooManyError(Exception):
    """The file has more values than any compose file: aliases of aliases."""


def compose_differences(
    files: Sequence[tuple[str, bytes]], *, project: Project, tag: str
) -> list[str]:
    """Return `file:line: …` for each difference; none where both are the same container.

    `files` are those that compose lays over each other, by name. The services of the project and of
    its commands are compared whole, and another one of the image `tag` in what it may use: it may
    run another program on other mounts.
    """
    services: dict[str, _Value] = {}
    for file, content in files:
        try:
            services = _laid_over(services, _services(content, file))
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            what = exc.problem or exc.context
            return [f"{file}:{mark.line + 1 if mark else 1}: not YAML: {what}"]
        except (yaml.YAMLError, ValueError):
            return [f"{file}:1: not YAML"]
        except (RecursionError, _TooManyError):
            return [f"{file}:1: nested too deeply, or too large"]
    found: list[tuple[_Place, str]] = []
    programs = dict(project.services)
    for name, service in services.items():
        program, image = programs.get(name), service.value.get("image")
        if program or (image and _text(image.value) == tag):
            differing = (
                _compare(service, project, tag, program) if program else _sandbox(service, project)
            )
            found += [(place, f"service {shortened(name)}: {text}") for place, text in differing]
    return [f"{file}:{line}: {text}" for (file, line), text in sorted(found)]


def _laid_over(below: dict[str, _Value], above: dict[str, _Value]) -> dict[str, _Value]:
    """Return services as compose merges them: the later file's keys win, and volumes add up."""
    merged = dict(below)
    for name, service in above.items():
        first = below[name].value if name in below else {}
        keys = {**first, **service.value}
        if "volumes" in first and "volumes" in service.value:
            every = [*_listed(first["volumes"].value), *_listed(service.value["volumes"].value)]
            keys["volumes"] = _Value(service.value["volumes"].place, every)
        merged[name] = _Value(below.get(name, service).place, keys)
    return merged


def _compare(
    service: _Value, project: Project, tag: str, program: Sequence[str]
) -> Iterator[tuple[_Place, str]]:
    keys: dict[str, _Value] = service.value
    image = keys.get("image", _Value(service.place, "none"))
    if _text(image.value) != tag:
        yield image.place, _differs("image", image.value, tag)
    yield from _sandbox(service, project)
    yield from _program(service, program)
    yield from _mounts(service, project)
    known = {*_COMPARED, *_HARMLESS, *SANDBOXES[TRAIN].compose_service(), "network_mode"}
    for key in keys.keys() - known:
        yield keys[key].place, f"{shortened(key)} is a setting that hakobune train does not have"
    variables = keys.get("environment", _Value(service.place, {}))
    names = [str(entry).partition("=")[0] for entry in variables.value or ()]
    if foreign := [name for name in names if not name.startswith("HAKOBUNE_")]:
        yield (
            variables.place,
            f"hakobune train does not set {shortened(', '.join(foreign))}",
        )


def _sandbox(service: _Value, project: Project) -> Iterator[tuple[_Place, str]]:
    """Compare what the container may use."""
    keys: dict[str, _Value] = service.value
    wanted = SANDBOXES[TRAIN].compose_service()
    del wanted["volumes"]
    for key, value in wanted.items():
        found = keys.get(key, _Value(service.place, None))
        if _normal(key, found.value) != _normal(key, value):
            yield found.place, _differs(key, found.value, value)
    devices = keys.get("deploy", _Value(service.place, ""))
    has_gpus = "gpu" in str(devices.value)
    if has_gpus != bool(project.gpus):
        what = "reserves GPUs" if has_gpus else "reserves no GPUs"
        yield devices.place, f'it {what}; [tool.hakobune] has `gpus = "{project.gpus}"`'


def _program(service: _Value, words: Sequence[str]) -> Iterator[tuple[_Place, str]]:
    """Compare what is started: the program, after the rights of root were dropped."""
    keys: dict[str, _Value] = service.value
    given = [keys[key] for key in ("entrypoint", "command") if key in keys]
    place = given[0].place if given else service.place
    found = [_text(word) for value in given for word in _listed(value.value)]
    said, program = " ".join(found), " ".join(words)
    if program not in said:
        yield place, f"it does not run {shortened(program)}"
    drops = ("setpriv", "--bounding-set=-all", "--no-new-privs")
    if not all(word in said for word in drops):
        yield (
            place,
            "its program keeps the user and capabilities that the container starts with",
        )


def _mounts(service: _Value, project: Project) -> Iterator[tuple[_Place, str]]:
    volumes = service.value.get("volumes", _Value(service.place, []))
    has_runs = False
    for entry in _listed(volumes.value):
        source, target, is_read_only = _mount(entry)
        place = target.removeprefix(f"{WORKSPACE}/")
        if (place, source.removeprefix("./")) == ("runs", INCOMING) and not is_read_only:
            has_runs = True
        elif not is_read_only or not _is_allowed(place, source.removeprefix("./"), project):
            access = "" if is_read_only else ", for writing,"
            what = f"it mounts {shortened(source)} at {shortened(target)}{access}"
            yield volumes.place, f"{what} and hakobune train does not"
    if not has_runs:
        yield volumes.place, f"it does not mount ./{INCOMING} at {WORKSPACE}/runs for writing"


def _is_allowed(place: str, source: str, project: Project) -> bool:
    """Tell whether a read-only mount gives the program nothing that hakobune train does not.

    The source may be compared with the image's, and not take its place.
    """
    is_source = source == project.source and not place.startswith("/app")
    return (place, source) == ("data", "data") or is_source


def _mount(entry: Any) -> tuple[str, str, bool]:  # noqa: ANN401 - a value of YAML
    """Return source, target and whether it is read-only, of the short form or the long one."""
    if isinstance(entry, dict):
        texts = [_text(entry.get(key, _Value(("", 0), "")).value) for key in ("source", "target")]
        access = entry.get("read_only", _Value(("", 0), "false")).value
        return texts[0], texts[1], _text(access).lower() == "true"
    source, _, rest = _text(entry).partition(":")
    target, _, options = rest.partition(":")
    return source, target, "ro" in options.split(",")


def _differs(key: str, found: Any, wanted: Any) -> str:  # noqa: ANN401 - values of YAML
    has = "is missing" if found is None else f"is {shortened(_shown(found))}"
    return f"`{key}` {has}, and hakobune train has {shortened(_shown(wanted))}"


def _shown(value: Any) -> str:  # noqa: ANN401 - a value of YAML
    texts = ", ".join(_text(entry) for entry in _listed(value))
    return f"[{texts}]" if isinstance(value, list) else texts


def _normal(key: str, value: Any) -> object:  # noqa: ANN401 - a value of YAML
    """Return a value so that equal settings are equal: lists in any order, sizes in bytes."""
    if value is None:
        return None
    words = [_text(word).lower() for word in _listed(value)]
    if key in _SIZES:
        size = re.fullmatch(r"(\d+)([kmg]?)b?", "".join(words))
        return int(size[1]) * _UNITS[size[2]] if size else words
    if key in {"cpus", "pids_limit"}:
        number = re.fullmatch(r"(\d{1,9})(\.\d*)?", "".join(words))
        return float(number[0]) if number else words
    plain = (re.sub(r"^cap_|[:=]true$", "", word) for word in words)
    return sorted(tuple(sorted(re.split("[:,]", word))) for word in plain)


def _text(value: Any) -> str:  # noqa: ANN401 - a value of YAML
    """Return a text with the defaults of its variables, as compose puts them in."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _VARIABLE.sub(lambda found: "$" if found[1] == "$" else found[2] or "", text)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - values of YAML
    return value if isinstance(value, list) else [] if value is None else [value]


def _services(content: bytes, file: str) -> dict[str, _Value]:
    """Return each service's keys. Raises YAMLError, RecursionError, ValueError, _TooManyError."""
    # Not the faster CSafeLoader: it overruns the C stack where a file is nested too deeply.
    root = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    found = _Plain(file).value(root) if root is not None else {}
    services, networks = (_mapping_of(found, key) for key in ("services", "networks"))
    internal = {name for name in networks if _text(_of(networks, name, "internal")) == "true"}
    for name, service in services.items():
        attached = _of(services, name, "networks")
        names = [
            _text(one) for one in (attached if isinstance(attached, dict) else _listed(attached))
        ]
        if names and set(names) <= internal:  # nobody is there but the project's own containers
            service.value.setdefault("network_mode", _Value(service.place, "none"))
    return services


def _mapping_of(found: Any, key: str) -> dict[str, _Value]:  # noqa: ANN401 - a value of YAML
    """Return those entries of a section that are mappings themselves."""
    section = found.get(key) if isinstance(found, dict) else None
    entries = section.value if section is not None and isinstance(section.value, dict) else {}
    return {name: one for name, one in entries.items() if isinstance(one.value, dict)}


def _of(section: dict[str, _Value], name: str, key: str) -> Any:  # noqa: ANN401 - a value of YAML
    found = section[name].value.get(key)
    return None if found is None else found.value


class _Plain:
    """Makes plain values of nodes, up to a number of them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0

    def value(self, node: yaml.Node) -> Any:  # noqa: ANN401 - a value of YAML
        """Return a list, a mapping of texts to `_Value`, a text, or None."""
        self.count += 1
        if self.count > _MOST_VALUES:
            raise _TooManyError
        if isinstance(node, yaml.SequenceNode):
            return [self.value(entry) for entry in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, _Value]:
        merged: dict[str, _Value] = {}
        own: dict[str, _Value] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in sources:
                    found = self.value(source)
                    merged = {**(found if isinstance(found, dict) else {}), **merged}
            elif isinstance(key, yaml.ScalarNode):
                own[str(key.value)] = _Value(
                    (self.file, key.start_mark.line + 1), self.value(value)
                )
        return {**merged, **own}
