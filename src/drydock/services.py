"""The real services of a rehearsal: an OCI registry, Microsoft's blob emulator, and the job runner.

Registry and emulator are containers that listen on 127.0.0.1 only and keep their data in the state
folder. Their label names that folder, so that the next drydock finds them.
"""

import base64
import contextlib
import http.client
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drydock.arm_ids import API_HOST
from drydock.blob_store import ACCOUNT, Account, AzureBlobStore, BlobStore
from drydock.clock import Clock
from drydock.engine import ContainerPlan, Engine, EngineError, Mount, remove_labelled
from drydock.errors import INSTALL, PackageMissingError, StartFailedError
from drydock.files import read_json, write_json
from drydock.images import BLOBS, REGISTRY, BuildHost, engine_command, ensure_image, read_build_host
from drydock.job_containers import OWNER, ROLE
from drydock.job_network import API, JobNetwork
from drydock.job_network import BLOBS as BLOBS_SOCKET
from drydock.job_spec import Runner
from drydock.output_mounts import OutputMounts, reason_against
from drydock.runner import DockerRunner

HOST = "127.0.0.1"
FILE = "services.json"
_PORTS = {REGISTRY: 5000, BLOBS: 10000}  # inside the containers
_START_TIMEOUT_S = 120.0  # on a busy machine; one that ends is noticed at once
_STOP_TIMEOUT_S = 10.0
_STEP_S = 0.05
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Services:
    """Registry and blob store. The blob store uses plain HTTP, on this machine only.

    `owner` is the value of the label on all containers of this state folder; `image` and `user` are
    those of the registry's container.
    """

    owner: str
    registry: str
    blob_endpoint: str
    account: str
    key: str
    container_ids: tuple[str, ...]
    image: str = ""
    user: str = ""

    def __repr__(self) -> str:
        """Return nothing that opens the account."""
        return f"Services({self.registry}, {self.blob_endpoint}, ***)"

    @property
    def storage(self) -> Account:
        """The account of the blob store."""
        return Account(name=self.account, key=self.key, endpoint=self.blob_endpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServices:
    """What is started before drydock's servers and stopped after them.

    `sweep` removes the containers of jobs that are not in the given set, which a crashed drydock
    left; `stop` stops everything and returns what it stopped.
    """

    store: BlobStore
    registry: str
    container_ids: tuple[str, ...]
    runner: Runner
    sweep: Callable[[frozenset[str]], tuple[str, ...]]
    stop: Callable[[], tuple[str, ...]]


def owner_of(state: Path) -> str:
    """Return the label's value for containers of this state folder."""
    return str(state.resolve())


def start_services(
    state: Path, *, engine: Engine | None = None, host: BuildHost | None = None
) -> Services:
    """Start registry and blob store, on the previous ports if these are free.

    Services that a crashed drydock left running are replaced; containers of jobs are not touched.
    Raises StartFailedError, and then leaves no container.
    """
    engine = engine or open_engine()
    host = host or read_build_host()
    owner = owner_of(state)
    before = read_json(state / FILE) or {}
    key = str(before.get("key") or base64.b64encode(secrets.token_bytes(64)).decode())
    with _none_left(engine, owner):
        _remove_services(engine, owner)
        found, plans = {}, {}
        for role in (REGISTRY, BLOBS):
            image = ensure_image(role, engine, host)
            port = int(before.get(f"{role}_port") or 0)
            plan = _plan(role, image, state, key, is_rootless=engine.is_rootless())
            found[role] = _start(plan, engine, port)
            plans[role] = plan
    services = Services(
        owner=owner,
        registry=f"{HOST}:{found[REGISTRY][1]}",
        blob_endpoint=f"http://{HOST}:{found[BLOBS][1]}",
        account=ACCOUNT,
        key=key,
        container_ids=(found[REGISTRY][0], found[BLOBS][0]),
        image=plans[REGISTRY].image,
        user=plans[REGISTRY].user,
    )
    _write(state, services, {role: port for role, (_, port) in found.items()})
    return services


def run_services(state: Path, clock: Clock, *, is_keyless: bool = False) -> RunningServices:
    """Start registry and blob store on this machine's Docker engine, and the job runner."""
    from drydock.assumptions import read_broken  # noqa: PLC0415 - it needs this module's neighbours
    from drydock.authority import ca_bundle  # noqa: PLC0415 - heavy
    from drydock.forwarder import FOLDER  # noqa: PLC0415 - heavy

    engine = open_engine()
    services = start_services(state, engine=engine)
    account = replace(services.storage, is_keyless=is_keyless)
    store = AzureBlobStore(account)
    mounts = None if reason_against() else OutputMounts(state)
    runner = DockerRunner(
        owner=services.owner,
        engine=engine,
        store=store,
        clock=clock,
        job_network=JobNetwork(
            image=services.image,
            user=services.user,
            sockets=state.resolve() / FOLDER,
            authority=ca_bundle(state),
            hosts={API: API_HOST, BLOBS_SOCKET: account.host},
        ),
        broken=lambda: read_broken(state),
        mounts=mounts,
    )

    def stop() -> tuple[str, ...]:
        stopped = stop_services(services, engine=engine)
        if mounts is not None:
            mounts.sweep()
        return stopped

    return RunningServices(
        store=store,
        registry=services.registry,
        container_ids=services.container_ids,
        runner=runner,
        sweep=runner.sweep,
        stop=stop,
    )


def stop_services(services: Services, *, engine: Engine | None = None) -> tuple[str, ...]:
    """Remove every container of the state folder, including those of jobs; return their ids.

    The names of images from this registry are removed too. The data stays in the folder.
    """
    engine = engine or open_engine()
    try:
        removed = _remove_services(engine, services.owner)
        removed += remove_labelled(engine, {OWNER: services.owner})
        for name in engine.pulled_from(services.registry):
            engine.untag(name)
    except EngineError as exc:
        raise StartFailedError(
            f"the rehearsal's containers could not be removed: {exc}",
            remedy=f"docker rm -fv $(docker ps -aq --filter label={OWNER}={services.owner})",
        ) from exc
    return removed


def read_services(state: Path) -> Services | None:
    """Return the services that were last started with this folder, or None."""
    found = read_json(state / FILE)
    if found is None:
        return None
    return Services(
        owner=owner_of(state),
        registry=f"{HOST}:{found['registry_port']}",
        blob_endpoint=f"http://{HOST}:{found['blobs_port']}",
        account=ACCOUNT,
        key=str(found["key"]),
        container_ids=tuple(found["container_ids"]),
        image=str(found.get("image", "")),
        user=str(found.get("user", "")),
    )


def open_engine() -> Engine:
    """Return this machine's engine. Raises StartFailedError or PackageMissingError."""
    try:
        from drydock.local_engine import LocalEngine  # noqa: PLC0415 - heavy
    except ImportError as exc:
        raise PackageMissingError(
            f"the Python package `{exc.name}` is not installed",
            remedy=INSTALL,
        ) from exc
    try:
        return LocalEngine()
    except EngineError as exc:
        raise StartFailedError(f"no Docker engine answers: {exc}", remedy=engine_command()) from exc


@contextlib.contextmanager
def _none_left(engine: Engine, owner: str) -> Iterator[None]:
    """Remove the services if one of them does not start. Raises StartFailedError."""
    try:
        yield
    except EngineError as exc:
        _remove_quietly(engine, owner)
        raise StartFailedError(
            f"the registry or the blob store cannot run: {exc}",
            remedy=engine_command(),
        ) from exc
    except BaseException:
        _remove_quietly(engine, owner)
        raise


def _start(plan: ContainerPlan, engine: Engine, port: int) -> tuple[str, int]:
    """Start a service; return its container's id and its port on this machine.

    The previous port is tried first, because environments name images by the registry's address.
    """
    for tried in (port, *(0 for _ in range(_TRIES))):
        here = tried or _free_port()
        container = engine.create(replace(plan, host_port=here))
        try:
            engine.start(container)
        except EngineError as exc:
            engine.remove(container)
            if "already allocated" in str(exc) or "already in use" in str(exc):
                continue
            raise
        _wait(plan.labels[ROLE], container, engine, here)
        return container, here
    raise EngineError("this machine has no free port")


def _plan(role: str, image: str, state: Path, key: str, *, is_rootless: bool) -> ContainerPlan:
    folder = state.resolve() / role
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder.stat()
    return ContainerPlan(
        labels={OWNER: owner_of(state), ROLE: role},
        image=image,
        environment={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"} if role == BLOBS else {},
        # The folder's owner also owns the files, and can remove them.
        user="0:0" if is_rootless else f"{owner.st_uid}:{owner.st_gid}",
        mounts=(Mount(source=str(folder), target="/data"),),
        port=_PORTS[role],
        network="bridge",
    )


def _wait(role: str, container: str, engine: Engine, port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _answers(port):
        is_running = engine.state(container).is_running
        if is_running and time.monotonic() < deadline:
            time.sleep(_STEP_S)
            continue
        output = b"" if is_running else b"".join(engine.follow(container))
        why = output.decode(errors="replace").strip().splitlines()[-3:] or ["it does not answer"]
        name = "blob store" if role == BLOBS else role
        raise StartFailedError(
            f"the {name} did not start: {' / '.join(why)}",
            remedy="start again; if the data is damaged, remove the state folder first",
        )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/v2/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])


def _remove_services(engine: Engine, owner: str) -> tuple[str, ...]:
    """Stop both services and remove their containers; return their ids.

    SIGTERM lets the blob store write its latest changes, which it keeps in memory for some seconds.
    """
    found = [one for role in _PORTS for one in engine.labelled({OWNER: owner, ROLE: role})]
    for container in found:
        engine.signal(container, "SIGTERM")
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    for container in found:
        while engine.state(container).is_running and time.monotonic() < deadline:
            time.sleep(_STEP_S)
        engine.remove(container)
    return tuple(found)


def _remove_quietly(engine: Engine, owner: str) -> None:
    try:
        _remove_services(engine, owner)
    except EngineError:
        return  # the failure before this one is the one to report


def _write(state: Path, services: Services, ports: dict[str, int]) -> None:
    content: dict[str, Any] = {
        "schema_version": 1,
        "registry_port": ports[REGISTRY],
        "blobs_port": ports[BLOBS],
        "account": services.account,
        "key": services.key,
        "container_ids": list(services.container_ids),
        "image": services.image,
        "user": services.user,
    }
    write_json(state / FILE, content)
