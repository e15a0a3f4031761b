"""Dask's part: node 0 hands out names of batches, workers say when one is done.

Only names travel: each node reads the input itself, and results lie in the run's output. So a batch
that is handed out twice costs time and nothing else, and a run that starts again goes on from what
lies there.
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import dask
from distributed import Client, Scheduler, Worker, wait
from distributed.security import Security

from trainer.cluster.invitation import Invitation

Answer = TypeVar("Answer")
Answer_contra = TypeVar("Answer_contra", contravariant=True)
# Without the first four Dask costs 2 to 4 ms a series, and a worker grows by 0.4 to 2 KB for each
# (measured with distributed 2026.8.0). Without `routes` it answers HTTP for whoever asks. A worker
# that is frozen is given up after `worker-ttl`: Dask's own 5 minutes are a long time to pay for.
_SETTINGS = {
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "500ms",
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.scheduler.allowed-failures": 2,
    "distributed.comm.timeouts.connect": "15s",
}
# Dask insists on opening a port for its pages, which are not there: for this node only.
_NO_PAGES = "127.0.0.1:0"
# Two batches a process: one runs, one waits. A task that is held costs the scheduler 14 KB.
_WINDOW = 2
_LOOK_S = 1.0
# A worker that starts while the scheduler ends would wait for it for ever.
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The nodes of one run: what they are invited by, and the plan that all must have.

    A worker whose program, options or input differ has another plan, and gets no work. `host` is
    this node's own address, which the others reach.
    """

    invitation: Invitation
    plan: str
    host: str

    @property
    def security(self) -> Security:
        """Dask's form: TLS for all that it speaks; both sides show the run's certificate."""
        pairs = {}
        for role in ("client", "scheduler", "worker"):
            pairs[f"tls_{role}_cert"] = self.invitation.certificate
            pairs[f"tls_{role}_key"] = self.invitation.key
        return Security(require_encryption=True, tls_ca_file=self.invitation.certificate, **pairs)


@dataclass(slots=True)
class Progress:
    """What node 0 shows: batches, processes that may work now, workers that were lost so far."""

    done: int = 0
    nodes: int = 0
    processes: int = 0
    lost: int = 0
    here: set[str] = field(default_factory=set)


class Listener(Protocol[Answer_contra]):
    """Who hears what becomes of the names."""

    def done(self, answer: Answer_contra) -> None:
        """Hear what the work returned for a name."""

    def failed(self, name: str, why: BaseException) -> None:
        """Hear that no worker could do it."""

    def look(self, progress: Progress) -> None:
        """Be called about once a second; what it raises ends it all."""


@asynccontextmanager
async def scheduler(team: Team) -> AsyncIterator[Scheduler]:
    """Listen for workers that have the key; at the end send them away."""
    with _settings():
        async with Scheduler(
            host=team.host,
            port=team.invitation.port,
            protocol="tls",
            security=team.security,
            dashboard=False,
            dashboard_address=_NO_PAGES,
        ) as serving:
            yield serving
            await serving.retire_workers(list(serving.workers), close_workers=True)


async def hand_out(
    serving: Scheduler,
    team: Team,
    work: Callable[[str], Answer],
    names: Iterable[str],
    listener: Listener[Answer],
) -> None:
    """Have each name worked on by a worker of the plan.

    `work` is a function of a module, called in the worker with the name. At most two names a
    process are handed out at a time. It waits for workers without an end.
    """
    waiting, progress = iter(names), Progress()
    running: dict[str, Any] = {}
    async with Client(serving.address, security=team.security, asynchronous=True) as client:
        while True:
            _count(serving, team, progress)
            room = _WINDOW * max(progress.processes, 1) - len(running)
            for name in islice(waiting, max(room, 0)):
                running[name] = client.submit(
                    work, name, key=name, pure=False, resources={team.plan: 1}
                )
            if not running:
                return
            with suppress(TimeoutError):  # then it is time to look for new workers
                await wait(list(running.values()), timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for name in [name for name, future in running.items() if future.done()]:
                future = running.pop(name)
                if future.status == "finished":
                    listener.done(await future.result())
                elif future.status == "error":
                    listener.failed(name, await future.exception())
                progress.done += 1
                future.release()
            listener.look(progress)


def _count(serving: Scheduler, team: Team, progress: Progress) -> None:
    """Count the processes of the workers that have the plan, and the workers that are gone."""
    offering = {
        worker.address: worker.nthreads
        for worker in serving.workers.values()
        if team.plan in worker.resources
    }
    progress.lost += len(progress.here - offering.keys())
    progress.here = set(offering)
    progress.nodes, progress.processes = len(offering), sum(offering.values())


async def work_for(address: str, team: Team, *, processes: int, folder: Path) -> bool:
    """Work in this process for the scheduler at an address until it is gone, or sends it away.

    Return whether it was there and had this key. `folder` is for Dask's own files, on this node.
    """
    with _settings():
        worker = Worker(
            address,
            host=team.host,
            nthreads=processes,
            memory_limit=0,  # series are fitted in children; the container's limit holds
            security=team.security,
            resources={team.plan: processes},
            local_directory=str(folder),
            dashboard_address=_NO_PAGES,
            death_timeout=_PATIENCE_S,
        )
        try:
            await worker
        except (OSError, RuntimeError):  # nobody listens there, or somebody with another key
            await worker.close()
            return False
        await worker.finished()
        return True


@contextmanager
def _settings() -> Iterator[None]:
    """Apply the settings, and keep Dask's own log off the terminal."""
    with dask.config.set(_SETTINGS):
        for name in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield
