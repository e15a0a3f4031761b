"""What a worker does with the name of a batch: a child process of its own works it.

So a series that ends its process loses itself and nothing else, as on one machine, and Dask's own
thread is never kept from answering.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distributed import get_worker

from trainer.cluster.engine import UnfitNodeError
from trainer.errors import MemoryExhaustedError
from trainer.interruption import held_back
from trainer.many.plan import Plan
from trainer.many.runners import Pool
from trainer.printable import limited

Answer = tuple[str, dict[str, int], str]


class _Node:
    """This node's plan, and a child for each thread that works.

    The first children are started before Dask's threads: a copy of this process has all libraries,
    while one that is started later loads them again, for two seconds.
    """

    def __init__(self, plan: Plan, folder: Path, scratch: Path, processes: int) -> None:
        self.batches = {batch.name: batch for batch in plan.batches}
        self._plan, self._folder, self._scratch = plan, folder, scratch
        self._own = threading.local()
        self._pools = list[Pool]()
        self._waiting = [self._new_pool() for _ in range(processes)]
        with suppress(OSError, MemoryError):  # `work` finds that out, and gives its batch back
            for pool in self._waiting:
                pool.start(1)
        self.gave_back = ""

    def make_folder(self) -> None:
        """Create the folder of the batches: a mounted blob store shows no empty one of node 0's.

        Now, when node 0 has shown its key by handing out work, and not when a batch is written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)

    def pool(self) -> Pool:
        """Return this thread's."""
        if not hasattr(self._own, "pool"):
            try:
                self._own.pool = self._waiting.pop()
            except IndexError:
                self._own.pool = self._new_pool()
        found: Pool = self._own.pool
        return found

    def _new_pool(self) -> Pool:
        # A process that SIGKILL ended had no memory: this node's lack, and no series' fault.
        folders = self._folder, self._scratch
        pool = Pool(self._plan, *folders, is_one_of_several=True, beside=self._pools)
        self._pools.append(pool)
        return pool

    def drop_pool(self) -> None:
        """End this thread's children, and what they had; the next batch has new ones."""
        found: Pool = self._own.pool
        found.end()
        self._pools.remove(found)
        del self._own.pool

    def end(self) -> None:
        """End all children."""
        for pool in self._pools:
            pool.end()


_node: _Node | None = None


@contextmanager
def ready(plan: Plan, folder: Path, scratch: Path, *, processes: int) -> Iterator[None]:
    """Let `work` find the plan. Batches go to `folder`; `scratch` is on this node."""
    global _node  # noqa: PLW0603 - Dask calls a function of a module, and gives it a name only
    _node = _Node(plan, folder, scratch, processes)
    try:
        yield
    finally:
        with held_back():
            _node.end()
            _node = None


def gave_back() -> str:
    """Return why a batch was given back since `ready`, for lack of disk or memory; or nothing."""
    return "" if _node is None else _node.gave_back


def work(name: str) -> Answer:
    """Work a batch; return its file's name, how many series have each status, and this node.

    Raises UnfitNodeError where this node has no disk or memory for it.
    """
    if _node is None:
        raise RuntimeError("this node has no plan")
    try:
        _node.make_folder()
        (done,) = _node.pool().run([_node.batches[name]], 1)
    except (OSError, MemoryError, MemoryExhaustedError) as exc:
        _node.gave_back = limited(str(exc))
        _node.drop_pool()
        raise UnfitNodeError(get_worker().address, f"{socket.gethostname()}: {exc}") from None
    return done.path.name, dict(done.statuses), socket.gethostname()
