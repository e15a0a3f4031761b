"""What drydock asks of a Docker engine: values and a protocol. Reaches no engine itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Protocol

PLATFORM = "linux/amd64"


class EngineError(Exception):
    """The engine refuses, or does not answer. The text is the engine's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder of this machine, writable inside the container."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """All that decides a container.

    By its labels a container is found again, whatever became of the drydock that made it.
    `volumes` are paths with a volume of their own that goes with the container; `volumes_from` is
    a container whose volumes this one reads. An empty `user` is the image's own. `network` is the
    engine's word for one, or `container:` and the id of the container that has it; `hosts` are
    addresses by names.
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
    hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """How a container is doing; the exit code means something once it does not run.

    `started` is None for one that never ran.
    """

    labels: Mapping[str, str]
    started: datetime | None
    is_running: bool
    exit_code: int
    is_out_of_memory: bool


class Engine(Protocol):
    """What services and runner ask of an engine; tests pass one that runs nothing."""

    def has_image(self, image: str) -> bool:
        """Tell whether the engine holds this image."""
        ...

    def label(self, name: str, *, of: str) -> str:
        """Return what the label `name` says on an image with the label `of`, if it is here too."""
        ...

    def pull(self, image: str, *, is_unwanted: Callable[[], bool]) -> None:
        """Pull an image by its digest; give up as soon as it is unwanted."""
        ...

    def pulled_from(self, registry: str) -> tuple[str, ...]:
        """Return the names with a digest that images have from a registry."""
        ...

    def forget(self, image: str) -> None:
        """Remove this name of an image; nothing happens where it is gone or in use."""
        ...

    def is_rootless(self) -> bool:
        """Tell whether a container's root is the engine's own user."""
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
        """Return a folder or file as a tar stream, or None where there is none."""
        ...

    def follow(self, container: str) -> Iterator[bytes]:
        """Return both output streams from their beginning, until the container ends."""
        ...

    def state(self, container: str) -> ContainerState:
        """Return how the container is doing."""
        ...

    def signal(self, container: str, name: str) -> None:
        """Send a signal; nothing happens where the container has ended."""
        ...

    def remove(self, container: str) -> None:
        """End and remove a container with its own volumes; nothing happens where it is gone."""
        ...

    def labelled(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the ids of the containers with all these labels, running or not."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


def remove_labelled(engine: Engine, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Remove the containers with all these labels, whoever started them; return their ids."""
    found = engine.labelled(labels)
    for container in found:
        engine.remove(container)
    return found
