"""Models: an address by name and version, with tags."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.handlers.assets import container_answer, version_answer, versions_page
from drydock.places import settled_uri
from drydock.state.assets import AssetVersion


def list_models(_request: Request, stage: Stage) -> Answer:
    """Return every model's name."""
    return page_of([container_answer(stage, "models", asset) for asset in stage.world.models.all()])


def get_container(request: Request, stage: Stage) -> Answer:
    """Return a model's name with its newest version and the next."""
    asset = stage.world.models.get(request.names["name"])
    return Answer(body=container_answer(stage, "models", asset))


def list_versions(request: Request, stage: Stage) -> Answer:
    """Return the versions, the newest first."""
    return versions_page(request, stage.world.models, lambda version: _rendered(stage, version))


def get_version(request: Request, stage: Stage) -> Answer:
    """Return one version."""
    names = request.names
    return Answer(
        body=_rendered(stage, stage.world.models.get_version(names["name"], names["version"]))
    )


def put_version(request: Request, stage: Stage) -> Answer:
    """Register a version; what it stands for can never change."""
    names = request.names
    given = request.properties()
    given["modelUri"] = settled_uri(stage.world, str(given.get("modelUri") or ""))
    version, is_new = stage.world.models.put(names["name"], names["version"], given)
    return Answer(status=201 if is_new else 200, body=_rendered(stage, version))


def _rendered(stage: Stage, version: AssetVersion) -> dict[str, Any]:
    given = version.given
    also = {
        # The SDK reads the flavours without asking whether there are any.
        "flavors": given.get("flavors") or {},
        "provisioningState": "Succeeded",
        "jobName": given.get("jobName"),
        "modelType": given.get("modelType") or "custom_model",
        "modelUri": given.get("modelUri"),
        "stage": given.get("stage"),
    }
    return version_answer(stage, "models", version, also)
