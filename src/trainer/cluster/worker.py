"""The nodes beside node 0: they work for it, and end when it says so."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from trainer.cluster import task
from trainer.cluster.engine import Team, work_for
from trainer.cluster.invitation import Invitation, published
from trainer.cluster.nodes import is_over, own_address, read_node
from trainer.console import show_notes
from trainer.errors import DiskFullError, MemoryExhaustedError, NodesMissingError
from trainer.interruption import checkpoint
from trainer.many.options import ManySettings
from trainer.many.plan import Plan
from trainer.many.work import cores, machine_translated, open_plan
from trainer.settings import read_environment

# Azure ML starts nodes minutes apart, and node 0 may read a large table first.
_PATIENCE_S = 1800.0
_PAUSE_S = 1.0
# For a node without disk or memory, before it asks for work again.
_UNFIT_PAUSE_S = 60.0


def work_for_node_0(settings: ManySettings) -> None:
    """Work until node 0 leaves word that it is over. Raises NodesMissingError if it never does.

    Node 0 may be gone for a while, and come back with another key. A node without disk or memory
    for the table does not end, because that would end the others on Azure ML: it tries again.
    """
    assert settings.keys is not None  # noqa: S101 - for mypy: this node is one of a cluster
    while not is_over(settings.keys, settings.place.run_id):
        try:
            with machine_translated(settings):
                return _work(settings, settings.keys)
        except (DiskFullError, MemoryExhaustedError) as exc:
            show_notes([f"{exc.what}; this node tries again in a minute"])
        rested = time.monotonic() + _UNFIT_PAUSE_S
        while time.monotonic() < rested and not is_over(settings.keys, settings.place.run_id):
            checkpoint()
            time.sleep(_PAUSE_S)
    return None


def _work(settings: ManySettings, keys: Path) -> None:
    """Read the table and work for node 0 until it is over."""
    node = read_node(read_environment())
    processes = settings.processes or cores()
    parent, seen, resting = os.getppid(), time.monotonic(), 0.0
    with open_plan(settings) as (plan, _source):
        while not is_over(keys, settings.place.run_id) and os.getppid() == parent:
            checkpoint()
            is_rested = time.monotonic() >= resting
            invitations = published(keys, settings.place.run_id) if is_rested else ()
            for invitation in invitations:
                was_there, gave_back = _accept(invitation, plan, node.head, processes)
                seen = time.monotonic() if was_there else seen
                resting = time.monotonic() + _UNFIT_PAUSE_S if gave_back else 0.0
                if gave_back:
                    show_notes([f"a batch was given back, and this node rests: {gave_back}"])
            if time.monotonic() - seen > _PATIENCE_S:
                raise NodesMissingError(
                    f"node 0 at {node.head} was not there for {_PATIENCE_S:.0f} s: no key of its "
                    f"is in {keys}, or its port does not answer",
                    remedy="look at its log, and give all nodes one output (on Azure ML mode "
                    "rw_mount); a run that starts again continues from what is done",
                )
            time.sleep(_PAUSE_S)


def _accept(invitation: Invitation, plan: Plan, address: str, processes: int) -> tuple[bool, str]:
    """Work until node 0 sends this node away or is gone.

    Return whether it was there, and why this node gave a batch back, if it did.
    """
    host = own_address(address)
    if host is None:
        return False, ""
    with (
        tempfile.TemporaryDirectory(prefix="trainer-") as scratch,
        task.ready(plan, Path(invitation.batches), Path(scratch), processes=processes),
    ):
        team = Team(invitation=invitation, plan=plan.name, host=host)
        where = f"tls://{address}:{invitation.port}"
        folder = Path(scratch) / "dask"
        was_there = asyncio.run(work_for(where, team, processes=processes, folder=folder))
        return was_there, task.gave_back()
