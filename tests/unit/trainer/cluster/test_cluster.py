"""Nodes as processes: whoever is killed, the run has the bytes of one process."""

import csv
import gzip
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.samples import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.slow]

SERIES, ROWS = 120, 40
# The program as it is, but for a fit that ends its process. Its processes load it once more.
DEADLY = """
import os, signal, sys
import trainer.many.runners as runners
whole = runners.forecast_one
def forecast_one(given, rules, **told):
    if given.name in ('s003', 's004') and not told.get("has_crashed"):
        os.kill(os.getpid(), signal.{signal})
    return whole(given, rules, **told)
runners.forecast_one = forecast_one
if __name__ == "__main__":
    from trainer.__main__ import main
    sys.exit(main(sys.argv[1:]))
"""
SAME = ("forecasts.csv.gz", "metrics.csv.gz", "models.sqlite")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "long.csv"
    rng = np.random.default_rng(7)
    lines = ["unique_id,ds,y"]
    for series in range(SERIES):
        values = 50 + series + 10 * np.sin(np.arange(ROWS) * np.pi / 6) + rng.normal(0, 3, ROWS)
        lines += [
            f"s{series:03},{2020 + row // 12}-{row % 12 + 1:02}-01,{value:.2f}"
            for row, value in enumerate(values)
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


class Cluster:
    """Nodes that share an output; each is a process group of its own."""

    def __init__(self, table: Path, output: Path) -> None:
        self.table, self.output = table, output
        self.program = ["-m", "trainer"]
        self.nodes = list[subprocess.Popen[str]]()

    @property
    def batches(self) -> list[str]:
        folder = self.output / ".cluster/batches"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def start(self, rank: int, processes: int, *more: str) -> subprocess.Popen[str]:
        variables = {"NODE_RANK": str(rank), "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1"}
        command = [sys.executable, *self.program, "many", "--input", str(self.table)]
        command += ["--output", str(self.output), "--run_id", "run", "--processes", str(processes)]
        self.nodes.append(
            subprocess.Popen(
                [*command, *more],
                env={**os.environ, "PYTHONPATH": "src", **variables},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return self.nodes[-1]

    def end(self) -> None:
        for node in self.nodes:
            signal_group(node, signal.SIGKILL)
            node.communicate()


def signal_group(node: subprocess.Popen[str], number: int) -> None:
    if node.poll() is None:
        os.killpg(node.pid, number)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ended(node: subprocess.Popen[str]) -> str:
    said, _ = node.communicate(timeout=PATIENCE_S)
    assert node.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def alone(table: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of one process without any cluster."""
    output = tmp_path_factory.mktemp("alone")
    command = [sys.executable, "-m", "trainer", "many", "--input", str(table), "--processes", "1"]
    subprocess.run(
        [*command, "--output", str(output), "--run_id", "run"],
        check=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    return {name: (output / name).read_bytes() for name in (*SAME, "metric.json")}


@pytest.fixture
def cluster(table: Path, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(table, tmp_path / "output")
    try:
        yield made
    finally:
        made.end()


def files_of(cluster: Cluster) -> dict[str, bytes]:
    assert not (cluster.output / ".cluster/batches").exists()
    assert (cluster.output / "record.json").exists()
    return {name: (cluster.output / name).read_bytes() for name in (*SAME, "metric.json")}


def test_nodes_make_the_bytes_of_one_process_and_only_tls_is_open(
    cluster: Cluster, alone: dict[str, bytes]
) -> None:
    keys = str(cluster.output.with_name("keys"))
    nodes = [
        cluster.start(rank, rank, "--cluster", keys) for rank in (0, 1, 2)
    ]  # node 0 works nothing itself
    until(lambda: cluster.batches)
    ports = listening(nodes)
    assert len(ports) >= len(nodes)
    for port in ports:
        assert is_shut_to_strangers(port), port
    said = [ended(node) for node in nodes]
    assert files_of(cluster) == alone
    assert "note     node " in said[0]


def test_a_worker_that_is_killed_costs_its_batch_s_time_only(
    cluster: Cluster, alone: dict[str, bytes]
) -> None:
    head, worker = cluster.start(0, 0), cluster.start(1, 1)
    until(lambda: cluster.batches)
    (child,) = children(worker.pid)
    os.kill(child, signal.SIGKILL)
    assert "ended by SIGKILL; another one starts" in ended(worker)
    assert "1 worker lost on the way" in ended(head)
    assert files_of(cluster) == alone


@pytest.mark.minutes
def test_after_node_0_is_killed_a_new_start_goes_on(
    cluster: Cluster, alone: dict[str, bytes]
) -> None:
    head, worker = cluster.start(0, 0), cluster.start(1, 1)
    until(lambda: len(cluster.batches) > 1)
    signal_group(head, signal.SIGKILL)
    again = cluster.start(0, 0)
    assert re.search(r"[0-9]+ (batch was|batches were) there", ended(again))
    ended(worker)
    assert files_of(cluster) == alone


def crashed(cluster: Cluster) -> list[str]:
    with gzip.open(cluster.output / "metrics.csv.gz", "rt", encoding="utf-8") as stream:
        return [row["unique_id"] for row in csv.DictReader(stream) if row["status"] == "crashed"]


def test_a_series_that_ends_its_process_is_marked_and_its_batch_s_others_are_done(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY.format(signal="SIGSEGV"))
    cluster.program = [str(tmp_path / "deadly.py")]
    head, worker = cluster.start(0, 0), cluster.start(1, 1)
    assert f"2 crashed, {SERIES - 2} ok" in ended(head)
    assert "another one starts" not in ended(worker)  # it lost a child, and not itself
    assert crashed(cluster) == ["s003", "s004"]


def test_node_0_gives_a_batch_back_comes_back_and_in_the_end_does_it_itself(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY.format(signal="SIGKILL"))  # as for lack of memory
    cluster.program = [str(tmp_path / "deadly.py")]
    said = ended(cluster.start(0, 1))
    assert said.count("a node gave its batch back: ") == 3, said
    assert "1 batch failed on other nodes; this one works the rest" in said
    assert f"2 crashed, {SERIES - 2} ok" in said
    assert crashed(cluster) == ["s003", "s004"]


def test_nodes_without_a_batch_end_as_the_others_do(cluster: Cluster, tmp_path: Path) -> None:
    rows = cluster.table.read_text().splitlines()[: 1 + ROWS]
    cluster.table = tmp_path / "one.csv"
    cluster.table.write_text("\n".join(rows) + "\n")
    head, *others = [cluster.start(rank, int(rank > 0)) for rank in range(3)]
    assert "1 series" in ended(head)
    for node in others:
        ended(node)


@pytest.mark.minutes
def test_a_frozen_worker_is_given_up_and_leaves_nothing_when_it_thaws(
    cluster: Cluster, alone: dict[str, bytes]
) -> None:
    head, frozen = cluster.start(0, 0), cluster.start(1, 1)
    until(lambda: cluster.batches)
    signal_group(frozen, signal.SIGSTOP)
    began = time.monotonic()
    other = cluster.start(2, 1)
    ended(head)
    ended(other)
    assert time.monotonic() - began < PATIENCE_S
    signal_group(frozen, signal.SIGCONT)
    ended(frozen)
    assert files_of(cluster) == alone


@pytest.mark.minutes
def test_node_0_alone_does_everything_itself(cluster: Cluster, alone: dict[str, bytes]) -> None:
    ended(cluster.start(0, 1))
    assert files_of(cluster) == alone


@pytest.mark.minutes
def test_another_run_s_batches_and_half_a_batch_are_ignored(
    cluster: Cluster, alone: dict[str, bytes]
) -> None:
    folder = cluster.output / ".cluster/batches"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 64}.{'0' * 12}").write_bytes(b"another run's")
    head = cluster.start(0, 1)
    until(lambda: len(cluster.batches) > 1)
    signal_group(head, signal.SIGKILL)
    name = next(name for name in cluster.batches if not name.startswith("0000"))
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    ended(cluster.start(0, 1))
    assert files_of(cluster) == alone


@pytest.mark.minutes
def test_a_worker_with_another_table_gets_no_work(
    cluster: Cluster, alone: dict[str, bytes], table: Path, tmp_path: Path
) -> None:
    head = cluster.start(0, 0)
    cluster.table = tmp_path / "other.csv"
    cluster.table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    other = cluster.start(1, 1)
    time.sleep(5)
    assert not cluster.batches
    cluster.table = table
    worker = cluster.start(2, 1)
    for node in (head, other, worker):
        ended(node)
    assert files_of(cluster) == alone


def listening(nodes: Sequence[subprocess.Popen[str]]) -> list[int]:
    """Return the ports that processes of these nodes listen on."""
    groups = {node.pid for node in nodes}
    inodes = set[str]()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) in groups:
                links = [str(link.readlink()) for link in (process / "fd").iterdir()]
                inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
        except OSError:
            continue
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and inode in inodes:
                found.append(int(local.rpartition(":")[2], 16))
    return found


def is_shut_to_strangers(port: int) -> bool:
    """Ask by HTTP, and by TLS without the key: neither gets more than "not found"."""
    said = asked(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    if said:
        return said.startswith(b"HTTP/1.1 404")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return asked(port, b"x" * 64, context) == b""


def asked(port: int, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        with closing(plain), plain if context is None else context.wrap_socket(plain) as stream:
            stream.sendall(request)
            return stream.recv(1000)
    except OSError:
        return b""
