"""A submission to files for `az ml`, for those who submit by other means."""

from pathlib import Path

from hakobune.adapters import azure_ml, files
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.submit import Submission
from hakobune.transform.write_documents import job_document


def export(
    project: Project, submission: Submission, folder: Path, reporter: Reporter
) -> tuple[Path, ...]:
    """Write environment.yml, job.yml and (where one is to be created) compute.yml; return them.

    Each is loaded by the SDK's own schema before it is written. The job has no name, so that it can
    be created more than once; its local paths are relative to the folder.
    """
    documents = {
        "environment": submission.environment,
        "job": job_document(
            submission.plan, with_name=False, way_to_project=_way_to(project, folder)
        ),
        "compute": submission.compute,
    }
    documents = {kind: text for kind, text in documents.items() if text}
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
