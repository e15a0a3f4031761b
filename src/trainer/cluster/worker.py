"""The nodes beside node 0: they work for it, and end when it says so."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from trainer.cluster import task
from trainer.cluster.engine import Team, work_for
from trainer.cluster.invitation import END, Invitation, published
from trainer.cluster.nodes import own_address, read_node
from trainer.errors import NodesMissingError
from trainer.interruption import checkpoint
from trainer.many.options import ManySettings
from trainer.many.plan import Plan
from trainer.many.work import cores, open_plan
from trainer.settings import read_environment

# Azure ML starts nodes minutes apart, and node 0 may read a large table first.
_PATIENCE_S = 1800.0
_PAUSE_S = 1.0


def work_for_node_0(settings: ManySettings) -> None:
    """Work until node 0 leaves word that it is over. Raises NodesMissingError if it never does.

    Node 0 may be gone for a while, and come back with another key.
    """
    node = read_node(read_environment())
    processes = settings.processes or cores()
    assert settings.keys is not None  # noqa: S101 - for mypy: this node is one of a cluster
    parent, seen = os.getppid(), time.monotonic()
    with open_plan(settings) as (plan, _source):
        while not (settings.keys / END).exists() and os.getppid() == parent:
            checkpoint()
            for invitation in published(settings.keys):
                if _accept(invitation, plan, node.head, processes):
                    seen = time.monotonic()
            if time.monotonic() - seen > _PATIENCE_S:
                raise NodesMissingError(
                    f"node 0 at {node.head} was not there for {_PATIENCE_S:.0f} s",
                    remedy="look at its log; a run that starts again goes on from what is done",
                )
            time.sleep(_PAUSE_S)


def _accept(invitation: Invitation, plan: Plan, address: str, processes: int) -> bool:
    """Work until node 0 sends this node away or is gone; return whether it was there."""
    host = own_address(address)
    if host is None:
        return False
    with (
        tempfile.TemporaryDirectory(prefix="trainer-") as scratch,
        task.ready(plan, Path(invitation.batches), Path(scratch)),
    ):
        team = Team(invitation=invitation, plan=plan.name, host=host)
        where = f"tls://{address}:{invitation.port}"
        folder = Path(scratch) / "dask"
        return asyncio.run(work_for(where, team, processes=processes, folder=folder))
