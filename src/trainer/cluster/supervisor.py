"""Starts a node's work again when something kills it: what Dask's nanny does, without its port.

On Azure ML a node that ends with another code than 0 ends the whole job. This process loads
nothing, so that it is small.
"""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable

from trainer.console import show_notes
from trainer.errors import NodesMissingError
from trainer.interruption import checkpoint, held_back

_MOST_DEATHS = 20
_PAUSE_S = 1.0


def supervise(work: Callable[[], int]) -> int:
    """Run the work in a child, again where a signal ended it; return the child's exit code."""
    context = multiprocessing.get_context("fork")
    for _ in range(_MOST_DEATHS):
        checkpoint()
        child = context.Process(target=_run, args=(work,))
        with held_back():
            child.start()
        try:
            child.join()
        except BaseException:
            child.terminate()
            child.join()
            raise
        code = child.exitcode or 0
        if code >= 0:
            return code
        name = signal.Signals(-code).name
        show_notes([f"the process that works was ended by {name}; another one starts"])
        time.sleep(_PAUSE_S)
    raise NodesMissingError(
        f"the process that works was ended {_MOST_DEATHS} times",
        remedy="give the node more memory, or fewer --processes",
    )


def _run(work: Callable[[], int]) -> None:
    sys.exit(work())
