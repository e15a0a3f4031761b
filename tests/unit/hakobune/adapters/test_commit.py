import os
import subprocess
from pathlib import Path

import pytest

from hakobune.adapters.commit import commit_of, tree_at
from hakobune.adapters.process import SystemRunner
from tests.samples import CLEAN, FakeRunner, on


def test_a_commit_and_whether_files_differ_from_it() -> None:
    head = on("rev-parse", stdout="c0ffee\n")
    assert commit_of(FakeRunner([head, CLEAN]), Path("/p")) == ("c0ffee", False)
    dirty = on("status", stdout=" M file\n")
    assert commit_of(FakeRunner([head, dirty]), Path("/p")) == ("c0ffee", True)


def test_a_state_that_git_cannot_tell_is_not_called_clean() -> None:
    runner = FakeRunner([on("rev-parse", stdout="c0ffee\n"), on("status", exit_code=128)])
    assert commit_of(runner, Path("/p")) == ("c0ffee", True)


def test_without_git_or_a_commit_there_is_none() -> None:
    for code in (127, 128):
        assert commit_of(FakeRunner([on("rev-parse", exit_code=code)]), Path("/p")) is None


@pytest.mark.process
def test_a_folder_is_read_as_a_commit_had_it(tmp_path: Path) -> None:
    """In a project that is not at the repository's top, and with a change since."""
    project = tmp_path / "repository" / "project"
    source = project / "src" / "demo"
    (source / "__pycache__").mkdir(parents=True)
    (source / "inner.py").write_bytes(b"x = '\xc3\xbc\r'\n")
    (source / "__pycache__" / "inner.pyc").write_bytes(b"cache")

    def git(*words: str) -> str:
        # Nobody's own settings: a hook or a filter of theirs is none of ours.
        clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        command = ["git", "-C", str(tmp_path / "repository"), *author, *words]
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "--force", ".")
    git("commit", "--quiet", "--message", "first")
    commit = git("rev-parse", "HEAD")
    (source / "inner.py").write_bytes(b"later\n")

    found = tree_at(SystemRunner(), project, commit, "src/demo", ("__pycache__",))
    assert found == {"inner.py": b"x = '\xc3\xbc\r'\n"}
    whole = tree_at(SystemRunner(), project, commit, ".", ("__pycache__",))
    assert whole == {f"src/demo/{name}": content for name, content in found.items()}
    for unknown in ("", "0" * 40):
        assert tree_at(SystemRunner(), project, unknown, "src/demo", ()) is None
    git("tag", "--annotate", "--message", "v1", "v1")
    for other in (git("rev-parse", "HEAD^{tree}"), git("rev-parse", "v1")):
        assert other != commit
        assert tree_at(SystemRunner(), project, other, "src/demo", ()) is None
    for path in ("--output=victim", ":(top)", "src/*"):
        assert tree_at(SystemRunner(), project, commit, path, ()) is None


@pytest.mark.parametrize("commit", ["--output=victim", "--remote=run.git", "HEAD", "c0ffee"])
def test_git_is_not_asked_for_a_commit_that_is_no_id(commit: str) -> None:
    runner = FakeRunner()
    with pytest.raises(ValueError, match="is not a valid commit id"):
        tree_at(runner, Path("/p"), commit, "src/demo", ())
    assert not runner.calls
