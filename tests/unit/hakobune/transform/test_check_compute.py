import pytest

from hakobune.errors import ComputeUnusableError, QuotaExceededError
from hakobune.model.job import ComputePlan, Quota
from hakobune.transform.check_compute import check_compute, check_quotas
from tests.cloud_samples import make_compute


def test_a_living_cluster_with_enough_nodes_will_do() -> None:
    check_compute(make_compute(max_instances=2), instances=2, wanted=None)
    check_compute(make_compute(state="Creating"), instances=1, wanted=None)
    check_compute(make_compute(max_instances=0), instances=9, wanted=None)  # it does not say


@pytest.mark.parametrize("state", ["Failed", "Deleting", "Canceled", ""])
def test_a_compute_in_a_bad_state_is_refused(state: str) -> None:
    with pytest.raises(ComputeUnusableError, match="cpu-cluster is in state"):
        check_compute(make_compute(state=state), instances=1, wanted=None)


def test_too_few_nodes_are_refused() -> None:
    with pytest.raises(ComputeUnusableError, match=r"allows 1 node\(s\), and the job asks for 2"):
        check_compute(make_compute(), instances=2, wanted=None)


def test_another_size_than_the_one_asked_for_is_refused() -> None:
    wanted = ComputePlan(name="cpu-cluster", size="STANDARD_D2S_V3")
    check_compute(make_compute(), instances=1, wanted=wanted)
    with pytest.raises(ComputeUnusableError, match="with Standard_D2s_v3, not Standard_F4s_v2"):
        check_compute(
            make_compute(),
            instances=1,
            wanted=ComputePlan(name="cpu-cluster", size="Standard_F4s_v2"),
        )


@pytest.mark.parametrize(
    ("asked", "said", "option"),
    [
        ({"is_low_priority": True}, "with dedicated, not low priority", "--low-priority"),
        ({"is_low_priority": False}, "with low priority, not dedicated", "--dedicated"),
        ({"subnet": "/s/two"}, "with /s/one, not /s/two", "--subnet"),
        ({"size": "Standard_F4s_v2"}, "not Standard_F4s_v2", "--size"),
    ],
)
def test_a_cluster_that_is_not_what_was_asked_is_refused(
    asked: dict[str, object], said: str, option: str
) -> None:
    is_low = not asked.get("is_low_priority", True)
    compute = make_compute(is_low_priority=is_low, subnet="/s/one")
    check_compute(compute, instances=1, wanted=ComputePlan(name="cpu-cluster"))
    with pytest.raises(ComputeUnusableError, match=said) as caught:
        check_compute(
            compute,
            instances=1,
            wanted=ComputePlan(name="cpu-cluster", **asked),  # type: ignore[arg-type] # by name
        )
    assert option in caught.value.remedy


def test_the_last_free_processors_will_do_and_one_less_will_not() -> None:
    def quota(used: int) -> tuple[Quota, ...]:
        return (Quota(kind="standardDSv3Family", per_node=2, used=used, allowed=24),)

    check_quotas(make_compute(), quota(20), instances=2)
    with pytest.raises(QuotaExceededError, match="needs 4 processors of standardDSv3Family; 21 of"):
        check_quotas(make_compute(), quota(21), instances=2)
    check_quotas(make_compute(), (), instances=2)
