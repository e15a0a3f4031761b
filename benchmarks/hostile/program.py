"""hakobune's command line inside this process, with an engine and a repository in memory.

The checkout under test is the one on `sys.path`: this one, or an older one. What is used of it are
its commands and `tests/run_samples.py`, which both have.
"""

import contextlib
import importlib
import io
import os
import re
import shutil
import sys
import traceback
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostile.draw import MARK

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_HARMLESS = "\n\t\u200c\u200d"  # also what joins the letters of Persian and Hindi
_BUG = 70
_LONGEST_ARGUMENT = 131_071  # bytes; Linux's MAX_ARG_STRLEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one command ended."""

    code: int
    text: str


class Room:
    """The fuzzer's folders: a project, a folder that is nobody's business, and an empty home."""

    def __init__(self, root: Path) -> None:
        self.project = root / "project"
        self.outside = root / "outside"
        self.temporary = root / "tmp"
        self.home = root / "home"
        for folder in (self.project, self.outside, self.temporary, self.home):
            folder.mkdir(parents=True)
        self.victim = self.outside / "victim"
        self.victim.write_text("untouched\n", encoding="utf-8")
        os.environ.update(HOME=str(self.home), TMPDIR=str(self.temporary))
        self._root = root

    def put(self, path: Path, content: bytes) -> None:
        """Write a file of the project where an earlier input may have left anything."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path)
        path.write_bytes(content)

    def damage(self) -> list[str]:
        """Return what differs outside of the project."""
        found = [f"{name} appeared" for name in _names(self._root) if name not in _OWN]
        found += [f"outside/{name} appeared" for name in _names(self.outside) if name != "victim"]
        if not self.victim.is_file() or self.victim.read_bytes() != b"untouched\n":
            found.append("outside/victim changed")
        return [*found, *(f"home/{name} appeared" for name in _names(self.home))]

    def repair(self) -> None:
        """Undo the damage, so that it is counted once."""
        shutil.rmtree(self.outside)
        self.outside.mkdir()
        self.victim.write_text("untouched\n", encoding="utf-8")
        for name in set(_names(self._root)) - _OWN:
            with contextlib.suppress(OSError):
                (self._root / name).unlink()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


_OWN = {"project", "outside", "tmp", "home"}


class Recorder:
    """Passes commands to the engine in memory, and looks at what reaches their arguments."""

    def __init__(self, runner: Any) -> None:
        self.seen: list[str] = []
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the runner's method of this name, which looks at its command first."""
        return lambda command, *others, **named: self._run(name, command, *others, **named)

    def _run(self, name: str, command: Sequence[str], *others: Any, **named: Any) -> Any:
        ended = False
        for word in command:
            ended = ended or word in ("--end-of-options", "--")
            if word.startswith("-") and (MARK in word or "victim" in word) and not ended:
                self.seen.append(f"an option reached {command[0]}: {word[:60]!r}")
            if "\0" in word or any("\ud800" <= letter <= "\udfff" for letter in word):
                self.seen.append(f"an argument of {command[0]} cannot be one: {word[:60]!r}")
            if len(word.encode("utf-8", "surrogatepass")) > _LONGEST_ARGUMENT:
                self.seen.append(f"an argument of {command[0]} has {len(word)} characters")
        try:
            return getattr(self._runner, name)(command, *others, **named)
        except AssertionError:  # the engine in memory does not know the command
            if name == "attach":
                return 1
            made = importlib.import_module("hakobune.adapters.process").Completed
            return made(exit_code=1, stdout="", stderr="error: unknown command")


def use_runner(runner: Any) -> Recorder:
    """Let every command start programs through this runner."""
    recorder = Recorder(runner)
    process = importlib.import_module("hakobune.adapters.process")
    process.SystemRunner = lambda *_, **__: recorder  # type: ignore[attr-defined] # the patch
    return recorder


def hakobune(*words: str) -> Outcome:
    """Run one command to its end."""
    main = importlib.import_module("hakobune.cli.main").main
    sys.argv = ["hakobune", *words]
    return captured(main)


def captured(call: Callable[[], object]) -> Outcome:
    """Return what the call prints, as a terminal gets it, and its exit code."""
    shown = io.BytesIO()
    out = io.TextIOWrapper(shown, "utf-8", errors="strict", write_through=True)
    err = io.TextIOWrapper(shown, "utf-8", errors="backslashreplace", write_through=True)
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            call()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 1
        except Exception:  # noqa: BLE001 - whatever comes here is the finding
            traceback.print_exc()
            code = _BUG
    return Outcome(code=code, text=shown.getvalue().decode("utf-8", "replace"))


def errors_shown(call: Callable[[], object]) -> Outcome:
    """Return the outcome of a function of ours, its errors shown as the command line shows them."""
    error = importlib.import_module("hakobune.errors").HakobuneError
    show_error = importlib.import_module("hakobune.console").show_error

    def guarded() -> None:
        try:
            call()
        except error as exc:
            show_error(exc)
            sys.exit(1)

    return captured(guarded)


def problems(outcome: Outcome) -> list[str]:
    """Return what is wrong with an outcome whatever the input was."""
    if "Traceback (most recent call last)" in outcome.text or outcome.code == _BUG:
        return [f"traceback: {_end_of(outcome.text)}"]
    found = []
    bad = {c for c in outcome.text if c not in _HARMLESS and unicodedata.category(c) in _UNSEEN}
    if bad:
        found.append(f"the terminal got {min(map(ascii, bad))}")
    if any(line.startswith(MARK) for line in outcome.text.splitlines()):
        found.append("a line was forged")
    return found


def _end_of(text: str) -> str:
    """Return the exception, and where in the product it came from."""
    where = re.findall(r'File "[^"]*/src/(hakobune/[^"]+)", line (\d+)', text)
    place = ":".join(where[-1]) if where else "?"
    lines = [
        line
        for line in text.splitlines()
        if re.match(r"[A-Za-z_.]+(Error|Exception|Bomb|Iteration)", line)
    ]
    return f"{place} {lines[-1][:100] if lines else text[-100:]!r}"
