"""What is asked before all else: which cloud this is, and where it answers."""

from drydock import addresses
from drydock.exchange import Answer, Request, Stage
from drydock.storage import SUFFIX

CLOUD = "DrydockCloud"


def metadata(_request: Request, stage: Stage) -> Answer:
    """Describe the cloud. The SDK makes the audience of its tokens from the portal's name."""
    address = stage.world.address
    return Answer(
        body=[
            {
                "name": CLOUD,
                "portal": "https://portal.drydock.test",
                "resourceManager": f"{address}/",
                "authentication": {
                    "loginEndpoint": f"{address}/",
                    "audiences": [f"{address}/"],
                    "tenant": stage.world.workspace.tenant,
                    "identityProvider": "AAD",
                },
                "suffixes": {"storage": SUFFIX},
            }
        ]
    )


def discovery(_request: Request, stage: Stage) -> Answer:
    """Say where the services of the workspace answer: all at one address."""
    address = stage.world.address
    names = ("api", "catalog", "experimentation", "history", "hyperdrive", "modelmanagement")
    return Answer(body=dict.fromkeys(names, address))


def endpoints(_request: Request, stage: Stage) -> Answer:
    """Give the variables that lead here, so that hakobune can compare those that it was given."""
    return Answer(body=dict(addresses.endpoints(stage.addresses)))
