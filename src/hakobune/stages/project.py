"""What the user wrote: `pyproject.toml` and the conda file."""

import tomllib
from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.process import Runner, SystemRunner
from hakobune.errors import ConfigurationInvalidError, EnvironmentFileInvalidError
from hakobune.model.project import Project
from hakobune.model.spec import EnvironmentSpec
from hakobune.transform.read_project import read_project


def open_project(start: Path) -> Project:
    """Return the project around a folder: the nearest `pyproject.toml` with `[tool.hakobune]`."""
    for folder in (start, *start.parents):
        content = files.read_bytes(folder / "pyproject.toml")
        if content is not None and b"[tool.hakobune" in content:
            return read_project(content.decode("utf-8", "replace"), root=folder)
    raise ConfigurationInvalidError(
        f"{start}: no pyproject.toml with [tool.hakobune] here or above",
        remedy="go to your project's folder; docs/reference/configuration.md has an example",
    )


def read_environment(project: Project) -> EnvironmentSpec:
    """Return what the project's conda file asks for."""
    # Imported here: `lock --check` needs no YAML as long as nothing moved, and must be quick.
    from hakobune.transform.read_spec import CondaNames, read_spec  # noqa: PLC0415

    content = files.read_bytes(project.environment_path)
    if content is None:
        raise EnvironmentFileInvalidError(
            f"{project.environment}: there is no such file",
            remedy="write it, or correct `environment` in pyproject.toml",
        )
    names = tomllib.loads(files.read_data("conda_names.toml"))
    return read_spec(
        content,
        file=project.environment,
        names=CondaNames(renamed=names["renamed"], not_on_index=names["not_on_index"]),
    )


def system_runner() -> Runner:
    """Return the runner that starts real programs; tests pass another to each stage."""
    return SystemRunner()
