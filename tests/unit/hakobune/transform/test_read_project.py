from pathlib import Path

import pytest

from hakobune.errors import ConfigurationInvalidError
from hakobune.model.project import Input, Output
from hakobune.transform.read_project import INPUT_KEYS, KEYS, OUTPUT_KEYS, read_project
from tests.samples import PYPROJECT

ROOT = Path(__file__).resolve().parents[4]


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationInvalidError) as caught:
        read_project(text, root=ROOT)
    return caught.value.what.splitlines()


def test_a_whole_table_is_read() -> None:
    project = read_project(PYPROJECT, root=ROOT)
    assert project.environment_path == ROOT / "environments/demo.yml"
    assert project.lock == "environments/demo.lock"
    assert project.command == ("python", "-m", "demo")
    assert project.service == "train"
    assert project.inputs == (Input(name="input", flag="--input"),)
    assert project.outputs == (
        Output(name="output", flag="--output", files=("model.bin", "metric.json")),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("source =", "sourse =", "pyproject.toml:1: `source` is missing"),
        (
            'command = ["',
            'comand = ["',
            "pyproject.toml:4: unknown key `comand`; did you mean `comm",
        ),
        (
            '"src/demo"',
            '"../demo"',
            "pyproject.toml:3: `source = '../demo'` is not usable: wanted a ",
        ),
        ('"src/demo"', '"/src/demo"', "pyproject.toml:3: `source = '/src/demo'` is not usable"),
        ('"src/demo"', '"src/a b"', "pyproject.toml:3: `source = 'src/a b'` is not usable"),
        ('"src/demo"', "3", "pyproject.toml:3: `source = 3` is not usable"),
        ('"--input"', '"input"', "pyproject.toml:7: `flag = 'input'` is not usable: wanted an opt"),
        (
            '["python", "-m", "demo"]',
            '"python"',
            "pyproject.toml:4: `command` must be a list of te",
        ),
        ('["python", "-m", "demo"]', "[]", "pyproject.toml:4: `command` is empty"),
        ("files =", "file =", "pyproject.toml:11: unknown key `file`; did you mean `files`?"),
        ("[tool.hakobune]", "[tool.other]", "pyproject.toml:1: `environment` is missing"),
    ],
)
def test_a_problem_is_named_with_its_line(old: str, new: str, expected: str) -> None:
    assert old in PYPROJECT
    found = problems(PYPROJECT.replace(old, new))
    assert any(line.startswith(expected) for line in found), found


def test_toml_that_is_not_toml_is_named_by_its_line() -> None:
    assert problems("[tool.hakobune]\nenvironment = \n")[0].startswith("pyproject.toml:2: ")


def test_a_project_without_the_table_is_refused() -> None:
    assert problems("[project]\nname = 'x'\n") == ["pyproject.toml: there is no [tool.hakobune]"]


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    for key in {*KEYS, *INPUT_KEYS, *OUTPUT_KEYS}:
        assert f"{key}`" in page
