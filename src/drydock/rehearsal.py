"""A whole drydock in one process: the parts, the servers, the jobs. Start and stop, and no more."""

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from drydock.addresses import Addresses, note_stopped, read_addresses, write_addresses
from drydock.authority import LOOPBACK, ca_bundle, ensure_certificates, server_context
from drydock.clock import Clock, Ids
from drydock.errors import AlreadyRunningError
from drydock.exchange import Stage
from drydock.forwarder import FOLDER, Forwarder
from drydock.gateway import Gateway
from drydock.job_network import API, BLOBS
from drydock.lifecycle import Conductor
from drydock.parts import Parts
from drydock.proxy import LOGIN_HOST, Proxy
from drydock.scope import API_HOST, text_of
from drydock.server import ManagementServer
from drydock.storage import BlobStore
from drydock.weather import Weather
from drydock.world import World, open_world

Server = TypeVar("Server")
_log = logging.getLogger(__name__)


class Rehearsal:
    """The stand-in of one state folder, once its parts are up."""

    def __init__(self, state: Path, parts: Parts, *, clock: Clock, ids: Ids) -> None:
        self.state = state
        self._parts = parts
        self._undo = contextlib.ExitStack()
        before = read_addresses(state)

        def port(name: str) -> int:
            return before.port_of(name) if before else 0

        host = parts.account.host
        ensure_certificates(state, (host, LOGIN_HOST, API_HOST), clock.now())
        context = server_context(state)
        with contextlib.ExitStack() as undo:
            management = _listen(lambda at: ManagementServer(at, context), port("management_url"))
            undo.callback(management.close)
            management.run_in_background()
            gateway = _listen(
                lambda at: Gateway(at, context, parts.account, Weather(state), clock),
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
            self.world: World = open_world(
                state,
                address=f"https://{LOOPBACK}:{management.port}",
                blobs=BlobStore(parts.account),
                clock=clock,
                ids=ids,
            )
            conductor = Conductor(self.world, parts.runner)
            undo.callback(conductor.close)
            self._sweep()
            conductor.resume()
            self.addresses = Addresses(
                pid=os.getpid(),
                management_url=self.world.address,
                registry=parts.registry,
                blob_endpoint=parts.account.endpoint,
                blob_host=host,
                gateway=f"{LOOPBACK}:{gateway.port}",
                proxy=f"{LOOPBACK}:{proxy.port}",
                ca_bundle=str(ca_bundle(state.resolve())),
                container_ids=parts.container_ids,
                started=text_of(clock.now()),
            )
            management.stage = Stage(
                world=self.world, conductor=conductor, addresses=self.addresses
            )
            self._undo = undo.pop_all()
        write_addresses(state, self.addresses)

    def stop(self) -> tuple[str, ...]:
        """End servers and parts; return what was ended."""
        self._undo.close()
        ended = self._parts.stop()
        note_stopped(self.state)
        return ended

    def _sweep(self) -> None:
        jobs = self.world.jobs.all()
        keep = frozenset(job.container for job in jobs if job.container and not job.is_over)
        for container in self._parts.sweep(keep):
            _log.info("removed a container that was left behind: %s", container)


@contextlib.contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the state folder; a second drydock on it is refused."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise AlreadyRunningError(
                f"a drydock with the state folder {state} runs already",
                remedy="python -m drydock stop, or another folder by --state",
            ) from exc
        yield


def _listen(make: Callable[[int], Server], port: int) -> Server:
    """Make a server on the port of the last time, on a free one where that is taken."""
    try:
        return make(port)
    except OSError as exc:
        if port == 0 or exc.errno != errno.EADDRINUSE:
            raise
        return make(0)
