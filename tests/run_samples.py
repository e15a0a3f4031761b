"""A whole small project with a run in it, and an engine that has the image, for tests of chains."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakobune.adapters.process import Completed
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.record import Circumstances, RecordedInput
from hakobune.stages.base_image import bases_of
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.record import complete, find_documents
from hakobune.stages.render import current_source, render
from hakobune.transform.write_record import sealed
from tests.samples import (
    COMMIT,
    ENGINE,
    REMOVES,
    SAVES,
    STOPS,
    TAGS,
    Answer,
    FakeReporter,
    FakeRunner,
    begins,
    completed,
    write_project,
)
from tests.saved_images import CONFIG, LAYER, config_of, digest_of, manifest_of, named

DATA = b"date,sales\n2026-01-01,3\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A project, a run in it, and the engine that ran it."""

    project: Project
    folder: Path
    image: Image
    runner: FakeRunner


def archive(*contents: bytes) -> tuple[str, bytes]:
    """Return an image's id and its archive; the contents are its layers."""
    configuration = config_of(*map(digest_of, contents))
    layers = [named(content, f"{LAYER}+gzip") for content in contents]
    manifest = manifest_of(named(configuration, CONFIG), *layers)
    return digest_of(manifest), tar_of(*contents, configuration, manifest)


def tar_of(*contents: bytes) -> bytes:
    """Return an archive of these blobs."""
    return tar({f"blobs/sha256/{digest_of(data)[7:]}": data for data in contents})


def tar(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as file:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return target.getvalue()


def write_run(
    folder: Path,
    image: Image,
    *,
    run_id: str = "demo-run",
    files: dict[str, bytes] | None = None,
    **other: object,
) -> None:
    """Write a run as the training program leaves it."""
    files = files or {"model.bin": b"\x00model", "metric.json": b'{"RMSE": 12.5, "R2": 0.25}\n'}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    values = {
        "schema_version": 2,
        "run_id": run_id,
        "status": "succeeded",
        "arguments": ["--input", "inputs/input/sales.csv", "--output", f"runs/{run_id}"],
        "started": "2026-11-25T01:02:03Z",
        "ended": "2026-11-25T01:02:09Z",
        "seconds": 6.25,
        "image": {
            "environment_sha256": image.environment_sha256,
            "lock_sha256": image.lock_sha256,
            "source_sha256": image.source_sha256,
            "base": image.base,
        },
        "inputs": [
            {
                "name": "input",
                "path": "inputs/input/sales.csv",
                "sha256": hashlib.sha256(DATA).hexdigest(),
            }
        ],
        "manifest": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
        },
        **other,
    }
    (folder / "record.json").write_bytes(sealed(values))


def engine_of(image: Image, saved: bytes, *answers: Answer) -> FakeRunner:
    """Return an engine that has this image, and a repository that has a commit."""
    facts = [
        {
            "Id": image.id,
            "Config": {
                "Labels": {
                    "hakobune.environment.sha256": image.environment_sha256,
                    "hakobune.lock.sha256": image.lock_sha256,
                    "hakobune.source.sha256": image.source_sha256,
                    "org.opencontainers.image.base.name": image.base,
                }
            },
        }
    ]

    def git(command: Sequence[str]) -> Completed | None:
        if command[0] != "git":
            return None
        if "rev-parse" in command:
            return completed(f"{COMMIT}\n")
        return completed(exit_code=1 if "archive" in command else 0)

    default = (
        git,
        *(ENGINE, SAVES, STOPS, REMOVES, TAGS),
        begins("docker", "image", "inspect", stdout=json.dumps(facts)),
    )
    return FakeRunner([*answers, *default], piped=saved)


def image_of(project: Project, image_id: str) -> Image:
    """Return the image that the project's files give."""
    lock = read_fresh_lock(project)
    return Image(
        tag="demo:local",
        id=image_id,
        base=bases_of(lock)[-1],
        size_bytes=1,
        environment_sha256=lock.environment_sha256,
        lock_sha256=lock.sha256,
        source_sha256=current_source(project, FakeRunner()).sha256,
    )


def circumstances(
    project: Project, image: Image, found_by: str = "container", **other: Any
) -> Circumstances:
    """Return how a run of the project as it lies there came about."""
    return Circumstances(
        found_by=found_by,
        documents=find_documents(project, image),
        commit=COMMIT,
        is_dirty=False,
        **other,
    )


def make_run(root: Path, run_id: str = "demo-run", **other: object) -> Made:
    """Write a project and a complete run of it; the data lies in `sales.csv`."""
    project = write_project(root)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    (root / "sales.csv").write_bytes(DATA)
    image_id, saved = archive(b"\x1flayer one", b"\x1flayer two")
    image = image_of(project, image_id)
    folder = root / "runs" / run_id
    write_run(folder, image, run_id=run_id, **other)  # type: ignore[arg-type] # by name
    runner = engine_of(image, saved)
    data = RecordedInput(name="input", path="sales.csv", sha256=hashlib.sha256(DATA).hexdigest())
    complete(project, folder, image, runner, circumstances(project, image, inputs=(data,)))
    return Made(project=project, folder=folder, image=image, runner=runner)
