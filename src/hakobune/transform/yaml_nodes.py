"""A conda file's YAML as nodes, which know their lines. No I/O."""

import re

import yaml

from hakobune.transform.spec_findings import Findings, decoded

_LARGEST = 256 << 10
# Jinja's, in files that a program has yet to fill in.
_TEMPLATE = re.compile(r"^[^#\n]*(\{\{.*?\}\}|\{%.*?%\})", re.MULTILINE)
_MERGE = "tag:yaml.org,2002:merge"


def parse(content: bytes, found: Findings) -> yaml.Node | None:
    """Return the document's root node; report what is not YAML."""
    if what := _of_another_kind(content):
        found.add(1, what)
        return None
    try:
        text = decoded(content)
    except UnicodeDecodeError as exc:
        found.add(content.count(b"\n", 0, exc.start) + 1, "not UTF-8 text")
        return None
    if place := _TEMPLATE.search(text):
        line = text.count("\n", 0, place.end()) + 1
        found.add(line, f"`{place[1][:80]}` is a template's place: write its value there")
        return None
    try:
        # Not the faster CSafeLoader: it overruns the C stack where a file is nested too deeply.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as exc:
        found.add(*_why_not(exc, text))
        return None
    if node is None:
        found.add(1, "the file is empty")
    return node


def _why_not(exc: yaml.YAMLError | RecursionError, text: str) -> tuple[int, str]:
    """Return the line, and what is wrong there."""
    match exc:
        case RecursionError():
            return 1, "not a conda environment file: nested too deeply"
        case yaml.reader.ReaderError():
            line = text.count("\n", 0, exc.position) + 1
            return line, f"not YAML: the character U+{exc.character:04X}"
        case yaml.MarkedYAMLError():
            mark = exc.problem_mark or exc.context_mark
            what = str(exc.problem or exc.context)
            if "'\\t'" in what:
                what = "a tab where YAML allows only blanks"
            return mark.line + 1 if mark else 1, f"not YAML: {what}"
        case _:
            return 1, f"not YAML: {str(exc).splitlines()[0]}"


def _of_another_kind(content: bytes) -> str:
    """Return what is told of a file whose text is not looked at."""
    if len(content) > _LARGEST:
        return f"not a conda environment file: longer than {_LARGEST >> 10} KiB"
    if re.search(rb"^@EXPLICIT\s*$", content, re.MULTILINE):
        return "this is a list of conda's package files; `conda env export` writes what is needed"
    return ""


def line_of(node: yaml.Node) -> int:
    """Return the line on which a node begins; it counts from 1."""
    return int(node.start_mark.line) + 1


def mapping(node: yaml.Node, found: Findings, seen: set[int] | None = None) -> dict[str, yaml.Node]:
    """Return a mapping node's values by key; report anything else, and keys given twice."""
    if not isinstance(node, yaml.MappingNode):
        found.add(line_of(node), "expected `key: value` lines (name, channels, dependencies)")
        return {}
    values: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            continue
        text = str(key.value) if isinstance(key, yaml.ScalarNode) else "a list or mapping"
        if text in values:
            found.add(line_of(key), f"`{text}` is given twice")
        values[text] = value
    return {**_merged(node, found, {id(node)} if seen is None else seen), **values}


def _merged(node: yaml.MappingNode, found: Findings, seen: set[int]) -> dict[str, yaml.Node]:
    """Return what `<<: *other` brings; of several mappings, the first has the last word.

    `seen` are the nodes merged already: one that is met again (or in itself) brings nothing more.
    """
    values: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.tag != _MERGE:
            continue
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources:
            if id(source) in seen:
                continue
            if isinstance(source, yaml.MappingNode):
                seen.add(id(source))
                values = {**mapping(source, found, seen), **values}
            else:
                found.add(line_of(key), "`<<` must name a mapping")
    return values


def text_of(node: yaml.Node) -> str | None:
    """Return a scalar node's text, or None for a list, a mapping or null."""
    if isinstance(node, yaml.ScalarNode) and not is_null(node):
        return str(node.value).strip()
    return None


def is_null(node: yaml.Node) -> bool:
    """Tell whether a node is null, written or empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
