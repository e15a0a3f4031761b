"""The table of circumstances as containers meet it: in compose, smoke tests and a rehearsed job."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace

import pytest
from docker.models.images import Image

from drydock.runner import DockerRunner
from drydock.services import open_engine
from hakobune.model.sandbox import PREDICT, SANDBOXES, SMOKE, TRAIN
from tests.container.conftest import ROOT
from tests.samples import PATIENCE_S
from tests.unit.drydock.machine_fakes import FakeClock, FakeEngine, MemoryStore, make_job

pytestmark = pytest.mark.container

# A library of the image, copied to /tmp and loaded from there; and what the kernel says of limits.
PROGRAM = """
import ctypes, json, pathlib, shutil, tempfile
copy = shutil.copy('/app/trainer/kernel/arima.so', tempfile.mkdtemp())
ctypes.CDLL(copy)
group = pathlib.Path('/sys/fs/cgroup')
pids = [group / 'pids.max', group / 'pids/pids.max']
shm = shutil.disk_usage('/dev/shm').total
print(json.dumps([copy, shm, [p.read_text().strip() for p in pids if p.exists()]]))
"""


def said(command: Sequence[str]) -> tuple[str, int, list[str]]:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    path, shm, pids = json.loads(done.stdout)
    return path, shm, pids


@pytest.mark.parametrize(
    ("place", "by"), [(TRAIN, "compose"), (PREDICT, "compose"), (TRAIN, "run"), (SMOKE, "run")]
)
def test_code_in_tmp_is_loaded_and_the_limits_hold(image: Image, place: str, by: str) -> None:
    if by == "run":
        command = ["docker", "run", "--rm", *SANDBOXES[place].docker_options(), str(image.id)]
        command += ["python"]
    else:
        command = ["docker", "compose", "run", "--rm", "-T", "--entrypoint", "python", place]
    path, shm, pids = said([*command, "-c", PROGRAM])
    assert path.startswith("/tmp/")
    assert shm == 2 << 30
    assert pids == [str(SANDBOXES[place].pids)]


def test_a_rehearsed_job_loads_code_from_tmp_and_has_the_same_shared_memory(image: Image) -> None:
    asked = FakeEngine()
    runner = DockerRunner(owner="t", engine=asked, store=MemoryStore(), clock=FakeClock())
    plan = asked.containers[runner.start(make_job("true"))].plan
    # The same circumstances around a program that only looks at them.
    plan = replace(
        plan,
        labels={"hakobune.test": "circumstances"},
        image=str(image.id),
        entrypoint=("python", "-c"),
        command=(PROGRAM,),
        working_folder="",
        volumes_from="",
    )
    engine = open_engine()
    container = engine.create(plan)
    try:
        engine.start(container)
        text = b"".join(engine.follow(container)).decode()
    finally:
        engine.remove(container)
    path, shm, _ = json.loads(text)
    assert path.startswith("/tmp/")
    assert shm == 2 << 30
