from pathlib import Path

import pytest

from hakobune.errors import ConfigurationInvalidError, EnvironmentFileInvalidError
from hakobune.stages.project import open_project, read_environment
from tests.samples import make_project, write_project


def test_the_nearest_project_above_is_opened(tmp_path: Path) -> None:
    write_project(tmp_path)
    below = tmp_path / "src" / "demo"
    (tmp_path / "src" / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    assert open_project(below) == make_project(tmp_path)


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalidError, match="no pyproject"):
        open_project(tmp_path)


def test_a_missing_conda_file_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.environment_path.unlink()
    with pytest.raises(EnvironmentFileInvalidError, match=r"demo\.yml: there is no such file"):
        read_environment(project)


def test_a_conda_file_is_read(tmp_path: Path) -> None:
    spec = read_environment(write_project(tmp_path))
    assert (spec.name, [r.text for r in spec.requirements]) == ("demo", ["six==1.17.0"])
