"""A program that shares its work, on several nodes: a node is lost, and the run is the same."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drydock.output_mounts import reason_against
from tests.e2e.conftest import (
    Drydock,
    Site,
    calling,
    command_line,
    forget,
    last_name,
    local,
    name_anew,
    word_count,
)
from tests.samples import PATIENCE_S

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-"),
]
# A cluster of its own: others are made for jobs of one node.
SUBMIT = (
    *("submit", "--again", "--create-compute", "--compute", "three-nodes"),
    *("--text", "text.txt", "--retries", "1"),
)
TABLE = """
[tool.hakobune.outputs.work]
flag = "--work"
work = true
"""
# It counts each line once, whichever node does it. The first node merges what all of them did. In
# its first attempt a job of several nodes stops halfway, until one of the nodes is taken away.
PROGRAM = """
import argparse, collections, json, os, tempfile, time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--text", required=True)
parser.add_argument("--counts", required=True)
parser.add_argument("--work")
parser.add_argument("--shard", default="")
options = parser.parse_args()
work = Path(options.work or tempfile.mkdtemp())
node, nodes = int(os.environ.get("NODE_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
part, _, parts = options.shard.partition("/")
lines = list(enumerate(Path(options.text).read_text(encoding="utf-8").splitlines()))
left = {number for number, _ in lines if not (work / str(number)).exists()}
print(f"kept {len(lines) - len(left)}", flush=True)
is_halted = nodes > 1 and not (work / "again").exists()
if options.shard:
    time.sleep(2)  # a node that is taken away is one that runs
for number, line in lines:
    is_mine = number % nodes == node and number % int(parts or 1) == int(part or 0)
    if number in left and is_mine:
        counts = collections.Counter(line.split())
        (work / str(number)).write_text(json.dumps(counts), encoding="utf-8")
    while is_halted and number == nodes - 1:
        if node == 0 and {str(one) for one in range(nodes)} <= set(os.listdir(work)):
            (work / "again").touch()
            print("halted", flush=True)
            time.sleep(600)
        time.sleep(0.1)
while node == 0 and not {str(number) for number, _ in lines} <= set(os.listdir(work)):
    if options.shard:
        raise SystemExit
    time.sleep(0.1)
while node and "over" not in os.listdir(work):
    time.sleep(0.1)
if node == 0 and not options.shard:
    total = collections.Counter()
    for number, _ in lines:
        total.update(json.loads((work / str(number)).read_text(encoding="utf-8")))
    Path(options.counts).mkdir(parents=True, exist_ok=True)
    Path(options.counts, "counts.json").write_text(json.dumps(total, sort_keys=True))
    (work / "over").touch()
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def sharing(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of that program, with an image of its own and a local run."""
    folder = word_count(tmp_path_factory.mktemp("sharing") / "project")
    shutil.rmtree(folder / "docker")
    (folder / "counter/__main__.py").write_text(PROGRAM, encoding="utf-8")
    text = "".join(f"a b{number} a\n" for number in range(9))
    (folder / "text.txt").write_text(text, encoding="utf-8")
    settings = folder / "pyproject.toml"
    found = settings.read_text(encoding="utf-8")
    found = found.replace("[tool.hakobune]\n", "[tool.hakobune]\ndistributed = true\n", 1) + TABLE
    settings.write_text(found, encoding="utf-8")
    local("render", cwd=folder)
    name_anew(folder, site, "sharing")
    local("smoke", "--text", "text.txt", cwd=folder)
    yield folder
    forget(folder, site)


def notes_of(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / ".hakobune/jobs").glob("*.json"))


@pytest.mark.parametrize(
    "fault", ["preempted", pytest.param("preempted-restarted", marks=pytest.mark.minutes)]
)
def test_a_job_that_loses_a_node_continues_from_its_work_and_its_run_is_the_same(
    site: Site, drydock: Drydock, sharing: Path, fault: str
) -> None:
    before = notes_of(sharing)
    command = command_line(*SUBMIT, "--instances", "3", "--fetch")
    with subprocess.Popen(
        command,
        cwd=sharing,
        env=site.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as submit:
        assert submit.stdout is not None
        shown = []
        for line in submit.stdout:
            shown.append(line.strip())
            if shown[-1] == "halted":
                break
        drydock.run("fault", fault, "--node", "1")
        rest, err = submit.communicate(timeout=PATIENCE_S)
    assert submit.returncode == 0, err
    # Each node did its first line before one was lost.
    assert shown[-2:] == ["kept 0", "halted"], shown
    assert rest.splitlines()[0] == "kept 3", rest
    assert rest.splitlines()[-1].startswith("bit-identical to the local run "), rest
    again = [name for name in notes_of(sharing) if name not in before]
    assert len(again) == (2 if fault == "preempted" else 1)
    name = last_name(sharing)
    assert calling(site, sharing)("verify", name).returncode == 0
    logs = {path.name for path in (sharing / "runs" / name).iterdir()}
    assert "counts.json" in logs
    assert not logs & {"again", "over", "0"}  # of the work nothing is fetched


def test_a_shard_that_loses_its_node_is_resubmitted_alone_and_the_run_is_the_same(
    site: Site, drydock: Drydock, sharing: Path
) -> None:
    before = notes_of(sharing)
    drydock.inject("preempted", "job *-s1")
    done = calling(site, sharing)(*SUBMIT, "--shards", "3", "--fetch", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    name = found["job"]
    assert sorted(one.removeprefix(name) for one in notes_of(sharing) if one not in before) == [
        "",
        "-s0",
        "-s1",
        "-s1-2",
        "-s2",
    ]
    assert found["grade"].startswith("bit-identical to the local run "), found
    assert "kept 9" in done.stderr  # the last job merged, and did no work of its own
    verified = calling(site, sharing)("verify", name)
    assert verified.returncode == 0, verified.stderr
    again = calling(site, sharing)("reproduce", "model", name, "--json")
    assert json.loads(again.stdout)["grade"] == "bit-identical", again.stderr
