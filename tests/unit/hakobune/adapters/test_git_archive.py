import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from hakobune.adapters.git_archive import git_archive
from hakobune.adapters.process import SystemRunner
from hakobune.errors import CommitUnavailableError

pytestmark = pytest.mark.process
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.invalid")


def commit(folder: Path, **files: str) -> str:
    """Commit these files to the repository in a folder, which is made; return the commit."""
    if not folder.exists():
        subprocess.run([*GIT, "init", "--quiet", str(folder)], check=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_bytes(text.encode())
    subprocess.run([*GIT, "-C", str(folder), "add", "--all"], check=True)
    subprocess.run([*GIT, "-C", str(folder), "commit", "--quiet", "-m", "a"], check=True)
    done = subprocess.run(
        [*GIT, "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def archive(folder: Path, wanted: str) -> bytes:
    address = f"git+file://{folder}@{wanted}"
    return git_archive(SystemRunner(), address, name="a-0123", env={})


def test_a_commit_is_the_same_archive_from_every_clone(tmp_path: Path) -> None:
    wanted = commit(tmp_path / "one", a_dot_txt="x\r\n", b="y" * 200_000)
    commit(tmp_path / "one", a_dot_txt="later\n")
    clone = tmp_path / "two"
    subprocess.run([*GIT, "clone", "--quiet", str(tmp_path / "one"), str(clone)], check=True)
    found = archive(tmp_path / "one", wanted)
    assert found == archive(clone, wanted)
    with tarfile.open(fileobj=io.BytesIO(found), mode="r:gz") as tar:
        text = tar.extractfile("a-0123/a.txt")
        assert text is not None
        assert text.read() == b"x\r\n"
        assert len(tar.getnames()) == 3


def test_a_commit_that_is_not_there_is_refused(tmp_path: Path) -> None:
    commit(tmp_path / "one", a="x")
    with pytest.raises(CommitUnavailableError, match="git does not get this commit"):
        archive(tmp_path / "one", "0" * 40)
    with pytest.raises(CommitUnavailableError, match="git does not get this commit"):
        archive(tmp_path / "none", "0" * 40)


def test_a_tree_s_id_is_no_commit(tmp_path: Path) -> None:
    commit(tmp_path / "one", a="x")
    command = [*GIT, "-C", str(tmp_path / "one"), "rev-parse", "HEAD^{tree}"]
    tree = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    with pytest.raises(CommitUnavailableError):
        archive(tmp_path / "one", tree)


def test_submodules_are_refused(tmp_path: Path) -> None:
    wanted = commit(tmp_path / "one", _dot_gitmodules='[submodule "b"]\n\tpath = b\n\turl = ./b\n')
    with pytest.raises(CommitUnavailableError, match="the commit has submodules"):
        archive(tmp_path / "one", wanted)
