"""What the groups share: a drydock of their own, a small project, and the command in it."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT, run

KINDS = ("jobs", "models", "environments", "computes")
MODEL = '\n[tool.hakobune.model]\nname = "word-count"\nfile = "counts.json"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A drydock that runs, and a copy of the word-count project that is built."""

    state: Path
    project: Path
    start_s: float
    output_mode: str | None

    def counts(self) -> dict[str, int]:
        """Return how many things of each kind drydock holds."""
        folder = self.state / "resources"
        return {kind: len(list((folder / kind).glob("*.json"))) for kind in KINDS}

    def pid(self) -> int:
        """Return drydock's process."""
        content = json.loads((self.state / "state.json").read_text(encoding="utf-8"))
        return int(content["pid"])

    def write_text(self, text: str) -> None:
        """Give the next job an input that no job had."""
        (self.project / "text.txt").write_text(text + "\n", encoding="utf-8")

    def build(self) -> None:
        """Build the image and let it pass its smoke tests, without which nothing is submitted."""
        expect(self.hakobune("build"), "build")
        expect(self.hakobune("smoke", "--text", "text.txt"), "smoke")

    def hakobune(self, *arguments: str, killed_after_s: float | None = None) -> Done:
        """Run the command in the small project, in a fork: the SDK is imported once for all."""
        if self.output_mode and arguments[0] == "submit" and "--output-mode" not in arguments:
            arguments = ("submit", "--output-mode", self.output_mode, *arguments[1:])
        return forked(arguments, self.project, killed_after_s=killed_after_s)


@contextmanager
def stand(output_mode: str | None = None, *, is_keyless: bool = False) -> Iterator[Stand]:
    """Start a drydock in a folder of its own; the variables of this process then lead to it.

    Jobs keep their outputs in this mode, or as hakobune chooses. The SDK reads the variables once,
    so that a process can have one stand only.
    """
    drydock = [sys.executable, "-m", "drydock"]
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        state, project = Path(folder, "state"), Path(folder, "word-count")
        shutil.copytree(ROOT / "tests/cases/word-count", project)
        with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(MODEL)
        with (project / "counter/__main__.py").open("a", encoding="utf-8") as file:
            file.write('print("counted")\n')  # or its job's log would be empty
        began = time.monotonic()
        run([*drydock, "start", "--state", str(state), *(["--keyless"] if is_keyless else [])])
        start_s = time.monotonic() - began
        try:
            os.environ.update(json.loads(run([*drydock, "env", "--json", "--state", str(state)])))
            made = Stand(state=state, project=project, start_s=start_s, output_mode=output_mode)
            made.write_text("a b a")
            made.build()
            yield made
        finally:
            run([*drydock, "stop", "--state", str(state)])


def forked(arguments: tuple[str, ...], cwd: Path, *, killed_after_s: float | None = None) -> Done:
    """Return how `hakobune ARGUMENTS` ends, run by a copy of this process, and maybe killed."""
    import azure.ai.ml  # noqa: PLC0415 - the variables must be set before
    import azure.identity  # noqa: F401, PLC0415

    from hakobune.cli.main import main  # noqa: PLC0415

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            os._exit(_be_the_command(main, arguments, cwd, out.fileno(), err.fileno()))
        status = _ended(child, killed_after_s)
        seconds = time.monotonic() - began
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    code = os.waitstatus_to_exitcode(status)
    return Done(code=code, stdout=texts[0], stderr=texts[1], seconds=seconds)


def _ended(child: int, killed_after_s: float | None) -> int:
    """Return the process's status at its end, which SIGKILL brings unless it comes before."""
    until = time.monotonic() + (killed_after_s or 0)
    while killed_after_s is not None and time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    if killed_after_s is not None:
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _be_the_command(
    main: Callable[[], None], arguments: tuple[str, ...], cwd: Path, out: int, err: int
) -> int:
    code = 70
    try:
        os.chdir(cwd)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.argv = ["hakobune", *arguments]
        main()
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
    except BaseException:  # noqa: BLE001 - the fork's end: nothing may get past it
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def expect(done: Done, what: str) -> Done:
    """Return the command's end; one that should have gone well ends the benchmark."""
    if done.code != 0:
        sys.exit(f"{what}: exit code {done.code}\n{done.stderr[-2000:]}")
    return done
