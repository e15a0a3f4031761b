"""What pip before 20.3 makes of packages that exclude each other. No I/O.

That pip reads requirements level by level, keeps the first one of each package, and only warns of
later ones (https://pip.pypa.io/en/stable/user_guide/#changes-to-the-pip-dependency-resolver-in-20-3-2020).
A conda file that names such a pip was written for it, so that its environment exists although no
set of packages fits all that they say of each other.
"""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

FIRST_STRICT_PIP = Version("20.3")
_NAME = r"[A-Za-z0-9][\w.-]*(?:\[[\w.,-]*\])?"
_DEPENDS = re.compile(
    rf"({_NAME})==([A-Za-z0-9.+!_-]+) depends on ({_NAME}(?:[=<>!~]=?[^\s,]+(?:,(?=[=<>!~]))?)*)"
)
_REQUIRED = re.compile(rf"you require ({_NAME})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One requirement that wins over another one of the same package.

    `kept` is asked for by the package `keeper`; `overruled` by `loser`. Both packages are written
    as `name version`.
    """

    kept: str
    keeper: str
    overruled: str
    loser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    parent: str
    version: str
    wanted: Requirement

    @property
    def child(self) -> str:
        return canonicalize_name(self.wanted.name)


def is_lenient(pip: str) -> bool:
    """Tell whether this version of pip, as a conda file names it, ignores such conflicts."""
    try:
        return Version(pip) < FIRST_STRICT_PIP
    except InvalidVersion:
        return False


def first_wins(proof: str) -> Override | None:
    """Return which of two requirements such a pip keeps, from uv's proof that both cannot be.

    None where the proof is of something else.
    """
    flat = " ".join(re.sub(r"[^\x00-\x7f]", " ", proof).split())
    edges = _edges(flat)
    roots = [canonicalize_name(_bare(name)) for name in _REQUIRED.findall(flat)]
    order = _levels(roots, edges)
    for child in dict.fromkeys(edge.child for edge in edges):
        asking = [edge for edge in edges if edge.child == child and edge.parent in order]
        asking.sort(key=lambda edge: order[edge.parent])
        for later in asking[1:]:
            if _exclude(asking[0].wanted, later.wanted):
                return Override(
                    kept=f"{child}{asking[0].wanted.specifier}",
                    keeper=f"{asking[0].parent} {asking[0].version}",
                    overruled=f"{child}{later.wanted.specifier}",
                    loser=f"{later.parent} {later.version}",
                )
    return None


def _edges(text: str) -> list[_Edge]:
    found = []
    for name, version, wanted in _DEPENDS.findall(_premises(text)):
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            continue
        parent = canonicalize_name(_bare(name))
        found.append(_Edge(parent=parent, version=version, wanted=requirement))
    return found


def _premises(text: str) -> str:
    """Return the proof without what it concludes, which no package says itself."""
    return re.sub(r"we can conclude that .*?(?=And because|Because|$)", "", text)


def _bare(name: str) -> str:
    return name.partition("[")[0]


def _levels(roots: Sequence[str], edges: Sequence[_Edge]) -> Mapping[str, int]:
    """Return how far each package is from what the file asks for."""
    order = dict.fromkeys(roots, 0)
    left = deque(roots)
    while left:
        parent = left.popleft()
        for edge in edges:
            if edge.parent == parent and edge.child not in order:
                order[edge.child] = order[parent] + 1
                left.append(edge.child)
    return order


def _exclude(one: Requirement, other: Requirement) -> bool:
    """Tell whether no version can be right for both, judged by the versions that they name."""
    named = [
        Version(spec.version.removesuffix(".*")) for spec in (*one.specifier, *other.specifier)
    ]
    near = [Version("0"), *(Version(f"{text}{end}") for text in named for end in ("", ".999"))]
    both = one.specifier & other.specifier
    return not any(both.contains(version, prereleases=True) for version in near)
