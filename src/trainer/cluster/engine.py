"""Dask's part: node 0 hands out names of batches, workers say when one is done.

Only names travel: each node reads the input itself, and results lie in the run's output. So a batch
that is handed out twice costs time and nothing else, and a run that starts again goes on from what
lies there.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import dask
from distributed import Client, Scheduler, Worker, wait
from distributed.security import Security

from trainer.cluster.invitation import Invitation

Answer = TypeVar("Answer")
Answer_contra = TypeVar("Answer_contra", contravariant=True)
# Without the first five Dask costs 2 to 4 ms a series, and a worker grows by 0.4 to 2 KB for each
# (measured with distributed 2026.8.0). Without `routes` it answers HTTP for whoever asks. A worker
# that is frozen is given up after `worker-ttl`: Dask's own 5 minutes are a long time to pay for.
_SETTINGS = {
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "5s",
    "distributed.admin.tick.cycle": "5s",
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.worker-ttl": "25s",  # looked at as often: noticed within 50 s
    "distributed.scheduler.allowed-failures": 2,
    "distributed.comm.timeouts.connect": "15s",
}
# What Dask's scheduler looks at four times a second, for ends by themselves that it does not have.
_UNUSED = ("idle-timeout", "no-workers-timeout")
# Dask's own is half a second for few workers, and most of what an idle worker costs.
_HEARTBEAT_S = 2.0
# Dask insists on opening a port for its pages, which are not there: for this node only.
_NO_PAGES = "127.0.0.1:0"
# Two batches a process: one runs, one waits, but for the last ones: none waits for a process while
# another one has none. A task that is held costs the scheduler 14 KB.
_WINDOW = 2
# How often new workers are looked for; more often while they all start.
_LOOK_S, _FIRST_LOOK_S, _FIRST_S = 1.0, 0.2, 20.0
# A node whose disk is full fails every batch at once, and would soon have tried them all: it is
# sent away, and another one gets the batch. Where all fail, node 0 finds out why.
_TRIES = 3
_MOST_UNFIT = 8
_FAREWELL_S = 30.0
_ANSWER_S = 10.0
# A worker that has the key of an earlier start, or starts while the scheduler ends, would wait for
# ever. It looks for a key again.
_PATIENCE_S = 10


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


class UnfitNodeError(Exception):
    """A node has no disk or memory for a batch; another node may. `why` is for people."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(address, why)
        self.address, self.why = address, why


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

    def gave_back(self, why: str) -> None:
        """Hear that a node lacks disk or memory for a batch, which goes to another one."""

    def look(self, progress: Progress) -> None:
        """Be called about once a second; what it raises ends it all."""


class _Scheduler(Scheduler):
    """Dask's, with workers that say less often that they live."""

    def heartbeat_worker(self, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - Dask has no types
        """Hear a worker, and tell it when to be heard again."""
        answer: dict[str, Any] = super().heartbeat_worker(**said)
        if "heartbeat-interval" in answer:  # not for one that is no longer known
            answer["heartbeat-interval"] = max(answer["heartbeat-interval"], _HEARTBEAT_S)
        return answer


@asynccontextmanager
async def scheduler(team: Team) -> AsyncIterator[Scheduler]:
    """Listen for workers that have the key; at the end send them away."""
    with _settings():
        async with _Scheduler(
            host=team.host,
            port=team.invitation.port,
            protocol="tls",
            security=team.security,
            dashboard=False,
            dashboard_address=_NO_PAGES,
        ) as serving:
            for name in _UNUSED:
                if name in serving.periodic_callbacks:
                    serving.periodic_callbacks[name].stop()
            yield serving
            with suppress(TimeoutError):  # a frozen one does not answer
                async with asyncio.timeout(_FAREWELL_S):
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
    process are handed out at a time. It waits for workers without an end. A node that raises
    UnfitNodeError is sent away, and may come back; after several in a row the rest is left out.
    """
    async with Client(serving.address, security=team.security, asynchronous=True) as client:
        await _Handing(serving, team, client, listener).run(work, names)


class _Handing(Generic[Answer]):
    """One call of `hand_out`: what waits, what runs, and who failed."""

    def __init__(
        self,
        serving: Scheduler,
        team: Team,
        client: Any,  # noqa: ANN401 - Dask has no types
        listener: Listener[Answer],
    ) -> None:
        self._serving, self._team, self._client = serving, team, client
        self._listener = listener
        self._progress = Progress()
        self._waiting = deque[str]()
        self._running = dict[str, Any]()
        self._tries = Counter[str]()
        self._unfit = 0

    async def run(self, work: Callable[[str], Answer], names: Iterable[str]) -> None:
        self._waiting.extend(names)
        progress, began = self._progress, time.monotonic()
        while self._unfit <= _MOST_UNFIT:
            _count(self._serving, self._team, progress)
            for _ in range(self._room()):
                name = self._waiting.popleft()
                self._tries[name] += 1
                self._running[name] = self._client.submit(
                    work,
                    name,
                    # Dask keeps what it learns for each first word, for ever: one word for all.
                    key=f"batch-{name}-{self._tries[name]}",
                    pure=False,
                    resources={self._team.plan: 1},
                )
            if not self._running:
                return
            with suppress(TimeoutError):  # then it is time to look for new workers
                futures = list(self._running.values())
                look_s = _LOOK_S if time.monotonic() - began > _FIRST_S else _FIRST_LOOK_S
                await wait(futures, timeout=look_s, return_when=FIRST_COMPLETED)
            for name in [name for name, future in self._running.items() if future.done()]:
                await self._take(name, self._running.pop(name))
            self._listener.look(progress)

    def _room(self) -> int:
        """Return how many names to hand out now."""
        processes, left = max(self._progress.processes, 1), len(self._waiting)
        window = _WINDOW * processes if left > processes else processes
        return min(left, max(window - len(self._running), 0))

    async def _take(self, name: str, future: Any) -> None:  # noqa: ANN401 - as above
        """Hear what became of a name; one that its node was not fit for is handed out again."""
        failure = await future.exception() if future.status == "error" else None
        if future.status == "finished":
            await self._hear(name, future)
        elif isinstance(failure, UnfitNodeError):
            self._unfit += 1
            self._listener.gave_back(failure.why)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self._serving.retire_workers([failure.address], close_workers=True)
            if self._tries[name] < _TRIES:
                self._waiting.appendleft(name)
            else:
                self._listener.failed(name, failure)
        elif failure is not None:
            self._listener.failed(name, failure)
        future.release()

    async def _hear(self, name: str, future: Any) -> None:  # noqa: ANN401 - as above
        """Take an answer. One that was lost with its node Dask would wait for, however long."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await future.result()
        except Exception as exc:  # noqa: BLE001 - of Dask, or of a second try of its own
            if self._tries[name] < _TRIES:
                self._waiting.appendleft(name)
            else:
                self._listener.failed(name, exc)
            return
        self._listener.done(answer)
        self._progress.done += 1
        self._unfit = 0


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
        for name in ("asyncio", *logging.root.manager.loggerDict):
            if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):  # each has a level
                logging.getLogger(name).setLevel(logging.CRITICAL)
        yield
