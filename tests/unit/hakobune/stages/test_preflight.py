"""What a submit lacks is listed whole, before anything is started."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import (
    ComputeNotFoundError,
    ComputeUnusableError,
    DestinationIncompleteError,
    HakobuneError,
    LoginMissingError,
    SubmitIncompleteError,
)
from hakobune.model.cloud import Cloud
from hakobune.stages.deliver import Order, Step, deliver
from hakobune.stages.preflight import require_ready
from tests.cloud_samples import FakeCloud, make_compute, make_wishes
from tests.delivery_samples import Ready, make_ready
from tests.samples import ENGINE, NO_IMAGE, FakeRunner, begins


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    return make_ready(tmp_path)


def order(ready: Ready, *arguments: str, **other: object) -> Order:
    wishes = make_wishes(*arguments, **{"is_compute_created": True, **other})
    return Order(wishes=wishes, registry="", cwd=ready.project.root, until=Step.SUBMIT)


def check(
    ready: Ready,
    wanted: Order,
    cloud: Callable[[], Cloud] | None = None,
    *,
    makes_image: bool = False,
) -> None:
    cloud = cloud or (lambda: ready.cloud)
    require_ready(ready.project, wanted, ready.runner, cloud=cloud, makes_image=makes_image)


def test_nothing_is_missing_and_nothing_is_done(ready: Ready) -> None:
    check(ready, order(ready))
    assert ready.cloud.calls == []
    assert not ready.runner.called("docker", "push")
    assert not ready.runner.called("docker", "run")


def unnamed() -> Cloud:
    raise DestinationIncompleteError("no target given: missing workspace", remedy="--workspace")


def test_all_that_is_missing_is_one_message(ready: Ready) -> None:
    ready.receipt.unlink()
    project = replace(ready.project, model=None)
    wanted = replace(order(ready, "--input", "no.csv"), until=Step.REGISTER)
    with pytest.raises(SubmitIncompleteError) as caught:
        require_ready(project, wanted, ready.runner, cloud=unnamed)
    assert caught.value.what.splitlines() == [
        "4 things are missing for this job; nothing was started",
        "  destination-incomplete: no target given: missing workspace",
        "    fix: --workspace",
        *[line for line in caught.value.what.splitlines() if "receipt-missing" in line],
        "    fix: run hakobune smoke with the arguments that the job gets",
        "  input-not-found: --input no.csv: there is no such file or folder",
        *[line for line in caught.value.what.splitlines() if "azureml:" in line],
        "  model-missing: pyproject.toml names no model",
        '    fix: add [tool.hakobune.model] with `name` and `file`, such as "models/model.pkl"',
    ]


def test_one_thing_alone_has_its_own_error(ready: Ready) -> None:
    with pytest.raises(DestinationIncompleteError):
        check(ready, order(ready), unnamed)
    with pytest.raises(ComputeNotFoundError):
        check(ready, order(ready, is_compute_created=False))


def test_a_login_that_fails_is_listed_once_and_beside_the_image(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: FakeCloud) -> str:
        raise LoginMissingError("not logged in to Azure", remedy="az login")

    monkeypatch.setattr(FakeCloud, "registry", refused)
    bare = replace(ready, runner=FakeRunner([ENGINE, NO_IMAGE]))
    with pytest.raises(SubmitIncompleteError) as caught:
        check(bare, order(ready))
    names = [line.split(":")[0].strip() for line in caught.value.what.splitlines()[1::2]]
    assert names == ["login-missing", "image-missing"]


def test_what_is_made_afterwards_is_not_missing(ready: Ready) -> None:
    bare = replace(ready, runner=FakeRunner([ENGINE, NO_IMAGE]))
    ready.receipt.unlink()
    check(bare, order(ready), makes_image=True)
    down = replace(ready, runner=FakeRunner([begins("docker", "version", exit_code=1)]))
    with pytest.raises(SubmitIncompleteError, match=r"engine-missing: [\s\S]*input-not-found: "):
        check(down, order(ready, "--input", "no.csv"), makes_image=True)


def test_a_registry_that_nobody_names_is_missing_before_a_build(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCloud, "registry", lambda _: "")
    for makes_image in (False, True):
        with pytest.raises(DestinationIncompleteError, match="no registry given"):
            check(ready, order(ready), makes_image=makes_image)


@pytest.mark.parametrize(
    ("size", "error"), [("Standard_D2s_v3", ComputeUnusableError), ("STANDARD_NC6S_V3", None)]
)
def test_a_project_with_gpus_needs_machines_with_gpus(
    ready: Ready, size: str, error: type[HakobuneError] | None
) -> None:
    ready = replace(ready, project=replace(ready.project, gpus="all"))
    wanted = order(ready, is_compute_created=False)
    ready.cloud.computes["cpu-cluster"] = make_compute(size=size)
    created = order(ready, compute=replace(wanted.wishes.compute, name="other", size=size))
    for each in (wanted, created):
        if error is None:
            check(ready, each)
            continue
        with pytest.raises(error, match=f"has gpus, and compute .* is of size {size}"):
            check(ready, each)


def test_a_job_that_was_submitted_needs_no_cluster(ready: Ready) -> None:
    wanted = order(ready)
    job = deliver(ready.services, wanted, lambda _: None).job
    ready.cloud.computes["cpu-cluster"] = make_compute(state="Deleting")
    check(ready, wanted)
    assert deliver(ready.services, wanted, lambda _: None).job == job
    with pytest.raises(ComputeUnusableError):
        check(ready, replace(wanted, is_again=True))
