"""A workspace that lives in memory, and small values, for tests of what goes to Azure ML."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hakobune.adapters.patience import Patience
from hakobune.errors import HakobuneError, OutputUnknownError, ServiceRefusedError
from hakobune.model.access import (
    BLOB_ROLES,
    PULL_ROLES,
    Permission,
    RegistryAccount,
    Resource,
    StorageAccount,
)
from hakobune.model.image import Image, PushedImage
from hakobune.model.job import (
    Compute,
    ComputePlan,
    EnvironmentPlan,
    Job,
    JobPlan,
    JobWishes,
    Pairs,
    Quota,
    RemoteFile,
    Surroundings,
)
from hakobune.transform.write_record import sealed
from tests.samples import COMMIT, DIGEST, FakeReporter

IMAGE = Image(
    tag="demo:local",
    id=DIGEST,
    base="debian",
    size_bytes=7_000_000,
    environment_sha256="e" * 64,
    lock_sha256="d" * 64,
    source_sha256="5" * 64,
)
PUSHED = PushedImage(image=IMAGE, repository="registry.example/demo", tag="a1" * 16, digest=DIGEST)
ENVIRONMENT = EnvironmentPlan(
    name="demo",
    version="a1a1a1a1a1a1a1a1-047ca5a1",
    image=f"registry.example/demo@{DIGEST}",
    tags=(("hakobune.lock", "d" * 64), ("hakobune.source", "5" * 64)),
)


OPEN_STORAGE = StorageAccount(allows_keys=True, is_network_limited=False)
OWN_REGISTRY = RegistryAccount(server="own.azurecr.io", is_abac=False, has_admin_user=False)
EVERYTHING = Permission(actions=("*",), data_actions=("*",))


def make_wishes(*arguments: str, **other: object) -> JobWishes:
    wishes = JobWishes(arguments=arguments, compute=ComputePlan(name="cpu-cluster"))
    return replace(wishes, **other)  # type: ignore[arg-type] # by name, in tests


def make_compute(**other: object) -> Compute:
    compute = Compute(
        name="cpu-cluster",
        kind="amlcompute",
        state="Succeeded",
        size="Standard_D2s_v3",
        max_instances=1,
        is_low_priority=False,
    )
    return replace(compute, **other)  # type: ignore[arg-type] # by name, in tests


def make_job(status: str = "Running", **other: object) -> Job:
    job = Job(
        name="demo-1",
        status=status,
        page="https://studio.example/demo-1",
        tags=(("hakobune.image", DIGEST), ("git.commit", COMMIT), ("mine", "x")),
        outputs=(("output", ""),),
    )
    return replace(job, **other)  # type: ignore[arg-type] # by name, in tests


@dataclass
class FakeClock:
    """Time that passes only by sleeping."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def make_patience(*pauses_s: float, reporter: FakeReporter | None = None) -> Patience:
    return Patience(clock=FakeClock(), reporter=reporter or FakeReporter(), pauses_s=pauses_s)


def run_files(model: bytes = b"model", **other: object) -> dict[str, bytes]:
    """The files of a run as the training program leaves them, with its record."""
    files = {"model.bin": model, "metric.json": b'{"RMSE": 12.5, "R2": 0.25, "name": "x"}'}
    manifest = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    record = {
        "schema_version": 2,
        "run_id": "demo-1",
        "status": "succeeded",
        "arguments": ["--output", "/mnt/output"],
        "image": {},
        "inputs": [],
        "manifest": manifest,
        **other,
    }
    return {**files, "record.json": sealed(record)}


@dataclass
class FakeCloud:
    """Keeps what was created, and a list of the calls that change something."""

    environments: dict[str, str] = field(default_factory=dict)
    computes: dict[str, Compute] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=run_files)
    models: list[tuple[str, str, Pairs]] = field(default_factory=list)
    quota: tuple[Quota, ...] = ()
    statuses: Iterator[str] = field(default_factory=lambda: iter(()))
    logs: Sequence[bytes] = ()
    node_logs: dict[int, bytes] = field(default_factory=dict)
    why: str = ""
    around: Surroundings = field(default_factory=lambda: Surroundings(location="here"))
    keyless: bool = False
    allowed: Permission = EVERYTHING
    roles: tuple[str, ...] = (*BLOB_ROLES[:1], *PULL_ROLES[:1])
    account: StorageAccount = OPEN_STORAGE
    own: RegistryAccount = OWN_REGISTRY
    reason: str = "Resizing, 0 of 1 nodes"
    calls: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    fails: dict[str, HakobuneError] = field(default_factory=dict)
    spoil: Callable[[str, bytes], bytes] = lambda _name, content: content
    _reads: int = 0

    def registry(self) -> str:
        return "own.azurecr.io"

    def surroundings(self) -> Surroundings:
        self._fail("surroundings")
        return self.around

    def read_storage(self) -> None:
        self._fail("storage")

    def permissions(self, resource: Resource) -> tuple[Permission, ...]:
        self._fail(f"permissions {resource}")
        return (self.allowed,)

    def roles_of(self, principal: str, resource: Resource) -> tuple[str, ...]:
        self._fail(f"roles {resource}")
        self._require(bool(principal), "no principal")
        return self.roles

    def storage_account(self) -> StorageAccount:
        self._fail("account")
        return self.account

    def registry_account(self) -> RegistryAccount | None:
        self._fail("own")
        return self.own

    def environment_image(self, name: str, version: str) -> str | None:
        return self.environments.get(f"{name}:{version}")

    def create_environment(self, plan: EnvironmentPlan) -> None:
        self._call("environment")
        self._require(plan.reference not in self.environments, f"{plan.reference} exists")
        self.environments[plan.reference] = plan.image

    def compute(self, name: str) -> Compute | None:
        return self.computes.get(name)

    def create_compute(self, plan: ComputePlan) -> Compute:
        self._call("compute")
        self._require(plan.name not in self.computes, f"{plan.name} exists")
        compute = make_compute(
            name=plan.name,
            size=plan.size,
            max_instances=plan.max_instances,
            is_low_priority=bool(plan.is_low_priority),
            subnet=plan.subnet,
            identity="system_assigned",
            principal="11111111-2222-3333-4444-555555555555",
        )
        self.computes[compute.name] = compute
        return compute

    def is_keyless(self) -> bool:
        return self.keyless

    def needed_roles(self) -> Pairs:
        return (("Storage Blob Data Contributor", "/subscriptions/s/storage"),)

    def quotas(self, compute: Compute) -> tuple[Quota, ...]:
        self._require(compute.name in self.computes, f"no compute {compute.name}")
        return self.quota

    def why_waiting(self, compute: str) -> str:
        self._call("why_waiting")
        return self.reason

    def job(self, name: str) -> Job | None:
        found = self.jobs.get(name)
        if found is None:
            return None
        return replace(found, status=next(self.statuses, found.status))

    def create_job(self, plan: JobPlan, *, root: Path) -> Job:
        self._call(f"job {plan.name}")
        self._require(plan.name not in self.jobs, f"{plan.name} exists")
        self._require(plan.environment in self.environments, f"no {plan.environment}")
        is_there = not plan.compute or plan.compute in self.computes
        self._require(is_there, f"no compute {plan.compute}")
        for item in plan.inputs:
            there = not item.is_local or (root / item.path).exists()
            self._require(there, f"no file {root / item.path}")
        self.jobs[plan.name] = make_job(
            name=plan.name,
            tags=plan.tags,
            outputs=tuple((name, "") for name in plan.outputs),
            environment=plan.environment,
            command=plan.command,
            compute=plan.compute,
        )
        return self.jobs[plan.name]

    def cancel_job(self, name: str) -> None:
        self._call(f"cancel {name}")
        self._require(name in self.jobs, f"no job {name}")
        self.jobs[name] = replace(self.jobs[name], status="CancelRequested")

    def why_failed(self, name: str) -> str:
        self._require(name in self.jobs, f"no job {name}")
        self._fail("why")
        return self.why

    def log(self, name: str, offset: int) -> tuple[bytes, int]:
        self._require(name in self.jobs, f"no job {name}")
        if not self.logs:
            return b"", offset
        whole = self.logs[min(self._reads, len(self.logs) - 1)]
        self._reads += 1
        start = offset if len(whole) >= offset else 0
        return whole[start:], len(whole)

    def end_of_log(self, name: str, node: int) -> bytes:
        self._require(name in self.jobs, f"no job {name}")
        self._fail("end of log")
        return self.node_logs.get(node, b"")

    def output_files(self, job: Job, output: str) -> tuple[RemoteFile, ...]:
        self._require(job.name in self.jobs, f"no job {job.name}")
        if output not in dict(job.outputs):
            raise OutputUnknownError(f"job {job.name} has no output `{output}`", remedy="")
        return tuple(
            RemoteFile(name=name, place=name, size_bytes=len(data), mark="1")
            for name, data in sorted(self.outputs.items())
        )

    def fetch_file(self, file: RemoteFile, target: Path) -> None:
        if file.name in self.fails:
            raise self.fails[file.name]
        self.fetched.append(file.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.spoil(file.name, self.outputs[file.name]))

    def model_version(self, name: str, tag: tuple[str, str]) -> str | None:
        same = [version for n, version, tags in self.models if n == name and tag in tags]
        return same[-1] if same else None

    def create_model(self, name: str, path: Path, *, description: str, tags: Pairs) -> str:
        self._call(f"model {name}")
        self._require(path.exists(), f"no file {path}")
        version = str(len(self.models) + 1)
        self.models.append((name, version, tags))
        return version

    def _require(self, is_right: bool, what: str) -> None:  # noqa: FBT001 - a condition
        """Refuse what the service would refuse."""
        if not is_right:
            raise ServiceRefusedError(f"the workspace refuses: {what}", remedy="")

    def _fail(self, what: str) -> None:
        if what in self.fails:
            raise self.fails[what]

    def _call(self, what: str) -> None:
        self.calls.append(what)
        kind = what.split(" ", maxsplit=1)[0]
        if kind in self.fails:
            raise self.fails.pop(kind)
