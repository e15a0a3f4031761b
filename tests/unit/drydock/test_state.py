"""How each resource behaves, without HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from drydock.clock import SystemClock
from drydock.refusal import Refusal
from drydock.state.assets import find_by_hash
from drydock.state.computes import QUOTA_CORES, find_size, sizes
from drydock.workspace_state import WorkspaceState
from tests.unit.drydock.harbour import make_state


@pytest.fixture
def state(tmp_path: Path) -> WorkspaceState:
    return make_state(tmp_path)


def cluster(size: str = "Standard_D2s_v3", nodes: int = 1, kind: str = "AmlCompute") -> Any:
    settings = {"vmSize": size, "scaleSettings": {"maxNodeCount": nodes}}
    return {"computeType": kind, "properties": settings}


def put(state: WorkspaceState, name: str, given: Any) -> str:
    """Make a cluster and return the operation."""
    return state.computes.put(name, given, None)[1].guid


def status_of(refused: pytest.ExceptionInfo[Refusal]) -> int:
    return refused.value.status


def test_an_asset_s_fixed_part_cannot_change_and_its_description_can(state: WorkspaceState) -> None:
    made, is_new = state.environments.put("e", "1", {"image": "a", "condaFile": ""})
    assert is_new
    changed, is_new = state.environments.put("e", "1", {"image": "a", "description": "now told"})
    assert (is_new, changed.created) == (False, made.created)
    assert state.environments.get_version("e", "1").given["description"] == "now told"
    with pytest.raises(Refusal, match="cannot be changed") as told:
        state.environments.put("e", "1", {"image": "b"})
    assert status_of(told) == 409
    assert state.environments.get_version("e", "1").given["image"] == "a"


class SlowClock(SystemClock):
    """A clock that lets every other thread run before it answers."""

    def now(self) -> datetime:
        self.sleep(0.02)
        return super().now()


def test_of_two_at_once_one_is_first(tmp_path: Path) -> None:
    state = make_state(tmp_path, clock=SlowClock())

    def submit(number: int) -> tuple[bool, bool]:
        try:
            registered = state.environments.put("e", "1", {"image": str(number)})[1]
        except Refusal:
            registered = False
        return registered, state.jobs.add("j", {"command": "a"}, "image")[1]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(submit, range(4)))
    assert sum(registered for registered, _ in found) == 1
    assert sum(added for _, added in found) == 1


def test_the_next_version_follows_the_highest_number(state: WorkspaceState) -> None:
    for version in ("2", "10", "sha-abc"):
        state.models.put("m", version, {"modelUri": "x"})
    assert state.models.get("m").latest.version == "sha-abc"
    assert state.models.get("m").next_version == "11"


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "a" * 256, "a;touch x", "ä"])
def test_an_odd_name_is_refused(state: WorkspaceState, name: str) -> None:
    for ask in (
        lambda: state.models.put(name, "1", {}),
        lambda: state.models.put("m", name, {}),
        lambda: state.jobs.add(name, {}, "image"),
        lambda: put(state, name, cluster()),
    ):
        with pytest.raises(Refusal) as told:
            ask()
        assert status_of(told) == 400


def test_code_is_found_by_its_hash_under_any_name(state: WorkspaceState) -> None:
    state.codes.put("a", "1", {"codeUri": "x", "properties": {"hash_sha256": "1234"}})
    assert [code.name for code in find_by_hash(state.codes, "1234")] == ["a"]
    assert find_by_hash(state.codes, "5678") == ()


def test_a_cluster_beyond_the_quota_is_created_all_the_same(state: WorkspaceState) -> None:
    put(state, "one", cluster(nodes=100 * QUOTA_CORES))
    assert state.computes.get("one").nodes == 100 * QUOTA_CORES


def test_a_cluster_s_name_has_no_case(state: WorkspaceState) -> None:
    put(state, "CPU", cluster())
    assert state.computes.get("cpu").name == "CPU"


def test_an_unknown_size_or_kind_of_compute_is_refused(state: WorkspaceState) -> None:
    with pytest.raises(Refusal, match="Standard_Z1"):
        put(state, "cpu", cluster("Standard_Z1"))
    with pytest.raises(Refusal, match="ComputeInstance") as told:
        put(state, "cpu", cluster(kind="ComputeInstance"))
    assert status_of(told) == 501


def test_a_job_sent_twice_is_one_job_and_another_under_its_name_is_refused(
    state: WorkspaceState,
) -> None:
    given = {"command": "a", "environmentId": "e"}
    assert state.jobs.add("j", given, "image")[1] is True
    again, is_new = state.jobs.add("j", {**given, "tags": {"more": "1"}}, "image")
    assert (is_new, again.given["tags"]) == (False, {"more": "1"})
    with pytest.raises(Refusal, match="already exists") as told:
        state.jobs.add("j", {**given, "command": "b"}, "image")
    assert status_of(told) == 400
    assert "the existing job's Command cannot be changed" in str(told.value)
    assert len(state.jobs.all()) == 1


def test_a_job_on_its_way_cannot_be_deleted(state: WorkspaceState) -> None:
    state.jobs.add("j", {"command": "a"}, "image")
    with pytest.raises(Refusal, match="cancel it first"):
        state.jobs.remove("j")
    state.jobs.move("j", "Failed", error_code="x", error_message="y")
    state.jobs.remove("j")
    with pytest.raises(Refusal, match="not found"):
        state.jobs.get("j")


def test_a_step_that_cannot_follow_is_an_error(state: WorkspaceState) -> None:
    state.jobs.add("j", {"command": "a"}, "image")
    with pytest.raises(ValueError, match="from Starting to Completed"):
        state.jobs.move("j", "Completed")


def test_secrets_are_in_no_representation(state: WorkspaceState) -> None:
    shown = repr(state.workspace) + repr(state.blobs.account)
    assert state.workspace.client_secret not in shown
    assert state.workspace.token_key not in shown
    assert state.blobs.account.key not in shown


def test_sizes_are_named_once_and_have_a_plausible_form() -> None:
    names = [one.name for one in sizes()]
    assert len(names) == len({name.lower() for name in names}) > 100
    for one in sizes():
        assert (one.name[:10], one.family[:8].lower()) == ("Standard_" + one.name[9], "standard")
        assert one.cores >= 1
        assert one.memory_gb >= one.cores
        assert bool(one.gpus) == (one.name[9] == "N")
        assert one.quota == (0 if one.gpus else QUOTA_CORES)


def test_a_size_is_found_whatever_its_case_and_an_unknown_one_is_refused() -> None:
    assert find_size("STANDARD_NC4AS_T4_V3").gpus == 1
    with pytest.raises(Refusal, match="not available in this location"):
        find_size("Standard_Z1")
