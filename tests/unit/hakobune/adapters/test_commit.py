from pathlib import Path

from hakobune.adapters.commit import commit_of
from tests.samples import FakeRunner, on


def test_a_commit_and_whether_files_differ_from_it() -> None:
    head = on("rev-parse", stdout="c0ffee\n")
    assert commit_of(FakeRunner([head]), Path("/p")) == ("c0ffee", False)
    dirty = on("status", stdout=" M file\n")
    assert commit_of(FakeRunner([head, dirty]), Path("/p")) == ("c0ffee", True)


def test_a_state_that_git_cannot_tell_is_not_called_clean() -> None:
    runner = FakeRunner([on("rev-parse", stdout="c0ffee\n"), on("status", exit_code=128)])
    assert commit_of(runner, Path("/p")) == ("c0ffee", True)


def test_without_git_or_a_commit_there_is_none() -> None:
    for code in (127, 128):
        assert commit_of(FakeRunner([on("rev-parse", exit_code=code)]), Path("/p")) is None
