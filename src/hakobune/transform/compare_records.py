"""Two runs' records side by side: what is the same, and what may explain a difference. No I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hakobune.model.project import Project
from hakobune.model.record import RunRecord
from hakobune.transform.arguments import drop_option


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing of two runs."""

    name: str
    left: str
    right: str

    @property
    def is_same(self) -> bool:
        """Tell whether the two are equal."""
        return self.left == self.right


def compare_records(project: Project, left: RunRecord, right: RunRecord) -> tuple[Row, ...]:
    """Return a row for each link of the chain, then for the machine and the libraries."""
    rows = zip(_facts(project, left), _facts(project, right), strict=True)
    found = [Row(name=name, left=one, right=other) for (name, one), (_, other) in rows]
    versions = _mapping(left, "versions"), _mapping(right, "versions")
    found += [
        Row(
            name=f"version of {name}",
            left=str(versions[0].get(name, "")),
            right=str(versions[1].get(name, "")),
        )
        for name in dict.fromkeys([*versions[0], *versions[1]])
    ]
    return tuple(found)


def _facts(project: Project, record: RunRecord) -> Iterator[tuple[str, str]]:
    outside = record.outside
    yield "image", outside.image if outside else ""
    for name in ("lock_sha256", "environment_sha256", "source_sha256", "base"):
        yield name.removesuffix("_sha256"), record.image.get(name, "")
    commit = outside.commit if outside else ""
    yield "commit", f"{commit} and changes" if commit and outside and outside.is_dirty else commit
    yield "data", ", ".join(f"{item.name} {item.sha256}" for item in record.inputs)
    yield "arguments", " ".join(own_arguments(project, record.arguments))
    yield "processor", str(_mapping(record, "processor").get("model", ""))
    yield "arithmetic", ", ".join(f"{k}={v}" for k, v in _mapping(record, "numerics").items())


def own_arguments(project: Project, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the program's arguments without those that say where files lie."""
    left, project = list(arguments), project.entry(arguments)
    for flag in [*(i.flag for i in project.inputs), *(o.flag for o in project.outputs)]:
        drop_option(left, flag)
    return tuple(left)


def is_same_plan(project: Project, left: RunRecord, right: RunRecord) -> bool:
    """Tell whether two runs should give the same results: same image, data and arguments."""
    return (
        left.image == right.image
        and [(i.name, i.sha256) for i in left.inputs] == [(i.name, i.sha256) for i in right.inputs]
        and own_arguments(project, left.arguments) == own_arguments(project, right.arguments)
    )


def likely_cause(rows: tuple[Row, ...]) -> str:
    """Return what most likely made two runs differ, in words."""
    different = {row.name: row for row in rows if not row.is_same}
    for name in ("data", "arguments", "source", "lock", "base", "arithmetic", "processor"):
        if name in different:
            row = different[name]
            return f"other {name} ({_short(row.left)} and {_short(row.right)})"
    versions = [name for name in different if name.startswith("version of ")]
    if versions:
        return f"another {versions[0]}"
    return "nothing that the records name: the program itself gives other results each time"


def _short(text: str) -> str:
    return (text if len(text) <= 40 else f"{text[:37]}...") or "none"  # noqa: PLR2004 - a line's part


def _mapping(record: RunRecord, key: str) -> Mapping[str, Any]:
    found = record.values.get(key)
    return found if isinstance(found, dict) else {}
