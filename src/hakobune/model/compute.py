"""A cluster of Azure ML."""

from dataclasses import dataclass

DEFAULT_SIZE = "Standard_D2s_v3"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePlan:
    """A cluster to be created: without a job it has no node and costs nothing."""

    name: str
    size: str = DEFAULT_SIZE
    max_instances: int = 1
    is_low_priority: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A compute that the workspace has. `state` is Azure ML's own word."""

    name: str
    kind: str
    state: str
    size: str
    max_instances: int
    is_low_priority: bool
    errors: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Processors of a kind: needed for one node, in use by others, and allowed."""

    kind: str
    per_node: int
    used: int
    allowed: int
