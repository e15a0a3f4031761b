"""Environments: an image by name and version."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.handlers.assets import container_answer, version_answer, versions_page
from drydock.state.assets import AssetVersion


def list_environments(_request: Request, stage: Stage) -> Answer:
    """Return every environment's name."""
    return page_of(
        [container_answer(stage, "environments", asset) for asset in stage.world.environments.all()]
    )


def get_container(request: Request, stage: Stage) -> Answer:
    """Return an environment's name with its newest version and the next."""
    asset = stage.world.environments.get(request.names["name"])
    return Answer(body=container_answer(stage, "environments", asset))


def list_versions(request: Request, stage: Stage) -> Answer:
    """Return the versions, the newest first."""
    return versions_page(
        request, stage.world.environments, lambda version: _rendered(stage, version)
    )


def get_version(request: Request, stage: Stage) -> Answer:
    """Return one version."""
    names = request.names
    return Answer(
        body=_rendered(stage, stage.world.environments.get_version(names["name"], names["version"]))
    )


def put_version(request: Request, stage: Stage) -> Answer:
    """Register a version; what it stands for can never change."""
    names = request.names
    version, is_new = stage.world.environments.put(
        names["name"], names["version"], request.properties()
    )
    return Answer(status=201 if is_new else 200, body=_rendered(stage, version))


def _rendered(stage: Stage, version: AssetVersion) -> dict[str, Any]:
    given = version.given
    also = {
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
    body = version_answer(stage, "environments", version, also)
    if stage.world.environments.get(version.name).latest == version:
        body["properties"]["properties"]["azureml.labels"] = "latest"
    return body
