"""What node 0 leaves for the others: only a whole file of the right form is taken."""

import json
import stat
from pathlib import Path

import pytest

from trainer.cluster.invitation import (
    Invitation,
    make_invitation,
    publish,
    published,
    withdraw,
)


@pytest.fixture(scope="module")
def made() -> Invitation:
    return make_invitation(port=8786, batches=Path("/outputs/run/.cluster/batches"))


def test_a_published_one_is_found_by_its_owner_only(made: Invitation, tmp_path: Path) -> None:
    path = publish(made, tmp_path / "keys")
    assert list(published(tmp_path / "keys")) == [made]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_new_start_has_a_new_key_and_takes_the_old_one_away(tmp_path: Path) -> None:
    first, second = (make_invitation(port=1, batches=tmp_path) for _ in range(2))
    publish(first, tmp_path)
    publish(second, tmp_path)
    assert first.key != second.key
    assert list(published(tmp_path)) == [second]


def test_the_key_of_another_run_in_the_same_folder_is_left_out(tmp_path: Path) -> None:
    publish(made := make_invitation(port=1, batches=tmp_path, run="job-1"), tmp_path)
    assert list(published(tmp_path, "job-1")) == list(published(tmp_path)) == [made]
    assert list(published(tmp_path, "job-2")) == []


def test_no_folder_has_no_invitation(tmp_path: Path) -> None:
    assert list(published(tmp_path / "none")) == []


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_file_that_is_half_there_is_left_out(
    made: Invitation, tmp_path: Path, length: int
) -> None:
    path = publish(made, tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert list(published(tmp_path)) == []


@pytest.mark.parametrize("content", [b"[" * 19_000, b"[]", b"\xff", b" " * 30_000])
def test_what_is_no_invitation_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key-0123456789abcdef.json").write_bytes(content)
    assert list(published(tmp_path)) == []


def test_keys_of_lost_starts_are_withdrawn_and_nothing_else(
    made: Invitation, tmp_path: Path
) -> None:
    publish(made, tmp_path)
    (tmp_path / "key-mine.json").touch()
    withdraw(tmp_path)
    withdraw(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["key-mine.json"]


@pytest.mark.parametrize(
    "other",
    [
        {"port": 0},
        {"port": "8786"},
        {"port": 99_999},
        {"batches": "relative"},
        {"batches": 1},
        {"run": None},
        {"key": "none"},
        {"certificate": "-----BEGIN X-----\n$(id)\n-----END X-----\n"},
        {"more": 1},
    ],
)
def test_other_content_is_left_out_even_when_it_is_sealed(
    made: Invitation, tmp_path: Path, other: dict[str, object]
) -> None:
    from trainer.cluster.invitation import _digest

    path = publish(made, tmp_path)
    content = json.loads(path.read_text()) | other
    del content["sha256"]
    path.write_text(json.dumps({**content, "sha256": _digest(content)}))
    assert list(published(tmp_path)) == []


def test_a_link_is_left_out(made: Invitation, tmp_path: Path) -> None:
    path = publish(made, tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert list(published(tmp_path)) == []
