"""Copies of the project and of the shared inputs, and commands with a time limit.

Images, containers and networks have names of their own, and are removed at the end by these names.
Nothing of the checkout is written to.
"""

import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hakobune.transform.seal import seal

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")
TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended, and both of its streams in one text; code 124 is the time limit."""

    code: int
    text: str

    @property
    def end(self) -> str:
        """Return the exit code and the last words, for a row."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error[")]
        return f"code {self.code}: {ascii((errors or lines or [''])[-1])[1:-1][:150]}"


class Bench:
    """One run of the table."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self.mark = f"hk{secrets.token_hex(3)}"
        self.scratch = Path(tempfile.mkdtemp(prefix="hakobune-hostile-"))
        self.images: list[str] = []

    def close(self) -> None:
        """Remove what was made: containers of our images, these images, networks, the folder."""
        listed = _docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        # Also the tags that keep a run's image.
        for image in (name for name in listed if name.startswith(self.mark)):
            found = _docker("ps", "-aq", "--filter", f"ancestor={image}").split()
            for left in (("rm", "-f", *found) if found else (), ("image", "rm", image)):
                if left:
                    _docker(*left)
        for network in _docker("network", "ls", "--format", "{{.Name}}").split():
            if self.mark in network:
                _docker("network", "rm", network)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def run(
        self,
        *command: str | Path,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Done:
        """Run a command with the environment's programs first on PATH."""
        bin_folder = Path(sys.executable).parent
        with tempfile.TemporaryFile() as out:
            child = subprocess.Popen(
                [str(word) for word in command],
                cwd=cwd,
                env={
                    **os.environ,
                    "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
                    "PYTHONPATH": str(ROOT / "src"),
                    **(env or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                code = 124
            # Also what the command left behind: it belongs to the session that was made for it.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            out.seek(0)
            return Done(code=code, text=out.read().decode("utf-8", "replace"))

    def hakobune(self, *words: str, cwd: Path, **more: float) -> Done:
        """Run the command line."""
        return self.run("hakobune", *words, cwd=cwd, timeout_s=more.get("timeout_s", TIMEOUT_S))

    @cached_property
    def inputs(self) -> Path:
        """Return a copy of shared/hostile whose fixed places in /tmp are in the scratch folder."""
        folder = self.copy(self.shared / "hostile", "hostile")
        for script in folder.glob("*.sh"):
            text = script.read_text(encoding="utf-8")
            script.write_text(text.replace("/tmp/", f"{self.scratch}/"), encoding="utf-8")
        return folder

    def field(self, name: str) -> Path:
        """Return a copy of a field case under names of our own."""
        folder = self.copy(self.shared / "field" / name, name)
        for path in (folder / "conda.yml", folder / "docker-compose.yml", folder / "run.sh"):
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"\bfc(?=[-.][a-z])", f"{self.mark}fc", text)
            text = text.replace("/tmp/", f"{self.scratch}/")
            path.write_text(text, encoding="utf-8")
        self.note_image(folder)
        return folder

    def note_image(self, folder: Path) -> None:
        """Remember the image that a project's compose file names."""
        text = (folder / "docker-compose.yml").read_text(encoding="utf-8")
        self.images += [f for f in re.findall(r"image: (\S+)", text) if self.mark in f]

    def copy(self, source: Path, name: str) -> Path:
        """Return a copy that may be written to."""
        target = Path(tempfile.mkdtemp(dir=self.scratch)) / name
        shutil.copytree(source, target, symlinks=True)
        for path in (target, *target.rglob("*")):
            path.chmod(path.stat().st_mode | 0o600)
        return target

    @cached_property
    def project(self) -> Path:
        """Return a copy of this project with a commit, and its image under a name of our own."""
        folder = self.scratch / "project"
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.split("\0"):
            if name and (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        self._rename(folder)
        self._done("git", "init", "-q", cwd=folder)
        self._done("hakobune", "render", cwd=folder)
        self._done("git", "add", "-A", cwd=folder)
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        self._done("git", *who, "commit", "-qm", "x", cwd=folder)
        self._done("hakobune", "build", cwd=folder)
        return folder

    def _rename(self, folder: Path) -> None:
        """Give environment, image and compose project another name, and the lock its new seal."""
        name = f"{self.mark}-arima"
        conda, lock = (folder / f"environments/arima-env.{end}" for end in ("yml", "lock"))
        conda.write_text(
            re.sub(r"(?m)^name: .*$", f"name: {name}", conda.read_text("utf-8")), encoding="utf-8"
        )
        digest = hashlib.sha256(conda.read_bytes()).hexdigest()
        text = lock.read_text(encoding="utf-8").rpartition("# sha256 of all lines above")[0]
        text = re.sub(r'(?m)^environment = ".*"$', f'environment = "{name}"', text)
        text = re.sub(r'(?m)^(environment_sha256) = ".*"$', rf'\1 = "{digest}"', text)
        lock.write_bytes(seal(text))
        compose = folder / "docker-compose.yml"
        text = compose.read_text(encoding="utf-8").replace("arima-env:local", f"{name}:local")
        compose.write_text(
            re.sub(r"(?m)^name: .*$", f"name: {name}", text, count=1), encoding="utf-8"
        )
        self.note_image(folder)

    @cached_property
    def good(self) -> Path:
        """Return a finished run of the project."""
        self._done("hakobune", "train", *QUICK, cwd=self.project)
        return newest_run(self.project)

    def _done(self, *command: str, cwd: Path) -> None:
        done = self.run(*command, cwd=cwd)
        if done.code != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.text[-600:]}")


def newest_run(project: Path) -> Path:
    """Return the run that ended last."""
    runs = [path.parent for path in (project / "runs").glob("*/record.json")]
    return max(runs, key=lambda run: (run / "record.json").stat().st_mtime)


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    return done.stdout
