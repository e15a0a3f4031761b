"""Authentication: issues tokens for the identity's secret, and checks them in each request."""

import hmac
from datetime import datetime, timedelta
from typing import Any

import jwt

from drydock.refusal import Refusal
from drydock.state.workspace import Workspace

LIFETIME = timedelta(hours=1)
# The service's plugin renews the token in time; no rehearsed job runs for that long.
RUN_LIFETIME = timedelta(days=7)


def check_tenant(workspace: Workspace, tenant: str) -> None:
    """Refuse every tenant but the workspace's own."""
    if tenant.lower() != workspace.tenant.lower():
        raise Refusal(
            400,
            "invalid_tenant",
            f"AADSTS90002: Tenant '{tenant}' not found. "
            "Check to make sure you have the correct tenant ID.",
        )


def issue_token(workspace: Workspace, client: str, secret: str, scope: str, now: datetime) -> str:
    """Return a token for the identity; refuse other ones."""
    if client.lower() != workspace.client.lower():
        raise Refusal(
            400,
            "unauthorized_client",
            f"AADSTS700016: Application with identifier '{client}' was not found in the directory.",
        )
    if not hmac.compare_digest(secret.encode(), workspace.client_secret.encode()):
        raise Refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
    claims = {
        "aud": scope.removesuffix("/.default").rstrip("/"),
        "iss": "drydock",
        "tid": workspace.tenant,
        "oid": workspace.client,
        "appid": workspace.client,
        "iat": now,
        "nbf": now - timedelta(minutes=5),
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, workspace.token_key, algorithm="HS256")


def issue_run_token(workspace: Workspace, run: str, now: datetime) -> str:
    """Return a job's token, which is valid for its run history only."""
    claims = {"iss": "drydock", "run": run, "iat": now, "exp": now + RUN_LIFETIME}
    return jwt.encode(claims, workspace.token_key, algorithm="HS256")


def check_token(
    workspace: Workspace,
    authorization: str,
    now: datetime,
    *,
    is_for_jobs: bool = False,
    audience: str = "",
) -> None:
    """Refuse a missing, foreign or expired token, and a job's token on other routes.

    With `audience`, a token that was issued for another service is refused, too.
    """
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Refusal(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
    claims = _claims_of(workspace, token)
    if now.timestamp() >= float(claims["exp"]):
        raise token_expired()
    if audience and claims.get("aud") != audience:
        raise Refusal(
            401,
            "InvalidAuthenticationInfo",
            f"Audience validation failed: the token is for {claims.get('aud')}.",
        )
    if "run" in claims and not is_for_jobs:
        raise Refusal(
            403,
            "AuthorizationFailed",
            f"The token of the run '{claims['run']}' is valid for its run history only.",
        )


def token_expired() -> Refusal:
    """Return the refusal of an expired token."""
    return Refusal(
        401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now."
    )


def _claims_of(workspace: Workspace, token: str) -> dict[str, Any]:
    try:
        # `check_token` compares the time with drydock's clock; drydock accepts every audience.
        return jwt.decode(
            token,
            workspace.token_key,
            algorithms=["HS256"],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "require": ["exp"],
            },
        )
    except jwt.InvalidTokenError as exc:
        raise Refusal(
            401, "InvalidAuthenticationToken", f"The access token is invalid: {exc}."
        ) from exc
