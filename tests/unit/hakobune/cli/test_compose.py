from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_samples import run
from tests.samples import write_project

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hakobune(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


def test_the_file_is_written_once_with_the_folder_that_it_mounts(
    hakobune: Command, tmp_path: Path
) -> None:
    code, _, err = hakobune("compose")
    assert code == 0
    assert err.startswith("compose docker-compose.yml  ")
    assert (tmp_path / "runs/.incoming").is_dir()
    before = (tmp_path / "docker-compose.yml").read_bytes()
    code, _, err = hakobune("compose")
    assert (code, (tmp_path / "docker-compose.yml").read_bytes()) == (0, before)
    assert "unchanged" in err


def test_a_file_that_differs_is_kept_and_the_difference_shown(
    hakobune: Command, tmp_path: Path
) -> None:
    hakobune("compose")
    path = tmp_path / "docker-compose.yml"
    text = path.read_text(encoding="utf-8").replace("read_only: true\n", "read_only: false\n", 1)
    path.write_text(text, encoding="utf-8")
    code, out, err = hakobune("compose")
    assert (code, out) == (3, "")
    assert err.startswith("error[file-differs]: docker-compose.yml is there and differs from")
    assert "\n-    read_only: false\n+    read_only: true\n" in err
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yaml"])
def test_no_second_compose_file_is_written(hakobune: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"services: {}\n# \xff\n")
    code, _, err = hakobune("compose")
    assert code == 3
    assert err.startswith(f"error[file-differs]: {name} is there")
    assert not (tmp_path / "docker-compose.yml").exists()
