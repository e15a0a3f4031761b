"""Environments, data and models: the answers that all assets share, and what each kind adds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drydock import members
from drydock.arm_ids import resource
from drydock.blob_uris import stored_uri
from drydock.handlers.filters import check_filters, has_all, is_viewed
from drydock.http_values import Answer, Context, Request, location_of, page_of
from drydock.refusal import Refusal
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
    the files: the URI of a job's output is stored as the URI of its blobs. `missing` is the
    detail's code of the answer about versions of an unknown name; without it these are none.
    """

    kind: str
    form: members.Form
    store: Callable[[WorkspaceState], Assets]
    render: Callable[[Context, AssetVersion], Properties]
    describe: Callable[[Asset], Properties] = _no_properties
    uri: str = ""
    type_of: str = ""
    missing: str = ""

    def list_containers(self, request: Request, context: Context) -> Answer:
        """Return the container of every asset, the newest first."""
        check_filters(request)
        return page_of(
            [
                self._container(context, asset)
                for asset in reversed(self.store(context.state).all())
                if is_viewed(request, is_archived=asset.is_archived)
            ]
        )

    def get_container(self, request: Request, context: Context) -> Answer:
        """Return an asset's container: its newest version and the next number."""
        asset = self.store(context.state).get(request.names["name"])
        return Answer(body=self._container(context, asset))

    def put_container(self, request: Request, context: Context) -> Answer:
        """Archive or restore an asset as a whole, or describe it."""
        given = request.properties()
        members.check(members.CONTAINER, given)
        asset = self.store(context.state).put_container(request.names["name"], given)
        return Answer(body=self._container(context, asset))

    def list_versions(self, request: Request, context: Context) -> Answer:
        """Return an asset's versions, the newest first, as many as were requested."""
        check_filters(request)
        name = request.names["name"]
        assets = [asset for asset in self.store(context.state).all() if asset.name == name]
        if self.missing and not assets:
            # As recorded for models; of the other kinds no answer is known.
            raise Refusal(404, "UserError", f"{name} was not found.", detail=self.missing)
        versions = [
            version
            for asset in assets
            for version in reversed(asset.versions)
            if is_viewed(request, is_archived=bool(version.given.get("isArchived")))
            and has_all(request, "tags", version.given.get("tags"))
            and has_all(request, "properties", version.given.get("properties"))
            and request.query.get("version", version.version) == version.version
        ]
        top = request.number("$top", len(versions))
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
        members.check(self.form, given)
        if given.get("condaFile"):
            given["condaFile"] = _as_json(str(given["condaFile"]))
        if self.uri:
            uri, kind = str(given.get(self.uri) or ""), str(given.get(self.type_of) or "")
            given[self.uri] = stored_uri(context.state, uri, kind)
        version, is_new = self.store(context.state).put(names["name"], names["version"], given)
        body = self.version(context, version)
        headers = {"Location": location_of(context, request, body)}
        return Answer(status=201 if is_new else 200, body=body, headers=headers)

    def version(self, context: Context, version: AssetVersion) -> dict[str, Any]:
        """Return a version as an answer shows it."""
        given = version.given
        properties = {
            "description": given.get("description"),
            "tags": _texts(given.get("tags")),
            "properties": _texts(given.get("properties")),
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
            "description": asset.given.get("description"),
            "tags": asset.given.get("tags") or {},
            "properties": asset.given.get("properties") or {},
            "isArchived": asset.is_archived,
            "latestVersion": latest.version,
            "nextVersion": asset.next_version,
            **self.describe(asset),
        }
        times = (asset.versions[0].created, latest.modified)
        return resource(context.state.arm_ids, (self.kind, asset.name), properties, times)


# Members that are always there, null unless they were given.
_ALWAYS = ("autoDeleteSetting", "intellectualProperty")


def _environment(context: Context, version: AssetVersion) -> Properties:
    given = version.given
    found: Properties = {
        "provisioningState": "Succeeded",
        "environmentType": "UserCreated",
        "condaFile": given.get("condaFile") or "",
        "osType": given.get("osType") or "Linux",
        "autoRebuild": given.get("autoRebuild") or "Disabled",
        "stage": given.get("stage") or "Development",
        **{name: given.get(name) for name in _ALWAYS},
    }
    # One that the service builds has no image, and the other no build context.
    if given.get("build"):
        found["build"] = {"dockerfilePath": "Dockerfile", **given["build"]}
    else:
        found["image"] = given.get("image")
    if context.state.environments.get(version.name).latest == version:
        found["properties"] = {**_texts(given.get("properties")), "azureml.labels": "latest"}
    return found


def _texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (given or {}).items()}


def _as_json(conda: str) -> str:
    """Return a conda file as JSON text, as the service keeps it; as it is if it is no YAML."""
    import yaml  # noqa: PLC0415 - slow to import

    try:
        return json.dumps(yaml.safe_load(conda)) if conda else ""
    except (yaml.YAMLError, RecursionError, TypeError, ValueError):
        return conda


def _data(_context: Context, version: AssetVersion) -> Properties:
    names = ("dataType", "dataUri", "stage", *_ALWAYS)
    return {name: version.given.get(name) for name in names}


def _model(_context: Context, version: AssetVersion) -> Properties:
    given = version.given
    return {
        # The SDK reads the flavours without checking whether there are any.
        "flavors": given.get("flavors") or {},
        "provisioningState": "Succeeded",
        "jobName": given.get("jobName"),
        "modelType": given.get("modelType") or "custom_model",
        "modelUri": given.get("modelUri"),
        "stage": given.get("stage") or "Development",
        **{name: given.get(name) for name in _ALWAYS},
    }


ENVIRONMENTS = AssetHandlers(
    kind="environments",
    form=members.ENVIRONMENT,
    store=lambda state: state.environments,
    render=_environment,
)
DATA = AssetHandlers(
    kind="data",
    form=members.DATA,
    store=lambda state: state.data,
    render=_data,
    describe=lambda asset: {"dataType": asset.latest.given.get("dataType")},
    uri="dataUri",
    type_of="dataType",
)
MODELS = AssetHandlers(
    kind="models",
    form=members.MODEL,
    store=lambda state: state.models,
    render=_model,
    uri="modelUri",
    missing="ModelNotFound",
)
