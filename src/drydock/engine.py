"""A Docker engine as drydock uses it: values and a protocol, without a connection."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Protocol

PLATFORM = "linux/amd64"


class EngineError(Exception):
    """The engine refuses, or does not answer; the text is the engine's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder of this machine, writable inside the container."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """Everything that defines a container.

    The labels let a later drydock find the container. `volumes` are paths with a volume of their
    own, which is removed with the container; `volumes_from` is a container whose volumes this one
    reads. An empty `user` is the image's user, an empty
    `seccomp` the engine's own profile. `network` is the engine's name of a network, or
    `container:` and the id of the container whose network is shared; `hosts` maps names to
    addresses.
    """

    labels: Mapping[str, str]
    image: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_folder: str = ""
    mounts: tuple[Mount, ...] = ()
    volumes: tuple[str, ...] = ()
    volumes_from: str = ""
    port: int = 0
    host_port: int = 0
    network: str = "none"
    memory_bytes: int = 0
    shared_memory_bytes: int = 0
    seccomp: str = ""
    hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """The state of a container; the exit code is valid once it is no longer running.

    `started` is None if the container never ran.
    """

    labels: Mapping[str, str]
    started: datetime | None
    is_running: bool
    exit_code: int
    is_out_of_memory: bool


class Engine(Protocol):
    """The engine that services and runner use; tests pass one that runs nothing."""

    def has_image(self, image: str) -> bool:
        """Return whether the engine has this image."""
        ...

    def labels(self, name: str, *, of: str) -> tuple[str, ...]:
        """Return the labels `name` of images with the label `of` that name a present image."""
        ...

    def pull(self, image: str, *, is_unwanted: Callable[[], bool]) -> None:
        """Pull an image by its digest; stop as soon as it is unwanted."""
        ...

    def pulled_from(self, registry: str) -> tuple[str, ...]:
        """Return the names with a digest that images have from this registry."""
        ...

    def untag(self, image: str) -> None:
        """Remove this name of an image; do nothing if it is absent or in use."""
        ...

    def is_rootless(self) -> bool:
        """Return whether root in a container is the engine's own user."""
        ...

    def create(self, plan: ContainerPlan) -> str:
        """Create a container and return its id."""
        ...

    def start(self, container: str) -> None:
        """Start a container."""
        ...

    def put(self, container: str, content: IO[bytes]) -> None:
        """Unpack a tar file over the container's root folder."""
        ...

    def get(self, container: str, path: str) -> Iterator[bytes] | None:
        """Return a folder or file as a tar stream, or None if it does not exist."""
        ...

    def follow(self, container: str) -> Iterator[bytes]:
        """Return both output streams from their beginning, until the container ends."""
        ...

    def state(self, container: str) -> ContainerState:
        """Return the container's state."""
        ...

    def signal(self, container: str, name: str) -> None:
        """Send a signal; do nothing if the container has ended."""
        ...

    def remove(self, container: str) -> None:
        """Stop and remove a container with its own volumes; do nothing if it is absent."""
        ...

    def labelled(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the ids of the containers with all these labels, running or not."""
        ...

    def create_network(self, labels: Mapping[str, str]) -> str:
        """Create a network that leads to its own containers only, and return its id."""
        ...

    def address(self, container: str, network: str) -> str:
        """Return the address of a running container in a network."""
        ...

    def networks(self, labels: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
        """Return the ids of the networks with all these labels, and all labels of each."""
        ...

    def remove_network(self, network: str) -> None:
        """Remove a network without containers; do nothing if it is absent."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def remove_labelled(engine: Engine, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Remove the containers and networks with all these labels; return the containers' ids."""
    found = engine.labelled(labels)
    for container in found:
        engine.remove(container)
    for network in engine.networks(labels):
        engine.remove_network(network)
    return found
