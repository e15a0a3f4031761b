"""The notebook as it is committed, run whole: the real SDK, a stand-in for Azure ML, a training."""

import asyncio
import json
import os
import shutil
import subprocess
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from hakobune.stages.build import image_tag
from hakobune.stages.project import open_project, read_fresh_lock
from tests.e2e.conftest import ROOT, Drydock
from tests.samples import PATIENCE_S

PNG = b"\x89PNG\r\n\x1a\n"
pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """The notebook after its run."""

    cells: dict[str, Any]
    project: Path

    def text(self, cell: str) -> str:
        """Return what a cell printed and its value as text."""
        return "".join(
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in self.cells[cell].outputs
        )

    def picture(self, cell: str) -> bytes:
        """Return the one picture of a cell."""
        (encoded,) = (
            output["data"]["image/png"]
            for output in self.cells[cell].outputs
            if "image/png" in output.get("data", {})
        )
        return b64decode(encoded)

    @property
    def job(self) -> str:
        """The job's name, as the notebook shows it."""
        return self.text("cell-14").split("'")[1]

    @property
    def run(self) -> Path:
        """The folder of the fetched files."""
        return self.project / "runs" / self.job


def skip_without_image(project: Path) -> None:
    """Skip where there is nothing to push: no engine, or no image of the source as it is."""
    tag = image_tag(read_fresh_lock(open_project(project)))
    label = '{{index .Config.Labels "hakobune.source.sha256"}}'
    # The SDK for Docker leaves a socket open when no engine answers, which pytest makes an error.
    command = ["docker", "image", "inspect", "--format", label, tag]
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
    except FileNotFoundError:
        pytest.skip("no command docker: docker/engine.sh ensure")
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"{exc.stderr.strip()}: make image")
    dockerfile = (project / "docker" / "Dockerfile").read_text(encoding="utf-8")
    if f'hakobune.source.sha256="{found.stdout.strip()}"' not in dockerfile:
        pytest.skip("the image is old: make image")


def execute(path: Path, variables: dict[str, str]) -> dict[str, Any]:
    """Run a notebook in its own folder and return its code cells. A cell that raises ends it."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook, timeout=None, resources={"metadata": {"path": str(path.parent)}}
    )
    run = client.async_execute(env={**os.environ, **variables, "PYTHONPATH": str(ROOT / "src")})
    asyncio.run(asyncio.wait_for(run, PATIENCE_S))
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module")
def executed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The notebook, run once without a workspace, so that it starts a drydock of its own."""
    skip_without_image(project)
    shutil.copytree(ROOT / "notebooks", project / "notebooks")
    home = tmp_path_factory.mktemp("jupyter")
    own = {name: str(home / name) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR")}
    try:
        return Executed(cells=execute(project / "notebooks/submit.ipynb", own), project=project)
    except BaseException:  # a cell before the one that stops it failed
        if (project / ".drydock/state.json").exists():
            Drydock(state=project / ".drydock").run("stop")
        raise


def test_every_cell_runs_in_order_and_none_complains(executed: Executed) -> None:
    counts = [cell.execution_count for cell in executed.cells.values()]
    assert counts == list(range(1, len(counts) + 1))
    complaints = {
        name: output.text
        for name, cell in executed.cells.items()
        for output in cell.outputs
        if output.get("name") == "stderr"
    }
    assert not complaints


def test_the_training_here_comes_first_and_the_job_made_the_same_model(executed: Executed) -> None:
    assert "metric.json" in executed.text("cell-03")
    assert str(executed.project) not in executed.text("cell-03")
    assert "bit-identical to the local run" in executed.text("cell-17")


def test_the_job_trained_from_the_pushed_image_and_completed(executed: Executed) -> None:
    assert "'Completed'" in executed.text("cell-15")
    assert "@sha256:" in executed.text("cell-10")
    record = json.loads((executed.run / "record.json").read_text(encoding="utf-8"))
    assert record["run_id"] == executed.job
    assert "RMSE" in executed.text("cell-15"), "the training's log was not shown"


def test_all_declared_files_are_fetched_and_listed(executed: Executed) -> None:
    (declared,) = (output.files for output in open_project(executed.project).outputs)
    for name in declared:
        assert (executed.run / name).stat().st_size > 0, name
        assert repr(Path(name).name) in executed.text("cell-17")


def test_the_figures_and_both_pictures_are_those_of_the_run(executed: Executed) -> None:
    metric = json.loads((executed.run / "metric.json").read_text(encoding="utf-8"))
    assert metric["best_baseline"] in executed.text("cell-19")
    assert executed.picture("cell-20").startswith(PNG)
    assert executed.picture("cell-21") == (executed.run / "pred.png").read_bytes()


def test_the_notebook_stops_the_stand_in_that_it_started(executed: Executed) -> None:
    assert "starting drydock" in executed.text("cell-05")
    assert "stopped drydock" in executed.text("cell-23")
