"""Environments, data and models: the answers that all assets share, and what each kind adds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drydock.arm_ids import resource
from drydock.blob_uris import resolved_uri
from drydock.http_values import Answer, Context, Request, page_of
from drydock.state.assets import Asset, Assets, AssetVersion
from drydock.workspace_state import WorkspaceState

Properties = dict[str, Any]


def _no_properties(_asset: Asset) -> Properties:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetHandlers:
    """The handlers of one kind of asset.

    `render` returns the properties that only a version of this kind has, `describe` those that only
    its container (the name that all versions share) has. `uri` names the property with the URI of
    the files: the URI of a job's output is stored as the URI of its blobs.
    """

    kind: str
    store: Callable[[WorkspaceState], Assets]
    render: Callable[[Context, AssetVersion], Properties]
    describe: Callable[[Asset], Properties] = _no_properties
    uri: str = ""

    def list_containers(self, _request: Request, context: Context) -> Answer:
        """Return the container of every asset."""
        return page_of(
            [self._container(context, asset) for asset in self.store(context.state).all()]
        )

    def get_container(self, request: Request, context: Context) -> Answer:
        """Return an asset's container: its newest version and the next number."""
        asset = self.store(context.state).get(request.names["name"])
        return Answer(body=self._container(context, asset))

    def list_versions(self, request: Request, context: Context) -> Answer:
        """Return an asset's versions, the newest first, as many as were requested.

        A missing asset has no versions: the SDK requests the newest one before it creates any.
        """
        name = request.names["name"]
        assets = [asset for asset in self.store(context.state).all() if asset.name == name]
        versions = [
            version
            for asset in assets
            for version in reversed(asset.versions)
            if _is_viewed(request, version)
        ]
        top = int(request.query.get("$top", len(versions)))
        return page_of([self.version(context, version) for version in versions[:top]])

    def get_version(self, request: Request, context: Context) -> Answer:
        """Return one version."""
        names = request.names
        found = self.store(context.state).get_version(names["name"], names["version"])
        return Answer(body=self.version(context, found))

    def put_version(self, request: Request, context: Context) -> Answer:
        """Register a version; its content can never change."""
        names = request.names
        given = request.properties()
        if self.uri:
            given[self.uri] = resolved_uri(context.state, str(given.get(self.uri) or ""))
        version, is_new = self.store(context.state).put(names["name"], names["version"], given)
        return Answer(status=201 if is_new else 200, body=self.version(context, version))

    def version(self, context: Context, version: AssetVersion) -> dict[str, Any]:
        """Return a version as an answer shows it."""
        given = version.given
        properties = {
            "description": given.get("description"),
            "tags": given.get("tags") or {},
            "properties": dict(given.get("properties") or {}),
            "isArchived": bool(given.get("isArchived")),
            "isAnonymous": bool(given.get("isAnonymous")),
            **self.render(context, version),
        }
        times = (version.created, version.modified)
        parts = (self.kind, version.name, "versions", version.version)
        return resource(context.state.arm_ids, parts, properties, times)

    def _container(self, context: Context, asset: Asset) -> dict[str, Any]:
        latest = asset.latest
        properties = {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": all(bool(v.given.get("isArchived")) for v in asset.versions),
            "latestVersion": latest.version,
            "nextVersion": asset.next_version,
            **self.describe(asset),
        }
        times = (asset.versions[0].created, latest.modified)
        return resource(context.state.arm_ids, (self.kind, asset.name), properties, times)


def _is_viewed(request: Request, version: AssetVersion) -> bool:
    view = request.query.get("listViewType", "ActiveOnly")
    is_archived = bool(version.given.get("isArchived"))
    return view == "All" or is_archived == (view == "ArchivedOnly")


def _environment(context: Context, version: AssetVersion) -> Properties:
    given = version.given
    found: Properties = {
        "provisioningState": "Succeeded",
        "autoDeleteSetting": None,
        "environmentType": "UserCreated",
        "image": given.get("image"),
        "condaFile": given.get("condaFile") or "",
        "osType": given.get("osType") or "Linux",
        "autoRebuild": "Disabled",
        "stage": given.get("stage") or "Development",
        "intellectualProperty": None,
    }
    if context.state.environments.get(version.name).latest == version:
        found["properties"] = {**(given.get("properties") or {}), "azureml.labels": "latest"}
    return found


def _data(_context: Context, version: AssetVersion) -> Properties:
    return {name: version.given.get(name) for name in ("dataType", "dataUri")}


def _model(_context: Context, version: AssetVersion) -> Properties:
    given = version.given
    return {
        # The SDK reads the flavours without checking whether there are any.
        "flavors": given.get("flavors") or {},
        "provisioningState": "Succeeded",
        "jobName": given.get("jobName"),
        "modelType": given.get("modelType") or "custom_model",
        "modelUri": given.get("modelUri"),
        "stage": given.get("stage"),
    }


ENVIRONMENTS = AssetHandlers(
    kind="environments", store=lambda state: state.environments, render=_environment
)
DATA = AssetHandlers(
    kind="data",
    store=lambda state: state.data,
    render=_data,
    describe=lambda asset: {"dataType": asset.latest.given.get("dataType")},
    uri="dataUri",
)
MODELS = AssetHandlers(
    kind="models", store=lambda state: state.models, render=_model, uri="modelUri"
)
