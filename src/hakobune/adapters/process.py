"""The only place that starts other programs."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from hakobune.model.forms import escaped

_GRACE_S = 15
_LINE_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended; the texts are empty where they went to the terminal."""

    exit_code: int
    stdout: str
    stderr: str


def printable(text: str) -> str:
    """Return a line of another program as a terminal may show it: short, without control codes."""
    return escaped(text[:_LINE_SHOWN]) + ("…" if len(text) > _LINE_SHOWN else "")


class Runner(Protocol):
    """Starts programs. Tests pass one that only keeps a list of calls."""

    def capture(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Completed:
        """Run to the end and return what it printed.

        A missing program gives exit code 127, one that takes longer than allowed 124.
        """
        ...

    def show(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Completed:
        """Run to the end; both streams appear on our stderr as they come, and are returned."""
        ...

    def attach(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """Run to the end on our own terminal and return the exit code."""
        ...

    def pipe(self, command: Sequence[str], consume: Callable[[IO[bytes]], None]) -> Completed:
        """Run to the end while `consume` reads what it prints; `stdout` stays empty."""
        ...


class SystemRunner:
    """Starts real processes. On Ctrl-C or SIGTERM the child is told too, and waited for."""

    def capture(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Completed:
        """See Runner."""
        try:
            done = subprocess.run(
                command,
                env=_environment(env),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            return Completed(exit_code=124, stdout="", stderr=f"no answer in {timeout_s} s")
        except (FileNotFoundError, PermissionError) as exc:
            return Completed(exit_code=127, stdout="", stderr=str(exc))
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def show(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Completed:
        """See Runner."""
        try:
            child = subprocess.Popen(
                command,
                env=_environment(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
            )
        except (FileNotFoundError, PermissionError) as exc:
            return Completed(exit_code=127, stdout="", stderr=str(exc))
        assert child.stdout is not None  # noqa: S101 - PIPE was asked for; this is for mypy
        chunks = []
        with child.stdout, _ended_with_us(child):
            while chunk := child.stdout.read(65536):
                chunks.append(chunk)
                with suppress(OSError):
                    os.write(2, chunk)
            child.wait()
        text = b"".join(chunks).decode(errors="replace")
        return Completed(exit_code=child.returncode, stdout=text, stderr="")

    def attach(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """See Runner."""
        try:
            child = subprocess.Popen(command, env=_environment(env), cwd=cwd)
        except (FileNotFoundError, PermissionError):
            return 127
        with _ended_with_us(child):
            child.wait()
        return child.returncode

    def pipe(self, command: Sequence[str], consume: Callable[[IO[bytes]], None]) -> Completed:
        """See Runner."""
        with tempfile.TemporaryFile() as errors:
            try:
                child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
                )
            except (FileNotFoundError, PermissionError) as exc:
                return Completed(exit_code=127, stdout="", stderr=str(exc))
            assert child.stdout is not None  # noqa: S101 - PIPE was asked for; this is for mypy
            with child.stdout, _ended_with_us(child):
                consume(child.stdout)
            child.wait()
            errors.seek(0)
            text = errors.read().decode(errors="replace")
        return Completed(exit_code=child.returncode, stdout="", stderr=text)


class _ended_with_us:  # noqa: N801 - used as a statement, like contextlib.suppress
    """While inside, an interruption of ours ends the child before it goes on upwards."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or self.child.poll() is not None:
            return
        self.child.send_signal(signal.SIGINT if kind is KeyboardInterrupt else signal.SIGTERM)
        try:
            self.child.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def _environment(extra: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if extra is None else {**os.environ, **extra}
