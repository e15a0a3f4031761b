"""A request, its answer, and the context that a handler works in."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlencode, urlsplit

from drydock.addresses import Addresses
from drydock.arm_ids import LOCATION, PROVIDER
from drydock.lifecycle import Conductor
from drydock.refusal import Refusal, bad_request
from drydock.workspace_state import WorkspaceState

_NUMBER = re.compile(r"[0-9]{1,9}")
_PAGE = 20  # entries; the service's own number is not known
_MARK = re.compile(r"offset-([0-9a-f]{1,7})")
VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[a-z]{1,20})?")


# https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax#resources
_RESOURCE = {
    *("id", "name", "type", "location", "tags", "properties", "identity", "sku", "kind", "plan"),
    *("etag", "managedBy", "systemData", "zones", "extendedLocation", "scale"),
}


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
        """Return the body as a JSON object. Refuses what is no JSON, or no text in UTF-8."""
        try:
            found = json.loads(self.body or b"{}", parse_constant=_refuse_constant)
            # An unpaired surrogate passes the parser and fits into no file.
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as exc:
            raise _unreadable(f"it is not JSON: {exc}") from exc
        if not isinstance(found, dict):
            raise _unreadable("it is not a JSON object")
        return found

    def properties(self) -> dict[str, Any]:
        """Return the body's `properties`, in which ARM wraps each resource.

        ARM itself refuses what no resource has beside them.
        """
        body = self.json()
        if unknown := sorted(set(body) - _RESOURCE):
            raise _unreadable(
                f"Could not find member '{unknown[0]}' on object of type 'ResourceDefinition'"
            )
        found = body.get("properties")
        if not isinstance(found, dict):
            raise bad_request("The body has no properties.")
        return found

    def form(self) -> dict[str, str]:
        """Return the body as a form's fields."""
        try:
            return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        except ValueError as exc:
            raise bad_request(f"The body is not a form: {exc}.") from exc

    def number(self, name: str, default: int) -> int:
        """Return a non-negative number of the query. Refuses anything else."""
        text = self.query.get(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text):
            raise bad_request(f"The query parameter '{name}' is '{text}', and not a number.")
        return int(text)


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
    """Return a refusal in ARM's form of an error; `dispatch` adds who answered, and when."""
    details = []
    if refusal.detail:
        details = [_error(refusal.detail, refusal.message, [], [])]
    inner: dict[str, Any] | None = None
    for code in reversed(refusal.inner):
        inner = {"code": code, "innerError": inner}
    infos = [{"type": "InnerError", "info": {"value": inner}}] if inner else []
    return Answer(
        status=refusal.status,
        body={"error": _error(refusal.code, refusal.message, details, infos)},
    )


def listed(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list of the body; empty where it has none. Refuses what is not a list."""
    found = body.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise bad_request(f"The member '{name}' is not a list.")
    return found


def page_of(items: list[dict[str, Any]]) -> Answer:
    """Return a list in ARM's form, whole; `paged` cuts it into pages."""
    return Answer(body={"value": items})


def paged(found: Answer, request: Request, address: str) -> Answer:
    """Return the page of a list that is asked for; all but the last have a `nextLink`.

    The parameter `$skip` is opaque to clients, which only follow the link.
    https://learn.microsoft.com/rest/api/azureml/jobs/list
    """
    begin = 0
    if "$skip" in request.query:
        mark = _MARK.fullmatch(request.query["$skip"])
        if mark is None:
            raise bad_request("The continuation token '$skip' is invalid.")
        begin = int(mark[1], 16)
    if not isinstance(found.body, dict) or not isinstance(found.body.get("value"), list):
        return found
    items, end = found.body["value"], begin + _PAGE
    body = {**found.body, "value": items[begin:end]}
    if items[end:]:
        query = {**request.query, "$skip": f"offset-{end:x}"}
        body["nextLink"] = f"{address}{request.path}?{urlencode(query)}"
    return replace(found, body=body)


def location_of(context: Context, request: Request, body: dict[str, Any]) -> str:
    """Return the header `Location` of a resource that a PUT created or changed."""
    address = f"{context.state.address}{body['id']}"
    return f"{address}?api-version={request.query['api-version']}"


def operation_headers(context: Context, request: Request, kind: str, name: str) -> dict[str, str]:
    """Return the headers with the address at which a client asks for an operation's status."""
    state = context.state
    address = (
        f"{state.address}/subscriptions/{state.arm_ids.subscription}/providers/{PROVIDER}"
        f"/locations/{LOCATION}/{kind}/{name}?api-version={request.query['api-version']}"
    )
    # Without Retry-After the SDK waits 30 seconds between its requests.
    return {"Azure-AsyncOperation": address, "Retry-After": "1"}


def _error(code: str, message: str, details: list[Any], infos: list[Any]) -> dict[str, Any]:
    return {"code": code, "message": message, "details": details, "additionalInfo": infos}


def _unreadable(why: str) -> Refusal:
    """Return ARM's refusal of a body."""
    message = f"The request content was invalid and could not be deserialized: '{why}'."
    return Refusal(400, "InvalidRequestContent", message)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")
