"""The token endpoint, for a client with a secret."""

from urllib.parse import urlsplit

from drydock.http_values import Answer, Context, Request
from drydock.proxy import LOGIN_HOST
from drydock.refusal import Refusal, bad_request
from drydock.state.logins import LIFETIME, check_tenant, issue_token
from drydock.workspace_state import WorkspaceState

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_REFUSALS = {
    "expired-secret": (
        401,
        "invalid_client",
        "AADSTS7000222: The provided client secret keys are expired.",
    ),
    "expired-assertion": (
        401,
        "invalid_client",
        "AADSTS700024: Client assertion is not within its valid time range.",
    ),
    "mfa-required": (
        400,
        "interaction_required",
        "AADSTS50076: You must use multi-factor authentication to access the resource.",
    ),
    "conditional-access": (
        400,
        "access_denied",
        "AADSTS53003: Access has been blocked by Conditional Access policies.",
    ),
}


def instance_discovery(request: Request, context: Context) -> Answer:
    """Confirm that drydock is an authority. The SDK asks Microsoft's own host for this."""
    asked = urlsplit(request.query.get("authorization_endpoint", ""))
    # The SDK omits the port; before it retries a login it asks for Microsoft's aliases.
    if asked.hostname not in (urlsplit(context.state.address).hostname, LOGIN_HOST):
        return Answer(status=400, body={"error": "invalid_instance"})
    tenant = asked.path.strip("/").split("/")[0]
    configuration_of = f"{context.state.address}/{tenant}/v2.0/.well-known/openid-configuration"
    return Answer(
        body={
            "tenant_discovery_endpoint": configuration_of,
            "api-version": "1.1",
            "metadata": [],
        }
    )


def configuration(request: Request, context: Context) -> Answer:
    """Describe the tenant's endpoints."""
    tenant = request.names["tenant"]
    base = f"{context.state.address}/{tenant}"
    try:
        check_tenant(context.state.workspace, tenant)
    except Refusal as refusal:
        return _refused(refusal)
    return Answer(
        body={
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


def token(request: Request, context: Context) -> Answer:
    """Issue a token for the identity."""
    form = request.form()
    try:
        issued = _issued(request.names["tenant"], form, context.state)
    except Refusal as refusal:
        return _refused(refusal)
    seconds = int(LIFETIME.total_seconds())
    return Answer(
        body={
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": issued,
        }
    )


def _issued(tenant: str, form: dict[str, str], state: WorkspaceState) -> str:
    check_tenant(state.workspace, tenant)
    if form.get("grant_type") != "client_credentials":
        raise bad_request("AADSTS70003: drydock supports the grant type client_credentials only.")
    if (kind := state.faults.take(tuple(_REFUSALS), "login_token")) is not None:
        raise Refusal(*_REFUSALS[kind])
    return issue_token(
        state.workspace,
        form.get("client_id", ""),
        form.get("client_secret", ""),
        form.get("scope", ""),
        state.clock.now(),
    )


def _refused(refusal: Refusal) -> Answer:
    return Answer(
        status=refusal.status,
        body={
            "error": refusal.code,
            "error_description": refusal.message,
            "error_codes": [int(refusal.message[6:].split(":")[0])],
        },
    )
