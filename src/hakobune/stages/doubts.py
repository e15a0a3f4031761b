"""Warns of what a conda file should not have: old Pythons, retired packages, doubled lines."""

import tomllib
from datetime import UTC, date, datetime

from hakobune.adapters import files
from hakobune.errors import EnvironmentDoubtfulError
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.spec import EnvironmentSpec
from hakobune.stages.project import read_environment
from hakobune.transform.spec_warnings import Doubts, spec_warnings


def warnings_of(
    project: Project, spec: EnvironmentSpec, python: str, *, today: date | None = None
) -> tuple[str, ...]:
    """Return what is to be warned of, each as `file:line: warning: what`.

    `python` is the locked version. The day counts in UTC; default: today.
    """
    retired = tomllib.loads(files.read_data("retired_packages.toml"))
    doubts = Doubts(
        python_ends=tomllib.loads(files.read_data("bases.toml"))["python_ends"],
        retired=retired["azure_ml_sdk_v1"],
    )
    return spec_warnings(
        spec, python, doubts, file=project.environment, today=today or datetime.now(UTC).date()
    )


def require_no_doubt(project: Project, lock: Lock) -> None:
    """Raise EnvironmentDoubtfulError with all warnings, if there are some."""
    found = warnings_of(project, read_environment(project), lock.python)
    if found:
        raise EnvironmentDoubtfulError(
            "\n".join(found),
            remedy=f"change {project.environment} and run hakobune lock, or leave --strict out",
            place=found[0].partition(": ")[0],
        )
