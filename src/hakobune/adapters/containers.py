"""One container from its start to its removal: who failed is read from its state, not guessed.

The exit codes of docker are also those of the program inside, so no number tells them
apart. A container is therefore kept until its state was read, and then removed.
"""

import json
import secrets
import shlex
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hakobune.adapters.files import shipped_folder
from hakobune.adapters.process import Completed, Runner, printable
from hakobune.errors import ContainerFailedError
from hakobune.interruption import uninterrupted
from hakobune.model.container import ContainerEnd
from hakobune.model.training import Bind

_SIGKILL = 137
_REMOVAL_S = 60  # longer, and the engine hangs: a signal must not wait for it for ever
_TIMED_OUT = 124  # the Runner's
_FORMAT = '{"state":{{json .State}},"memory":{{json .HostConfig.Memory}}}'
_NEVER = "0001-01-01T"
# The kernel's message and the process's end reach the engine by two ways.
_OOM_EVENT_S = 0.5
_COMMAND = "correct the command in [tool.hakobune], or build the image again: hakobune build"
# What the engine says of a container that it has made and cannot start.
_REMEDIES = (
    ("device driver", "this machine has no GPU that Docker can use: `hakobune doctor` says why"),
    ("mount", "`hakobune doctor` checks the folders that the container sees"),
    ("executable file not found", _COMMAND),
    ("exec:", _COMMAND),
)


def run_container(
    runner: Runner, options: Sequence[str], *, timeout_s: float | None = None
) -> tuple[Completed, ContainerEnd | None]:
    """Run `docker run` with these options, image and command; return what it printed and its end.

    The end is None where the program took longer than allowed. Whatever ends us, the container is
    removed. Raises ContainerFailedError where the program never ran.
    """
    name = f"hakobune-{secrets.token_hex(6)}"
    try:
        done = runner.capture(["docker", "run", "--name", name, *options], timeout_s=timeout_s)
        if timeout_s is not None and done.exit_code == _TIMED_OUT and _is_running(runner, name):
            return done, None
        return done, end_of(runner, name, said=done.stderr)
    finally:
        remove(runner, name)


def end_of(runner: Runner, name: str, *, said: str = "") -> ContainerEnd:
    """Return how the container of this name ended. Raises ContainerFailedError if it never ran.

    `said` is what docker printed, where that was not shown on the terminal.
    """
    facts = _facts(runner, name)
    if facts is None:
        words = said.partition("\n\n")[0].strip()
        raise ContainerFailedError(
            f"docker made no container: {_words(words)}"
            if words
            else "docker made no container, for the reason that it printed above",
            remedy="correct what docker names; `hakobune doctor` checks this machine",
        )
    state = facts["state"]
    if str(state.get("StartedAt", _NEVER)).startswith(_NEVER):
        words = _words(str(state.get("Error", "")))
        remedy = next((remedy for word, remedy in _REMEDIES if word in words), "")
        raise ContainerFailedError(
            f"the engine could not start the container: {words}",
            remedy=remedy or "correct what the engine names; `hakobune doctor` checks this machine",
        )
    if state.get("Running"):
        raise ContainerFailedError(
            "docker lost its connection to the container, which was still running; it is removed",
            remedy="check the engine (docker info), then run the command again",
        )
    code, is_out_of_memory = int(state["ExitCode"]), bool(state.get("OOMKilled"))
    if code == _SIGKILL and not is_out_of_memory:
        time.sleep(_OOM_EVENT_S)
        again = _facts(runner, name) or facts
        is_out_of_memory = bool(again["state"].get("OOMKilled"))
    return ContainerEnd(
        exit_code=code,
        memory_bytes=int(facts["memory"] or 0),
        is_out_of_memory=is_out_of_memory,
        is_ended_by_docker=code > 128 and _was_killed(runner, name, state),  # noqa: PLR2004 - 128 + signal
    )


def engine_command() -> str:
    """Return what to type to start a Docker engine: by the script that ships with hakobune."""
    return f"bash {shlex.quote(str(shipped_folder('engine.sh')))} ensure"


def mount(bind: Bind) -> str:
    """Return the value of docker's `--mount` for a file or folder of this machine."""
    access = ("readonly",) if bind.is_read_only else ()
    return comma_separated("type=bind", f"src={bind.source}", f"dst={bind.target}", *access)


def comma_separated(*fields: str) -> str:
    """Return an option's value as docker reads it: a line of CSV, whatever a path holds."""
    quoted = (
        '"{}"'.format(field.replace('"', '""')) if set(field) & set(',"\n\r') else field
        for field in fields
    )
    return ",".join(quoted)


@uninterrupted
def stop(runner: Runner, name: str) -> None:
    """End the container's program: SIGTERM, and SIGKILL ten seconds later."""
    runner.capture(["docker", "stop", "--time", "10", name], timeout_s=_REMOVAL_S)


@uninterrupted
def remove(runner: Runner, name: str) -> None:
    """Remove the container if there is one, running or not."""
    runner.capture(["docker", "rm", "--force", "--volumes", name], timeout_s=_REMOVAL_S)


def _is_running(runner: Runner, name: str) -> bool:
    facts = _facts(runner, name)
    return facts is not None and bool(facts["state"].get("Running"))


def _facts(runner: Runner, name: str) -> dict[str, Any] | None:
    """Return the engine's state of the container, None where it has none of this name."""
    done = runner.capture(["docker", "inspect", "--type", "container", "--format", _FORMAT, name])
    if done.exit_code != 0:
        return None
    return dict(json.loads(done.stdout))


def _was_killed(runner: Runner, name: str, state: dict[str, Any]) -> bool:
    """Tell whether the engine sent a signal to the container because somebody asked it to."""
    # The engine reports a kill after the process has ended of it.
    until = datetime.fromisoformat(str(state["FinishedAt"])) + timedelta(seconds=1)
    done = runner.capture(
        [
            *("docker", "events", "--since", str(state["StartedAt"]), "--until", until.isoformat()),
            *("--filter", f"container={name}", "--filter", "event=kill", "--format", "kill"),
        ],
        timeout_s=10,
    )
    return done.exit_code == 0 and "kill" in done.stdout


def _words(said: str) -> str:
    """Return docker's own words without the names of its parts."""
    words = " ".join(said.split()).removeprefix("docker: ")
    for part in (
        "Error response from daemon: ",
        "failed to create task for container: ",
        "failed to create shim task: ",
        "OCI runtime create failed: ",
        "runc create failed: ",
        "unable to start container process: ",
    ):
        words = words.replace(part, "")
    return printable(words.removesuffix(": unknown"))
