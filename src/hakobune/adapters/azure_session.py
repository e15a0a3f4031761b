"""A workspace's session: login, the SDK's client, storage, and errors of ours for the SDK's."""

import contextlib
import io
from collections.abc import Callable
from typing import Any, TypeVar

from hakobune.adapters import blob_store
from hakobune.adapters.azure_answers import checked
from hakobune.adapters.azure_errors import is_missing, is_token_expired, translated
from hakobune.adapters.azure_sdk import OPTIONS, connect_by_sdk
from hakobune.adapters.patience import Patience
from hakobune.errors import WorkspaceNotFoundError
from hakobune.model.destination import Destination
from hakobune.model.forms import required

T = TypeVar("T")


class AzureSession:
    """What every call to the workspace has in common. Nothing is asked before the first one."""

    def __init__(
        self,
        destination: Destination,
        patience: Patience,
        *,
        connect: Callable[[Destination], tuple[Any, Any]] | None = None,
    ) -> None:
        self._to = destination
        self._patience = patience
        self._connect = connect or connect_by_sdk
        self._client: Any = None
        self._login: Any = None
        self._workspace: Any = None
        self._containers: dict[str, Any] = {}

    def _asked(self, doing: str, ask: Callable[[Any], T]) -> T:
        """Return the SDK's answer; what it raises becomes an error of ours."""

        def silently() -> T:
            client = self._connected()
            # The SDK draws its uploads on the terminal even where it was asked not to.
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                return ask(client)

        return self._patience(lambda: translated(doing, lambda: self._logged_in(silently)))

    def _logged_in(self, call: Callable[[], T]) -> T:
        """Return what the call returns; once more with a new login where its token is too old.

        The SDK keeps a token for as long as this machine's clock says, and sends it again and again
        where the service says otherwise. A new login has none yet.
        """
        try:
            return call()
        except Exception as exc:
            if not is_token_expired(exc):
                raise
            self._client = self._login = None
            self._containers.clear()
            return call()

    def _found(self, doing: str, ask: Callable[[Any], T]) -> T | None:
        """Return the answer, or None where the service says that there is no such thing."""

        def ask_or_none(client: Any) -> T | None:
            try:
                return ask(client)
            except Exception as exc:
                if is_missing(exc):
                    return None
                raise

        return self._asked(doing, ask_or_none)

    def _stored(self, doing: str, store: str, use: Callable[[Any], T]) -> T:
        """Use the container behind a datastore; its secret is asked anew where it expired."""

        def attempt(client: Any) -> T:
            if store not in self._containers:
                datastore = client.datastores.get(store, include_secrets=True)
                # Its client would wait 15 s before it tries again, and not say so: we do.
                options = {**OPTIONS, "retry_total": 0}
                self._containers[store] = blob_store.connect(
                    datastore,
                    self._login,
                    is_private_cloud=self._to.is_private_cloud,
                    **options,
                )
            return use(self._containers[store])

        def attempt_with_fresh_secret(client: Any) -> T:
            try:
                return attempt(client)
            except Exception as exc:
                if getattr(exc, "status_code", None) not in (401, 403):
                    raise
                self._containers.pop(store, None)
                return attempt(client)

        return self._asked(doing, attempt_with_fresh_secret)

    def _connected(self) -> Any:
        """Return the SDK's client, after a first look at the workspace."""
        if self._client is not None:
            return self._client
        to, doing = self._to, f"workspace {self._to.workspace}"

        def look() -> Any:
            client, self._login = self._connect(to)
            try:
                self._workspace = client.workspaces.get(to.workspace)
            except Exception as exc:
                if is_missing(exc):
                    raise WorkspaceNotFoundError(
                        f"there is no {doing} in resource group {to.resource_group} "
                        f"of subscription {to.subscription}, or this login cannot see it",
                        remedy="compare with the portal's config.json; "
                        "az account show names the login's subscription",
                    ) from exc
                raise
            with checked("the workspace"):
                place = required("place", str(self._workspace.id))
                if not place.lower().endswith(f"/workspaces/{to.workspace}".lower()):
                    raise ValueError("it is another one")
            return client

        self._client = self._patience(lambda: translated(doing, lambda: self._logged_in(look)))
        return self._client
