"""What push, submit and a delivery work with: a registry, a plan, a project with a receipt."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from hakobune.model.project import Project
from hakobune.oci.documents import in_builders_form
from hakobune.stages.deliver import Services
from hakobune.stages.project import open_project, read_fresh_lock
from hakobune.stages.record import complete
from hakobune.stages.render import current_source, render
from hakobune.stages.smoke import RECEIPTS, checks_of
from hakobune.stages.submit import Submission, plan_submit
from hakobune.transform.receipt import Receipt, write_receipt
from tests.cloud_samples import PUSHED, FakeCloud, make_patience, make_wishes, run_files
from tests.run_samples import circumstances, engine_of, image_of, write_run
from tests.samples import (
    CLEAN,
    CONTAINERD,
    ENGINE,
    HEAD,
    NO_REPOSITORY,
    PUSHES,
    REMOVES_IMAGE,
    TAGS,
    Answer,
    FakeReporter,
    FakeRunner,
    completed,
    on,
    write_project,
)
from tests.saved_images import CONFIG, manifest_of

CONFIGURATION = "sha256:" + "c0" * 32
MANIFEST = in_builders_form(
    manifest_of({"mediaType": CONFIG, "digest": CONFIGURATION, "size": 1})
).decode()
DIGEST = "sha256:" + hashlib.sha256(MANIFEST.encode()).hexdigest()
PUSH = (TAGS, PUSHES, REMOVES_IMAGE)
MISSING = on("imagetools", exit_code=1, stderr="ERROR: demo: not found")
PYPROJECT_MORE = """
[tool.hakobune.model]
name = "demo-model"
file = "model.bin"
metrics = "metric.json"
"""


def image(project: Project, image_id: str = DIGEST, **facts: object) -> Answer:
    labels = {
        "hakobune.lock.sha256": read_fresh_lock(project).sha256,
        "hakobune.source.sha256": current_source(project, FakeRunner([NO_REPOSITORY])).sha256,
    }
    found = [{"Id": image_id, "Size": 9, "Config": {"Labels": labels}, **facts}]
    return on("image", "inspect", stdout=json.dumps(found))


class Registry:
    """Has the manifest once something was pushed."""

    def __init__(self, manifest: str = MANIFEST, *, is_there: bool = False) -> None:
        self.manifest, self.is_there = manifest, is_there

    def __call__(self, command: object) -> object:
        words = list(command) if isinstance(command, list | tuple) else []
        if words[:2] == ["docker", "push"]:
            self.is_there = True
        if "imagetools" not in words:
            return None
        return completed(self.manifest) if self.is_there else MISSING(words)


def planned(project: Project, *arguments: str, **wishes: object) -> Submission:
    return plan_submit(
        project,
        make_wishes(*arguments, **wishes),
        PUSHED,
        runner=FakeRunner([HEAD, CLEAN]),
        cwd=project.root,
    )


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
