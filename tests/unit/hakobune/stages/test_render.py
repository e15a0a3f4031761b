from pathlib import Path

import pytest

from hakobune.errors import ConfigurationInvalidError, DockerfileStaleError, LockStaleError
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import check_lock, ready_dockerfile, render
from tests.samples import FakeReporter, make_project, write_project


def rendered(root: Path) -> Path:
    project = write_project(root)
    render(project, read_fresh_lock(project), FakeReporter())
    return project.dockerfile_path


def test_a_rendered_dockerfile_belongs_to_its_lock(tmp_path: Path) -> None:
    rendered(tmp_path)
    check_lock(make_project(tmp_path))


def test_rendering_twice_changes_no_byte(tmp_path: Path) -> None:
    dockerfile = rendered(tmp_path)
    before = dockerfile.read_bytes(), dockerfile.stat().st_mtime_ns
    reporter = FakeReporter()
    project = make_project(tmp_path)
    render(project, read_fresh_lock(project), reporter)
    assert (dockerfile.read_bytes(), dockerfile.stat().st_mtime_ns) == before
    assert reporter.stages[0][1].endswith("unchanged")


def test_an_edited_dockerfile_is_named_by_its_line_and_not_written_over(tmp_path: Path) -> None:
    dockerfile = rendered(tmp_path)
    text = dockerfile.read_text(encoding="utf-8").replace("USER 1000:1000", "USER 0:0")
    dockerfile.write_text(text, encoding="utf-8")
    line = text.splitlines().index("USER 0:0") + 1
    project = make_project(tmp_path)
    for stage in (check_lock, lambda p: ready_dockerfile(p, FakeReporter())):
        with pytest.raises(DockerfileStaleError) as caught:
            stage(project)
        assert caught.value.what == (
            f"docker/Dockerfile:{line} is not what environments/demo.lock gives; "
            "it was edited by hand"
        )
    assert dockerfile.read_text(encoding="utf-8") == text


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockerfileStaleError, match="there is none yet"):
        check_lock(write_project(tmp_path))


def test_changed_code_is_rendered_anew_and_the_packages_stay(tmp_path: Path) -> None:
    dockerfile = rendered(tmp_path)
    before = dockerfile.read_text(encoding="utf-8")
    (tmp_path / "src/demo/more.py").write_text("x = 1\n", encoding="utf-8")
    ready_dockerfile(make_project(tmp_path), FakeReporter())
    after = dockerfile.read_text(encoding="utf-8")
    assert before != after
    assert before.split("FROM base AS source")[0] == after.split("FROM base AS source")[0]


def test_a_stale_lock_is_not_rendered(tmp_path: Path) -> None:
    rendered(tmp_path)
    project = make_project(tmp_path)
    project.environment_path.write_bytes(project.environment_path.read_bytes() + b"# more\n")
    with pytest.raises(LockStaleError, match="only comments, channels or spelling changed"):
        ready_dockerfile(project, FakeReporter())


def test_a_project_without_source_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (tmp_path / "src/demo/__main__.py").unlink()
    with pytest.raises(ConfigurationInvalidError, match="src/demo: there is no such folder"):
        render(project, read_fresh_lock(project), FakeReporter())
