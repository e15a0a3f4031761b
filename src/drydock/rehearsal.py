"""A whole drydock in one process: starts and stops services, servers and jobs."""

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from drydock.addresses import Addresses, note_stopped, read_addresses, write_addresses
from drydock.arm_ids import API_HOST, text_of
from drydock.authority import LOOPBACK, ca_bundle, ensure_certificates, server_context
from drydock.clock import Clock, Ids
from drydock.errors import AlreadyRunningError
from drydock.faults import Faults
from drydock.files import make_private
from drydock.forwarder import FOLDER, Forwarder
from drydock.gateway import Gateway
from drydock.http_values import Context
from drydock.job_network import API, BLOBS
from drydock.lifecycle import Conductor
from drydock.page_server import PageServer
from drydock.proxy import LOGIN_HOST, Proxy
from drydock.server import ManagementServer
from drydock.services import RunningServices
from drydock.state.workspace import open_workspace
from drydock.workspace_state import WorkspaceState, open_workspace_state

Server = TypeVar("Server")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Servers:
    """What listens on this machine: the service, jobs' pages, the blobs' gateway, the proxy."""

    management: ManagementServer
    pages: PageServer
    gateway: Gateway
    proxy: Proxy


class Rehearsal:
    """The stand-in of one state folder, once its services are running."""

    def __init__(self, state: Path, services: RunningServices, *, clock: Clock, ids: Ids) -> None:
        make_private(state)
        self.state = state
        self._services = services
        self._undo = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            servers = _open_servers(state, services, clock, ids, undo)
            management = servers.management
            self.workspace_state: WorkspaceState = open_workspace_state(
                state,
                address=f"https://{LOOPBACK}:{management.port}",
                blobs=services.store,
                clock=clock,
                ids=ids,
            )
            conductor = Conductor(self.workspace_state, services.runner)
            undo.callback(conductor.close)
            self._sweep()
            conductor.resume()
            self.addresses = Addresses(
                pid=os.getpid(),
                management_url=self.workspace_state.address,
                page_url=f"http://{LOOPBACK}:{servers.pages.port}",
                registry=services.registry,
                blob_endpoint=services.store.account.endpoint,
                blob_host=services.store.account.host,
                gateway=f"{LOOPBACK}:{servers.gateway.port}",
                proxy=f"{LOOPBACK}:{servers.proxy.port}",
                ca_bundle=str(ca_bundle(state.resolve())),
                container_ids=services.container_ids,
                started=text_of(clock.now()),
            )
            context = Context(
                state=self.workspace_state, conductor=conductor, addresses=self.addresses
            )
            management.context = servers.pages.context = context
            self._undo = undo.pop_all()
        write_addresses(state, self.addresses)

    def stop(self) -> tuple[str, ...]:
        """Stop servers and services; return what was stopped."""
        self._undo.close()
        ended = self._services.stop()
        note_stopped(self.state)
        return ended

    def _sweep(self) -> None:
        jobs = self.workspace_state.jobs.all()
        keep = frozenset(job.container for job in jobs if job.container and not job.is_over)
        for container in self._services.sweep(keep):
            _log.info("removed a container that a crashed drydock left: %s", container)


@contextlib.contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Lock the state folder; a second drydock with it is refused."""
    make_private(state)
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise AlreadyRunningError(
                f"a drydock with the state folder {state} is already running",
                remedy="drydock stop\nor use another folder with --state",
            ) from exc
        yield


def _open_servers(
    state: Path, services: RunningServices, clock: Clock, ids: Ids, undo: contextlib.ExitStack
) -> _Servers:
    """Start the servers, on the previous ports if these are free; `undo` closes them."""
    before = read_addresses(state)

    def port(name: str) -> int:
        return before.port_of(name) if before else 0

    workspace = open_workspace(state, ids)
    host = services.store.account.host
    ensure_certificates(state, (host, LOGIN_HOST, API_HOST), clock.now())
    tls = server_context(state)
    management = _listen(lambda at: ManagementServer(at, tls), port("management_url"))
    undo.callback(management.close)
    management.run_in_background()
    pages = _listen(PageServer, port("page_url"))
    undo.callback(pages.close)
    pages.run_in_background()
    gateway = _listen(
        lambda at: Gateway(
            at,
            tls,
            account=services.store.account,
            workspace=workspace,
            faults=Faults(state),
            clock=clock,
        ),
        port("gateway"),
    )
    undo.callback(gateway.close)
    gateway.run_in_background()
    for name, inner in ((API, management.port), (BLOBS, gateway.port)):
        forwarder = Forwarder(state / FOLDER / name, inner)
        undo.callback(forwarder.close)
        forwarder.run_in_background()
    ways = {host: gateway.port, LOGIN_HOST: management.port, API_HOST: management.port}
    proxy = _listen(lambda at: Proxy(at, ways), port("proxy"))
    undo.callback(proxy.close)
    proxy.run_in_background()
    return _Servers(management=management, pages=pages, gateway=gateway, proxy=proxy)


def _listen(make: Callable[[int], Server], port: int) -> Server:
    """Make a server on the previous port, or on a free one if that is in use."""
    try:
        return make(port)
    except OSError as exc:
        if port == 0 or exc.errno != errno.EADDRINUSE:
            raise
        return make(0)
