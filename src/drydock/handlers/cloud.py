"""The first requests of a client: the cloud's metadata and the addresses of its services."""

from drydock import addresses
from drydock.blob_store import SUFFIX
from drydock.http_values import Answer, Context, Request


def metadata(_request: Request, context: Context) -> Answer:
    """Describe the cloud. The SDK derives the audience of its tokens from the portal's name."""
    address = context.state.address
    return Answer(
        body=[
            {
                "name": addresses.CLOUD,
                "portal": "https://portal.drydock.test",
                "resourceManager": f"{address}/",
                "authentication": {
                    "loginEndpoint": f"{address}/",
                    "audiences": [f"{address}/"],
                    "tenant": context.state.workspace.tenant,
                    "identityProvider": "AAD",
                },
                "suffixes": {"storage": SUFFIX},
            }
        ]
    )


def discovery(_request: Request, context: Context) -> Answer:
    """Return the addresses of the workspace's services, which are all the same."""
    address = context.state.address
    names = ("api", "catalog", "experimentation", "history", "hyperdrive", "modelmanagement")
    return Answer(body=dict.fromkeys(names, address))


def endpoints(_request: Request, context: Context) -> Answer:
    """Return the variables that lead here; hakobune compares them with its own."""
    return Answer(body=dict(addresses.endpoints(context.addresses)))
