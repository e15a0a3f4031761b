"""Which node this is, by Azure ML's variables for `distribution: pytorch`; when the run is over.

https://learn.microsoft.com/azure/machine-learning/how-to-train-distributed-gpu names MASTER_ADDR,
WORLD_SIZE, NODE_RANK and RANK; others came and went. MASTER_PORT is the service's, and is not used.
"""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import NodesUnclearError
from trainer.printable import printable
from trainer.regular_file import read_beneath

_COUNT = re.compile(r"[0-9]{1,5}")
_ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")
_RELATED = re.compile(
    r"AZUREML_.*(?:NODE|RANK).*|AZ_BATCH.*(?:NODE|HOST).*|.*(?:RANK|WORLD_SIZE)|MASTER_.*|NODE_COUNT"
)
_MOST_SHOWN = 20
_LONGEST_ID = 1000
END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """This node's rank from 0, the number of nodes, and node 0's address or name."""

    rank: int
    nodes: int
    head: str


def read_node(environment: Mapping[str, str]) -> Node:
    """Return which node this is.

    Raises NodesUnclearError, with the names of the variables that are there, where one is missing
    or has no known form.
    """
    rank = _number(environment, "NODE_RANK", "RANK")
    nodes = _number(environment, "AZUREML_NODE_COUNT", "WORLD_SIZE")
    head = environment.get("MASTER_ADDR", "")
    if not _ADDRESS.fullmatch(head):
        raise _unclear(environment, "MASTER_ADDR" + " has no address" * bool(head))
    if not rank < nodes:
        raise _unclear(environment, f"node {rank} of {nodes}")
    return Node(rank=rank, nodes=nodes, head=f"[{head}]" if ":" in head else head)


def is_one_of_several(environment: Mapping[str, str]) -> bool:
    """Return whether the service says that this job has more than one node."""
    found = environment.get("AZUREML_NODE_COUNT") or environment.get("WORLD_SIZE") or "1"
    return not _COUNT.fullmatch(found) or int(found) > 1


def own_address(head: str) -> str | None:
    """Return the address of this node that node 0 sees; None while there is no way to node 0.

    Nothing is sent: the kernel is asked which address it would take.
    """
    try:
        found = socket.getaddrinfo(head.strip("[]"), 9, type=socket.SOCK_DGRAM)
        with socket.socket(found[0][0], socket.SOCK_DGRAM) as asked:
            asked.connect(found[0][4])
            return str(asked.getsockname()[0])
    except OSError:
        return None


@contextmanager
def told_the_end(folder: Path, run_id: str) -> Iterator[None]:
    """At the end leave word for all nodes that it is over, also for those that look later.

    It names the run: a job that starts again with the output of one that failed has another id.
    """
    with suppress(OSError):
        (folder / END).unlink(missing_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / END).unlink(missing_ok=True)
            with (folder / END).open("x", encoding="utf-8") as stream:  # no pipe waits for a reader
                stream.write(run_id)


def is_over(folder: Path, run_id: str) -> bool:
    """Return whether node 0 left word that this run is over; without an id that any run is."""
    try:
        content = read_beneath(folder, END, _LONGEST_ID)
    except (OSError, ValueError):
        return False
    return not run_id or content == run_id.encode()


def _number(environment: Mapping[str, str], *names: str) -> int:
    name = next((name for name in names if environment.get(name)), None)
    if name is None:
        raise _unclear(environment, f"neither {' nor '.join(names)} is set")
    if not _COUNT.fullmatch(environment[name]):
        raise _unclear(environment, f"{name} is not a number")
    return int(environment[name])


def _unclear(environment: Mapping[str, str], what: str) -> NodesUnclearError:
    """Return the error. Names only: a value may be anything, and a log is read by many."""
    seen = sorted(name for name in environment if _RELATED.fullmatch(name))
    told = ", ".join(printable(name) for name in seen[:_MOST_SHOWN]) or "none"
    return NodesUnclearError(
        f"this node's place among the nodes is unclear: {what}; variables that are there: {told}",
        remedy="start the job with `hakobune submit --instances N`, or leave out --cluster",
    )
