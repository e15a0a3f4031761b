"""The nodes of a job as containers of this machine: on one network without a way out.

All that it makes has a prefix of its own, and is removed by `remove`, whatever happened.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from hakobune.adapters.docker_cli import engine_version
from hakobune.adapters.process import Runner, printable
from hakobune.errors import ContainerFailedError
from hakobune.interruption import uninterrupted

# Where the nodes find each other's keys: in memory, and gone with the containers.
KEYS = "/hakobune-keys"
_LOOK_S = 0.2
_ANSWER_S = 120  # the engine's, on a busy machine
_GONE_S = 30
_REMEDY = "check the engine (docker info), then run the command again"


@dataclass(slots=True, kw_only=True)
class Nodes:
    """Containers `<prefix>-0`, `<prefix>-1` and so on; node 0 is where the others look."""

    runner: Runner
    prefix: str
    names: list[str] = field(default_factory=list)

    @property
    def network(self) -> str:
        """Return the name of the network, which leads nowhere."""
        return f"{self.prefix}-network"

    def prepare(self) -> None:
        """Create the network and the volume. Raises ContainerFailedError or EngineMissingError."""
        self._do("network", "create", "--internal", self.network)
        memory = ("type=tmpfs", "device=tmpfs", "o=mode=1777,size=1m")
        options = [word for text in memory for word in ("--opt", text)]
        self._do("volume", "create", "--driver", "local", *options, self._volume)

    def start(self, command: Sequence[str], *, node: int, nodes: int) -> None:
        """Start a node by the `docker run` of a training.

        The variables are those of Azure ML for a job of several nodes; a single one gets none.
        """
        name = f"{self.prefix}-{node}"
        options = ["--detach", "--volume", f"{self._volume}:{KEYS}"]
        options += ["--env", f"HAKOBUNE_KEYS={KEYS}"]
        if nodes > 1:
            variables = {
                "MASTER_ADDR": f"{self.prefix}-0",
                "WORLD_SIZE": str(nodes),
                "AZUREML_NODE_COUNT": str(nodes),
                "NODE_RANK": str(node),
            }
            options += [w for key, value in variables.items() for w in ("--env", f"{key}={value}")]
        self.names.append(name)
        at = list(command).index("--name")
        words = [*command[:at], "--name", name, *command[at + 2 :]]
        self._do(*words[1:2], *options, *words[2:])

    def kill(self, node: int) -> None:
        """End a node at once, as a machine that is taken away."""
        self.runner.capture(["docker", "kill", self.names[node]], timeout_s=_ANSWER_S)

    def start_again(self, node: int) -> None:
        """Start a node anew: its disk is empty, and what it shares is what it was."""
        self._do("start", self.names[node])

    def inside(self, node: int, program: str, *arguments: str, user: str, limit_s: float) -> str:
        """Run a program of Python in a node as its user; return what it printed.

        Empty: it failed, or the node ended meanwhile.
        """
        command = ["docker", "exec", "--user", user, self.names[node], "python", "-I", "-c"]
        done = self.runner.capture([*command, program, *arguments], timeout_s=limit_s)
        return printable(done.stdout.strip()) if done.exit_code == 0 else ""

    def exit_codes(self) -> list[int | None]:
        """Return each node's exit code, None for one that runs."""
        shown = "{{.State.Running}} {{.State.ExitCode}}"
        done = self.runner.capture(
            ["docker", "inspect", "--type", "container", "--format", shown, *self.names],
            timeout_s=_ANSWER_S,
        )
        if done.exit_code != 0:
            raise ContainerFailedError(
                f"the engine says nothing of the nodes: {printable(done.stderr.strip())}",
                remedy=_REMEDY,
            )
        found = [line.split() for line in done.stdout.splitlines() if line.strip()]
        return [None if running == "true" else int(code) for running, code in found]

    def wait(self, node: int, *, until: float) -> int | None:
        """Return a node's exit code; None where it still runs at this time of the clock."""
        while time.monotonic() < until:
            code = self.exit_codes()[node]
            if code is not None:
                return code
            time.sleep(_LOOK_S)
        return None

    def last_words(self, node: int, *, lines: int = 12) -> str:
        """Return the end of what a node printed."""
        command = ["docker", "logs", "--tail", str(lines), self.names[node]]
        done = self.runner.capture(command, timeout_s=_ANSWER_S)
        said = f"{done.stdout}{done.stderr}".strip().splitlines()
        return "\n".join(printable(line) for line in said[-lines:])

    @uninterrupted
    def remove(self) -> None:
        """Remove containers, volume and network; what is gone already is no failure.

        A container that is killed removes itself, which takes a moment; until then it has both.
        """
        if self.names:
            command = ["docker", "rm", "--force", "--volumes", *self.names]
            self.runner.capture(command, timeout_s=_ANSWER_S)
        command = ["docker", "volume", "rm", "--force", self._volume]
        until = time.monotonic() + _GONE_S
        while self.runner.capture(command, timeout_s=_ANSWER_S).exit_code != 0:
            if time.monotonic() > until:
                break
            time.sleep(_LOOK_S)
        self.runner.capture(["docker", "network", "rm", self.network], timeout_s=_ANSWER_S)
        self.names.clear()

    @property
    def _volume(self) -> str:
        return f"{self.prefix}-keys"

    def _do(self, *words: str) -> None:
        done = self.runner.capture(["docker", *words], timeout_s=_ANSWER_S)
        if done.exit_code != 0:
            engine_version(self.runner)
            said = done.stderr.strip().splitlines()
            raise ContainerFailedError(
                f"docker {words[0]} failed: {printable(said[-1]) if said else done.exit_code}",
                remedy=_REMEDY,
            )
