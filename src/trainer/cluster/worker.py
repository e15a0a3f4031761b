"""The nodes beside node 0: they work for it, and end when it says so."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from trainer.cluster import task
from trainer.cluster.credentials import published
from trainer.cluster.engine import Team, work_for
from trainer.cluster.head import END, PORT
from trainer.cluster.nodes import read_node
from trainer.errors import NodesMissingError
from trainer.interruption import checkpoint
from trainer.many.options import ManySettings
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
    keys, batches = settings.keys, settings.batches
    assert keys is not None and batches is not None  # noqa: S101, PT018 - for mypy: --cluster gives both
    parent = os.getppid()
    with (
        open_plan(settings) as (plan, _source),
        tempfile.TemporaryDirectory(prefix="trainer-") as scratch,
        task.ready(plan, batches, Path(scratch)),
    ):
        seen = time.monotonic()
        while not (keys / END).exists() and os.getppid() == parent:
            checkpoint()
            for credentials in published(keys):
                team = Team(credentials=credentials, port=PORT, plan=plan.name)
                work = work_for(
                    f"tls://{node.head}:{PORT}",
                    team,
                    processes=settings.processes or cores(),
                    folder=Path(scratch) / "dask",
                )
                if asyncio.run(work):
                    seen = time.monotonic()
            if time.monotonic() - seen > _PATIENCE_S:
                raise NodesMissingError(
                    f"node 0 at {node.head} was not there for {_PATIENCE_S:.0f} s",
                    remedy="look at its log; a run that starts again goes on from what is done",
                )
            time.sleep(_PAUSE_S)
