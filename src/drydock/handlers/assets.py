"""What environments, data, models and code have in common as answers."""

from collections.abc import Callable
from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.scope import resource
from drydock.state.assets import Asset, Assets, AssetVersion

Render = Callable[[AssetVersion], dict[str, Any]]


def version_answer(
    stage: Stage, kind: str, version: AssetVersion, also: dict[str, Any]
) -> dict[str, Any]:
    """Return a version as an answer; `also` are the parts that only this kind has."""
    given = version.given
    properties = {
        "description": given.get("description"),
        "tags": given.get("tags") or {},
        "properties": dict(given.get("properties") or {}),
        "isArchived": bool(given.get("isArchived")),
        "isAnonymous": bool(given.get("isAnonymous")),
        **also,
    }
    times = (version.created, version.modified)
    parts = (kind, version.name, "versions", version.version)
    return resource(stage.world.scope, parts, properties, times)


def container_answer(
    stage: Stage, kind: str, asset: Asset, also: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return an asset's name with its newest version as an answer."""
    latest = asset.latest
    properties = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": all(bool(v.given.get("isArchived")) for v in asset.versions),
        "latestVersion": latest.version,
        "nextVersion": asset.next_version,
        **(also or {}),
    }
    times = (asset.versions[0].created, latest.modified)
    return resource(stage.world.scope, (kind, asset.name), properties, times)


def versions_page(request: Request, found: Assets, render: Render) -> Answer:
    """Return an asset's versions, the newest first, as many as were asked for.

    An asset that is not there has no versions: the SDK asks for the newest one before the first.
    """
    name = request.names["name"]
    assets = [asset for asset in found.all() if asset.name == name]
    versions = [
        version
        for asset in assets
        for version in reversed(asset.versions)
        if _is_viewed(request, version)
    ]
    top = int(request.query.get("$top", len(versions)))
    return page_of([render(version) for version in versions[:top]])


def _is_viewed(request: Request, version: AssetVersion) -> bool:
    view = request.query.get("listViewType", "ActiveOnly")
    is_archived = bool(version.given.get("isArchived"))
    return view == "All" or is_archived == (view == "ArchivedOnly")
