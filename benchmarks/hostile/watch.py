"""What one input may do at most: CPU, memory, time, and no file or program outside its folder.

Used inside the fuzzer's processes. A limit that is passed raises, so that the input is known.
"""

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

CPU_S = 2.0
HANG_S = 10.0
_WAITS_CPU_S = (
    0.05  # a process that used less in HANG_S waits, and is not just slow on a busy machine
)
MEMORY_BYTES = 512 * 1024 * 1024
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Which of an event's arguments are paths that it changes, each with that of its folder's handle.
_CHANGES = {
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.link": ((0, 2), (1, 3)),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
}
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pty.spawn")


class LimitError(BaseException):
    """An input used more than it may. No `except Exception` of the product hides it."""


class Watch:
    """Keeps what happened while one input was read."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._allowed: tuple[str, ...] = ()
        self._is_on = False
        self._cpu_s = 0.0
        sys.addaudithook(self._audit)
        signal.signal(signal.SIGPROF, self._over)
        signal.signal(signal.SIGALRM, self._over)

    @contextlib.contextmanager
    def input(self, *allowed: Path) -> Iterator[None]:
        """Watch one input, which may write below these folders alone."""
        self.seen = []
        self._allowed = tuple(os.path.realpath(folder) for folder in allowed)
        self._is_on = True
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        signal.setitimer(signal.ITIMER_REAL, HANG_S)
        self._cpu_s = time.process_time()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._is_on = False

    def _over(self, number: int, frame: FrameType | None) -> None:
        place = _place(frame)
        if number == signal.SIGPROF:
            raise LimitError(f"more than {CPU_S:.0f} s of CPU in {place}")
        before, self._cpu_s = self._cpu_s, time.process_time()
        if self._cpu_s - before > _WAITS_CPU_S:
            signal.setitimer(signal.ITIMER_REAL, HANG_S)
            return
        raise LimitError(f"a hang of more than {HANG_S:.0f} s in {place}")

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                self._changed("write", path)
        elif event in _CHANGES:
            for path, handle in _CHANGES[event]:
                self._changed(event, arguments[path], -1 if handle is None else arguments[handle])
        elif event in _STARTS:
            self.seen.append(f"a program was started: {arguments[:2]!r}"[:300])
        elif event == "socket.connect":
            address = arguments[1]
            if not (isinstance(address, tuple) and str(address[0]).startswith("127.")):
                self.seen.append(f"a connection to {address!r}")

    def _changed(self, event: str, path: Any, folder: int = -1) -> None:
        if isinstance(path, int):
            return
        # Joined to an absolute path the folder has no effect.
        named = Path(f"/proc/self/fd/{folder}" if folder >= 0 else ".", os.fsdecode(path))
        place = str(Path(os.path.realpath(named.parent), named.name))
        if place == "/dev/null" or any(
            place == folder or place.startswith(f"{folder}/") for folder in self._allowed
        ):
            return
        self.seen.append(f"{event} outside: {place!r}")


def _place(frame: FrameType | None) -> str:
    """Return the innermost line of the product that is at work, else of whatever is."""
    inner = frame
    while frame is not None and "/src/hakobune/" not in frame.f_code.co_filename:
        frame = frame.f_back
    found = frame or inner
    return f"{found.f_code.co_filename.rpartition('/src/')[2]}:{found.f_lineno}" if found else "?"


def limit_memory() -> None:
    """Let this process take what it has now and MEMORY_BYTES more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def peak_bytes() -> int:
    """Return the most memory that this process had at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
