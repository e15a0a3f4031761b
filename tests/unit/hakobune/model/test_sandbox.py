"""One table of circumstances, and all that is rendered from it or written beside it."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hakobune.adapters.azure_documents import job_document
from hakobune.adapters.docker_cli import run_program
from hakobune.model.job import JobPlan
from hakobune.model.sandbox import (
    INCOMING,
    JOB,
    PAGES,
    PREDICT,
    SANDBOXES,
    SCHEDULER,
    SMOKE,
    TRAIN,
    WORKER,
    Sandbox,
)
from hakobune.stages.smoke import checks_of
from tests.run_samples import make_run
from tests.samples import FakeRunner, begins

ROOT = Path(__file__).resolve().parents[4]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
HERE = (TRAIN, SCHEDULER, WORKER, PREDICT, PAGES)
NODES = (SCHEDULER, WORKER)


def volume(given: dict[str, Any]) -> dict[str, Any]:
    return {"read_only": False, **given}


@pytest.mark.parametrize("name", HERE)
def test_the_repository_s_compose_file_is_the_table(name: str) -> None:
    service, wanted = COMPOSE["services"][name], SANDBOXES[name].compose_service()
    found = {key: service.get(key) for key in wanted} | {
        # The checkout's source, which the image is compared with, is this project's own matter.
        "volumes": [*map(volume, service["volumes"][: len(wanted["volumes"])])]
    }
    assert found == wanted
    more = service["volumes"][len(wanted["volumes"]) :]
    if name == PAGES:
        assert more == ["mlflow-store:/workspace/store"]
    else:
        key = ["cluster-key:/cluster"] if name in NODES else []
        assert more[1:] == key
        assert (more[0]["target"], more[0]["read_only"]) == ("/checkout", True)
    assert service.get("network_mode") == (SANDBOXES[name].network or None)
    assert not set(service) & {"privileged", "devices", "pid", "ipc", "userns_mode", "group_add"}


def test_the_nodes_of_a_run_are_on_a_network_without_a_way_out_and_their_key_is_in_memory() -> None:
    assert COMPOSE["networks"] == {"cluster": {"internal": True}}
    assert all(COMPOSE["services"][name]["networks"] == ["cluster"] for name in NODES)
    assert COMPOSE["volumes"]["cluster-key"]["driver_opts"]["type"] == "tmpfs"
    others = set(COMPOSE["services"]) - set(NODES)
    assert all("cluster-key" not in str(COMPOSE["services"][name]) for name in others)


def test_the_other_project_s_compose_file_is_the_table_without_data() -> None:
    text = (ROOT / "tests/cases/word-count/docker-compose.yml").read_text(encoding="utf-8")
    (service,) = yaml.safe_load(text)["services"].values()
    wanted = replace(SANDBOXES[TRAIN], mounts=(("runs", INCOMING),)).compose_service()
    found = {key: service.get(key) for key in wanted}
    assert found | {"volumes": [*map(volume, service["volumes"])]} == wanted


def test_only_a_training_writes_to_runs_and_only_to_what_has_not_arrived() -> None:
    written = {
        (name, place, dict(row.mounts)[place])
        for name, row in SANDBOXES.items()
        for place in row.writable
    }
    assert written == {(name, "runs", "runs/.incoming") for name in (TRAIN, *NODES)}


def options_of(command: list[str], image: str) -> dict[str, str]:
    """Read the options of `docker run` back, a switch as an empty text."""
    words = [part for word in command[3 : command.index(image)] for part in word.split("=", 1)]
    words = [word for word in words if word != "python"]
    found: dict[str, str] = {}
    for word in words:
        if word.startswith("--") and word != "--":
            found[word] = ""
        else:
            last = list(found)[-1]
            found[last] = "=".join(filter(None, (found[last], word)))
    return found


def shut_in(row: Sandbox) -> dict[str, str]:
    return {
        "--user": row.user,
        "--network": row.network,
        "--read-only": "",
        "--cap-drop": "ALL",
        "--security-opt": "no-new-privileges:true",
        "--tmpfs": row.tmp,
        "--shm-size": row.shared_memory,
        "--memory": row.memory,
        "--cpus": row.cpus,
        "--pids-limit": str(row.pids),
    }


def test_a_smoke_test_runs_in_the_circumstances_of_a_training(tmp_path: Path) -> None:
    train, row = SANDBOXES[TRAIN], SANDBOXES[SMOKE]
    for field in ("network", "is_read_only", "tmp", "shared_memory", "memory", "cpus", "pids"):
        assert getattr(row, field) == getattr(train, field)
    assert row.capabilities == ()
    made = make_run(tmp_path)
    for command in checks_of(made.project, made.image).values():
        assert command[:3] == shlex.split("docker run --rm")
        assert options_of(command, made.image.id) == shut_in(row)


def test_what_lists_the_image_s_packages_is_shut_in_alike() -> None:
    runner = FakeRunner([begins("docker", "run")])
    run_program(runner, "demo", "print()")
    (command,) = runner.called("docker", "run")
    assert command[2] == "--name"
    options = ["docker", "run", "--rm", *command[4:]]
    assert options_of(options, "demo") == shut_in(SANDBOXES[SMOKE]) | {"--entrypoint": ""}


def test_temporary_files_can_be_executed_everywhere() -> None:
    for row in SANDBOXES.values():
        if row.tmp:
            assert "exec" in row.tmp.partition(":")[2].split(",")
        else:
            assert not row.is_read_only  # /tmp of the node's own disk


def test_a_job_asks_for_what_a_training_has_here() -> None:
    plan = JobPlan(
        name="n",
        display_name="n",
        experiment="e",
        command="c",
        environment="e:1",
        compute="c",
        instances=1,
        timeout_s=60,
        inputs=(),
        outputs=(),
        variables=(),
        tags=(),
    )
    resources = yaml.safe_load(job_document(plan))["resources"]
    assert resources["shm_size"] == SANDBOXES[JOB].shared_memory == SANDBOXES[TRAIN].shared_memory
