"""An engine that runs nothing and a blob store in memory, for tests of runner and services."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from drydock.blob_store import Account, Blob, BlobStoreError
from drydock.engine import ContainerPlan, ContainerState, EngineError
from drydock.job_spec import BlobPlace, JobSpec
from drydock.output_mounts import MountFailedError

ACCOUNT = Account(name="drydock", key="a2V5", endpoint="http://127.0.0.1:1")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
IMAGE = "127.0.0.1:5000/demo@sha256:" + "a" * 64


@dataclass
class FakeClock:
    time: datetime = BEGAN

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class FakeContainer:
    plan: ContainerPlan
    has_started: bool = False
    is_running: bool = False
    exit_code: int = 0
    is_out_of_memory: bool = False
    log: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)


@dataclass
class FakeEngine:
    """Keeps calls; `failures` maps a method to the texts that it fails with, one after another."""

    images: set[str] = field(default_factory=set)
    image_labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)
    ends_on: str = "SIGTERM"
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    has_shell: bool = True
    on_start: Callable[[str], None] = lambda container: None
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    made: int = 0

    def _call(self, name: str, about: str) -> None:
        self.calls.append((name, about))
        waiting = self.failures.get(name)
        if waiting:
            raise EngineError(waiting.pop(0))

    def has_image(self, image: str) -> bool:
        return image in self.images

    def labels(self, name: str, *, of: str) -> tuple[str, ...]:
        return self.image_labels.get(name, ())

    def pull(self, image: str, *, is_unwanted: Callable[[], bool]) -> None:
        self._call("pull", image)

    def pulled_from(self, registry: str) -> tuple[str, ...]:
        return tuple(sorted(one for one in self.images if one.startswith(f"{registry}/")))

    def is_rootless(self) -> bool:
        return False

    def untag(self, image: str) -> None:
        self._call("untag", image)
        self.images.discard(image)

    def create(self, plan: ContainerPlan) -> str:
        self._call("create", plan.image)
        self.made += 1
        self.containers[f"c{self.made}"] = FakeContainer(plan=plan)
        return f"c{self.made}"

    def start(self, container: str) -> None:
        self._call("start", container)
        found = self.containers[container]
        found.has_started = found.is_running = True
        self.on_start(container)

    def put(self, container: str, content: IO[bytes]) -> None:
        self._call("put", container)
        found = self.containers[container]
        with tarfile.open(fileobj=content) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is None:
                    found.folders[f"/{member.name}"] = member.mode
                else:
                    found.files[f"/{member.name}"] = file.read()

    def get(self, container: str, path: str) -> Iterator[bytes] | None:
        self._call("get", path)
        if path == "/bin/sh":
            return iter([b""]) if self.has_shell else None
        files = self.containers[container].files
        below = {name: text for name, text in files.items() if name.startswith(f"{path}/")}
        return iter([packed(path.rsplit("/", 1)[1], path, below)]) if below else None

    def follow(self, container: str) -> Iterator[bytes]:
        yield from self.containers[container].log

    def state(self, container: str) -> ContainerState:
        found = self.containers[container]
        return ContainerState(
            labels=found.plan.labels,
            started=BEGAN if found.has_started else None,
            is_running=found.is_running,
            exit_code=found.exit_code,
            is_out_of_memory=found.is_out_of_memory,
        )

    def signal(self, container: str, name: str) -> None:
        self._call("signal", name)
        if name in (self.ends_on, "SIGKILL"):
            self.containers[container].is_running = False
            self.containers[container].exit_code = 137

    def remove(self, container: str) -> None:
        self._call("remove", container)
        self.containers.pop(container, None)

    def labelled(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(
            name
            for name, one in self.containers.items()
            if labels.items() <= one.plan.labels.items()
        )

    def create_network(self, labels: Mapping[str, str]) -> str:
        self._call("create_network", labels["drydock.job"])
        self.made += 1
        self.shared[f"n{self.made}"] = dict(labels)
        return f"n{self.made}"

    def address(self, container: str, network: str) -> str:
        found = self.containers[container]
        assert found.is_running
        assert found.plan.network == network
        return f"10.0.0.{container.removeprefix('c')}"

    def networks(self, labels: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        return {name: one for name, one in self.shared.items() if labels.items() <= one.items()}

    def remove_network(self, network: str) -> None:
        assert network not in {one.plan.network for one in self.containers.values()}
        self._call("remove_network", network)
        self.shared.pop(network, None)

    def close(self) -> None:
        self._call("close", "")


@dataclass
class MemoryStore:
    """`failures` are the next appends that fail: True where the text arrives all the same."""

    content: dict[tuple[str, str], bytes] = field(default_factory=dict)
    failures: list[bool] = field(default_factory=list)
    appended: list[bytes] = field(default_factory=list)
    folders: list[tuple[str, str]] = field(default_factory=list)
    account: Account = ACCOUNT

    def ensure_container(self, container: str) -> None:
        self.content.setdefault((container, ""), b"")

    def blobs(self, container: str, prefix: str, *, with_folders: bool = False) -> tuple[Blob, ...]:
        files = [
            Blob(name=name, size=len(text), etag=hashlib.sha256(text).hexdigest())
            for (where, name), text in self.content.items()
            if where == container and name.startswith(prefix)
        ]
        folders = [
            Blob(name=name, size=0, is_folder=True)
            for where, name in self.folders
            if with_folders and where == container and name.startswith(prefix)
        ]
        return tuple(sorted(files + folders, key=lambda blob: blob.name))

    def read(self, container: str, name: str, *, start: int = 0) -> Iterator[bytes]:
        text = self.content[container, name][start:]
        yield text[:3]
        yield text[3:]

    def write(self, container: str, name: str, content: IO[bytes], size: int) -> str:
        text = content.read(size)
        assert len(text) == size
        self.content[container, name] = text
        return hashlib.sha256(text).hexdigest()

    def mark_folder(self, container: str, name: str) -> None:
        self.folders.append((container, name))

    def copy(self, container: str, name: str, target: str) -> None:
        self.content[container, target] = self.content[container, name]

    def delete(self, container: str, name: str) -> None:
        self.content.pop((container, name), None)
        if (container, name) in self.folders:
            self.folders.remove((container, name))

    def start_log(self, container: str, name: str) -> None:
        self.content[container, name] = b""

    def append(self, container: str, name: str, content: bytes, *, at: int) -> None:
        arrives = self.failures.pop(0) if self.failures else None
        if arrives is not False:
            assert len(self.content[container, name]) == at
            self.content[container, name] += content
            self.appended.append(content)
        if arrives is not None:
            raise BlobStoreError("no answer")

    def size(self, container: str, name: str) -> int | None:
        text = self.content.get((container, name))
        return None if text is None else len(text)


def packed(top: str, folder: str, files: Mapping[str, bytes]) -> bytes:
    """A tar as the engine gives one: all below the folder's own name."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        directory = tarfile.TarInfo(top)
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        for name, text in files.items():
            member = tarfile.TarInfo(top + name.removeprefix(folder))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return whole.getvalue()


LOG = BlobPlace(container="azureml", path="ExperimentRun/dcid.job1/user_logs/std_log.txt")


def make_job(  # noqa: PLR0913 - each test gives one or two
    command: str = "true",
    *,
    inputs: Mapping[str, BlobPlace] | None = None,
    outputs: Mapping[str, BlobPlace] | None = None,
    literals: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    mounted: frozenset[str] = frozenset(),
    nodes: int = 0,
) -> JobSpec:
    """`nodes` above 0 are those of a distribution."""
    return JobSpec(
        name="job1",
        image=IMAGE,
        command=command,
        environment=environment or {},
        literals=literals or {},
        inputs=inputs or {},
        outputs=outputs or {},
        log=LOG,
        timeout_s=timeout_s,
        mounted=mounted,
        nodes=nodes or 1,
        is_distributed=nodes > 0,
    )


@dataclass
class FakeMounts:
    """Mounts nothing; keeps what was asked, and which jobs have mounts."""

    failure: str = ""
    mounted: dict[str, list[str]] = field(default_factory=dict)
    kept: frozenset[str] | None = None
    lost: list[tuple[str, int]] = field(default_factory=list)

    def mount(self, job: str, output: str, place: BlobPlace, *, node: int = 0) -> Path:
        if self.failure:
            raise MountFailedError(self.failure)
        self.mounted.setdefault(job, []).append(output)
        return Path("/mounts", job, f"{output}@{node}")

    def lose(self, job: str, node: int) -> None:
        self.lost.append((job, node))

    def unmount(self, job: str) -> None:
        self.mounted.pop(job, None)

    def sweep(self, keep: frozenset[str] = frozenset()) -> None:
        self.kept = keep
