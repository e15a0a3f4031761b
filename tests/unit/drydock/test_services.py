import json
from pathlib import Path

import pytest

from drydock import services
from drydock.engine import ContainerPlan
from drydock.errors import StartFailedError
from drydock.images import BuildHost
from drydock.services import Services, owner_of, read_services, start_services, stop_services
from tests.unit.drydock.machine_fakes import FakeEngine

HOST = BuildHost(base="base:1", ca_bundle=None, debian_mirror="", npm_registry="")


@pytest.fixture(autouse=True)
def _images_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ensure_image", lambda target, *_: f"drydock-{target}:1")
    monkeypatch.setattr(services, "_answers", lambda _port: True)


def start(state: Path, engine: FakeEngine) -> Services:
    return start_services(state, engine=engine, host=HOST)


def plans(engine: FakeEngine) -> dict[str, ContainerPlan]:
    return {one.plan.image: one.plan for one in engine.containers.values()}


def test_both_answer_on_ports_of_their_own_on_this_machine(tmp_path: Path) -> None:
    engine = FakeEngine()
    found = start(tmp_path, engine)
    made = plans(engine)
    registry, blobs = made["drydock-registry:1"], made["drydock-blobs:1"]
    assert (registry.port, blobs.port) == (5000, 10000)
    assert registry.host_port != blobs.host_port
    assert found.registry == f"127.0.0.1:{registry.host_port}"
    assert found.blob_endpoint == f"http://127.0.0.1:{blobs.host_port}"
    assert set(found.container_ids) == set(engine.containers)


def test_their_data_lies_in_the_state_folder_and_belongs_to_its_owner(tmp_path: Path) -> None:
    engine = FakeEngine()
    start(tmp_path, engine)
    for role in ("registry", "blobs"):
        plan = plans(engine)[f"drydock-{role}:1"]
        (mount,) = plan.mounts
        assert (mount.source, mount.target) == (str(tmp_path / role), "/data")
        owner = (tmp_path / role).stat()
        assert plan.user == f"{owner.st_uid}:{owner.st_gid}"


def test_the_key_reaches_the_blob_store_and_no_text(tmp_path: Path) -> None:
    engine = FakeEngine()
    found = start(tmp_path, engine)
    made = plans(engine)
    assert made["drydock-blobs:1"].environment == {"AZURITE_ACCOUNTS": f"drydock:{found.key}"}
    assert made["drydock-registry:1"].environment == {}
    assert found.key not in repr(found)
    assert (tmp_path / "services.json").stat().st_mode & 0o077 == 0


def test_a_second_start_keeps_key_and_ports_and_replaces_the_containers(tmp_path: Path) -> None:
    engine = FakeEngine()
    first = start(tmp_path, engine)
    second = start(tmp_path, engine)
    assert (second.key, second.registry, second.blob_endpoint) == (
        first.key,
        first.registry,
        first.blob_endpoint,
    )
    assert set(engine.containers) == set(second.container_ids)
    assert not set(first.container_ids) & set(second.container_ids)


def test_two_folders_have_two_rehearsals(tmp_path: Path) -> None:
    engine = FakeEngine()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = start(tmp_path / "a", engine), start(tmp_path / "b", engine)
    assert one.key != two.key
    stop_services(one, engine=engine)
    assert set(engine.containers) == set(two.container_ids)


def test_a_taken_port_is_followed_by_another(tmp_path: Path) -> None:
    engine = FakeEngine()
    first = start(tmp_path, engine)
    stop_services(first, engine=engine)
    engine.failures["start"] = ["Bind for 127.0.0.1:5000 failed: port is already allocated"]
    second = start(tmp_path, engine)
    assert second.registry != first.registry
    assert second.blob_endpoint == first.blob_endpoint
    assert set(engine.containers) == set(second.container_ids)


def test_a_failed_start_leaves_no_container(tmp_path: Path) -> None:
    engine = FakeEngine(failures={"start": ["cgroups: cannot enter"]})
    with pytest.raises(StartFailedError, match="cannot enter"):
        start(tmp_path, engine)
    assert engine.containers == {}
    assert not (tmp_path / "services.json").exists()


def test_a_service_that_ends_at_once_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_answers", lambda _port: False)
    engine = FakeEngine()

    def end(name: str) -> None:
        engine.containers[name].is_running = False
        engine.containers[name].log = [b"starting\n", b"panic: data is damaged\n"]

    engine.on_start = end
    with pytest.raises(StartFailedError, match=r"the registry did not start: .*is damaged"):
        start(tmp_path, engine)
    assert engine.containers == {}


def test_a_stop_removes_jobs_too_and_the_names_of_the_registrys_images(tmp_path: Path) -> None:
    engine = FakeEngine()
    found = start(tmp_path, engine)
    owner = owner_of(tmp_path)
    job = engine.create(ContainerPlan(labels={"drydock.state": owner}, image="x"))
    foreign = engine.create(ContainerPlan(labels={"drydock.state": "other"}, image="x"))
    engine.images = {f"{found.registry}/demo@sha256:1", "demo:local"}
    removed = stop_services(found, engine=engine)
    assert set(removed) == {job, *found.container_ids}
    assert list(engine.containers) == [foreign]
    assert engine.images == {"demo:local"}


def test_services_are_asked_to_end_before_they_are_removed(tmp_path: Path) -> None:
    engine = FakeEngine()
    found = start(tmp_path, engine)
    engine.calls.clear()
    stop_services(found, engine=engine)
    assert [name for name, _ in engine.calls] == ["signal", "signal", "remove", "remove"]
    assert {about for name, about in engine.calls if name == "signal"} == {"SIGTERM"}


def test_after_a_crash_the_folder_still_tells_what_ran(tmp_path: Path) -> None:
    assert read_services(tmp_path) is None
    engine = FakeEngine()
    started = start(tmp_path, engine)
    assert read_services(tmp_path) == started
    assert json.loads((tmp_path / "services.json").read_text())["schema_version"] == 1
