import json
from dataclasses import replace
from pathlib import Path

import pytest

from drydock.assumptions import (
    ASSUMPTIONS,
    broken_container,
    broken_job,
    known,
    mode_of,
    read_broken,
    write_broken,
)
from drydock.engine import ContainerPlan
from drydock.errors import FaultUnknownError
from drydock.job_folder import output_folder, working_folder
from drydock.job_spec import BlobPlace
from drydock.runner import DockerRunner
from tests.unit.drydock.machine_fakes import FakeClock, FakeEngine, MemoryStore, make_job

JOB = make_job(outputs={"out": BlobPlace(container="store", path="azureml/job1/out/")})
PLAN = ContainerPlan(
    labels={},
    image="demo",
    environment={"AZUREML_RUN_ID": "j", "AZURE_ML_OUTPUT_out": "/o", "OTHER": "x"},
    shared_memory_bytes=1 << 31,
)


def test_without_a_broken_assumption_nothing_changes(tmp_path: Path) -> None:
    assert read_broken(tmp_path) == frozenset()
    assert broken_container(PLAN, frozenset()) == PLAN
    assert broken_job(JOB, frozenset()) == JOB


def test_what_was_broken_before_is_whole_after_the_next_start(tmp_path: Path) -> None:
    write_broken(tmp_path, known(["rename", "user"]))
    assert read_broken(tmp_path) == {"rename", "user"}
    write_broken(tmp_path, known([]))
    assert read_broken(tmp_path) == frozenset()


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FaultUnknownError, match="renames") as caught:
        known(["rename", "renames"])
    assert "fsync" in caught.value.remedy


@pytest.mark.parametrize("name", list(ASSUMPTIONS))
def test_each_assumption_changes_the_node_in_one_place(name: str) -> None:
    broken = frozenset({name})
    job, plan = replace(JOB, environment={"AZUREML_RUN_TOKEN": "x"}), broken_container(PLAN, broken)
    changed = [
        job != broken_job(job, broken),
        plan.user != PLAN.user,
        plan.environment != PLAN.environment,
        plan.shared_memory_bytes != PLAN.shared_memory_bytes,
        plan.seccomp != PLAN.seccomp,
        mode_of("workdir", broken) != mode_of("workdir", frozenset()),
        mode_of("output", broken) != mode_of("output", frozenset()),
    ]
    assert sum(changed) == 1


def test_a_broken_call_fails_with_eio_and_others_do_not() -> None:
    profile = json.loads(broken_container(PLAN, frozenset({"append"})).seccomp)
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    rules = {rule["names"][0]: rule["args"][0]["index"] for rule in profile["syscalls"]}
    assert rules == {"open": 1, "openat": 2}
    assert {rule["errnoRet"] for rule in profile["syscalls"]} == {5}


def test_a_read_only_output_leaves_the_working_folder_writable() -> None:
    engine = FakeEngine()
    runner = DockerRunner(
        owner="here",
        engine=engine,
        store=MemoryStore(),
        clock=FakeClock(),
        broken=lambda: frozenset({"output"}),
    )
    found = engine.containers[runner.start(JOB)]
    assert found.folders[working_folder(JOB.name)] == 0o777
    assert found.folders[output_folder(JOB.name, "out")] == 0o555
