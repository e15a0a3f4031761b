import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.adapters.files import read_data
from hakobune.errors import EnvironmentFileInvalidError
from hakobune.model.spec import EnvironmentSpec
from hakobune.transform.read_spec import CondaNames, conda_name, read_spec

_DATA = tomllib.loads(read_data("conda_names.toml"))
NAMES = CondaNames(renamed=_DATA["renamed"], not_on_index=_DATA["not_on_index"])


def read(text: str | bytes) -> EnvironmentSpec:
    content = text.encode() if isinstance(text, str) else text
    return read_spec(content, file="env.yml", names=NAMES)


def dependencies(*lines: str) -> str:
    items = "\n".join(f"  - {line}" for line in lines)
    return f"name: demo\ndependencies:\n  - python=3.13\n{items}\n"


def requirements(*lines: str) -> list[str]:
    return [item.text for item in read(dependencies(*lines)).requirements]


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(EnvironmentFileInvalidError) as caught:
        read(text)
    return caught.value.what.splitlines()


def test_a_whole_file_is_read_with_the_lines_that_say_it() -> None:
    spec = read(
        "name: demo\nchannels: [conda-forge, defaults]\ndependencies:\n"
        "  - python=3.12\n  - pip\n  - pandas>=2\n  - pip:\n      - pmdarima\n"
    )
    assert (spec.name, spec.python, spec.python_line) == ("demo", "3.12", 4)
    assert spec.channels == ("conda-forge", "defaults")
    assert [(r.text, r.line) for r in spec.requirements] == [("pandas>=2", 6), ("pmdarima", 8)]


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("numpy", "numpy"),
        ("numpy=1.21", "numpy==1.21.*"),
        ("numpy=1.21.*", "numpy==1.21.*"),
        ("numpy==1.21.6", "numpy==1.21.6"),
        ("numpy 1.21", "numpy==1.21.*"),
        ("numpy>=1.21,<2", "numpy>=1.21,<2"),
        ("numpy >=1.21, <2", "numpy>=1.21,<2"),
        ("conda-forge::numpy=2", "numpy==2.*"),
        ("pytables=3.9", "tables==3.9.*"),
        ("matplotlib-base", "matplotlib"),
    ],
)
def test_conda_s_versions_become_pip_s(conda: str, pip: str) -> None:
    assert requirements(conda) == [pip]


def test_pip_itself_is_the_installer_and_no_requirement() -> None:
    assert requirements("pip=24", "pip: [pip, six]") == ["six"]


def test_extras_and_markers_are_kept() -> None:
    assert requirements("pip: ['mlflow[extras]>=2 ; python_version > \"3\"']") == [
        'mlflow[extras]>=2; python_version > "3"'
    ]


def test_the_file_s_name_is_taken_where_none_is_given() -> None:
    assert read("dependencies: [python=3.13]").name == "env"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "env.yml:1: the file is empty"),
        ("# only a comment\n", "env.yml:1: the file is empty"),
        ("{}", "env.yml:1: no `dependencies:`"),
        ("just text", "env.yml:1: expected `key: value` lines (name, channels, dependencies)"),
        (
            "name: a\n  b: c\n",
            "env.yml:2: not YAML: mapping values are not allowed here",
        ),
        ("name: [a\n", "env.yml:2: not YAML: expected ',' or ']', but got"),
        (b"name: \xff\n", "env.yml:1: not UTF-8 text"),
        ("name: demo\n", "env.yml:1: no `dependencies:`"),
        ("name: demo\ndependencies:\n  - pip\n", "env.yml:3: `dependencies` has no `python=…`"),
        ("dependencies: text\n", "env.yml:1: `dependencies` must be a list"),
        (
            "name: demo\ndependancies:\n  - python=3.13\n",
            "env.yml:3: unknown key `dependancies`; did you mean `dependencies`?",
        ),
        (
            "build_dependencies: [pip]\npython: 3.12\ndependencies: [x]\n",
            "env.yml:1: this is MLflow's python_env format, not a conda environment file",
        ),
        (
            "name: demo\nname: demo\ndependencies: [python=3.13]\n",
            "env.yml:2: `name` is given twice",
        ),
        (dependencies("python=3.12"), "env.yml:4: `python` is given twice (first on "),
        (dependencies("git"), "env.yml:4: `git` is not a Python package: a program"),
        (
            dependencies("numpy=1.21=py39_0"),
            "env.yml:4: `numpy=1.21=py39_0` names a build of conda",
        ),
        (dependencies("numpy=1.21|1.22"), "env.yml:4: `numpy=1.21|1.22`: a choice with `|` cannot"),
        (dependencies("numpy>=new"), "env.yml:4: `numpy>=new`: `>=new` is not a version"),
        (dependencies("a b; c"), "env.yml:4: `a b; c`"),
        (dependencies("pipp: [six]"), "env.yml:4: unknown section `pipp`; did you mean `pip:`?"),
        (dependencies("pip: six"), "env.yml:4: `pip:` must be a list"),
        (
            dependencies("pip: [-r more.txt]"),
            "env.yml:4: `-r more.txt`: put that file's lines here",
        ),
        (dependencies("pip: [-e .]"), "env.yml:4: `-e .`: your own code comes from `source`"),
        (dependencies("pip: [--pre]"), "env.yml:4: `--pre`: options of pip have no meaning here"),
        (dependencies("pip: [./wheel]"), "env.yml:4: `./wheel` is not a package requirement ("),
        (dependencies("pip: ['a @ https://x.y/a.whl']"), "env.yml:4: `a` comes from an address"),
        (
            dependencies("pip: [--extra-index-url https://user:secret@x.y]"),
            "env.yml:4: `--extra-index-url`: an index comes from pip's configuration",
        ),
        ("name: ''\ndependencies: [python=3.13]", "env.yml:1: `name` must be a text that is not"),
        ("name: [a]\ndependencies: [python=3.13]", "env.yml:1: `name` must be a text that is not"),
        ('name: "a\\n"\ndependencies: [python=3.13]', None),
        ("dependencies: ['python>=3.9']", "env.yml:1: `python>=3.9`: name one Python, such as"),
        ("dependencies: [python]", "env.yml:1: `python`: name one Python, such as `python=3.13`"),
        ("dependencies: [null, python=3.13]", "env.yml:1: expected a package such as"),
        ("channels: x\ndependencies: [python=3.13]", "env.yml:1: `channels` must be a list"),
    ],
)
def test_a_problem_is_named_with_its_line(text: str | bytes, expected: str | None) -> None:
    if expected is None:
        assert read(text).name == "a"
    else:
        assert problems(text)[0].startswith(expected)


@pytest.mark.parametrize("name", NAMES.not_on_index)
def test_each_of_conda_s_own_names_is_refused_with_a_way_to_go_on(name: str) -> None:
    (problem,) = problems(dependencies(name))
    assert "remove the line" in problem.lower() or "the Python package is called" in problem


def test_a_library_that_not_every_wheel_brings_is_not_promised() -> None:
    (problem,) = problems(dependencies("libgomp"))
    assert "a system library, which hakobune cannot add yet" in problem
    assert "`hakobune build` names those that do not" in problem


def test_all_problems_are_named_at_once() -> None:
    assert len(problems(dependencies("git", "numpy>=x", "pip: [-r a, ./b]"))) == 4


def test_a_password_in_an_index_does_not_reach_the_message() -> None:
    text = dependencies("pip: ['--extra-index-url https://user:secret@x.y']")
    assert "secret" not in "".join(problems(text))


@pytest.mark.parametrize("depth", [500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_very_deep_file_is_refused_and_not_a_crash(depth: int) -> None:
    assert problems("[" * depth)[0].startswith("env.yml:1: not")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_spec_or_a_named_problem(content: bytes) -> None:
    try:
        read(content)
    except EnvironmentFileInvalidError as exc:
        assert all(line.startswith("env.yml:") for line in exc.what.splitlines())  # noqa: PT017


def test_real_files_are_read_or_refused_by_line(shared: Path) -> None:
    files = sorted((shared / "conda-corpus").glob("*.yml"))
    assert len(files) >= 30
    read_well = 0
    for path in files:
        try:
            spec = read_spec(path.read_bytes(), file=path.name, names=NAMES)
        except EnvironmentFileInvalidError as exc:
            assert all(line.startswith(f"{path.name}:") for line in exc.what.splitlines())  # noqa: PT017
        else:
            read_well += 1
            assert spec.python.startswith("3.")
    assert read_well >= len(files) // 2


def test_a_name_is_mapped_and_kept_as_it_was_written() -> None:
    spec = read("channels: []\nname: 'a; rm -rf /'\ndependencies: [python=3.13]")
    assert (spec.name, spec.written_name, spec.name_line) == ("a-rm-rf", "a; rm -rf /", 2)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("name: a b\ndependencies: [x]\n", "a b"),
        ("dependencies: [x]\n", None),
        ("name: a\nservices: {}\n", None),
        ("name: [a]\ndependencies: [x]\n", None),
        ("- a\n", None),
        (": :\n  [", None),
        ("", None),
    ],
)
def test_the_name_of_another_conda_file(text: str, name: str | None) -> None:
    assert conda_name(text.encode(), file="other.yml") == name
