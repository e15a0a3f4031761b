"""A submission to files for `az ml`, for those who submit by other means."""

from pathlib import Path

from hakobune.adapters import azure_documents, azure_ml, files
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.submit import Submission


def export(
    project: Project, submission: Submission, folder: Path, reporter: Reporter
) -> tuple[Path, ...]:
    """Write environment.yml, job.yml and (where one is to be created) compute.yml; return them.

    The SDK's own schema checks each of them first. The job has no name, so that it can be created
    more than once; its local paths are relative to the folder.
    """
    documents = {
        "environment": azure_documents.environment_document(submission.environment),
        "job": azure_documents.job_document(
            submission.job, with_name=False, way_to_project=_way_to(project, folder)
        ),
    }
    if submission.compute is not None:
        documents["compute"] = azure_documents.compute_document(submission.compute)
    azure_ml.validate(documents, root=folder)
    written = []
    for kind, text in documents.items():
        path = folder / f"{kind}.yml"
        files.write_bytes(path, text.encode())
        written.append(path)
    reporter.done("export", f"{len(written)} files, as the SDK's schema wants them")
    return tuple(written)


def _way_to(project: Project, folder: Path) -> str:
    """Return the way from the folder back to the project, for paths relative to it."""
    import os.path  # noqa: PLC0415 - pathlib of Python 3.11 cannot walk up

    return os.path.relpath(project.root.resolve(), folder.resolve())
