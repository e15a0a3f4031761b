"""Data assets: an address by name and version."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.handlers.assets import container_answer, version_answer, versions_page
from drydock.places import settled_uri
from drydock.state.assets import Asset, AssetVersion


def list_data(_request: Request, stage: Stage) -> Answer:
    """Return every data asset's name."""
    return page_of(
        [
            container_answer(stage, "data", asset, _type_of(asset))
            for asset in stage.world.data.all()
        ]
    )


def get_container(request: Request, stage: Stage) -> Answer:
    """Return a data asset's name with its newest version and the next."""
    asset = stage.world.data.get(request.names["name"])
    return Answer(body=container_answer(stage, "data", asset, _type_of(asset)))


def list_versions(request: Request, stage: Stage) -> Answer:
    """Return the versions, the newest first."""
    return versions_page(request, stage.world.data, lambda version: _rendered(stage, version))


def get_version(request: Request, stage: Stage) -> Answer:
    """Return one version."""
    names = request.names
    return Answer(
        body=_rendered(stage, stage.world.data.get_version(names["name"], names["version"]))
    )


def put_version(request: Request, stage: Stage) -> Answer:
    """Register a version; what it stands for can never change."""
    names = request.names
    given = request.properties()
    given["dataUri"] = settled_uri(stage.world, str(given.get("dataUri") or ""))
    version, is_new = stage.world.data.put(names["name"], names["version"], given)
    return Answer(status=201 if is_new else 200, body=_rendered(stage, version))


def _rendered(stage: Stage, version: AssetVersion) -> dict[str, Any]:
    given = version.given
    also = {"dataType": given.get("dataType"), "dataUri": given.get("dataUri")}
    return version_answer(stage, "data", version, also)


def _type_of(asset: Asset) -> dict[str, Any]:
    return {"dataType": asset.latest.given.get("dataType")}
