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
from trainer.interruption import checkpoint, held_back

_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_EARLY_S = 60.0


def supervise(work: Callable[[], int], is_over: Callable[[], bool]) -> int:
    """Run the work in a child, again where a signal ended it; return the child's exit code.

    Work that is ended soon after each start is started less and less often, and never given up
    before the run is over: a node that failed would take all others with it.
    """
    context = multiprocessing.get_context("fork")
    pause_s = _PAUSE_S
    while not is_over():
        checkpoint()
        child, began = context.Process(target=_run, args=(work,)), time.monotonic()
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
        is_early = time.monotonic() - began < _EARLY_S
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S) if is_early else _PAUSE_S
        name = signal.Signals(-code).name
        show_notes([f"the process that works was ended by {name}; another one starts"])
        until = time.monotonic() + pause_s
        while time.monotonic() < until and not is_over():
            checkpoint()
            time.sleep(min(_PAUSE_S, pause_s))
    return 0


def _run(work: Callable[[], int]) -> None:
    sys.exit(work())
