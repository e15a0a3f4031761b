"""What a build is doing, from the text that BuildKit prints: one line for each finished stage.

It reads `--progress=plain`: every buildx has it, a failure is explained by it, and a person can
read it in the log. (`rawjson` exists since buildx 0.13, and needs the same text made of it again.)
A line of a step begins with the step's number, so nothing that a program prints inside a step can
be taken for a line of BuildKit's own.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hakobune.adapters.process import Completed, Runner
from hakobune.model.reporter import Reporter

# What a person calls the stages of our Dockerfiles, and what was done when one is over.
_STAGES = {
    "base": ("base", "fetched"),
    "sdists": ("source distributions", "downloaded, with what builds them"),
    "built": ("source distributions", "built into wheels"),
    "built-again": ("source distributions", "built again, to compare"),
    "packages": ("packages", "downloaded, checked, installed"),
    "libraries": ("C libraries", "compiled"),
    "source": ("source", "copied and compiled"),
    "image": ("image", "put together"),
    "export": ("image", "written and handed to the engine"),
}
_BETWEEN_S = 0.2  # a terminal's line is not written more often
_TOLD_FROM_S = 0.5  # a stage that took less is no line
_LONGEST_LINE = 4096
_LINE = re.compile(r"#(\d{1,9}) (.*)", re.DOTALL)
# `[packages 2/5] RUN …`; without a name, or as `stage-4`, it is the stage that is the image.
_OF_A_STAGE = re.compile(r"\[(?:linux/amd64 )?(?:stage-\d+ +|([\w.-]+) +)?(\d+)/(\d+)\] ")
_LOGGED = re.compile(r"\d+\.\d+ ?(.*)", re.DOTALL)
_DONE = re.compile(r"DONE (\d{1,9}\.\d)s")


@dataclass(slots=True)
class _Step:
    """A numbered step of the build. `stage` is empty for what BuildKit does by itself."""

    stage: str
    is_last: bool
    began: float
    log: list[str] = field(default_factory=list)
    is_running: bool = True
    is_failed: bool = False


class BuildProgress:
    """Takes what a build prints, as it comes, and reports each stage that took some time.

    `name` is the step of hakobune that builds: `build` or `base`. Once the build is over, `end`.
    """

    def __init__(
        self, reporter: Reporter, *, name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reporter = reporter
        self._name = name
        self._clock = clock
        self._shown_at = clock()
        self._rest = b""
        self._steps = dict[int, _Step]()
        self._seconds = dict[str, float]()  # of a stage's finished steps

    def take(self, chunk: bytes) -> None:
        """Take what was printed since the last call: nothing, where only time has passed."""
        self._reporter.heard(chunk)
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:_LONGEST_LINE]
        for line in lines:
            if found := _LINE.fullmatch(line[:_LONGEST_LINE].decode(errors="replace")):
                self._read(int(found[1]), found[2].rstrip("\r"))
        if self._clock() - self._shown_at >= _BETWEEN_S:
            self._shown_at = self._clock()
            self._reporter.working(self._running())

    def end(self) -> None:
        """Take the line about what is running from the terminal."""
        self._reporter.working("")

    def failed_text(self) -> str:
        """Return all that the failed steps printed; empty where no step is known to have failed."""
        return "\n".join(
            line for step in self._steps.values() if step.is_failed for line in step.log
        )

    def _read(self, number: int, text: str) -> None:
        step = self._steps.get(number)
        if step is None:
            self._steps[number] = self._begun(text)
        elif logged := _LOGGED.fullmatch(text):
            step.log.append(logged[1])
        elif text in ("CACHED", "CANCELED"):
            step.is_running = False
        elif text.startswith("ERROR"):
            step.is_running, step.is_failed = False, True
        elif done := _DONE.fullmatch(text):
            self._finish(step, float(done[1]))

    def _begun(self, text: str) -> _Step:
        if found := _OF_A_STAGE.match(text):
            stage, is_last = found[1] or "image", found[2] == found[3]
        else:
            stage, is_last = ("export" if text.startswith("exporting to ") else ""), True
        return _Step(stage=stage, is_last=is_last, began=self._clock())

    def _finish(self, step: _Step, seconds: float) -> None:
        if not step.is_running or not step.stage:
            step.is_running = False
            return
        step.is_running = False
        self._seconds[step.stage] = self._seconds.get(step.stage, 0.0) + seconds
        if step.is_last and self._seconds[step.stage] >= _TOLD_FROM_S:
            what, outcome = _STAGES.get(step.stage, (step.stage, "done"))
            self._reporter.done(self._name, f"{what}: {outcome}", seconds=self._seconds[step.stage])

    def _running(self) -> str:
        """Return the stages at work, each with its seconds; of a single one its last line, too."""
        steps = {
            step.stage: step for step in self._steps.values() if step.is_running and step.stage
        }
        now, parts = self._clock(), []
        for stage, step in steps.items():
            seconds = self._seconds.get(stage, 0.0) + now - step.began
            parts.append(f"{_STAGES.get(stage, (stage,))[0]} {seconds:.0f} s")
        if not parts:
            return ""
        said = next(iter(steps.values())).log[-1:] if len(steps) == 1 else []
        said = [line.rstrip("\r").rpartition("\r")[2].strip() for line in said]  # a progress bar's
        return f"{self._name:<7} {', '.join(parts)}" + "".join(f": {line}" for line in said)


def shown_waiting(
    runner: Runner, command: Sequence[str], reporter: Reporter, *, name: str, what: str
) -> Completed:
    """Run a program that says nothing of its progress: the reporter gets how long it has run.

    Lines that begin with `root:` say what is about to be done as root, and are always shown.
    """
    began, rest = time.monotonic(), b""

    def take(chunk: bytes) -> None:
        nonlocal rest
        reporter.heard(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"root: "):
                reporter.say(line.decode(errors="replace"))
        reporter.working(f"{name:<7} {what}, {time.monotonic() - began:.0f} s")

    try:
        return runner.show(command, take=take)
    finally:
        reporter.working("")
