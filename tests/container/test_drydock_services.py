"""Registry, blob store and jobs of a rehearsal, with the real engine under them."""

import io
import os
import signal
import socketserver
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest
from azure.storage.blob import BlobServiceClient
from docker.errors import ImageNotFound

from drydock.arm_ids import API_HOST
from drydock.blob_store import AzureBlobStore
from drydock.clock import SystemClock
from drydock.engine import Engine
from drydock.forwarder import Forwarder
from drydock.job_containers import OWNER
from drydock.job_folder import working_folder
from drydock.job_network import API, JobNetwork
from drydock.job_spec import BlobPlace, Finished, JobSpec, PullRefusedError, StartRefusedError
from drydock.output_mounts import OutputMounts, reason_against
from drydock.runner import DockerRunner
from drydock.services import (
    Services,
    open_engine,
    owner_of,
    read_services,
    start_services,
    stop_services,
)
from tests.container.conftest import ROOT
from tests.samples import PATIENCE_S

pytestmark = pytest.mark.container

DATA, ARTIFACTS = "azureml-blobstore", "azureml"
BASE_LABEL = "org.opencontainers.image.base.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A rehearsal's services, and an image that only its registry has."""

    services: Services
    engine: Engine
    store: AzureBlobStore
    image: str
    shell_less: str

    def runner(
        self,
        *,
        memory_bytes: int = 0,
        user: str = "",
        job_network: JobNetwork | None = None,
        mounts: OutputMounts | None = None,
    ) -> DockerRunner:
        return DockerRunner(
            owner=self.services.owner,
            engine=self.engine,
            store=self.store,
            clock=SystemClock(),
            memory_bytes=memory_bytes,
            user=user,
            job_network=job_network,
            mounts=mounts,
        )

    def read(self, container: str, name: str) -> bytes:
        return b"".join(self.store.read(container, name))


@pytest.fixture(scope="module")
def place(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    state = tmp_path_factory.mktemp("state")
    ours = open_engine()
    services = start_services(state, engine=ours)
    store = open_store(services)
    try:
        for container in (DATA, ARTIFACTS):
            store.ensure_container(container)
        base = next(
            (
                found
                for found in ours.labels(BASE_LABEL, of="hakobune.lock.sha256")
                if found.startswith("hakobune-base:trixie-") or "@sha256:" in found
            ),
            "",
        )
        yield Place(
            services=services,
            engine=ours,
            store=store,
            image=push(
                engine,
                services.registry,
                f"FROM {base}\nRUN echo {uuid.uuid4()} > /mark\nUSER 1000:1000\n"
                'ENTRYPOINT ["/bin/false"]\nCMD ["nonsense"]\nHEALTHCHECK CMD false\n',
            ),
            shell_less=push(engine, services.registry, "FROM scratch\nCOPY Dockerfile /\n"),
        )
    finally:
        store.close()
        stop_services(services, engine=ours)
        ours.close()


def open_store(services: Services) -> AzureBlobStore:
    return AzureBlobStore(services.storage)


def push(engine: docker.DockerClient, registry: str, dockerfile: str) -> str:
    """Build, push, and remove the local copy; return the name with the digest."""
    name = f"{registry}/demo-{uuid.uuid4().hex[:8]}"
    command = ["docker", "buildx", "build", "--quiet", "--provenance=false", "--load"]
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile.encode()))
    subprocess.run(
        [*command, "--tag", f"{name}:1", "-"],
        input=context.getvalue(),
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    for line in engine.api.push(f"{name}:1", stream=True, decode=True):
        assert "error" not in line, line
    digest = engine.images.get_registry_data(f"{name}:1").id
    engine.images.remove(f"{name}:1")
    return f"{name}@{digest}"


def make_job(  # noqa: PLR0913 - each test gives one or two
    place: Place,
    command: str,
    *,
    inputs: Mapping[str, BlobPlace] | None = None,
    image: str = "",
    timeout_s: float | None = None,
    mounted: frozenset[str] = frozenset(),
) -> JobSpec:
    name = f"job-{uuid.uuid4().hex[:8]}"
    return JobSpec(
        name=name,
        image=image or place.image,
        command=command,
        environment={"GREETING": "hello"},
        literals={"order": "1,1,0"},
        inputs=inputs or {},
        outputs={"out": BlobPlace(container=DATA, path=f"azureml/{name}/out/")},
        log=BlobPlace(container=ARTIFACTS, path=f"ExperimentRun/dcid.{name}/user_logs/std_log.txt"),
        timeout_s=timeout_s,
        mounted=mounted,
    )


def wait(runner: DockerRunner, container: str) -> Finished:
    deadline = time.monotonic() + PATIENCE_S
    while (finished := runner.poll(container)) is None:
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.05)
    return finished


def run(place: Place, job: JobSpec, runner: DockerRunner | None = None) -> tuple[Finished, str]:
    """Run a job to its end; return how it ended, and its log."""
    runner = runner or place.runner()
    container = runner.start(job)
    finished = wait(runner, container)
    runner.finish(job, container)
    return finished, place.read(ARTIFACTS, job.log_of(0).path).decode()


def containers_of(place: Place) -> set[str]:
    """The containers of this rehearsal besides its services."""
    return set(place.engine.labelled({OWNER: place.services.owner})) - set(
        place.services.container_ids
    )


def test_a_job_runs_from_the_digest_that_only_the_registry_has(
    place: Place, engine: docker.DockerClient
) -> None:
    with pytest.raises(ImageNotFound):
        engine.images.get(place.image)
    job = make_job(
        place,
        "pwd && echo $GREETING ${{inputs.order}} >&2 && cat /mark | wc -l"
        " && mkdir -p ${{outputs.out}}/models outputs && echo model > ${{outputs.out}}/models/m"
        " && echo extra > outputs/extra.txt && echo scratch > scratch.txt",
        mounted=frozenset({"out"}),  # this runner has no mounts: the folder is uploaded with marks
    )
    finished, log = run(place, job)
    assert finished == Finished(exit_code=0), log
    assert sorted(log.split()) == sorted([working_folder(job.name), "hello", "1,1,0", "1"])
    assert [blob.name for blob in place.store.blobs(DATA, f"azureml/{job.name}/")] == [
        f"azureml/{job.name}/out/models/m"
    ]
    assert place.read(DATA, f"azureml/{job.name}/out/models/m") == b"model\n"
    assert marks_below(place, DATA, f"azureml/{job.name}") == [
        f"azureml/{job.name}/out",
        f"azureml/{job.name}/out/models",
    ]
    assert marks_below(place, ARTIFACTS, f"ExperimentRun/dcid.{job.name}") == []
    below = f"ExperimentRun/dcid.{job.name}/"
    assert [blob.name.removeprefix(below) for blob in place.store.blobs(ARTIFACTS, below)] == [
        "outputs/extra.txt",
        "user_logs/std_log.txt",
    ]
    assert engine.images.get(place.image)
    assert containers_of(place) == set()


def marks_below(place: Place, container: str, prefix: str) -> list[str]:
    """The empty blobs that stand for folders, as whoever lists with metadata finds them."""
    services = place.services
    with BlobServiceClient(
        f"{services.blob_endpoint}/{services.account}",
        credential={"account_name": services.account, "account_key": services.key},
        use_env_settings=False,
    ) as client:
        found = client.get_container_client(container).list_blobs(
            name_starts_with=prefix, include=["metadata"]
        )
        return [
            one.name for one in found if one.metadata == {"hdi_isfolder": "true"} and not one.size
        ]


@pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")
def test_a_mounted_output_is_in_the_store_while_the_job_runs_and_outlives_its_drydock(
    place: Place,
) -> None:
    state = Path(place.services.owner)
    job = make_job(
        place,
        "cd ${{outputs.out}} && mkdir models && echo m > models/tmp && mv models/tmp models/m"
        " && (mv models other || echo refused) && echo first && sleep 2 && echo x > last",
        mounted=frozenset({"out"}),
    )
    mounts = OutputMounts(state)
    first = place.runner(mounts=mounts)
    container = first.start(job)
    while b"first" not in place.read(ARTIFACTS, job.log.path):
        first.poll(container)
    assert place.read(DATA, f"azureml/{job.name}/out/models/m") == b"m\n"
    second = place.runner(mounts=OutputMounts(state))
    second.sweep(frozenset({container}))
    assert wait(second, container).exit_code == 0
    second.finish(job, container)
    assert b"Input/output error" in place.read(ARTIFACTS, job.log.path)
    assert place.read(DATA, f"azureml/{job.name}/out/last") == b"x\n"
    assert marks_below(place, DATA, f"azureml/{job.name}") == [
        f"azureml/{job.name}/out",
        f"azureml/{job.name}/out/models",
    ]
    assert list((state / "mounts").iterdir()) == []
    mounts.unmount(job.name)  # waits for its process


def test_an_output_s_folder_is_another_job_s_input(place: Place) -> None:
    first = make_job(place, "mkdir ${{outputs.out}}/sub && echo x > ${{outputs.out}}/sub/f")
    assert run(place, first)[0].exit_code == 0
    for path in (first.outputs["out"].path, first.outputs["out"].path.rstrip("/")):
        source = BlobPlace(container=DATA, path=path)
        job = make_job(place, "cd ${{inputs.one}} && find . -type f", inputs={"one": source})
        finished, log = run(place, job)
        assert (finished.exit_code, log) == (0, "./sub/f\n")


REACH = """
import socket, sys
for host, port in (("api.drydock.test", 443), ("192.0.2.1", 443), ("172.17.0.1", 22)):
    try:
        with socket.create_connection((host, port), timeout=3) as made:
            made.sendall(b"hello")
            print(host, made.recv(100).decode())
    except OSError as exc:
        print(host, exc.strerror)
print(*sorted(name for _, name in socket.if_nameindex()))
"""


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"got " + self.rfile.read(5))


def test_a_job_s_network_leads_to_drydock_and_nowhere_else(place: Place, tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, args=(0.05,), daemon=True).start()
        forwarder = Forwarder(tmp_path / "sockets" / API, echo.server_address[1])
        forwarder.run_in_background()
        (tmp_path / "ca.pem").write_bytes(b"authority\n")
        network = JobNetwork(
            image=place.services.image,
            user=place.services.user,
            sockets=tmp_path / "sockets",
            authority=tmp_path / "ca.pem",
            hosts={API: API_HOST},
        )
        job = make_job(place, f"cat $SSL_CERT_FILE; python3 -c '{REACH}'")
        finished, log = run(place, job, place.runner(job_network=network))
        forwarder.close()
        echo.shutdown()
    assert finished == Finished(exit_code=0), log
    assert log.splitlines() == [
        "authority",
        f"{API_HOST} got hello",
        "192.0.2.1 Network is unreachable",
        "172.17.0.1 Network is unreachable",
        "lo",
    ]
    assert containers_of(place) == set()


# Each node does its share once, whoever is there; the first one merges what all of them left.
SHARES = """
import os, pathlib, socket, sys, time
node, count = int(os.environ["NODE_RANK"]), int(os.environ["WORLD_SIZE"])
out, main = pathlib.Path(sys.argv[1]), (os.environ["MASTER_ADDR"], 8786)
mark = pathlib.Path("/tmp/mark")
print("fresh" if not mark.exists() and not os.listdir() else "shared", flush=True)
mark.touch()
pathlib.Path("mine").touch()
shares = out / "shares"
shares.mkdir(exist_ok=True)
share = shares / str(node)
if share.exists():
    print("kept", flush=True)
else:
    if (node, sys.argv[2]) == (2, "fails"):
        sys.exit(5)
    if sys.argv[2] == "slow" and node == 2 and not (out / "again").exists():
        (out / "again").touch()
        print("waits", flush=True)
        time.sleep(600)
    share.write_text(f"share {node};")
    print("done", flush=True)
if node:
    while True:
        try:
            with socket.create_connection(main, timeout=5) as made:
                made.recv(1)
            break
        except ConnectionError:
            time.sleep(0.05)
else:
    with socket.create_server(("", main[1])) as server:
        others = [server.accept()[0] for _ in range(count - 1)]
        while len(list(shares.iterdir())) < count:
            time.sleep(0.05)
        merged = "".join(one.read_text() for one in sorted(shares.iterdir()))
        (out / "merged").write_text(merged)
for host in ("192.0.2.1", main[0].rpartition(".")[0] + ".1"):
    try:
        socket.create_connection((host, 22), timeout=1)
        print("reached", host)
    except OSError:
        pass
"""


def shares_job(place: Place, how: str) -> JobSpec:
    command = f"exec python3 -c '{SHARES}' ${{{{outputs.out}}}} {how}"
    job = make_job(place, command, mounted=frozenset({"out"}))
    return replace(job, nodes=3, is_distributed=True)


@pytest.fixture
def nodes_runner(place: Place, tmp_path: Path) -> Iterator[DockerRunner]:
    (tmp_path / "ca.pem").write_bytes(b"authority\n")
    (tmp_path / "sockets").mkdir()
    network = JobNetwork(
        image=place.services.image,
        user=place.services.user,
        sockets=tmp_path / "sockets",
        authority=tmp_path / "ca.pem",
        hosts={API: API_HOST},
    )
    mounts = OutputMounts(Path(place.services.owner))
    before = containers_of(place)
    yield place.runner(job_network=network, mounts=mounts)
    try:
        assert containers_of(place) == before
        assert place.engine.networks({OWNER: place.services.owner}) == {}
    finally:
        place.runner(mounts=mounts).sweep()


def logs_of(place: Place, job: JobSpec) -> list[list[str]]:
    return [
        place.read(ARTIFACTS, job.log_of(node).path).decode().split() for node in range(job.nodes)
    ]


@pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")
def test_a_job_whose_node_is_lost_goes_on_from_its_outputs_with_all_nodes_anew(
    place: Place, nodes_runner: DockerRunner
) -> None:
    job = shares_job(place, "slow")
    container = nodes_runner.start(job)
    deadline = time.monotonic() + PATIENCE_S
    while logs_of(place, job) != [["fresh", "done"], ["fresh", "done"], ["fresh", "waits"]]:
        assert nodes_runner.poll(container) is None, logs_of(place, job)
        assert time.monotonic() < deadline, logs_of(place, job)
        time.sleep(0.1)
    nodes_runner.lose(job, container, 2)
    nodes_runner.finish(job, container)
    finished, _ = run(place, job, nodes_runner)
    assert finished == Finished(exit_code=0), logs_of(place, job)
    assert logs_of(place, job) == [["fresh", "kept"], ["fresh", "kept"], ["fresh", "done"]]
    merged = place.read(DATA, f"{job.outputs['out'].path}merged")
    assert merged == b"share 0;share 1;share 2;"


@pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")
def test_a_node_whose_command_fails_ends_all_of_them(
    place: Place, nodes_runner: DockerRunner
) -> None:
    job = shares_job(place, "fails")
    finished, _ = run(place, job, nodes_runner)
    assert finished == Finished(exit_code=5, node=2), logs_of(place, job)
    assert logs_of(place, job)[2] == ["fresh"]


@pytest.mark.parametrize("user", ["", "0:0"])
def test_inputs_are_there_and_cannot_be_written_to_even_by_root(place: Place, user: str) -> None:
    folder = f"LocalUpload/{uuid.uuid4().hex}"
    for name, text in (("a.csv", b"date,value\n"), ("sub/b.csv", b"x" * 5_000_000)):
        place.store.write(DATA, f"{folder}/{name}", io.BytesIO(text), len(text))
    job = make_job(
        place,
        "cat ${{inputs.one}}; wc -c < $AZURE_ML_INPUT_all/sub/b.csv;"
        " touch $AZURE_ML_INPUT_all/new || echo refused; id -u",
        inputs={
            "one": BlobPlace(container=DATA, path=f"{folder}/a.csv"),
            "all": BlobPlace(container=DATA, path=f"{folder}/"),
        },
    )
    finished, log = run(place, job, place.runner(user=user))
    assert finished.exit_code == 0
    assert "Read-only file system" in log
    lines = [line for line in log.splitlines() if "touch" not in line]
    assert lines == ["date,value", "5000000", "refused", user[:1] or "1000"]


def test_the_log_can_be_read_while_the_job_runs(place: Place) -> None:
    runner = place.runner()
    job = make_job(place, "echo first; sleep 900; echo second")
    container = runner.start(job)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while place.read(ARTIFACTS, job.log.path) != b"first\n":
            assert runner.poll(container) is None
            assert time.monotonic() < deadline, "the log does not come"
            time.sleep(0.1)
    finally:
        runner.cancel(container)
        runner.finish(job, container)


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("nonsense", 127), ("kill -9 $$", 137)]
)
def test_the_commands_exit_code_is_told(place: Place, command: str, code: int) -> None:
    assert run(place, make_job(place, command))[0] == Finished(exit_code=code)


def test_a_job_that_needs_more_memory_than_its_node_has_is_out_of_memory(place: Place) -> None:
    job = make_job(place, 'echo begins; python3 -c "len(bytearray(500_000_000))"')
    finished, log = run(place, job, place.runner(memory_bytes=64_000_000))
    assert finished.is_out_of_memory
    assert log.splitlines()[0] == "begins"


def test_what_a_failed_job_wrote_is_kept(place: Place) -> None:
    job = make_job(place, "echo why > ${{outputs.out}}/failure.json; exit 3")
    assert run(place, job)[0].exit_code == 3
    assert place.read(DATA, f"azureml/{job.name}/out/failure.json") == b"why\n"


@pytest.mark.parametrize("command", ["sleep 60", "trap '' TERM; echo deaf; sleep 60; sleep 60"])
def test_a_cancel_ends_a_program_that_does_not_listen_too(place: Place, command: str) -> None:
    before = containers_of(place)
    runner = place.runner()
    job = make_job(place, command)
    container = runner.start(job)
    time.sleep(0.5)
    runner.cancel(container)
    assert runner.poll(container) is not None
    runner.finish(job, container)
    assert containers_of(place) <= before


def test_a_job_is_ended_when_its_time_is_over(place: Place) -> None:
    finished, _ = run(place, make_job(place, "sleep 60", timeout_s=1))
    assert finished.is_timed_out


def test_a_digest_that_the_registry_lacks_is_refused(place: Place) -> None:
    before = containers_of(place)
    unknown = f"{place.image.split('@')[0]}@sha256:{'0' * 64}"
    with pytest.raises(PullRefusedError, match="not found"):
        place.runner().start(make_job(place, "true", image=unknown))
    assert containers_of(place) <= before


def test_an_image_without_a_shell_is_told_at_the_start(place: Place) -> None:
    before = containers_of(place)
    with pytest.raises(StartRefusedError, match="/bin/sh") as told:
        place.runner().start(make_job(place, "true", image=place.shell_less))
    assert told.value.code == "ContainerSetupFailed"
    assert containers_of(place) <= before


def test_a_job_outlives_its_drydock_and_the_next_one_brings_it_home(place: Place) -> None:
    job = make_job(
        place, "for n in 1 2 3 4; do echo $n; sleep 0.3; done; echo x > ${{outputs.out}}/f"
    )
    first = place.runner()
    container = first.start(job)
    while not place.read(ARTIFACTS, job.log.path):
        first.poll(container)
    second = place.runner()
    assert wait(second, container).exit_code == 0
    second.finish(job, container)
    assert place.read(ARTIFACTS, job.log.path) == b"1\n2\n3\n4\n"
    assert place.read(DATA, f"azureml/{job.name}/out/f") == b"x\n"


def test_what_was_stored_is_there_after_a_stop_and_a_start(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    ours = open_engine()
    try:
        first = start_services(tmp_path, engine=ours)
        image = push(engine, first.registry, f"FROM scratch\nCOPY . /\nLABEL a={tmp_path}\n")
        written = open_store(first)
        written.ensure_container(DATA)
        written.write(DATA, "a/b", io.BytesIO(b"text"), 4)
        written.close()
        stop_services(first, engine=ours)
        second = start_services(tmp_path, engine=ours)
        found = open_store(second)
        assert b"".join(found.read(DATA, "a/b")) == b"text"
        found.close()
        ours.pull(image, is_unwanted=lambda: False)
        assert ours.has_image(image)
        stop_services(second, engine=ours)
    finally:
        for container in ours.labelled({OWNER: owner_of(tmp_path)}):
            ours.remove(container)
        ours.close()


CRASH = """
import sys, time
from pathlib import Path
from drydock.services import start_services
print(start_services(Path(sys.argv[1])).registry, flush=True)
time.sleep(600)
"""


def test_a_service_has_no_volume_besides_its_folder(
    place: Place, engine: docker.DockerClient
) -> None:
    for container in place.services.container_ids:
        (mount,) = engine.containers.get(container).attrs["Mounts"]
        assert mount["Type"] == "bind"


def test_what_a_killed_drydock_left_is_found_and_removed(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    volumes = {volume.id for volume in engine.volumes.list()}
    child = subprocess.Popen(
        [sys.executable, "-c", CRASH, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        registry = child.stdout.readline().strip()
        child.send_signal(signal.SIGKILL)
    ours = open_engine()
    try:
        left = set(ours.labelled({OWNER: owner_of(tmp_path)}))
        assert len(left) == 2
        services = read_services(tmp_path)
        assert services is not None
        assert services.registry == registry
        assert set(services.container_ids) == left
        assert start_services(tmp_path, engine=ours).registry == registry
        assert len(ours.labelled({OWNER: owner_of(tmp_path)})) == 2
        stop_services(services, engine=ours)
        assert ours.labelled({OWNER: owner_of(tmp_path)}) == ()
        assert {volume.id for volume in engine.volumes.list()} <= volumes
    finally:
        ours.close()


def test_a_stop_takes_the_registrys_names_and_leaves_the_image_under_its_own(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    ours = open_engine()
    own = f"drydock-test-{uuid.uuid4().hex[:8]}:local"
    services = start_services(tmp_path, engine=ours)
    try:
        image = push(engine, services.registry, f"FROM scratch\nCOPY . /\nLABEL a={own}\n")
        ours.pull(image, is_unwanted=lambda: False)
        engine.images.get(image).tag(*own.split(":"))
        assert ours.pulled_from(services.registry) == (image,)
    finally:
        stop_services(services, engine=ours)
    try:
        names = engine.images.get(own).attrs["RepoDigests"]
        assert [name for name in names if name.startswith(services.registry)] == []
    finally:
        engine.images.remove(own)
        ours.close()
