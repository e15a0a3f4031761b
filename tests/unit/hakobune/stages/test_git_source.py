"""The source's files are those that git tracks or does not ignore, with the line ends it stores."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from hakobune.adapters.process import SystemRunner
from hakobune.errors import ConfigurationInvalidError, FileNotWritableError, LineEndsError
from hakobune.model.project import Project
from hakobune.stages.lock import LockWishes, lock_environment
from hakobune.stages.project import read_current_lock, read_fresh_lock
from hakobune.stages.render import check_lock, current_source, ready_dockerfile
from hakobune.transform.render_dockerfile import Source
from tests.samples import FakeReporter, FakeRunner, on, write_project

pytestmark = pytest.mark.process
RUNNER = SystemRunner()


def git(root: Path, *words: str) -> None:
    # Nobody's own settings: a hook or a filter of theirs is none of ours.
    clean = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "core.autocrlf=true"]
    command = ["git", "-C", str(root), *author, *words]
    subprocess.run(command, env=clean, capture_output=True, text=True, check=True)


def committed(root: Path, ignored: str = "*~\n.DS_Store\n") -> Project:
    """A project in a folder of a repository, as after its first commit."""
    (root / "project").mkdir()
    project = write_project(root / "project")
    (root / ".gitignore").write_text(ignored, encoding="utf-8")
    ready_dockerfile(project, RUNNER, FakeReporter())
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    return project


def source(project: Project) -> Source:
    return current_source(project, RUNNER)


def test_a_file_that_git_ignores_changes_nothing_and_a_new_one_does(tmp_path: Path) -> None:
    project = committed(tmp_path)
    folder, before = project.root / project.source, source(project)
    (folder / "__main__.py~").write_text("note", encoding="utf-8")
    (folder / ".DS_Store").write_text("note", encoding="utf-8")
    assert source(project) == before
    (folder / "inner").mkdir()
    (folder / "inner/new 箱.py").write_text("", encoding="utf-8")
    assert source(project).files == ("__main__.py", "inner/new 箱.py")


def test_a_tracked_file_counts_although_it_is_ignored_until_it_is_removed(tmp_path: Path) -> None:
    project = committed(tmp_path)
    kept = project.root / project.source / "kept.py~"
    kept.write_text("", encoding="utf-8")
    git(tmp_path, "add", "--force", ".")
    assert source(project).files == ("__main__.py", "kept.py~")
    kept.unlink()
    assert source(project).files == ("__main__.py",)


def test_a_project_that_its_repository_ignores_is_read_as_without_git(tmp_path: Path) -> None:
    project = committed(tmp_path, ignored="project/\n")
    (project.root / project.source / "more.py").write_text("", encoding="utf-8")
    assert source(project).files == ("__main__.py", "more.py")


def test_a_repository_inside_the_source_is_refused(tmp_path: Path) -> None:
    project = committed(tmp_path)
    inner = project.root / project.source / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet")
    (inner / "x.py").write_text("", encoding="utf-8")
    git(inner, "add", ".")
    with pytest.raises(FileNotWritableError, match="a git repository inside this one"):
        source(project)


def test_a_repository_that_git_refuses_is_no_folder_without_git(tmp_path: Path) -> None:
    project = committed(tmp_path)
    said = "fatal: detected dubious ownership in repository at '/x'\n"
    with pytest.raises(ConfigurationInvalidError, match="dubious ownership"):
        current_source(project, FakeRunner([on("ls-files", exit_code=128, stderr=said)]))


def with_crlf(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def test_a_checkout_with_crlf_is_named_as_one_and_the_remedy_helps(tmp_path: Path) -> None:
    project = committed(tmp_path)
    ours = (project.environment_path, project.lock_path, project.dockerfile_path)
    for path in ours:
        with_crlf(path)
        with pytest.raises(LineEndsError, match="CRLF line ends") as caught:
            check_lock(project)
        assert str(path.relative_to(project.root)) in caught.value.what
        path.write_bytes(path.read_bytes().replace(b"\r", b""))
    with_crlf(*ours, project.root / project.source / "__main__.py")
    (tmp_path / ".gitattributes").write_text("* text=auto eol=lf\n", encoding="utf-8")
    git(tmp_path, "add", ".gitattributes")
    git(tmp_path, "commit", "--quiet", "--message", "line ends")
    commands = caught.value.remedy.splitlines()[-1].split(" && ")
    for command in commands:
        git(tmp_path, *shlex.split(command)[1:])
    assert check_lock(project) == read_fresh_lock(project)
    assert b"\r" not in (project.root / project.source / "__main__.py").read_bytes()


def test_a_lock_with_crlf_keeps_its_pins(tmp_path: Path) -> None:
    project = committed(tmp_path)
    with_crlf(project.lock_path)
    before = project.lock_path.read_bytes()
    with pytest.raises(LineEndsError):
        lock_environment(
            project, FakeRunner(), FakeReporter(), wishes=LockWishes(index=lambda _: {})
        )
    assert project.lock_path.read_bytes() == before


def test_a_conda_file_with_crlf_is_not_locked_anew(tmp_path: Path) -> None:
    project = committed(tmp_path)
    with_crlf(project.environment_path)
    with pytest.raises(LineEndsError):
        lock_environment(
            project, FakeRunner(), FakeReporter(), wishes=LockWishes(index=lambda _: {})
        )
    assert read_current_lock(project).environment == "demo"


def test_a_source_file_with_crlf_is_refused_unless_git_stores_it_so(tmp_path: Path) -> None:
    project = committed(tmp_path)
    path = project.root / project.source / "__main__.py"
    with_crlf(path)
    with pytest.raises(LineEndsError, match=r"src/demo/__main__\.py"):
        source(project)
    (tmp_path / ".gitattributes").write_text("*.py text eol=crlf\n", encoding="utf-8")
    assert source(project).files == ("__main__.py",)
    (tmp_path / ".gitattributes").write_text("*.py -text\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    assert source(project).files == ("__main__.py",)
