"""From a request to its answer: weather, token, route, handler. Knows no socket."""

import logging

from drydock.exchange import Answer, Request, Stage, refusal_answer
from drydock.refusal import Refusal
from drydock.routes import Route, find_route
from drydock.state.logins import check_token, token_expired
from drydock.state.workspace import check_scope
from drydock.weather import SLOW_S

_log = logging.getLogger(__name__)
_FAULTS = ("429", "500", "slow-network", "expired-token", "no-permission", "clock-skew")
_BEHIND_LOGIN = ("expired-token", "no-permission", "clock-skew")


def answer(request: Request, stage: Stage) -> Answer:
    """Return the answer to a request. Whatever goes wrong is an answer too."""
    route, names = find_route(request.method, request.path)
    try:
        found = _answer(request, stage, route, names)
    except Refusal as refusal:
        found = refusal_answer(refusal)
    except Exception as exc:  # noqa: BLE001 - the request's boundary: a client must not wait for ever
        _log.exception("%s %s", request.method, request.path)
        found = refusal_answer(Refusal(500, "DrydockBug", f"drydock failed: {exc!r}"))
    _log.info("%s %s %s %s", found.status, request.method, request.path, route.name)
    return found


def _answer(request: Request, stage: Stage, route: Route, names: dict[str, str]) -> Answer:
    struck = _strike(request, stage, route)
    if struck is not None:
        return struck
    if not route.is_open:
        check_token(
            stage.world.workspace,
            request.headers.get("authorization", ""),
            stage.world.clock.now(),
            is_for_jobs=route.is_for_jobs,
        )
    if route.handler is None:
        raise Refusal(
            501,
            "NotServedByDrydock",
            f"drydock does not serve {request.method} {request.path} ({route.name}).",
        )
    check_scope(stage.world.scope, names)
    asked = Request(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=request.body,
        names=names,
    )
    return route.handler(asked, stage)


def _strike(request: Request, stage: Stage, route: Route) -> Answer | None:
    """Return the answer that the weather gives, or None in fair weather."""
    occasions = (route.name, f"{request.method} {request.path}")
    kinds = tuple(kind for kind in _FAULTS if not (route.is_open and kind in _BEHIND_LOGIN))
    match stage.world.weather.strikes(kinds, *occasions):
        case "429":
            refusal = Refusal(429, "TooManyRequests", "Too many requests. Try again in 1 second.")
            return Answer(
                status=429, body=refusal_answer(refusal).body, headers={"Retry-After": "1"}
            )
        case "500":
            raise Refusal(500, "InternalServerError", "An internal error occurred (weather).")
        case "expired-token":
            raise token_expired()
        case "no-permission":
            raise Refusal(
                403,
                "AuthorizationFailed",
                f"The client '{stage.world.workspace.client}' does not have authorization to "
                f"perform action '{route.name}' over scope '{stage.world.scope.workspace_id}'.",
            )
        case "clock-skew":
            raise Refusal(
                401,
                "InvalidAuthenticationToken",
                "The access token is not yet valid: this machine's clock is behind.",
            )
        case "slow-network":
            stage.world.clock.sleep(SLOW_S)
    return None
