"""The only place that starts other programs."""

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from hakobune.interruption import Interrupted, raise_if_interrupted, uninterrupted
from hakobune.model.forms import escaped, without_effects

_GRACE_S = 15
_GROUP_GRACE_S = 0.5
_LINE_SHOWN = 300
_TICK_S = 0.5


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
        take: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """Run to the end; both streams appear on our stderr as they come, and are returned.

        With `take` they do not appear: it is given each piece, and an empty one while none comes.
        """
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
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            with _Started(command, env=_environment(env), **pipes) as child:
                out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return Completed(exit_code=124, stdout="", stderr=f"no answer in {timeout_s} s")
        except (FileNotFoundError, PermissionError) as exc:
            return Completed(exit_code=127, stdout="", stderr=str(exc))
        return Completed(exit_code=child.returncode, stdout=_text(out), stderr=_text(err))

    def show(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        take: Callable[[bytes], None] | None = None,
    ) -> Completed:
        """See Runner."""
        pipes = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
        }
        chunks, take = [], take or _show
        try:
            with _Started(command, env=_environment(env), cwd=cwd, bufsize=0, **pipes) as child:
                stream = _stdout(child)
                while True:
                    if not select.select([stream], [], [], _TICK_S)[0]:
                        take(b"")
                    elif chunk := stream.read(65536):
                        chunks.append(chunk)
                        take(chunk)
                    else:
                        break
                child.wait()
        except (FileNotFoundError, PermissionError) as exc:
            return Completed(exit_code=127, stdout="", stderr=str(exc))
        return Completed(exit_code=child.returncode, stdout=_text(b"".join(chunks)), stderr="")

    def attach(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """See Runner."""
        try:
            with _Started(command, env=_environment(env), cwd=cwd) as child:
                child.wait()
        except (FileNotFoundError, PermissionError):
            return 127
        return child.returncode

    def pipe(self, command: Sequence[str], consume: Callable[[IO[bytes]], None]) -> Completed:
        """See Runner."""
        with tempfile.TemporaryFile() as errors:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": errors}
            child = None
            try:
                with _Started(command, **pipes) as child:
                    consume(_stdout(child))
                    child.wait()
            except (FileNotFoundError, PermissionError) as exc:
                if child is not None:  # of what reads the stream
                    raise
                return Completed(exit_code=127, stdout="", stderr=str(exc))
            errors.seek(0)
            return Completed(exit_code=child.returncode, stdout="", stderr=_text(errors.read()))


class _Started:
    """A program while it runs: whatever ends us ends it first, and no signal comes in between."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:  # noqa: ANN401 - Popen's
        self.command = command
        self.options = options

    @uninterrupted
    def __enter__(self) -> "subprocess.Popen[bytes]":
        raise_if_interrupted()
        # A script's own children would outlive it, so they are in a group that is ended as one.
        # docker passes signals on, and may ask for a password on the terminal, which only the
        # terminal's own group can.
        has_group = "stdin" in self.options and self.command[0] != "docker"
        # Open as long as the child or one of its own children lives, such as docker's plugins.
        self.alive, inherited = os.pipe()
        try:
            self.child = subprocess.Popen(
                self.command,
                process_group=0 if has_group else None,
                pass_fds=(inherited,),
                **self.options,
            )
        except OSError:
            os.close(self.alive)
            raise
        finally:
            os.close(inherited)
        self.group = self.child.pid if has_group else 0
        return self.child

    @uninterrupted
    def __exit__(self, kind: type[BaseException] | None, failure: object, _: object) -> None:
        try:
            if kind is not None:
                self._end(failure)
        finally:
            os.close(self.alive)
            for stream in (self.child.stdout, self.child.stderr):
                if stream is not None:
                    stream.close()

    def _end(self, failure: object) -> None:
        is_ctrl_c = isinstance(failure, Interrupted) and failure.number == signal.SIGINT
        # A shell without a trap goes on after its child's SIGINT, and what it starts with `&`
        # ignores SIGINT.
        is_ctrl_c = is_ctrl_c and not self.group
        self._send(signal.SIGINT if is_ctrl_c else signal.SIGTERM)
        try:
            # It may be writing, and would wait for a reader for ever.
            self.child.communicate(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            self.child.wait()
        except ValueError:  # somebody else has closed its stream
            self.child.wait()
        if self.group:
            self._end_group()
        # What docker's plugin still starts is not there yet for who removes it afterwards.
        select.select([self.alive], [], [], _GRACE_S)

    def _send(self, number: signal.Signals) -> None:
        if self.group:
            with suppress(ProcessLookupError):
                os.killpg(self.group, number)
        else:
            self.child.send_signal(number)

    def _end_group(self) -> None:
        """End what is left of the child's own children, which were told when it was."""
        deadline = time.monotonic() + _GROUP_GRACE_S
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(self.group, 0)
                time.sleep(0.01)
            os.killpg(self.group, signal.SIGKILL)


def _show(chunk: bytes) -> None:
    """Write another program's text on stderr: as it came, or without effects on a terminal."""
    with suppress(OSError):
        os.write(2, without_effects(chunk) if os.isatty(2) else chunk)


def _stdout(child: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert child.stdout is not None  # noqa: S101 - PIPE was asked for; this is for mypy
    return child.stdout


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _environment(extra: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if extra is None else {**os.environ, **extra}
