"""docs/tutorial.md, run as it is written: the wheel, an empty folder, and no checkout."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.container.conftest import ROOT
from tests.samples import PATIENCE_S

pytestmark = [pytest.mark.container, pytest.mark.slow]

PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
# The one change: a name of its own, so that the test moves no image of another's.
NAME = "first-model"
BLOCK = re.compile(r"(?:`([\w.]+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)
VARIABLES = ("PYTHON", "VIRTUAL_ENV", "HAKOBUNE_", "AZURE", "ARM_", "UV_TOOL")


def script(page: str) -> tuple[str, list[str]]:
    """Return the page as one shell script that saves its files, and the lines that it promises."""
    steps, promised = ["set -eu"], []
    for file, language, text in BLOCK.findall(page):
        if language == "sh":
            steps.append(text)
        elif language == "text":
            promised += text.splitlines()
        else:
            assert file, f"a block of {language} has no name of a file before it"
            steps.append(f"cat > {file} <<'END OF FILE'\n{text}END OF FILE")
    return "\n".join(steps), promised


@pytest.fixture
def home(engine: docker.DockerClient, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder with the wheel and nothing else, and a name for the image."""
    name = f"{NAME}-{secrets.token_hex(4)}"
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE_S)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").symlink_to(Path(sys.executable).parent / "uv")
    try:
        yield tmp_path, name
    finally:
        for image in engine.images.list():
            for tag in image.tags:
                if name in tag:
                    engine.images.remove(tag, force=True)


def test_the_tutorial_does_what_it_says(home: tuple[Path, str]) -> None:
    folder, name = home
    steps, promised = script(PAGE.replace(NAME, name))
    ours = str(Path(sys.executable).parent)
    env = {key: value for key, value in os.environ.items() if not key.startswith(VARIABLES)}
    path = [entry for entry in env["PATH"].split(os.pathsep) if entry != ours]
    env |= {
        "PATH": os.pathsep.join([str(folder / "bin"), *path]),
        "UV_TOOL_DIR": str(folder / "tools"),
        "UV_TOOL_BIN_DIR": str(folder / "bin"),
        "UV_PYTHON": sys.executable,
    }
    try:
        done = subprocess.run(
            ["bash", "-c", steps],
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    finally:
        project = folder / "my model"
        if (project / ".drydock").exists():
            stop = [str(folder / "bin/drydock"), "stop"]
            subprocess.run(stop, cwd=project, env=env, check=False, capture_output=True)
            shutil.rmtree(project / ".drydock", ignore_errors=True)
    assert done.returncode == 0, done.stdout
    printed = iter(done.stdout.splitlines())
    for line in promised:
        form = re.compile(re.escape(line).replace("…", ".*"))
        # A line that is found is consumed, with all before it: the order is promised, too.
        assert any(form.fullmatch(found) for found in printed), f"{line}\n\n{done.stdout}"
