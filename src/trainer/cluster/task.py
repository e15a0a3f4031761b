"""What a worker does with the name of a batch: a child process of its own works it.

So a series that ends its process loses itself and nothing else, as on one machine, and Dask's own
thread is never kept from answering.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.interruption import held_back
from trainer.many.plan import Plan
from trainer.many.runners import Pool

Answer = tuple[str, dict[str, int], str]


class _Node:
    """This node's plan, and a child for each thread that works."""

    def __init__(self, plan: Plan, folder: Path, scratch: Path) -> None:
        self.batches = {batch.name: batch for batch in plan.batches}
        self._plan, self._folder, self._scratch = plan, folder, scratch
        self._own = threading.local()
        self._pools = list[Pool]()

    def pool(self) -> Pool:
        """Return this thread's."""
        if not hasattr(self._own, "pool"):
            self._own.pool = Pool(self._plan, self._folder, self._scratch)
            self._pools.append(self._own.pool)
        found: Pool = self._own.pool
        return found

    def end(self) -> None:
        """End all children."""
        for pool in self._pools:
            pool.end()


_node: _Node | None = None


@contextmanager
def ready(plan: Plan, folder: Path, scratch: Path) -> Iterator[None]:
    """Let `work` find the plan. Batches go to `folder`; `scratch` is on this node."""
    global _node  # noqa: PLW0603 - Dask calls a function of a module, and gives it a name only
    _node = _Node(plan, folder, scratch)
    try:
        yield
    finally:
        with held_back():
            _node.end()
            _node = None


def work(name: str) -> Answer:
    """Work a batch; return its file's name, how many series have each status, and this node."""
    if _node is None:
        raise RuntimeError("this node has no plan")
    (done,) = _node.pool().run([_node.batches[name]], 1)
    return done.path.name, dict(done.statuses), socket.gethostname()
