from datetime import timedelta
from pathlib import Path

import pytest

from drydock.blob_store import BlobStoreError
from drydock.engine import EngineError, Mount
from drydock.job_folder import data_folder, output_folder, working_folder
from drydock.job_network import API, JobNetwork
from drydock.job_spec import (
    BlobPlace,
    Finished,
    PullRefusedError,
    StartRefusedError,
    UnwantedError,
    process_log,
)
from drydock.runner import DockerRunner
from tests.unit.drydock.machine_fakes import (
    IMAGE,
    LOG,
    FakeClock,
    FakeContainer,
    FakeEngine,
    FakeMounts,
    MemoryStore,
    make_job,
)

DATA = BlobPlace(container="store", path="LocalUpload/1/data.csv")
LATE = BlobPlace(container="store", path="azureml/job1/late/")
OUT = BlobPlace(container="store", path="azureml/job1/out/")
WHERE = data_folder("job1")


def make_runner(
    engine: FakeEngine, store: MemoryStore | None = None, clock: FakeClock | None = None
) -> DockerRunner:
    return DockerRunner(
        owner="here", engine=engine, store=store or MemoryStore(), clock=clock or FakeClock()
    )


def with_data() -> MemoryStore:
    return MemoryStore({("store", "LocalUpload/1/data.csv"): b"date,value\n"})


def test_the_image_is_pulled_by_its_digest_before_a_container_is_made() -> None:
    engine = FakeEngine()
    make_runner(engine).start(make_job())
    assert engine.calls[0] == ("pull", IMAGE)
    assert [name for name, _ in engine.calls].index("create") == 1


def test_a_refused_pull_is_told_in_the_registrys_words_and_leaves_nothing() -> None:
    engine = FakeEngine(failures={"pull": ["manifest unknown"]})
    with pytest.raises(PullRefusedError, match="manifest unknown"):
        make_runner(engine).start(make_job())
    assert engine.containers == {}


def test_a_shell_runs_the_command_whatever_the_image_says() -> None:
    engine = FakeEngine()
    container = make_runner(engine).start(make_job("python -m demo && echo done"))
    plan = engine.containers[container].plan
    assert plan.entrypoint == ("/bin/sh", "-c")
    assert plan.command == ("python -m demo && echo done",)
    assert plan.working_folder == working_folder("job1")


def test_any_user_may_write_to_the_working_folder_and_the_outputs() -> None:
    engine = FakeEngine()
    container = make_runner(engine).start(make_job(outputs={"out": OUT}))
    assert engine.containers[container].folders == {
        working_folder("job1"): 0o777,
        output_folder("job1", "out"): 0o777,
    }


def test_a_file_is_brought_and_named_in_command_and_variables() -> None:
    engine = FakeEngine()
    job = make_job("demo ${{inputs.data}}", inputs={"data": DATA})
    container = make_runner(engine, with_data()).start(job)
    path = f"{WHERE}/INPUT_data/data.csv"
    plan = engine.containers[container].plan
    assert plan.command == (f"demo {path}",)
    assert plan.environment["AZURE_ML_INPUT_data"] == path
    carrier = engine.containers[plan.volumes_from]
    assert carrier.files == {path: b"date,value\n"}
    assert carrier.plan.volumes == (f"{WHERE}/INPUT_data",)


def test_the_container_that_holds_the_inputs_never_runs() -> None:
    engine = FakeEngine()
    container = make_runner(engine, with_data()).start(make_job(inputs={"data": DATA}))
    assert [about for name, about in engine.calls if name == "start"] == [container]


def test_an_input_that_is_not_there_refuses_the_start_and_leaves_nothing() -> None:
    engine = FakeEngine()
    with pytest.raises(StartRefusedError, match="input data: no blob exists at store/Lo") as told:
        make_runner(engine).start(make_job(inputs={"data": DATA}))
    assert told.value.code == "InputMissing"
    assert engine.containers == {}


def test_a_command_that_names_what_the_job_has_not_refuses_the_start() -> None:
    engine = FakeEngine()
    with pytest.raises(StartRefusedError, match=r"outputs\.model") as told:
        make_runner(engine, with_data()).start(
            make_job("demo ${{outputs.model}}", inputs={"data": DATA})
        )
    assert told.value.code == "CommandInvalid"
    assert engine.containers == {}


def test_a_container_that_cannot_start_leaves_nothing() -> None:
    engine = FakeEngine(failures={"start": ["cgroups: cannot enter"]})
    with pytest.raises(StartRefusedError, match="cannot enter") as told:
        make_runner(engine, with_data()).start(make_job(inputs={"data": DATA}))
    assert told.value.code == "ContainerSetupFailed"
    assert engine.containers == {}


def test_an_image_without_a_shell_is_refused_and_leaves_nothing() -> None:
    engine = FakeEngine(has_shell=False)
    with pytest.raises(StartRefusedError, match="no /bin/sh") as told:
        make_runner(engine).start(make_job())
    assert told.value.code == "ContainerSetupFailed"
    assert engine.containers == {}


@pytest.mark.parametrize("asked_before", [0, 1])
def test_a_job_that_is_cancelled_while_it_is_prepared_never_runs(asked_before: int) -> None:
    engine = FakeEngine()
    answers = [False] * asked_before + [True]
    with pytest.raises(UnwantedError):
        make_runner(engine).start(make_job(), is_unwanted=lambda: answers.pop(0))
    assert engine.containers == {}
    assert "start" not in dict(engine.calls)


def test_what_an_earlier_try_of_the_job_left_is_replaced() -> None:
    engine = FakeEngine()
    runner = make_runner(engine)
    first = runner.start(make_job())
    second = runner.start(make_job())
    assert list(engine.containers) == [second] != [first]


@pytest.mark.parametrize(
    ("exit_code", "is_out_of_memory", "expected"),
    [
        (0, False, Finished(exit_code=0)),
        (3, False, Finished(exit_code=3)),
        (137, True, Finished(exit_code=137, is_out_of_memory=True)),
        (137, False, Finished(exit_code=137)),
        # The kernel killed a child, and the command went on without it.
        (0, True, Finished(exit_code=0)),
    ],
)
def test_how_a_container_ended_is_told(
    *, exit_code: int, is_out_of_memory: bool, expected: Finished
) -> None:
    engine = FakeEngine()
    runner = make_runner(engine)
    container = runner.start(make_job())
    assert runner.poll(container) is None
    ended = engine.containers[container]
    ended.is_running, ended.exit_code = False, exit_code
    ended.is_out_of_memory = is_out_of_memory
    assert runner.poll(container) == expected


def test_a_job_is_ended_when_its_time_is_over() -> None:
    engine, clock = FakeEngine(), FakeClock()
    runner = make_runner(engine, clock=clock)
    container = runner.start(make_job(timeout_s=60))
    clock.time += timedelta(seconds=60)
    assert runner.poll(container) is None
    clock.time += timedelta(seconds=1)
    assert runner.poll(container) == Finished(exit_code=137, is_timed_out=True)
    assert not engine.containers[container].is_running


def test_a_cancelled_program_is_asked_first() -> None:
    engine = FakeEngine()
    runner = make_runner(engine)
    runner.cancel(runner.start(make_job()))
    assert [about for name, about in engine.calls if name == "signal"] == ["SIGTERM"]


def test_a_program_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drydock.runner.GRACE_S", 0)
    engine = FakeEngine(ends_on="never")
    runner = make_runner(engine)
    container = runner.start(make_job())
    runner.cancel(container)
    assert [about for name, about in engine.calls if name == "signal"] == ["SIGTERM", "SIGKILL"]
    assert not engine.containers[container].is_running


def test_a_program_has_half_a_second_to_end_before_it_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock of the test's own: Azure ML and we promise that a cancel is quick."""

    class Time:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    time = Time()
    monkeypatch.setattr("drydock.runner.time", time)
    engine = FakeEngine(ends_on="never")
    runner = make_runner(engine)
    runner.cancel(runner.start(make_job()))
    assert ("signal", "SIGKILL") in engine.calls
    assert 0.5 <= time.now < 1


def test_outputs_artifacts_and_log_are_brought_home_and_no_container_is_left() -> None:
    engine, store = FakeEngine(), with_data()
    runner = make_runner(engine, store)
    job = make_job(inputs={"data": DATA}, outputs={"out": OUT}, mounted=frozenset({"out"}))
    container = runner.start(job)
    ended = engine.containers[container]
    ended.is_running = False
    ended.files = {
        f"{output_folder('job1', 'out')}/models/m.pkl": b"model",
        f"{working_folder('job1')}/outputs/extra.txt": b"extra",
        f"{working_folder('job1')}/scratch.txt": b"not asked for",
    }
    ended.log = [b"one\ntw", b"o"]
    # A fresh follower, as the first had an empty log.
    runner = make_runner(engine, store)
    runner.finish(job, container)
    assert engine.containers == {}
    assert store.folders == [("store", OUT.path.rstrip("/"))]  # and none of the artifacts'
    assert store.content == {
        ("store", DATA.path): b"date,value\n",
        ("store", "azureml/job1/out/models/m.pkl"): b"model",
        ("azureml", "ExperimentRun/dcid.job1/outputs/extra.txt"): b"extra",
        ("azureml", LOG.path): b"one\ntwo",
    }


def with_mounts(engine: FakeEngine, store: MemoryStore, mounts: FakeMounts) -> DockerRunner:
    return DockerRunner(owner="here", engine=engine, store=store, clock=FakeClock(), mounts=mounts)


def test_an_output_in_mode_rw_mount_is_mounted_and_one_in_mode_upload_is_not() -> None:
    engine, store, mounts = FakeEngine(), MemoryStore(), FakeMounts()
    runner = with_mounts(engine, store, mounts)
    job = make_job(outputs={"out": OUT, "late": LATE}, mounted=frozenset({"out"}))
    container = runner.start(job)
    ended = engine.containers[container]
    assert ended.plan.mounts == (
        Mount(source="/mounts/job1/out@0", target=output_folder("job1", "out")),
    )
    assert ended.folders == {working_folder("job1"): 0o777, output_folder("job1", "late"): 0o777}
    ended.is_running = False
    ended.files = {f"{output_folder('job1', name)}/a": b"x" for name in ("out", "late")}
    runner.finish(job, container)
    assert ("store", f"{LATE.path}a") in store.content
    assert ("store", f"{OUT.path}a") not in store.content  # it wrote itself
    assert store.folders == []
    assert mounts.mounted == {}


def test_a_mount_that_fails_refuses_the_start_and_leaves_nothing() -> None:
    engine = FakeEngine()
    runner = with_mounts(engine, MemoryStore(), FakeMounts(failure="no device"))
    with pytest.raises(StartRefusedError, match="no device") as told:
        runner.start(make_job(outputs={"out": OUT}, mounted=frozenset({"out"})))
    assert told.value.code == "BFSMountError"
    assert engine.containers == {}


def test_a_start_that_is_refused_after_its_mount_leaves_no_mount() -> None:
    engine, mounts = FakeEngine(failures={"start": ["cgroups"]}), FakeMounts()
    with pytest.raises(StartRefusedError, match="cgroups"):
        with_mounts(engine, MemoryStore(), mounts).start(
            make_job(outputs={"out": OUT}, mounted=frozenset({"out"}))
        )
    assert mounts.mounted == {}


def test_a_sweep_keeps_the_mounts_of_the_jobs_that_it_keeps() -> None:
    engine, mounts = FakeEngine(), FakeMounts()
    runner = with_mounts(engine, MemoryStore(), mounts)
    container = runner.start(make_job(outputs={"out": OUT}, mounted=frozenset({"out"})))
    runner.sweep(frozenset({container}))
    assert mounts.kept == frozenset({"job1"})
    runner.sweep()
    assert mounts.kept == frozenset()


def test_a_container_whose_log_could_not_be_written_stays_to_be_tried_again() -> None:
    engine, store = FakeEngine(), MemoryStore()
    engine.on_start = lambda name: engine.containers[name].log.append(b"line\n")
    runner = make_runner(engine, store)
    container = runner.start(make_job())
    engine.containers[container].is_running = False
    store.failures = [False]
    with pytest.raises(BlobStoreError):
        runner.finish(make_job(), container)
    assert container in engine.containers
    runner.finish(make_job(), container)
    assert store.content["azureml", LOG.path] == b"line\n"
    assert engine.containers == {}


def test_a_runner_started_anew_goes_on_with_the_container_of_the_one_before() -> None:
    engine, store, clock = FakeEngine(), MemoryStore(), FakeClock()
    job = make_job(timeout_s=5)
    container = make_runner(engine, store, clock).start(job)
    engine.containers[container].log.append(b"line\n")
    second = make_runner(engine, store, clock)
    assert second.poll(container) is None
    clock.time += timedelta(seconds=6)
    assert second.poll(container) == Finished(exit_code=137, is_timed_out=True)
    second.finish(job, container)
    assert store.content["azureml", LOG.path] == b"line\n"


def test_a_sweep_removes_what_no_known_job_holds() -> None:
    engine, store = FakeEngine(), with_data()
    runner = make_runner(engine, store)
    kept = runner.start(make_job(inputs={"data": DATA}))
    carrier = engine.containers[kept].plan.volumes_from
    other = DockerRunner(owner="there", engine=engine, store=store, clock=FakeClock())
    foreign = other.start(make_job())
    assert runner.sweep(frozenset({kept})) == ()
    assert set(runner.sweep()) == {kept, carrier}
    assert set(engine.containers) == {foreign}


def with_network(
    engine: FakeEngine,
    folder: Path,
    *,
    store: MemoryStore | None = None,
    mounts: FakeMounts | None = None,
) -> DockerRunner:
    (folder / "ca.pem").write_bytes(b"authority")
    network = JobNetwork(
        image="forwarder",
        user="",
        sockets=folder,
        authority=folder / "ca.pem",
        hosts={API: "api.example"},
    )
    return DockerRunner(
        owner="here",
        engine=engine,
        store=store or MemoryStore(),
        clock=FakeClock(),
        job_network=network,
        mounts=mounts,
    )


def test_a_job_s_network_is_made_before_it_and_goes_with_it(tmp_path: Path) -> None:
    engine = FakeEngine()
    runner = with_network(engine, tmp_path)
    job = make_job(environment={"SSL_CERT_FILE": "mine"})
    container = runner.start(job)
    found = engine.containers[container]
    holder = found.plan.network.removeprefix("container:")
    assert engine.containers[holder].plan.image == "forwarder"
    assert [about for name, about in engine.calls if name == "start"] == [holder, container]
    path = found.plan.environment["REQUESTS_CA_BUNDLE"]
    assert found.files == {path: b"authority"}
    assert found.plan.environment["SSL_CERT_FILE"] == "mine"
    found.is_running = False
    runner.finish(job, container)
    assert engine.containers == {}


def test_a_job_without_a_network_of_its_own_has_none() -> None:
    engine = FakeEngine()
    container = make_runner(engine).start(make_job())
    assert engine.containers[container].plan.network == "none"
    assert "REQUESTS_CA_BUNDLE" not in engine.containers[container].plan.environment


# --- several nodes --------------------------------------------------------------------------------


def nodes_of(engine: FakeEngine) -> list[FakeContainer]:
    found = [one for one in engine.containers.values() if one.plan.image == IMAGE]
    return sorted(found, key=lambda one: one.plan.labels["drydock.node"])


def test_each_node_gets_its_rank_and_the_address_of_the_first(tmp_path: Path) -> None:
    engine = FakeEngine()
    with_network(engine, tmp_path).start(make_job(nodes=3, environment={"NODE_RANK": "9"}))
    found = [one.plan.environment for one in nodes_of(engine)]
    assert [one["NODE_RANK"] for one in found] == [one["RANK"] for one in found] == ["0", "1", "2"]
    assert {one["WORLD_SIZE"] for one in found} == {one["AZUREML_NODE_COUNT"] for one in found}
    assert {one["WORLD_SIZE"] for one in found} == {"3"}
    (main,) = {one["MASTER_ADDR"] for one in found}
    assert {one["MASTER_PORT"] for one in found} == {"6105"}
    assert {one["AZ_BATCH_HOST_LIST"].split(",")[0] for one in found} == {main}
    (shared,) = engine.shared
    holders = [one for one in engine.containers.values() if one.plan.image == "forwarder"]
    assert [one.plan.network for one in holders] == [shared] * 3
    assert len({one.plan.network for one in nodes_of(engine)}) == 3


def test_nodes_share_their_mounted_outputs_only_and_each_has_its_log(tmp_path: Path) -> None:
    engine, store, mounts = FakeEngine(), MemoryStore(), FakeMounts()
    runner = with_network(engine, tmp_path, store=store, mounts=mounts)
    job = make_job(outputs={"out": OUT}, mounted=frozenset({"out"}), nodes=2)
    container = runner.start(job)
    assert [one.plan.mounts[0].source for one in nodes_of(engine)] == [
        "/mounts/job1/out@0",
        "/mounts/job1/out@1",
    ]
    for node, one in enumerate(nodes_of(engine)):
        one.log.append(f"node {node}\n".encode())
        one.is_running = False
    runner = with_network(engine, tmp_path, store=store, mounts=mounts)
    runner.finish(job, container)
    logs = {name.rpartition("/")[2]: text for (_, name), text in store.content.items()}
    assert logs == {"std_log_process_0.txt": b"node 0\n", "std_log_process_1.txt": b"node 1\n"}
    assert (engine.containers, engine.shared, mounts.mounted) == ({}, {}, {})


@pytest.mark.parametrize(
    ("ends", "finished"),
    [
        ({0: 0}, Finished(exit_code=0)),  # the first node's command ends the job
        ({1: 0}, None),
        ({1: 0, 2: 0}, None),
        ({2: 5}, Finished(exit_code=5, node=2)),  # as does the first command that fails
        ({0: 0, 1: 3}, Finished(exit_code=3, node=1)),
    ],
)
def test_the_first_node_or_a_failure_ends_the_job(
    tmp_path: Path, ends: dict[int, int], finished: Finished | None
) -> None:
    engine = FakeEngine()
    runner = with_network(engine, tmp_path)
    container = runner.start(make_job(nodes=3))
    for node, code in ends.items():
        one = nodes_of(engine)[node]
        one.is_running, one.exit_code = False, code
    assert runner.poll(container) == finished
    assert any(one.is_running for one in nodes_of(engine)) == (finished is None)


def test_a_lost_node_has_no_time_to_clean_up_and_the_others_are_stopped(tmp_path: Path) -> None:
    engine, mounts = FakeEngine(ends_on="SIGTERM"), FakeMounts()
    runner = with_network(engine, tmp_path, mounts=mounts)
    job = make_job(outputs={"out": OUT}, mounted=frozenset({"out"}), nodes=3)
    runner.lose(job, runner.start(job), 1)
    assert mounts.lost == [("job1", 1)]
    assert [about for name, about in engine.calls if name == "signal"] == [
        "SIGKILL",
        "SIGTERM",
        "SIGTERM",
    ]


def test_a_node_whose_container_vanished_is_an_error_of_the_engine(tmp_path: Path) -> None:
    engine = FakeEngine()
    runner = with_network(engine, tmp_path)
    container = runner.start(make_job(nodes=2))
    gone = next(name for name, one in engine.containers.items() if one is nodes_of(engine)[1])
    engine.remove(gone)
    with pytest.raises(EngineError, match="node 1 no longer exists"):
        runner.poll(container)
    runner.clear(make_job(nodes=2))
    assert (engine.containers, engine.shared) == ({}, {})


def test_a_start_that_is_refused_leaves_no_network(tmp_path: Path) -> None:
    engine = FakeEngine(has_shell=False)
    with pytest.raises(StartRefusedError):
        with_network(engine, tmp_path).start(make_job(nodes=2))
    assert (engine.containers, engine.shared) == ({}, {})
    with pytest.raises(StartRefusedError, match="no network for nodes"):
        make_runner(engine).start(make_job(nodes=2))


def test_a_sweep_removes_the_networks_of_jobs_that_are_not_kept(tmp_path: Path) -> None:
    engine = FakeEngine()
    runner = with_network(engine, tmp_path)
    kept = runner.start(make_job(nodes=2))
    assert runner.sweep(frozenset({kept})) == ()
    assert len(engine.shared) == 1
    runner.sweep()
    assert (engine.containers, engine.shared) == ({}, {})


@pytest.mark.parametrize(
    ("node", "nodes", "name"),
    [(0, 1, "0"), (3, 4, "3"), (9, 10, "9"), (0, 11, "00"), (10, 11, "10")],
)
def test_a_node_s_log_is_named_by_its_number(node: int, nodes: int, name: str) -> None:
    assert process_log(node, nodes) == f"std_log_process_{name}.txt"
