import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import ConfigurationInvalidError, DockerfileStaleError, LockStaleError
from hakobune.model.project import Project
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import check_lock, current_source, ready_dockerfile, render
from tests.samples import (
    ENVIRONMENT,
    LIBRARY,
    FakeReporter,
    FakeRunner,
    make_lock,
    make_project,
    write_project,
)


def rendered(root: Path) -> Path:
    project = write_project(root)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    return project.dockerfile_path


def test_a_rendered_dockerfile_belongs_to_its_lock(tmp_path: Path) -> None:
    rendered(tmp_path)
    check_lock(make_project(tmp_path))


def test_rendering_twice_changes_no_byte(tmp_path: Path) -> None:
    dockerfile = rendered(tmp_path)
    before = dockerfile.read_bytes(), dockerfile.stat().st_mtime_ns
    reporter = FakeReporter()
    project = make_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), reporter)
    assert (dockerfile.read_bytes(), dockerfile.stat().st_mtime_ns) == before
    assert reporter.stages[0][1].endswith("unchanged")


def test_an_edited_dockerfile_is_named_by_its_line_and_not_written_over(tmp_path: Path) -> None:
    dockerfile = rendered(tmp_path)
    text = dockerfile.read_text(encoding="utf-8").replace("USER 1000:1000", "USER 0:0")
    dockerfile.write_text(text, encoding="utf-8")
    line = text.splitlines().index("USER 0:0") + 1
    project = make_project(tmp_path)
    for stage in (check_lock, lambda p: ready_dockerfile(p, FakeRunner(), FakeReporter())):
        with pytest.raises(DockerfileStaleError) as caught:
            stage(project)
        assert caught.value.what == (
            f"docker/Dockerfile:{line} differs from the Dockerfile that environments/demo.lock "
            "gives; it was edited by hand"
        )
    assert dockerfile.read_text(encoding="utf-8") == text


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockerfileStaleError, match="does not exist yet"):
        check_lock(write_project(tmp_path))


def test_changed_code_is_rendered_anew_and_the_packages_stay(tmp_path: Path) -> None:
    dockerfile = rendered(tmp_path)
    before = dockerfile.read_text(encoding="utf-8")
    (tmp_path / "src/demo/more.py").write_text("x = 1\n", encoding="utf-8")
    ready_dockerfile(make_project(tmp_path), FakeRunner(), FakeReporter())
    after = dockerfile.read_text(encoding="utf-8")
    assert before != after
    assert before.split("FROM base AS source")[0] == after.split("FROM base AS source")[0]


def native(root: Path) -> Project:
    """A small project with a library, whose C files lie there."""
    lock = make_lock(environment_sha256=hashlib.sha256(ENVIRONMENT).hexdigest(), compiler=True)
    project = replace(write_project(root, lock=lock), libraries=(LIBRARY,))
    for file in LIBRARY.files:
        path = root / project.source / file
        path.parent.mkdir(exist_ok=True)
        path.write_text("int x;\n", encoding="utf-8")
    return project


def test_a_library_that_was_compiled_here_changes_nothing(tmp_path: Path) -> None:
    project = native(tmp_path)
    before = current_source(project, FakeRunner()).sha256
    (tmp_path / project.source / LIBRARY.path).write_bytes(b"\x7fELF")
    (tmp_path / project.source / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    assert current_source(project, FakeRunner()).sha256 == before


def test_a_changed_c_file_changes_the_source_digest(tmp_path: Path) -> None:
    project = native(tmp_path)
    before = current_source(project, FakeRunner()).sha256
    (tmp_path / project.source / "more.c").write_text("int y;\n", encoding="utf-8")
    assert current_source(project, FakeRunner()).sha256 != before


def test_a_c_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    project = native(tmp_path)
    (tmp_path / project.source / "more.c").unlink()
    with pytest.raises(ConfigurationInvalidError) as caught:
        render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    assert caught.value.what == "inner/fast.so: there is no src/demo/more.c"
    assert not project.dockerfile_path.exists()


def test_a_stale_lock_is_not_rendered(tmp_path: Path) -> None:
    rendered(tmp_path)
    project = make_project(tmp_path)
    project.environment_path.write_bytes(project.environment_path.read_bytes() + b"# more\n")
    with pytest.raises(
        LockStaleError, match="only comments, channels, spelling or line ends changed"
    ):
        ready_dockerfile(project, FakeRunner(), FakeReporter())


def test_a_project_without_source_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (tmp_path / "src/demo/__main__.py").unlink()
    with pytest.raises(ConfigurationInvalidError, match="src/demo has no file"):
        render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())


def test_a_whole_project_renders_the_same_again(tmp_path: Path) -> None:
    project = replace(write_project(tmp_path), source=".", command=("python", "train.py"))
    (tmp_path / "train.py").write_text("print()\n", encoding="utf-8")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to("/usr/bin/python3")
    before = current_source(project, FakeRunner())
    assert before.files == ("src/demo/__main__.py", "train.py")
    for _ in range(2):
        ready_dockerfile(project, FakeRunner(), FakeReporter())
        (tmp_path / "runs/a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs/a/record.json").touch()
        assert current_source(project, FakeRunner()) == before
    assert check_lock(project)
