import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.errors import FileNotWritableError
from hakobune.transform.read_project import read_project
from tests.command_samples import run

Command = Callable[..., tuple[int, str, str]]

CONDA = "name: iris\ndependencies: [python=3.13, scikit-learn, {pip: [joblib]}]\n"
MLFLOW = "python: 3.12\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt]\n"
SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--data", default="iris.csv")
parser.add_argument("--output", required=True)
args = parser.parse_args()
open(f"{args.output}/x", "w")
"""
PACKAGE = {"__init__.py": "", "__main__.py": SCRIPT}


@pytest.fixture
def hakobune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "my project"
    found.mkdir()
    monkeypatch.chdir(found)
    return found


def write(folder: Path, contents: dict[str, str]) -> None:
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def table(folder: Path) -> dict[str, object]:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    read_project(text, root=folder)
    found = tomllib.loads(text)["tool"]["hakobune"]
    assert isinstance(found, dict)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_flat_script_becomes_a_project_and_the_next_command_is_named(
    hakobune: Command, folder: Path
) -> None:
    write(folder, {"env.yml": CONDA, "train.py": SCRIPT, "iris.csv": "1\n"})
    code, out, _ = hakobune("init")
    assert code == 0
    assert out.splitlines()[-1] == "next: hakobune train --data iris.csv"
    assert table(folder) == {
        "environment": "env.yml",
        "source": ".",
        "command": ["python", "train.py"],
        "inputs": {"data": {"flag": "--data"}},
        "outputs": {"output": {"flag": "--output"}},
    }
    assert "/runs/*" in (folder / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/env.lock -text" in (folder / ".gitattributes").read_text(encoding="utf-8")
    before = contents(folder)
    assert hakobune("init")[1].startswith("nothing to do")
    assert contents(folder) == before


def test_data_that_would_become_part_of_the_image_is_told(hakobune: Command, folder: Path) -> None:
    write(folder, {"env.yml": CONDA, "train.py": SCRIPT, "iris.csv": "1\n"})
    assert "note: iris.csv becomes part of the image" in hakobune("init")[2]
    (folder / "data").mkdir()
    (folder / "iris.csv").rename(folder / "data/iris.csv")
    script = SCRIPT.replace("iris.csv", "data/iris.csv")
    write(folder, {"train.py": script})
    assert "becomes part" not in hakobune("init")[2]


def test_what_is_there_keeps_every_byte(hakobune: Command, folder: Path) -> None:
    there = {
        "pyproject.toml": "[project]\r\nname = 'x'",
        ".gitignore": "# mine\n*.pyc",
        ".gitattributes": "*.png binary\n",
    }
    write(folder, {"env.yml": CONDA, "train.py": SCRIPT})
    for name, text in there.items():
        (folder / name).write_bytes(text.encode())
    assert hakobune("init")[0] == 0
    for name, text in there.items():
        assert (folder / name).read_bytes().startswith(text.encode())
    assert table(folder)["source"] == "."


@pytest.mark.parametrize(
    ("there", "source", "command"),
    [
        ({"scripts/train.py": ""}, ".", "python scripts/train.py"),
        ({"main.py": ""}, ".", "python main.py"),
        ({"iris.py": ""}, ".", "python iris.py"),
        ({"model.py": "", "fit.py": "if __name__ == '__main__': ..."}, ".", "python fit.py"),
        ({f"src/iris/{k}": v for k, v in PACKAGE.items()}, "src/iris", "python -m iris"),
        ({f"iris/{k}": v for k, v in PACKAGE.items()}, ".", "python -m iris"),
        ({"iris/__init__.py": "", "iris/train.py": ""}, ".", "python -m iris.train"),
        ({"src/train.py": "", "main.py": ""}, ".", "python src/train.py"),
    ],
)
def test_the_script_and_its_layout_are_found(
    hakobune: Command, folder: Path, there: dict[str, str], source: str, command: str
) -> None:
    write(folder, {"environments/conda.yaml": CONDA, "tests/train.py": "", **there})
    assert hakobune("init")[0] == 0
    found = table(folder)
    assert (found["environment"], found["source"]) == ("environments/conda.yaml", source)
    assert found["command"] == command.split()


def test_a_folder_can_be_named_and_a_script_without_options_is_told(
    hakobune: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"conda.yml": CONDA, "train.py": "print()\n"})
    monkeypatch.chdir(folder.parent)
    code, out, err = hakobune("init", "my project")
    assert code == 0
    assert out.splitlines()[-1].startswith("next: cd 'my project' && hakobune train")
    assert "no option for the folder of its results: add one, such as --output" in err
    assert set(table(folder)) == {"environment", "source", "command"}


def test_a_conda_file_is_known_by_its_content(hakobune: Command, folder: Path) -> None:
    write(
        folder,
        {
            "python_env.yaml": MLFLOW,
            "environment.yml": "a: 1\n",
            "Chart.yaml": "dependencies: [{name: a, version: 1}]\n",
            "docker-compose.yml": "services: {a: {depends_on: [dependencies]}}\n",
            "stack.yml": CONDA,
            "train.py": "",
        },
    )
    assert hakobune("init")[0] == 0
    assert table(folder)["environment"] == "stack.yml"


def test_two_conda_files_are_named_and_one_can_be_chosen(hakobune: Command, folder: Path) -> None:
    write(folder, {"env.yml": CONDA, "environments/b.yml": CONDA, "train.py": ""})
    code, _, err = hakobune("init")
    assert code == 3
    assert "there are 2 conda files: env.yml, environments/b.yml" in err
    assert set(contents(folder)) == {"env.yml", "environments/b.yml", "train.py"}
    assert hakobune("init", "--environment", "environments/b.yml")[0] == 0
    assert table(folder)["environment"] == "environments/b.yml"


def test_two_scripts_are_named_and_one_can_be_chosen(hakobune: Command, folder: Path) -> None:
    write(folder, {"env.yml": CONDA, "train.py": "", "scripts/train.py": ""})
    assert "there are 2 scripts: train.py, scripts/train.py" in hakobune("init")[2]
    assert hakobune("init", "--script", "scripts/train.py")[0] == 0
    assert table(folder)["command"] == ["python", "scripts/train.py"]


@pytest.mark.parametrize(
    ("there", "words", "name", "said"),
    [
        ({"train.py": ""}, (), "project-unclear", "Looked for *.yml and *.yaml with a list"),
        ({"env.yml": CONDA}, (), "project-unclear", "no script. Looked for train.py"),
        ({"env.yml": CONDA, "train.py": "x = (\n"}, (), "script-invalid", "train.py:1: '(' was"),
        ({"my env.yml": CONDA, "train.py": ""}, (), "project-unclear", "my env.yml: the name of"),
        ({"env.yml": CONDA}, ("--script", "no.py"), "project-unclear", "no.py: there is no such"),
        ({"env.yml": CONDA}, ("--script", "../a.py"), "project-unclear", "../a.py: there is no"),
        ({"a.py": ""}, ("--environment", "a.py"), "project-unclear", "a.py is not a conda file"),
        (
            {"env.yml": CONDA, "train.py": "", "pyproject.toml": "x = \n"},
            (),
            "configuration-invalid",
            "pyproject.toml:1: Invalid value",
        ),
        (
            {"env.yml": CONDA, "train.py": "", "pyproject.toml": "[tool.hakobune]\nsource='x'\n"},
            (),
            "file-differs",
            "pyproject.toml:1: there is another [tool.hakobune]",
        ),
    ],
)
def test_what_cannot_become_a_project_is_refused_and_nothing_is_written(  # noqa: PLR0913, PLR0917 - a table
    hakobune: Command,
    folder: Path,
    there: dict[str, str],
    words: tuple[str, ...],
    name: str,
    said: str,
) -> None:
    write(folder, there)
    (folder.parent / "a.py").touch()
    before = contents(folder)
    code, out, err = hakobune("init", *words)
    assert (code, out) == (3, "")
    assert err.startswith(f"error[{name}]: ")
    assert said in err
    assert contents(folder) == before


def test_a_file_is_no_folder(hakobune: Command, folder: Path) -> None:
    write(folder, {"train.py": ""})
    code, _, err = hakobune("init", "train.py")
    assert code == 2
    assert "is a file" in err


def test_a_folder_that_cannot_be_written_is_told_and_no_table_is_half_there(
    hakobune: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"env.yml": CONDA, "train.py": SCRIPT})

    def refused(path: Path, _content: bytes) -> bool:
        raise FileNotWritableError(f"{path} cannot be written: {os.strerror(30)}", remedy="x")

    monkeypatch.setattr(files, "write_bytes", refused)
    code, out, err = hakobune("init")
    assert (code, out) == (13, "")
    assert "Read-only file system" in err
    assert set(contents(folder)) == {"env.yml", "train.py"}


def test_a_linked_file_stays_a_link_and_keeps_its_rights(hakobune: Command, folder: Path) -> None:
    write(folder, {"env.yml": CONDA, "train.py": "", "kept/pyproject.toml": "# mine\n"})
    (folder / "pyproject.toml").symlink_to("kept/pyproject.toml")
    (folder / "kept/pyproject.toml").chmod(0o600)
    assert hakobune("init")[0] == 0
    assert (folder / "kept/pyproject.toml").stat().st_mode & 0o777 == 0o600
    assert (folder / "pyproject.toml").is_symlink()
    assert table(folder)["source"] == "."


@pytest.mark.parametrize("name", ["pyproject.toml", ".gitignore"])
@pytest.mark.parametrize("target", ["../theirs", "../nowhere/new", "pyproject.toml"])
def test_nothing_is_written_through_a_link_that_leads_elsewhere(
    hakobune: Command, folder: Path, name: str, target: str
) -> None:
    write(folder, {"env.yml": CONDA, "train.py": ""})
    write(folder.parent, {"theirs": "# theirs\n"})
    (folder / name).symlink_to(target)
    code, _, err = hakobune("init")
    assert code == 13
    assert err.startswith("error[file-not-writable]: ")
    assert contents(folder.parent)["theirs"] == b"# theirs\n"
    assert not (folder.parent / "nowhere").exists()
    assert not (folder / ".gitattributes").exists()


@pytest.mark.parametrize("default", ["\\0", "\\ud800", "a" * 5000, "\\x1b[31m"])
def test_a_default_that_is_no_path_is_no_data(
    hakobune: Command, folder: Path, default: str
) -> None:
    write(folder, {"env.yml": CONDA, "train.py": SCRIPT.replace("iris.csv", default)})
    code, out, _ = hakobune("init")
    assert code == 0
    assert out.endswith("\nnext: hakobune train\n")
