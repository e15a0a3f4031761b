"""What Azure's exceptions mean. They are known by their names and status: nothing is imported."""

import re
from collections.abc import Callable
from typing import TypeVar

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
from hakobune.model.forms import is_of

T = TypeVar("T")
_LONGEST = 300
_IDS = ("x-ms-correlation-request-id", "x-ms-request-id")
_SECRETS = re.compile(
    r"(?i)(sig=|accountkey=|client_secret=|sharedkey [^:\s]+:|bearer )[^&\s\"';,]+"
)
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_WRONG_TENANT = (
    "AADSTS90002",
    "AADSTS900023",
    "AADSTS50020",
    "InvalidAuthenticationTokenTenant",
    "Unable to get authority configuration",  # MSAL's words for a tenant that nobody knows
)
_EXPIRED_TOKEN = ("ExpiredAuthenticationToken", "token is expired", "token has expired")
_EXPIRED = ("AADSTS700082", "AADSTS70043", "AADSTS50173", "AADSTS7000222", *_EXPIRED_TOKEN)
_LOGINS: tuple[tuple[type[HakobuneError], tuple[str, ...], str, str], ...] = (
    (
        TenantWrongError,
        _WRONG_TENANT,
        "the login belongs to another tenant",
        "az login --tenant <the subscription's tenant>, or correct AZURE_TENANT_ID",
    ),
    (
        AssertionExpiredError,
        ("AADSTS700024",),
        "the assertion of the federated login has expired",
        "log in again, in this step or the next one (on GitHub: azure/login)",
    ),
    (
        MfaRequiredError,
        ("AADSTS50074", "AADSTS50076", "AADSTS50079"),
        "Azure asks for multi-factor authentication",
        (
            "az login --tenant <tenant>, in a browser; in a script use a service principal or a "
            "managed identity, which need no second factor"
        ),
    ),
    (
        ConditionalAccessError,
        ("AADSTS53000", "AADSTS53001", "AADSTS53002", "AADSTS53003", "AADSTS53011"),
        "a Conditional Access policy refuses this login",
        (
            "run the command on a machine and network that the policy allows; the tenant's "
            "administrator sees in the sign-in log which policy it is"
        ),
    ),
    (
        LoginExpiredError,
        _EXPIRED,
        "the login has expired",
        "az login; for a service principal: a new secret in AZURE_CLIENT_SECRET",
    ),
)
# The login server is not there or busy. Of HTTPS only: where no credential is there, the SDK also
# tries a machine's own (http://169.254.169.254), and its text tells that nothing answered.
_LOGIN_DOWN = re.compile(
    r"HTTPSConnection(Pool)?\(host=|Authentication failed: [^\n]*(Unable to connect to proxy|"
    r"Connection (broken|aborted|reset)|IncompleteRead)|HTTP Error: (429|5[0-9]{2})|"
    r"TooManyRequests|temporarily_unavailable|AADSTS(50196|90033|90055)\b"
)
_LOGIN_PAGE = re.compile(
    r"Authentication failed: (JSON is invalid|Expecting value|maximum recursion|'\w+' object)"
)
# What the SDK says around the one line of several credentials that tells something.
_AROUND = ("DefaultAzureCredential failed to ret", "Attempted credentials:", "To mitigate this")
_QUOTA = re.compile(r"quota|CoreLimit|cores? limit|OperationNotAllowed", re.IGNORECASE)
_DROPPED = (
    "ServiceRequestError",
    "ServiceResponseError",
    "IncompleteReadError",
    "ServiceRequestTimeoutError",
    "ServiceResponseTimeoutError",
    "ConnectionError",
    "ChunkedEncodingError",
    "ReadTimeout",
    "ConnectTimeout",
    "ProtocolError",
    "ReadTimeoutError",
)
# In the midst of a download the storage client gives it no class of its own.
_BROKEN = re.compile(r"Connection (broken|aborted|reset)|IncompleteRead|timed out")
# A signature lives for hours; whoever asks again is given a new one.
_SIGNATURE = "Signature not valid in the specified time frame"
_CLOCK = re.compile(r"not yet valid|date header too old", re.IGNORECASE)
# Each code of the storage has a remedy of its own.
# https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
_STORAGE: dict[str, tuple[type[HakobuneError], str, str]] = {
    "KeyBasedAuthenticationNotPermitted": (
        StorageKeysRefusedError,
        "the storage allows no account keys",
        (
            "let its datastores use identities: az ml workspace update --name <workspace> "
            "--system-datastores-auth-mode identity; your login then needs the role Storage Blob "
            "Data Contributor"
        ),
    ),
    "AuthorizationPermissionMismatch": (
        StorageRoleMissingError,
        "no role for the data in the storage",
        (
            "ask the owner of the storage account for the role Storage Blob Data Contributor (to "
            "fetch only: Reader); AzureML Data Scientist does not include it"
        ),
    ),
    "AuthorizationFailure": (
        StorageFirewallError,
        "the storage's firewall refuses this machine",
        (
            "run the command inside the storage's network, or ask its owner to let this machine's "
            "address in (the account's page: Networking)"
        ),
    ),
}
# The SDK's words where a redirect leads to plain HTTP, to which it hands no token.
_PLAIN = re.compile(r"not permitted for non-TLS")
_BUSY = (408, 425, 429)
_SECONDS = re.compile(r"[0-9]{1,9}")
_NOT_IMPLEMENTED = 501


def meaning(exc: BaseException, doing: str) -> HakobuneError | TransientError | None:
    """Return the error of ours that an exception of Azure's SDK is; None where it is none of its.

    `doing` names what was asked, such as `job demo-1`. The text ends with the id by which support
    finds the request, if the answer has one.
    """
    found, answer = _of_a_page(exc, doing) or _meaning(exc, doing), _answer_id(exc)
    if found is None or not answer:
        return found
    what = f"{found.what} (correlation id {answer})"
    if isinstance(found, TransientError):
        return TransientError(what, pause_s=found.pause_s)
    return type(found)(what, remedy=found.remedy, place=found.place)


def _answer_id(exc: BaseException) -> str:
    """Return the id of the service's answer: of ARM and Azure ML, or of storage and the login."""
    headers = getattr(getattr(exc, "response", None), "headers", None) or {}
    found = [str(headers.get(name) or "") for name in _IDS]
    return next((text for text in found if is_of("service id", text)), "")


def _of_a_page(exc: BaseException, doing: str) -> HakobuneError | None:
    """Return the error for a page, or a way to one; that of a server that is down is none."""
    if _PLAIN.search(str(exc)):
        return _no_answer(f"it leads to an address without TLS: {_said(exc)}", doing)
    status = getattr(exc, "status_code", None)
    if status is None or status >= 500 or not _is_page(exc):  # noqa: PLR2004 - the HTTP status
        return None
    return _no_answer(f"a page came with the status {status}: {_said(exc)}", doing)


def _meaning(exc: BaseException, doing: str) -> HakobuneError | TransientError | None:
    if isinstance(exc, OSError) and exc.errno == 28:  # noqa: PLR2004 - ENOSPC
        return DiskFullError(
            f"{doing}: {exc.strerror}", remedy="free some space, then run the command again"
        )
    names = {kind.__name__ for kind in type(exc).__mro__}
    said = _said(exc)
    status = getattr(exc, "status_code", None)
    if "ClientAuthenticationError" in names or status == 401:  # noqa: PLR2004 - the HTTP status
        return _login(str(exc), said, doing)
    if status is not None:
        return _answered(exc, int(status), said, doing)
    if names & set(_DROPPED) or _BROKEN.search(str(exc)):
        return TransientError(f"{doing}: the connection failed ({said})")
    if names & {"AzureError", "MlException", "MarshmallowError"}:
        return _refused_here(str(exc), said, doing)
    return None


def _refused_here(text: str, said: str, doing: str) -> HakobuneError:
    """Return what the SDK complains of without having asked, or after a long operation."""
    if "unknown cloud environment" in text.lower():
        return CloudUnknownError(
            f"{doing}: {said}",
            remedy="AZUREML_CURRENT_CLOUD names a cloud that ARM_CLOUD_METADATA_URL does not "
            "describe, or nothing answers there; start it, or unset both for Azure itself",
        )
    if _QUOTA.search(text):
        return _quota(said, doing)
    return ServiceRefusedError(f"{doing}: {said}", remedy="fix the item named above and retry")


def translated(doing: str, call: Callable[[], T]) -> T:
    """Return what the call returns; what Azure's SDK raises becomes an error of ours."""
    try:
        return call()
    except (HakobuneError, TransientError):
        raise
    except Exception as exc:
        found = meaning(exc, doing) or unreadable(exc, doing)
        if found is None:
            raise
        raise found from exc


def unreadable(exc: BaseException, doing: str) -> HakobuneError | None:
    """Return the error that an answer is which the SDK cannot read; None where a bug is ours.

    The SDK does not check answers: what has another form, or is nested too deeply, makes it raise
    AttributeError, RecursionError and the like. They are known by the code that raised them.
    """
    raised_by, step = "", exc.__traceback__
    while step is not None:
        name = str(step.tb_frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in ("azure", "hakobune"):
            raised_by = name.partition(".")[0]
        step = step.tb_next
    if raised_by != "azure":
        return None
    return _no_answer(type(exc).__name__, doing)


def _no_answer(why: str, doing: str) -> HakobuneError:
    return ServiceRefusedError(
        f"{doing}: the service's answer cannot be read ({why})",
        remedy="find out whether a proxy or a page to log in to this network answers in its place "
        "(HTTPS_PROXY, NO_PROXY); if not, look at it in the studio, and run the command again",
    )


def is_missing(exc: BaseException) -> bool:
    """Tell whether the exception means: there is no such thing. Azure says so, and not a page."""
    return getattr(exc, "status_code", None) == 404 and not _is_page(exc)  # noqa: PLR2004 - HTTP's


def _is_page(exc: BaseException) -> bool:
    """Tell whether a page came, which is for people: no part of Azure answers a program so."""
    headers = getattr(getattr(exc, "response", None), "headers", None) or {}
    return str(headers.get("Content-Type") or "").lower().startswith("text/html")


def is_token_expired(exc: BaseException) -> bool:
    """Tell whether the service refused the token for its age; another one may be had."""
    is_refused = getattr(exc, "status_code", None) == 401  # noqa: PLR2004 - the HTTP status
    return is_refused and any(word in str(exc) for word in _EXPIRED_TOKEN)


def _login(text: str, said: str, doing: str) -> HakobuneError | TransientError:
    if _SIGNATURE in text:
        return TransientError(f"{doing}: the signature has expired")
    if _CLOCK.search(text):
        return LoginMissingError(
            f"{doing}: Azure rejects the login because this machine's clock is wrong ({said})",
            remedy="set this machine's clock right, then run the same command again",
        )
    for kind, codes, what, remedy in _LOGINS:
        if any(code in text for code in codes):
            return kind(f"{doing}: {what} ({said})", remedy=remedy)
    if _LOGIN_PAGE.search(text):
        return _no_answer(said, doing)
    if _LOGIN_DOWN.search(text):
        return TransientError(f"{doing}: the login server does not answer ({said})")
    return LoginMissingError(
        f"{doing}: not logged in to Azure ({said})",
        remedy="az login, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
    )


def _answered(
    exc: BaseException, status: int, said: str, doing: str
) -> HakobuneError | TransientError:
    if status in _BUSY or (status >= 500 and status != _NOT_IMPLEMENTED):  # noqa: PLR2004 - HTTP's
        headers = getattr(getattr(exc, "response", None), "headers", None) or {}
        asked = str(headers.get("Retry-After", "0"))
        pause = float(asked) if _SECONDS.fullmatch(asked) else 0.0
        return TransientError(f"{doing}: the service answers {status}", pause_s=pause)
    if status < 400:  # noqa: PLR2004 - HTTP's: what came is not what was asked for
        return _no_answer(said, doing)
    if _QUOTA.search(str(exc)):
        return _quota(said, doing)
    code = re.search(rf"\b(?:{'|'.join(_STORAGE)})\b", _code_and_text(exc))
    if code:
        kind, what, remedy = _STORAGE[code[0]]
        return kind(f"{doing}: {what} ({said})", remedy=remedy)
    if status == 403:  # noqa: PLR2004 - the HTTP status
        return PermissionMissingError(
            f"{doing}: the login lacks the permission ({said})",
            remedy="ask the workspace's owner for the role AzureML Data Scientist "
            "(to create a compute: AzureML Compute Operator)",
        )
    return ServiceRefusedError(
        f"{doing}: the service answers {status}: {said}",
        remedy="fix the item named above and retry",
    )


def _code_and_text(exc: BaseException) -> str:
    """Return the storage's code, which an answer to HEAD has in a header only, and the text."""
    code = getattr(exc, "error_code", "") or ""
    return f"{getattr(code, 'value', code)} {exc}"


def _quota(said: str, doing: str) -> QuotaExceededError:
    return QuotaExceededError(
        f"{doing}: {said}",
        remedy="ask for more quota in the Azure portal (Quotas), "
        "choose another --size, or try --low-priority",
    )


def _said(exc: BaseException) -> str:
    """Return the exception's first words, without anything that may be a secret."""
    lines = [line.strip() for line in str(exc).splitlines()]
    lines = [line for line in lines if line and not line.startswith(_AROUND)]
    text = _SECRETS.sub(r"\1***", " ".join(lines) or type(exc).__name__)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
