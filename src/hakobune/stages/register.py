"""A fetched run to a model in the workspace's registry of models, once."""

from pathlib import Path

from hakobune.adapters import files
from hakobune.errors import ModelMissingError, RecordIncompleteError
from hakobune.model.cloud import Cloud
from hakobune.model.job import Pairs
from hakobune.model.project import Model, Project
from hakobune.model.reporter import Reporter
from hakobune.stages.compare import NO_REFERENCE
from hakobune.stages.fetch import verify
from hakobune.stages.watch import found
from hakobune.transform.names import valid_name
from hakobune.transform.read_run import read_metrics

MODEL_TAG = "hakobune.model"
_SHOWN = 5  # files beside a model that is not there


def register(
    project: Project, cloud: Cloud, folder: Path, reporter: Reporter, *, grade: str | None
) -> tuple[str, str]:
    """Register the model of a fetched run with its metrics and digests; return name and version.

    `grade` is the run's grade beside the local run; a model that was not compared gets the tag
    `hakobune.grade` with the value `none`. The same model (by its sha256) is not registered twice.
    Raises RecordIncompleteError for a run whose record is incomplete.
    """
    model, job_name = _model(project), folder.name
    if grade is None:
        raise RecordIncompleteError(
            f"the record of {folder} is incomplete: nothing proves which image made this model",
            remedy="fix what is reported above, then register again",
        )
    verify(folder, project.outputs)
    path = folder / model.file
    if not files.has_content(path):
        raise _no_model(folder, model.file)
    sha256 = files.sha256_of(path)
    there = cloud.model_version(model.name, (MODEL_TAG, sha256))
    if there is not None:
        reporter.done("model", f"{model.name}:{there} is there already", digest=sha256)
        return model.name, there
    version = cloud.create_model(
        model.name,
        path,
        description=f"Trained by the job {job_name}",
        tags=(
            *_tags(cloud, job_name, folder, model, sha256),
            *((("hakobune.grade", "none"),) if grade == NO_REFERENCE else ()),
        ),
    )
    reporter.done("model", f"{model.name}:{version} is registered", digest=sha256)
    return model.name, version


def _no_model(folder: Path, file: str) -> ModelMissingError:
    """Return the error of a run without its model, with what the run wrote in its place."""
    place = file.rpartition("/")[0]
    there = [
        name
        for name, is_plain in files.list_inside(folder)
        if is_plain and name != file and name.rpartition("/")[0] == place
    ]
    beside = f": {', '.join(there[:_SHOWN])}" if there else ""
    return ModelMissingError(
        f"the run in {folder} wrote no {file}, which [tool.hakobune.model] names",
        remedy=f"set `file` there to one that the run wrote{beside}, and register again",
    )


def planned_model(project: Project, job_name: str) -> str:
    """Return in words what would be registered. Raises ModelMissingError for a wrong model."""
    model = _model(project)
    return f"would register runs/{job_name}/{model.file} as a new version of {model.name}"


def _model(project: Project) -> Model:
    if project.model is None:
        raise ModelMissingError(
            "pyproject.toml names no model",
            remedy='add [tool.hakobune.model] with `name` and `file`, such as "models/model.pkl"',
        )
    valid_name("model", project.model.name)
    return project.model


def _tags(cloud: Cloud, job_name: str, folder: Path, model: Model, sha256: str) -> Pairs:
    """Return the metrics, the digests that the job was tagged with, and those of job and model."""
    metrics: Pairs = ()
    if model.metrics:
        content = files.read_inside(folder, model.metrics) or b""
        metrics = read_metrics(content, place=str(folder / model.metrics))
    job = found(cloud, job_name)
    kept = [(k, v) for k, v in job.tags if k.startswith(("hakobune.", "git."))]
    return (*metrics, *kept, ("hakobune.job", job_name), (MODEL_TAG, sha256))
