"""A request, its answer, and the context that a handler works in."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from drydock.addresses import Addresses
from drydock.lifecycle import Conductor
from drydock.refusal import Refusal, bad_request
from drydock.workspace_state import WorkspaceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `names` are the parts of the path that the route names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    names: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError as exc:
            raise bad_request(f"The body is not JSON: {exc}.") from exc
        if not isinstance(found, dict):
            raise bad_request("The body is not a JSON object.")
        return found

    def properties(self) -> dict[str, Any]:
        """Return the body's `properties`, in which ARM wraps each resource."""
        found = self.json().get("properties")
        if not isinstance(found, dict):
            raise bad_request("The body has no properties.")
        return found

    def form(self) -> dict[str, str]:
        """Return the body as a form's fields."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer."""

    status: int = 200
    body: dict[str, Any] | list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a handler works with: the workspace, the jobs' conductor, and drydock's addresses."""

    state: WorkspaceState
    conductor: Conductor
    addresses: Addresses


Handler = Callable[[Request, Context], Answer]


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Return the path and the query of a request's target."""
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    return parts.path, {name: values[0] for name, values in query.items()}


def refusal_answer(refusal: Refusal) -> Answer:
    """Return a refusal in ARM's form of an error."""
    return Answer(
        status=refusal.status,
        body={"error": {"code": refusal.code, "message": refusal.message}},
    )


def page_of(items: list[dict[str, Any]]) -> Answer:
    """Return a list in ARM's form, all on one page."""
    return Answer(body={"value": items, "nextLink": None})
