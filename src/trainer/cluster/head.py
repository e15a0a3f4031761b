"""Node 0: the runner that has all nodes work the batches, its own processes among them.

It has the form of `trainer.many.runners`: batches in, one `Done` for each out. Dask lives in a
thread of its own; what it says is believed only as far as sealed files in the shared folder show.
"""

import asyncio
import queue
import re
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.cluster import task
from trainer.cluster.engine import Progress, Team, hand_out, scheduler, work_for
from trainer.cluster.invitation import make_invitation, publish
from trainer.cluster.nodes import own_address
from trainer.console import show_notes
from trainer.errors import NodesMissingError
from trainer.many.batch_file import find_sealed
from trainer.many.plan import Batch, Plan
from trainer.many.runners import Done, Pool
from trainer.printable import counted, limited

_PORT = 8786  # that of Dask, where it is free
# How long node 0 waits for another node, where it has no processes of its own.
_ALONE_S = 600.0
# A mounted blob store may show another node's file late.
_VISIBLE_S = 60.0
_TELL_S = 30.0
_FILE = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{12}")


@dataclass(slots=True)
class Tally:
    """What each node did, for the table at the end: batches and series by its name."""

    batches: Counter[str] = field(default_factory=Counter)
    series: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def lines(self) -> list[str]:
        """Return one line a node, the most series first."""
        width = max((len(name) for name in self.batches), default=0)
        lines = [
            f"node {name:<{width}}  {self.batches[name]:>6,} batches  {count:>9,} series"
            for name, count in self.series.most_common()
        ]
        told = f"{counted(self.lost, 'worker')} lost on the way"
        return lines + [told] * bool(self.lost)


@dataclass(slots=True, kw_only=True)
class Head:
    """Node 0's runner.

    `keys` is the folder that nodes look in, `processes` are this node's own, none if 0, and
    `address` is the one that the others know.
    """

    run_id: str
    keys: Path
    processes: int
    address: str
    tally: Tally = field(default_factory=Tally)

    def __call__(self, batches: Sequence[Batch], plan: Plan, folder: Path) -> Iterator[Done]:
        """Yield each batch as it is done; one that no node could do is worked here."""
        left = {batch.name: batch for batch in batches}
        with tempfile.TemporaryDirectory(prefix="trainer-") as scratch:
            answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
            serving = _Serving(self, plan, folder, Path(scratch), answers)
            thread = threading.Thread(target=serving.run, args=(list(left),), daemon=True)
            with task.ready(plan, folder, Path(scratch), processes=self.processes):
                thread.start()
                try:
                    while (answer := answers.get()) is not None:
                        done = self._done(answer, left, folder)
                        if done is not None:
                            yield done
                finally:
                    serving.stop()
                    thread.join()
            if serving.failure is not None:
                raise serving.failure
            yield from self._rest(left, plan, folder, Path(scratch))

    def _done(self, answer: task.Answer, left: dict[str, Batch], folder: Path) -> Done | None:
        """Return what a node says that it did; None where that has not the form."""
        file, statuses, node = answer
        name = file.partition(".")[0]
        if not _FILE.fullmatch(file) or name not in left or not _is_visible(folder / file):
            return None
        counts = Counter(statuses)
        self.tally.batches[node] += 1
        self.tally.series[node] += counts.total()
        return Done(batch=left.pop(name), path=folder / file, statuses=counts)

    def _rest(
        self, left: dict[str, Batch], plan: Plan, folder: Path, scratch: Path
    ) -> Iterator[Done]:
        """Find what was done after all, and do the rest here."""
        for name, path in find_sealed(folder, list(left)).items():
            yield Done(batch=left.pop(name), path=path, statuses=Counter())
        if not left:
            return
        failed = counted(len(left), "batch", "batches")
        show_notes([f"{failed} failed on other nodes; this one works the rest"])
        pool = Pool(plan, folder, scratch)
        try:
            yield from pool.run(list(left.values()), max(self.processes, 1))
        finally:
            pool.end()


class _Serving:
    """Dask's side, in a thread with a loop of its own. At the end it puts None into the queue."""

    def __init__(
        self,
        head: Head,
        plan: Plan,
        folder: Path,
        scratch: Path,
        answers: "queue.SimpleQueue[Any]",
    ) -> None:
        self._head, self._plan, self._folder = head, plan, folder
        self._scratch, self._answers = scratch, answers
        self._is_over = threading.Event()
        self._told = self._alone = time.monotonic()
        self._has_failed = self._is_handed_out = False
        self.failure: BaseException | None = None

    def run(self, names: Sequence[str]) -> None:
        try:
            asyncio.run(self._serve(names))
        except BaseException as exc:  # noqa: BLE001 - the other thread raises it
            self.failure = exc
        self._answers.put(None)

    def stop(self) -> None:
        self._is_over.set()

    async def _serve(self, names: Sequence[str]) -> None:
        head = self._head
        invitation = make_invitation(
            port=_free_port(), batches=self._folder.absolute(), run=head.run_id
        )
        team = Team(
            invitation=invitation,
            plan=self._plan.name,
            host=own_address(head.address) or head.address,
        )
        async with scheduler(team) as serving:
            key = publish(invitation, head.keys)
            own = self._own(serving.address, team)
            try:
                await hand_out(serving, team, task.work, names, self)
            finally:
                self._is_handed_out = True
                key.unlink(missing_ok=True)
        if own is not None:
            await own

    def _own(self, address: str, team: Team) -> "asyncio.Task[None] | None":
        """Let this node work, too; sent away for want of disk or memory, it comes back at once.

        It may be the only one, and what no node can do ends here in any case.
        """
        processes = self._head.processes

        async def work() -> None:
            while not self._is_handed_out:
                folder = Path(tempfile.mkdtemp(prefix="dask-", dir=self._scratch))
                await work_for(address, team, processes=processes, folder=folder)

        return asyncio.create_task(work()) if processes else None

    def done(self, answer: task.Answer) -> None:
        self._answers.put(answer)

    def failed(self, name: str, why: BaseException) -> None:
        """Tell why the first one failed; it is worked here at the end."""
        if not self._has_failed:
            show_notes([f"the batch {name[:16]} failed on other nodes: {why!r}"])
        self._has_failed = True

    def gave_back(self, why: str) -> None:
        show_notes([f"a node gave its batch back: {limited(why)}"])

    def look(self, progress: Progress) -> None:
        if self._is_over.is_set():
            raise asyncio.CancelledError
        now = time.monotonic()
        self._head.tally.lost = progress.lost
        if progress.processes:
            self._alone = now
        elif now - self._alone > _ALONE_S:
            raise NodesMissingError(
                f"no other node came within {_ALONE_S:.0f} s",
                remedy="start workers, or give this node --processes of its own",
            )
        if now - self._told >= _TELL_S:
            self._told = now
            done = counted(progress.done, "batch", "batches")
            at_work = counted(progress.processes, "process", "processes")
            lost = f", {progress.lost} lost so far" if progress.lost else ""
            at_work = f"{counted(progress.nodes, 'node')}, {at_work}"
            show_notes([f"{done} done; at work: {at_work}{lost}"])


def _is_visible(path: Path) -> bool:
    """Wait for a file that another node wrote."""
    deadline = time.monotonic() + _VISIBLE_S
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _free_port() -> int:
    with socket.socket() as ours:
        try:
            ours.bind(("", _PORT))
        except OSError:
            ours.bind(("", 0))
        return int(ours.getsockname()[1])
