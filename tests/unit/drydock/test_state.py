"""How each resource behaves, without HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from drydock.clock import SystemClock
from drydock.refusal import Refusal
from drydock.state.codes import find_by_hash
from drydock.state.computes import QUOTA_CORES
from drydock.world import World
from tests.unit.drydock.conftest import make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def cluster(size: str = "Standard_D2s_v3", nodes: int = 1, kind: str = "AmlCompute") -> Any:
    settings = {"vmSize": size, "scaleSettings": {"maxNodeCount": nodes}}
    return {"computeType": kind, "properties": settings}


def put(world: World, name: str, given: Any) -> str:
    """Make a cluster and return what the operation says."""
    return world.computes.put(name, given, None, is_quota_full=False)[1].error


def status_of(refused: pytest.ExceptionInfo[Refusal]) -> int:
    return refused.value.status


def test_an_asset_s_fixed_part_cannot_change_and_its_description_can(world: World) -> None:
    made, is_new = world.environments.put("e", "1", {"image": "a", "condaFile": ""})
    assert is_new
    changed, is_new = world.environments.put("e", "1", {"image": "a", "description": "now told"})
    assert (is_new, changed.created) == (False, made.created)
    assert world.environments.get_version("e", "1").given["description"] == "now told"
    with pytest.raises(Refusal, match="cannot be changed") as told:
        world.environments.put("e", "1", {"image": "b"})
    assert status_of(told) == 409
    assert world.environments.get_version("e", "1").given["image"] == "a"


class SlowClock(SystemClock):
    """A clock that lets every other thread run before it answers."""

    def now(self) -> datetime:
        self.sleep(0.02)
        return super().now()


def test_of_two_at_once_one_is_first(tmp_path: Path) -> None:
    world = make_world(tmp_path, clock=SlowClock())

    def submit(number: int) -> tuple[bool, bool]:
        try:
            registered = world.environments.put("e", "1", {"image": str(number)})[1]
        except Refusal:
            registered = False
        return registered, world.jobs.add("j", {"command": "a"}, "image")[1]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(submit, range(4)))
    assert sum(registered for registered, _ in found) == 1
    assert sum(added for _, added in found) == 1


def test_the_next_version_follows_the_highest_number(world: World) -> None:
    for version in ("2", "10", "sha-abc"):
        world.models.put("m", version, {"modelUri": "x"})
    assert world.models.get("m").latest.version == "sha-abc"
    assert world.models.get("m").next_version == "11"


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "a" * 256, "a;touch x", "ä"])
def test_an_odd_name_is_refused(world: World, name: str) -> None:
    for ask in (
        lambda: world.models.put(name, "1", {}),
        lambda: world.models.put("m", name, {}),
        lambda: world.jobs.add(name, {}, "image"),
        lambda: put(world, name, cluster()),
    ):
        with pytest.raises(Refusal) as told:
            ask()
        assert status_of(told) == 400


def test_code_is_found_by_its_hash_under_any_name(world: World) -> None:
    world.codes.put("a", "1", {"codeUri": "x", "properties": {"hash_sha256": "1234"}})
    assert [code.name for code in find_by_hash(world.codes, "1234")] == ["a"]
    assert find_by_hash(world.codes, "5678") == ()


def test_clusters_share_a_quota_of_cores_by_family(world: World) -> None:
    assert put(world, "one", cluster(nodes=QUOTA_CORES // 2)) == ""
    assert put(world, "one", cluster(nodes=QUOTA_CORES // 2)) == ""  # the same one again
    assert "ClusterCoreQuotaReached" in put(world, "two", cluster())
    assert world.computes.find("two") is None
    assert put(world, "two", cluster("Standard_F2s_v2")) == ""


def test_a_cluster_s_name_has_no_case(world: World) -> None:
    put(world, "CPU", cluster())
    assert world.computes.get("cpu").name == "CPU"


def test_an_unknown_size_or_kind_of_compute_is_refused(world: World) -> None:
    with pytest.raises(Refusal, match="Standard_Z1"):
        put(world, "cpu", cluster("Standard_Z1"))
    with pytest.raises(Refusal, match="ComputeInstance") as told:
        put(world, "cpu", cluster(kind="ComputeInstance"))
    assert status_of(told) == 501


def test_a_job_sent_twice_is_one_job_and_another_under_its_name_is_refused(world: World) -> None:
    given = {"command": "a", "environmentId": "e"}
    assert world.jobs.add("j", given, "image")[1] is True
    again, is_new = world.jobs.add("j", {**given, "tags": {"more": "1"}}, "image")
    assert (is_new, again.given["tags"]) == (False, {"more": "1"})
    with pytest.raises(Refusal, match="already exists") as told:
        world.jobs.add("j", {**given, "command": "b"}, "image")
    assert status_of(told) == 409
    assert len(world.jobs.all()) == 1


def test_a_job_on_its_way_cannot_be_deleted(world: World) -> None:
    world.jobs.add("j", {"command": "a"}, "image")
    with pytest.raises(Refusal, match="cancel it first"):
        world.jobs.remove("j")
    world.jobs.move("j", "Failed", error_code="x", error_message="y")
    world.jobs.remove("j")
    with pytest.raises(Refusal, match="not found"):
        world.jobs.get("j")


def test_a_step_that_cannot_follow_is_an_error(world: World) -> None:
    world.jobs.add("j", {"command": "a"}, "image")
    with pytest.raises(ValueError, match="from NotStarted to Completed"):
        world.jobs.move("j", "Completed")


def test_secrets_are_in_no_representation(world: World) -> None:
    shown = repr(world.workspace) + repr(world.blobs.account)
    assert world.workspace.client_secret not in shown
    assert world.workspace.token_key not in shown
    assert world.blobs.account.key not in shown
