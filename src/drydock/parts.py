"""The real parts under the stand-in: registry, blob store and what runs a job's container."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drydock.authority import ca_bundle
from drydock.clock import Clock
from drydock.forwarder import FOLDER
from drydock.job_network import API, BLOBS, JobNetwork
from drydock.job_spec import Runner
from drydock.scope import API_HOST
from drydock.storage import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is started before the stand-in and stopped after it.

    `sweep` removes containers of jobs that are not among the given ones, left by a drydock that
    broke down; `stop` ends everything and says what it ended.
    """

    account: Account
    registry: str
    container_ids: tuple[str, ...]
    runner: Runner
    sweep: Callable[[frozenset[str]], tuple[str, ...]]
    stop: Callable[[], tuple[str, ...]]


def start_parts(state: Path, clock: Clock) -> Parts:
    """Start registry and blob store as containers of this machine's Docker engine."""
    from drydock.blob_store import AzureBlobStore  # noqa: PLC0415 - heavy
    from drydock.runner import DockerRunner  # noqa: PLC0415
    from drydock.services import open_engine, start_services, stop_services  # noqa: PLC0415

    engine = open_engine()
    services = start_services(state, engine=engine)
    account = Account(
        name=services.account, key=services.key, endpoint=services.blob_endpoint.rstrip("/")
    )
    store = AzureBlobStore(address=account.endpoint, account=account.name, key=account.key)
    runner = DockerRunner(
        owner=services.owner,
        engine=engine,
        store=store,
        clock=clock,
        job_network=JobNetwork(
            image=services.image,
            user=services.user,
            sockets=state.resolve() / FOLDER,
            authority=ca_bundle(state),
            hosts={API: API_HOST, BLOBS: account.host},
        ),
    )
    return Parts(
        account=account,
        registry=services.registry,
        container_ids=services.container_ids,
        runner=runner,
        sweep=runner.sweep,
        stop=lambda: stop_services(services, engine=engine),
    )
