"""How a container ended, as the engine tells it."""

from dataclasses import dataclass

_UNITS = ((1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEnd:
    """The program's own exit code, and what the engine knows of its end.

    `memory_bytes` is the container's limit, 0 where it has none. `is_out_of_memory`: the kernel
    killed a process of the container because the limit was reached, be it the program itself or a
    child. `is_ended_by_docker`: somebody used `docker kill` or `docker stop`.
    """

    exit_code: int
    memory_bytes: int = 0
    is_out_of_memory: bool = False
    is_ended_by_docker: bool = False

    @property
    def memory(self) -> str:
        """Return the limit as compose and docker write it: `64m`, `4g`."""
        for size, unit in _UNITS:
            if self.memory_bytes and self.memory_bytes % size == 0:
                return f"{self.memory_bytes // size}{unit}"
        return str(self.memory_bytes)
