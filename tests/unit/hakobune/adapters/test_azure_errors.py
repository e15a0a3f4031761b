import errno

import pytest

from hakobune.adapters.azure_errors import is_missing, meaning
from hakobune.adapters.patience import TransientError
from hakobune.errors import (
    AssertionExpiredError,
    CloudUnknownError,
    ConditionalAccessError,
    DiskFullError,
    HakobuneError,
    LoginExpiredError,
    LoginMissingError,
    MfaRequiredError,
    PermissionMissingError,
    QuotaExceededError,
    ServiceRefusedError,
    StorageFirewallError,
    StorageKeysRefusedError,
    StorageRoleMissingError,
    TenantWrongError,
)


class AzureError(Exception):
    """Named as the SDK's base class: the names are what counts."""


class HttpResponseError(AzureError):
    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status_code = status
        self.response = type("Response", (), {"headers": headers or {}})()


class ClientAuthenticationError(AzureError):
    pass


class ServiceResponseError(AzureError):
    pass


# The SDK's name, which is no name for a class of ours.
MlException = type("MlException", (Exception,), {})


IMDS = "HTTPConnection(host='169.254.169.254', port=80): Connection refused"
NO_HOST = "HTTPSConnection(host='login.microsoftonline.com', port=443): Failed to resolve"


@pytest.mark.parametrize(
    ("exc", "error"),
    [
        (ClientAuthenticationError("DefaultAzureCredential failed"), LoginMissingError),
        (ClientAuthenticationError(f"ManagedIdentityCredential: {IMDS}"), LoginMissingError),
        (ClientAuthenticationError(f"Authentication failed: {NO_HOST}"), TransientError),
        (ClientAuthenticationError("Authentication failed: HTTP Error: 503"), TransientError),
        (ClientAuthenticationError("AADSTS90033: A transient error occurred"), TransientError),
        (ClientAuthenticationError("AADSTS7000222: the secret is expired"), LoginExpiredError),
        (ClientAuthenticationError("AADSTS700082: refresh token expired"), LoginExpiredError),
        (ClientAuthenticationError("AADSTS700024: not within its time"), AssertionExpiredError),
        (ClientAuthenticationError("AADSTS50076: use MFA"), MfaRequiredError),
        (ClientAuthenticationError("AADSTS53003: blocked"), ConditionalAccessError),
        (HttpResponseError(403, "KeyBasedAuthenticationNotPermitted"), StorageKeysRefusedError),
        (HttpResponseError(403, "AuthorizationPermissionMismatch"), StorageRoleMissingError),
        (HttpResponseError(403, "ErrorCode:AuthorizationFailure"), StorageFirewallError),
        (ClientAuthenticationError("AADSTS90002: Tenant 'x' not found"), TenantWrongError),
        (
            ClientAuthenticationError("Unable to get authority configuration for https://a/b"),
            TenantWrongError,
        ),
        (HttpResponseError(401, "(ExpiredAuthenticationToken) ..."), LoginExpiredError),
        (HttpResponseError(401, "(InvalidAuthenticationTokenTenant) ..."), TenantWrongError),
        (HttpResponseError(401, "(InvalidAuthenticationToken) ..."), LoginMissingError),
        (HttpResponseError(403, "(AuthorizationFailed) ..."), PermissionMissingError),
        (HttpResponseError(400, "(ClusterCoreQuotaReached) ..."), QuotaExceededError),
        (HttpResponseError(400, "(ValidationError) ..."), ServiceRefusedError),
        (HttpResponseError(409, "(Conflict) ..."), ServiceRefusedError),
        (HttpResponseError(501, "(NotImplemented) ..."), ServiceRefusedError),
        (
            ClientAuthenticationError("Signature not valid in the specified time frame: ..."),
            TransientError,
        ),
        (HttpResponseError(429, "slowly"), TransientError),
        (HttpResponseError(503, "down"), TransientError),
        (
            ServiceResponseError("Bearer token authentication is not permitted for non-TLS URLs"),
            ServiceRefusedError,
        ),
        (ServiceResponseError("Connection broken: IncompleteRead"), TransientError),
        (AzureError("('Connection broken: IncompleteRead(529 bytes read)',)"), TransientError),
        (AzureError("The quota of cores is used up"), QuotaExceededError),
        (MlException('Unknown cloud environment "Drydock".'), CloudUnknownError),
        (MlException("cannot be validated"), ServiceRefusedError),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
    ],
)
def test_an_exception_of_the_sdk_becomes_one_of_ours(
    exc: Exception, error: type[HakobuneError | TransientError]
) -> None:
    found = meaning(exc, "job demo-1")
    assert type(found) is error
    assert found.what.startswith("job demo-1: ")


def test_what_is_none_of_the_sdk_s_is_none_of_ours() -> None:
    assert meaning(ZeroDivisionError("x"), "job demo-1") is None
    assert meaning(OSError(errno.EACCES, "x"), "job demo-1") is None


def test_a_wait_that_the_service_asks_for_is_kept() -> None:
    found = meaning(HttpResponseError(429, "x", {"Retry-After": "11"}), "job")
    assert isinstance(found, TransientError)
    assert found.pause_s == 11
    for odd in ("Wed, 21 Oct", "-5", "\xb2", "9" * 400, "nan", ""):
        none = meaning(HttpResponseError(429, "x", {"Retry-After": odd}), "job")
        assert isinstance(none, TransientError)
        assert none.pause_s == 0


def test_a_page_in_place_of_an_answer_leads_to_the_network() -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}
    for exc in (
        HttpResponseError(200, "JSON is invalid: Content: <!DOCTYPE html>"),
        *(HttpResponseError(status, "<html>", page) for status in (302, 401, 403, 404, 407)),
    ):
        found = meaning(exc, "job")
        assert isinstance(found, ServiceRefusedError)
        assert "cannot be read" in found.what
        assert "proxy" in found.remedy
    login = (
        "EnvironmentCredential: Authentication failed: Expecting value: line 1 column 1 (char 0)"
    )
    whole = (
        f"DefaultAzureCredential failed to retrieve a token.\nAttempted credentials:\n\t{login}\n"
    )
    found = meaning(ClientAuthenticationError(f"{whole}To mitigate this issue, refer to"), "job")
    assert isinstance(found, ServiceRefusedError)
    assert found.what == f"job: the service's answer cannot be read ({login})"
    assert not is_missing(HttpResponseError(404, "<html>", page))
    assert isinstance(meaning(HttpResponseError(502, "<html>", page), "job"), TransientError)


@pytest.mark.parametrize(
    "text",
    [
        "GET https://store/x?sv=1&sig=TOPSECRET%3D&se=2 failed",
        "DefaultEndpointsProtocol=https;AccountKey=TOPSECRET==;x",
        "client_secret=TOPSECRET&scope=x",
        "Authorization: Bearer TOPSECRET",
        "SharedKey account:TOPSECRET",
    ],
)
def test_no_secret_is_told(text: str) -> None:
    found = meaning(HttpResponseError(400, text), "file")
    assert found is not None
    assert "TOPSECRET" not in found.what
    assert "***" in found.what


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 501, 503])
@pytest.mark.parametrize("header", ["x-ms-correlation-request-id", "x-ms-request-id"])
def test_every_error_of_the_service_has_the_id_that_support_asks_for(
    status: int, header: str
) -> None:
    answer = "11111111-2222-3333-4444-555555555555"
    found = meaning(HttpResponseError(status, "x", {header: answer, "Retry-After": "3"}), "job")
    assert found is not None
    assert found.what.endswith(f" (correlation id {answer})")
    if isinstance(found, TransientError):
        assert found.pause_s == 3
    else:
        assert answer in str(found)
        assert found.remedy


@pytest.mark.parametrize("text", ["", "a\x1b[2J", "x" * 20, "1" * 65])
def test_what_is_no_id_is_not_shown(text: str) -> None:
    found = meaning(HttpResponseError(400, "x", {"x-ms-correlation-request-id": text}), "job")
    assert found is not None
    assert "correlation id" not in found.what


def test_a_long_answer_is_cut() -> None:
    found = meaning(HttpResponseError(400, "x" * 5000), "file")
    assert found is not None
    assert len(found.what) < 400


def test_only_a_404_means_that_there_is_no_such_thing() -> None:
    assert is_missing(HttpResponseError(404, "x"))
    assert not is_missing(HttpResponseError(403, "x"))
    assert not is_missing(ValueError("x"))


@pytest.mark.parametrize(
    "exc",
    [
        HttpResponseError(401, "(InvalidAuthenticationToken) The access token is not yet valid"),
        ClientAuthenticationError("Request date header too old: '...'"),
    ],
)
def test_a_wrong_clock_is_told_as_such_and_not_as_a_missing_login(exc: Exception) -> None:
    error = meaning(exc, "job demo-1")
    assert isinstance(error, LoginMissingError)
    assert "clock" in error.remedy
