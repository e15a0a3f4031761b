"""From a request to its answer: injected faults, token, route, handler. Uses no socket."""

import logging
import re
from dataclasses import replace
from datetime import date, datetime

from drydock.arm_ids import LOCATION, text_of
from drydock.blob_store import BlobStoreError
from drydock.faults import SLOW_S
from drydock.http_values import VERSION, Answer, Context, Request, paged, refusal_answer
from drydock.refusal import Refusal, not_served
from drydock.routes import Route, find_route
from drydock.state.logins import check_token, token_expired
from drydock.state.workspace import check_ids

_log = logging.getLogger(__name__)
_FAULTS = ("429", "500", "slow-network", "expired-token", "no-permission", "clock-skew")
_ARM = "/subscriptions/"
_JSON = "application/json"
_FIRST_VERSION = date(2014, 4, 1)  # of ARM itself; what each resource has is not compared
CORRELATION = "x-ms-correlation-request-id"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BEHIND_LOGIN = ("expired-token", "no-permission", "clock-skew")


def answer(request: Request, context: Context) -> Answer:
    """Return the answer to a request; a failure is an answer too."""
    began = context.state.clock.now()
    route, names = find_route(request.method, request.path)
    try:
        found = _answer(request, context, route, names)
    except Refusal as refusal:
        found = refusal_answer(refusal)
    except BlobStoreError as exc:
        found = refusal_answer(
            Refusal(503, "StorageUnreachable", f"the blob store does not answer: {exc}")
        )
    except Exception as exc:  # noqa: BLE001 - the request's boundary: a client must get an answer
        _log.exception("%s %s", request.method, request.path)
        found = refusal_answer(Refusal(500, "DrydockBug", f"drydock failed: {exc!r}"))
    found = _attributed(found, request, context, began)
    correlation = found.headers[CORRELATION]
    _log.info("%s %s %s %s %s", found.status, request.method, request.path, route.name, correlation)
    return found


def refused(refusal: Refusal, context: Context) -> Answer:
    """Return the answer to a request that cannot be read."""
    request = Request(method="", path="", query={}, headers={}, body=b"")
    return _attributed(refusal_answer(refusal), request, context, context.state.clock.now())


def _answer(request: Request, context: Context, route: Route, names: dict[str, str]) -> Answer:
    failed = _inject(request, context, route)
    if failed is not None:
        return failed
    if not route.is_open:
        check_token(
            context.state.workspace,
            request.headers.get("authorization", ""),
            context.state.clock.now(),
            is_for_jobs=route.is_for_jobs,
        )
    is_change = request.method != "GET" and request.path.lower().startswith(_ARM)
    occasions = (route.name, f"{request.method} {request.path}")
    if is_change and context.state.faults.take(("role-missing",), *occasions):
        raise _unauthorized(request, context)  # the role Reader allows none
    if route.handler is None:
        raise not_served(f"drydock does not serve {request.method} {request.path} ({route.name}).")
    _check_head(request, context.state.clock.now())
    check_ids(context.state.arm_ids, names)
    asked = Request(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=request.body,
        names=names,
    )
    found = route.handler(asked, context)
    # The sizes and quotas of a location are on one page, of which the SDK reads no other.
    within = context.state.arm_ids.workspace_id.lower()
    is_list = request.method == "GET" and request.path.lower().startswith(f"{within}/")
    return paged(found, request, context.state.address) if is_list else found


def _unauthorized(request: Request, context: Context) -> Refusal:
    """Return ARM's refusal of what no role of the caller allows.

    https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
    """
    scope, _, kind = request.path.rpartition("/providers/")
    provider, *parts = kind.split("/")
    verb = {"PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
    action = "/".join([provider, *parts[::2], verb.get(request.method, "read")])
    client = context.state.workspace.client
    return Refusal(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{client}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}/providers/{kind}' or the scope is invalid. If "
        "access was recently granted, please refresh your credentials.",
    )


def _check_head(request: Request, now: datetime) -> None:
    """Refuse a request of the management plane that ARM refuses before it is looked into.

    It needs a version of the API, which is a day that was already, and a body in JSON.
    """
    if not request.path.lower().startswith(_ARM):
        return
    version = request.query.get("api-version", "")
    if not version:
        raise Refusal(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not VERSION.fullmatch(version) or not _is_past(version[:10], now):
        raise Refusal(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid: versions are like 2023-04-01-preview.",
        )
    kind = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if request.body and kind != _JSON:
        raise Refusal(
            415,
            "UnsupportedMediaType",
            f"The content media type '{kind}' is not supported. Only '{_JSON}' is supported.",
        )


def _is_past(day: str, now: datetime) -> bool:
    try:
        return _FIRST_VERSION <= date.fromisoformat(day) <= now.date()
    except ValueError:
        return False


def _attributed(found: Answer, request: Request, context: Context, began: datetime) -> Answer:
    """Add the ids that support asks for: headers on each answer, `additionalInfo` in an error.

    As recorded from the service. ARM keeps a client's own correlation id.
    """
    state = context.state
    now = state.clock.now()
    asked = request.headers.get(CORRELATION, "")
    correlation = asked if _GUID.fullmatch(asked) else state.ids.guid()
    headers = {
        CORRELATION: correlation,
        "x-ms-request-id": state.ids.guid(),
        "x-request-time": f"{(now - began).total_seconds():.3f}",
    }
    error = found.body.get("error") if isinstance(found.body, dict) else None
    if isinstance(error, dict) and "additionalInfo" in error:
        operation = {
            "operation": correlation.replace("-", ""),
            "request": headers["x-ms-request-id"],
        }
        values: dict[str, object] = {
            "ComponentName": "drydock",
            "Correlation": operation,
            "Environment": LOCATION,
            "Location": LOCATION,
            "Time": text_of(now),
        }
        infos = [{"type": name, "info": {"value": value}} for name, value in values.items()]
        described = {**error, "additionalInfo": [*infos, *error["additionalInfo"]]}
        found = replace(found, body={"error": described})
    return replace(found, headers={**headers, **found.headers})


def _inject(request: Request, context: Context, route: Route) -> Answer | None:
    """Return the answer of an injected fault, or None if the request is to be handled."""
    occasions = (route.name, f"{request.method} {request.path}")
    kinds = tuple(kind for kind in _FAULTS if not (route.is_open and kind in _BEHIND_LOGIN))
    match context.state.faults.take(kinds, *occasions):
        case "429":
            refusal = Refusal(429, "TooManyRequests", "Too many requests. Try again in 1 second.")
            return Answer(
                status=429, body=refusal_answer(refusal).body, headers={"Retry-After": "1"}
            )
        case "500":
            raise Refusal(500, "InternalServerError", "An internal error occurred (injected).")
        case "expired-token":
            raise token_expired()
        case "no-permission":
            raise _unauthorized(request, context)
        case "clock-skew":
            raise Refusal(
                401,
                "InvalidAuthenticationToken",
                "The access token is not yet valid: this machine's clock is behind.",
            )
        case "slow-network":
            context.state.clock.sleep(SLOW_S)
    return None
