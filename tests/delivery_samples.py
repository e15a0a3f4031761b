"""A project whose image may be submitted, and what a delivery works with, all in memory."""

from dataclasses import dataclass, replace
from pathlib import Path

from hakobune.model.project import Project
from hakobune.stages.deliver import Services
from hakobune.stages.project import open_project, read_fresh_lock
from hakobune.stages.record import complete
from hakobune.stages.render import render
from hakobune.stages.smoke import RECEIPTS, checks_of
from hakobune.transform.receipt import Receipt, write_receipt
from tests.cloud_samples import FakeCloud, make_patience, run_files
from tests.run_samples import circumstances, engine_of, image_of, write_run
from tests.samples import CONTAINERD, ENGINE, NO_REPOSITORY, FakeReporter, FakeRunner, write_project
from tests.unit.hakobune.stages.test_push import DIGEST, PUSH, Registry, image

PYPROJECT_MORE = """
[tool.hakobune.model]
name = "demo-model"
file = "model.bin"
metrics = "metric.json"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A project whose image has a receipt, an engine that has the image, and a workspace."""

    project: Project
    runner: FakeRunner
    cloud: FakeCloud
    reporter: FakeReporter

    @property
    def services(self) -> Services:
        return Services(
            project=self.project,
            cloud=self.cloud,
            runner=self.runner,
            patience=make_patience(reporter=self.reporter),
        )

    @property
    def receipt(self) -> Path:
        (path,) = (self.project.root / RECEIPTS).iterdir()
        return path


def make_ready(root: Path) -> Ready:
    write_project(root)
    pyproject = root / "pyproject.toml"
    declared = '"model.bin", "metric.json", "record.json"'
    text = pyproject.read_text("utf-8").replace('"model.bin", "metric.json"', declared)
    pyproject.write_text(text + PYPROJECT_MORE, encoding="utf-8")
    project = open_project(root)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    built = replace(image_of(project, DIGEST), base="")
    reference = root / "runs/reference"
    write_run(reference, built, run_id="reference")
    how = circumstances(project, built)
    complete(project, reference, built, engine_of(built, b""), how)
    receipt = Receipt(
        image=DIGEST, checks=tuple(checks_of(project, built)), references=("runs/reference",)
    )
    path = root / RECEIPTS / f"{DIGEST.removeprefix('sha256:')[:16]}.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(write_receipt(receipt))
    inside = {
        "environment_sha256": built.environment_sha256,
        "lock_sha256": built.lock_sha256,
        "source_sha256": built.source_sha256,
        "base": "",
    }
    return Ready(
        project=project,
        runner=FakeRunner([Registry(), *PUSH, ENGINE, CONTAINERD, image(project), NO_REPOSITORY]),  # type: ignore[list-item] # a fake
        cloud=FakeCloud(outputs=run_files(image=inside)),
        reporter=FakeReporter(),
    )
