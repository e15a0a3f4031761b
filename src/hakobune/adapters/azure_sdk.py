"""How the SDK of Azure ML is loaded, logged in and called; what is asked of it: `azure_ml.py`."""

import importlib
import importlib.util
import logging
import threading
from collections.abc import Callable
from typing import Any

from hakobune.adapters.azure_answers import checked
from hakobune.errors import LoginMissingError, SdkMissingError
from hakobune.model.destination import Destination

# A tool that uv or pipx installed has an environment of its own, which gets the extra that way.
INSTALL_SDK = (
    "add the extra: uv tool install 'FILE.whl[azure]' with the tool's wheel (pipx alike), or "
    "beside it: pip install azure-ai-ml azure-identity azure-storage-blob"
)
_MOST_PAGES = 50
# The service may ask for a wait of any length. Longer ones are ours, which are told.
_LONGEST_SLEEP_S = 30.0
# Of the SDK itself: few tries and short waits, because ours come around it, and are told.
OPTIONS: dict[str, Any] = {
    "retry_total": 1,
    "retry_backoff_factor": 0.2,
    "connection_timeout": 20,
    "read_timeout": 120,
}


def sdk() -> Any:
    """Return the SDK's module, kept from chatting on the terminal. Raises SdkMissingError."""
    try:
        # Its classes announce that they are experimental when they are defined, and its uploads
        # what they find; none of that is for our users.
        logging.getLogger("azure").setLevel(logging.ERROR)
        module = importlib.import_module("azure.ai.ml")
        importlib.import_module("azure.identity")
    except ImportError as exc:
        raise SdkMissingError(
            f"Azure ML's SDK is not installed here ({exc.name})",
            remedy=INSTALL_SDK,
        ) from exc
    for name in ("azure", "azure.ai.ml", "azure.identity"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return module


def is_sdk_installed() -> bool:
    """Tell whether the SDK is installed, without the seconds that its import takes."""
    try:
        found = [importlib.util.find_spec(name) for name in ("azure.ai.ml", "azure.identity")]
    except ImportError:  # not even `azure`
        return False
    return all(found)


def connect_by_sdk(to: Destination) -> tuple[Any, Any]:
    """Return the SDK's client for a workspace, and the login that it uses; nothing is asked yet.

    Raises LoginMissingError where the variables of a login are not whole.
    """
    module = sdk()
    # A rehearsal has one login, drydock's; the default looks for others, which are Azure's.
    kind = "DefaultAzureCredential" if to.rehearsal is None else "EnvironmentCredential"
    # A private cloud's authority is not in Microsoft's list of authorities, and that is not asked.
    try:
        login = getattr(importlib.import_module("azure.identity"), kind)(
            disable_instance_discovery=to.is_private_cloud, transport=_transport()
        )
    except ValueError as exc:
        raise LoginMissingError(
            f"the AZURE_* variables are set but are not a valid login: {exc}",
            remedy="correct AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or unset all "
            "three and use az login",
        ) from exc
    client = module.MLClient(
        login,
        to.subscription,
        to.resource_group,
        to.workspace,
        enable_telemetry=False,
        show_progress=False,
        transport=_transport(),
        **OPTIONS,
    )
    return client, login


def _transport() -> Any:
    """Return what sends the SDK's requests, and sleeps between them: at most for a short time.

    The SDK itself sleeps for as long as `Retry-After` says, without a word: until a date, too.
    """
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - slow to import

    timeouts = {name: OPTIONS[name] for name in ("connection_timeout", "read_timeout")}
    transport = RequestsTransport(**timeouts)
    plain = transport.sleep
    transport.sleep = lambda duration: plain(min(duration, _LONGEST_SLEEP_S))
    return transport


def ask_arm(client: Any, resource: str, version: str, **query: str) -> Any:
    """Return what Azure's resource manager says of a resource of another provider, as JSON.

    The SDK has no public call for one. Its own pipeline knows the cloud, the login and retries.
    """
    base = client.compute._operation._config.base_url.rstrip("/")  # noqa: SLF001 - see above
    return _get(client, base + resource, {**query, "api-version": version})


def ask_arm_pages(client: Any, resource: str, version: str, **query: str) -> list[Any]:
    """Return the items of a list of Azure's resource manager, of all its pages.

    Raises AnswerInvalidError for a list without end, and for a next page elsewhere, where the
    login's token must not go.
    """
    base = client.compute._operation._config.base_url.rstrip("/")  # noqa: SLF001 - see ask_arm
    page = ask_arm(client, resource, version, **query)
    found: list[Any] = []
    with checked("a list"):
        for _ in range(_MOST_PAGES):
            found += page["value"]
            following = str(page.get("nextLink") or "")
            if not following:
                return found
            if not following.lower().startswith(f"{base}/".lower()):
                raise ValueError("its next page is at another host")
            page = _get(client, following, {})
        raise ValueError(f"it has more than {_MOST_PAGES} pages")


def _get(client: Any, address: str, query: dict[str, str]) -> Any:
    rest = importlib.import_module("azure.core.rest")
    pipeline = client.compute._operation._client  # noqa: SLF001 - see ask_arm
    answer = pipeline.send_request(rest.HttpRequest("GET", address, params=query))
    answer.raise_for_status()
    with checked("a resource"):
        return answer.json()


def within(limit_s: float, call: Callable[[], object]) -> Exception | None:
    """Return what the call raises; None where it raises nothing, or is not done in this time."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as exc:  # noqa: BLE001 - handed to the caller's thread
            raised.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    return raised[0] if raised else None
