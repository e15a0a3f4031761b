"""This machine's Docker engine; no other module of drydock imports the docker SDK.

It contains nothing about jobs or services. All failures of the SDK become an EngineError.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import IO, Any

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests import RequestException
from urllib3.exceptions import HTTPError

from drydock.engine import PLATFORM, ContainerPlan, ContainerState, EngineError

_TIMEOUT_S = 60
_LISTINGS, _BETWEEN_S = 20, 0.5
_POOL = 64  # one connection per followed log, and some to spare
# The host, too, has no address in such a network; engines before 28.0 do not know the word.
# https://docs.docker.com/engine/network/drivers/bridge/#options
_ISOLATED = {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}


class LocalEngine:
    """The engine that the docker program of this machine uses."""

    def __init__(self) -> None:
        self._client = _connect()

    def has_image(self, image: str) -> bool:
        """See Engine."""
        with _translated():
            try:
                self._client.images.get(image)
            except ImageNotFound:
                return False
            return True

    def labels(self, name: str, *, of: str) -> tuple[str, ...]:
        """See Engine."""
        with _translated():
            found = self._listed({"label": of})
            values = {str((image.get("Labels") or {}).get(name, "")) for image in found}
            return tuple(value for value in sorted(values) if value and self.has_image(value))

    def _listed(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the images; the engine fails to list them while another program removes one."""
        for _ in range(_LISTINGS):
            try:
                return list(self._client.api.images(filters=dict(filters)))
            except NotFound:
                time.sleep(_BETWEEN_S)
        return list(self._client.api.images(filters=dict(filters)))

    def pull(self, image: str, *, is_unwanted: Callable[[], bool]) -> None:
        """See Engine."""
        with _translated():
            lines = self._client.api.pull(image, stream=True, decode=True, platform=PLATFORM)
            for line in lines:
                if "error" in line:
                    raise EngineError(str(line["error"]))
                if is_unwanted():
                    lines.close()  # the engine stops a pull whose client is gone
                    return

    def pulled_from(self, registry: str) -> tuple[str, ...]:
        """See Engine."""
        names: set[str] = set()
        with _translated():
            for image in self._listed({}):
                try:
                    # The list itself leaves out names of an image that has others too.
                    names.update(self._client.images.get(image["Id"]).attrs["RepoDigests"] or ())
                except ImageNotFound:
                    continue  # removed since the list was made
        return tuple(sorted(name for name in names if name.startswith(f"{registry}/")))

    def is_rootless(self) -> bool:
        """See Engine."""
        with _translated():
            return "name=rootless" in (self._client.info().get("SecurityOptions") or ())

    def untag(self, image: str) -> None:
        """See Engine."""
        with _translated():
            try:
                self._client.api.remove_image(image, noprune=True)
            except APIError as exc:
                if exc.status_code not in (404, 409):
                    raise

    def create(self, plan: ContainerPlan) -> str:
        """See Engine."""
        with _translated():
            return str(self._client.containers.create(plan.image, **_options(plan)).id)

    def start(self, container: str) -> None:
        """See Engine."""
        with _translated():
            self._client.api.start(container)

    def put(self, container: str, content: IO[bytes]) -> None:
        """See Engine."""
        with _translated():
            self._client.api.put_archive(container, "/", content)

    def get(self, container: str, path: str) -> Iterator[bytes] | None:
        """See Engine."""
        with _translated():
            try:
                stream, _ = self._client.api.get_archive(container, path)
            except NotFound:
                return None
        return _chunks(stream)

    def follow(self, container: str) -> Iterator[bytes]:
        """See Engine."""
        with _translated():
            stream = self._client.api.logs(container, stream=True, follow=True)
        return _chunks(stream)

    def state(self, container: str) -> ContainerState:
        """See Engine."""
        with _translated():
            found = self._client.api.inspect_container(container)
        state = found["State"]
        # A container that never ran started in the year 1.
        started = datetime.fromisoformat(state["StartedAt"])
        return ContainerState(
            labels=found["Config"]["Labels"] or {},
            started=started if started.year > 1 else None,
            is_running=bool(state["Running"]),
            exit_code=int(state["ExitCode"]),
            is_out_of_memory=bool(state["OOMKilled"]),
        )

    def signal(self, container: str, name: str) -> None:
        """See Engine."""
        with _translated():
            try:
                self._client.api.kill(container, name)
            except APIError as exc:
                if exc.status_code not in (404, 409):
                    raise

    def remove(self, container: str) -> None:
        """See Engine."""
        with _translated():
            try:
                self._client.api.remove_container(container, v=True, force=True)
            except APIError as exc:
                # 409: the engine is already removing it.
                if exc.status_code not in (404, 409):
                    raise

    def labelled(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """See Engine."""
        wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
        with _translated():
            found = self._client.api.containers(all=True, quiet=True, filters=wanted)
        return tuple(str(one["Id"]) for one in found)

    def create_network(self, labels: Mapping[str, str]) -> str:
        """See Engine."""
        name = f"drydock-{uuid.uuid4().hex[:16]}"
        create = partial(self._client.api.create_network, name, internal=True, labels=dict(labels))
        with _translated():
            try:
                made = create(options=_ISOLATED)
            except APIError as exc:
                if exc.status_code != HTTPStatus.BAD_REQUEST:
                    raise
                made = create()
        return str(made["Id"])

    def address(self, container: str, network: str) -> str:
        """See Engine."""
        with _translated():
            found = self._client.api.inspect_container(container)["NetworkSettings"]["Networks"]
        for one in found.values():
            if one["NetworkID"] == network and one["IPAddress"]:
                return str(one["IPAddress"])
        raise EngineError(f"the container {container[:12]} has no address in its network")

    def networks(self, labels: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        """See Engine."""
        wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
        with _translated():
            found = self._client.api.networks(filters=wanted)
        return {str(one["Id"]): one["Labels"] or {} for one in found}

    def remove_network(self, network: str) -> None:
        """See Engine."""
        with _translated():
            try:
                self._client.api.remove_network(network)
            except APIError as exc:
                if exc.status_code != HTTPStatus.NOT_FOUND:
                    raise

    def close(self) -> None:
        """See Engine."""
        self._client.close()


def _connect() -> docker.DockerClient:
    """Return a client of the engine in `DOCKER_HOST`, else in the docker program's context.

    The SDK alone would read the variable only.
    """
    with _translated():
        if os.environ.get("DOCKER_HOST"):
            client = docker.from_env(timeout=_TIMEOUT_S, max_pool_size=_POOL)
        else:
            context = ContextAPI.get_current_context()
            client = docker.DockerClient(
                base_url=context.Host if context else None,
                tls=(context.TLSConfig if context else None) or False,
                timeout=_TIMEOUT_S,
                max_pool_size=_POOL,
                version="auto",
            )
        client.ping()
    return client


def _options(plan: ContainerPlan) -> dict[str, Any]:
    options: dict[str, Any] = {
        "labels": dict(plan.labels),
        "environment": dict(plan.environment),
        "volumes": [f"{m.source}:{m.target}:rw" for m in plan.mounts] + list(plan.volumes),
        "network_mode": plan.network,
        # The image's health check is for a program that does not run here.
        "healthcheck": {"test": ["NONE"]},
        "init": True,
        "extra_hosts": dict(plan.hosts) or None,
        "platform": PLATFORM,
    }
    # With SELinux, a container may otherwise not use a folder of this machine.
    security = ["label=disable"] if plan.mounts else []
    security += [f"seccomp={plan.seccomp}"] if plan.seccomp else []
    if security:
        options["security_opt"] = security
    if plan.entrypoint:
        options["entrypoint"] = list(plan.entrypoint)
    if plan.command:
        options["command"] = list(plan.command)
    if plan.user:
        options["user"] = plan.user
    if plan.working_folder:
        options["working_dir"] = plan.working_folder
    if plan.volumes_from:
        options["volumes_from"] = [f"{plan.volumes_from}:ro"]
    if plan.port:
        options["ports"] = {f"{plan.port}/tcp": ("127.0.0.1", plan.host_port)}
    if plan.memory_bytes:
        # No swap: a node of the service has none.
        options["mem_limit"] = options["memswap_limit"] = plan.memory_bytes
    if plan.shared_memory_bytes:
        options["shm_size"] = plan.shared_memory_bytes
    return options


def _chunks(stream: Iterator[bytes]) -> Iterator[bytes]:
    with _translated():
        yield from stream


@contextmanager
def _translated() -> Iterator[None]:
    """Turn failures of the SDK and of its libraries into an EngineError."""
    try:
        yield
    except APIError as exc:
        raise EngineError(str(exc.explanation or exc)) from exc
    except (DockerException, RequestException, HTTPError, OSError) as exc:
        raise EngineError(f"the Docker engine does not answer: {exc}") from exc
