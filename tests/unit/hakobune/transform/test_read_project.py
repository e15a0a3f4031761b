import re
import tomllib
from pathlib import Path

import pytest

from hakobune.errors import ConfigurationInvalidError
from hakobune.model.project import Input, Library, Model, Output
from hakobune.model.spec import Index
from hakobune.transform.read_project import (
    COMMAND_KEYS,
    INDEX_KEYS,
    INPUT_KEYS,
    KEYS,
    MODEL_KEYS,
    OUTPUT_KEYS,
    read_project,
)
from tests.samples import PYPROJECT

ROOT = Path(__file__).resolve().parents[4]


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationInvalidError) as caught:
        read_project(text, root=ROOT)
    return caught.value.what.splitlines()


def test_the_source_may_be_the_whole_project_and_nothing_above_it() -> None:
    assert read_project(PYPROJECT.replace("src/demo", "."), root=ROOT).source == "."
    for other in ("..", "./..", ".hidden", "a/."):
        (problem,) = problems(PYPROJECT.replace("src/demo", other))
        assert "wanted a folder of the project, with `/`, or `.`" in problem


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


LIBRARIES = """
[tool.hakobune.libraries]
"inner/fast.so" = ["inner/fast.c", "more.c"]
"""


def test_a_table_of_libraries_is_read_in_its_order() -> None:
    more = '"a.so" = ["a.c"]\n'
    assert read_project(PYPROJECT + LIBRARIES + more, root=ROOT).libraries == (
        Library(path="inner/fast.so", files=("inner/fast.c", "more.c")),
        Library(path="a.so", files=("a.c",)),
    )
    assert read_project(PYPROJECT, root=ROOT).libraries == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"inner/fast.so"', '"inner/fast.dll"', "`inner/fast.dll` is not usable: wanted a path be"),
        ('"inner/fast.so"', '"../fast.so"', "`../fast.so` is not usable: wanted a path below `so"),
        ('"inner/fast.so"', '"/fast.so"', "`/fast.so` is not usable"),
        ('"inner/fast.so"', '"a b.so"', "`a b.so` is not usable"),
        ('"inner/fast.so"', '".so"', "`.so` is not usable"),
        ('"inner/fast.so"', r'"fast.so\n"', r"`fast.so\n"),
        ('"more.c"', '"more.cc"', "`inner/fast.so` needs a list of different C files: each a path"),
        ('"more.c"', '"../more.c"', "`inner/fast.so` needs a list"),
        ('"more.c"', '"more.c; x.c"', "`inner/fast.so` needs a list"),
        ('"more.c"', r'"more.c\n"', "`inner/fast.so` needs a list"),
        ('"more.c"', '"inner/fast.c"', "`inner/fast.so` needs a list"),
        ('"more.c"', "3", "`inner/fast.so` needs a list"),
        ('["inner/fast.c", "more.c"]', "[]", "`inner/fast.so` needs a list"),
        ('["inner/fast.c", "more.c"]', '"more.c"', "`inner/fast.so` needs a list"),
        ('["inner/fast.c", "more.c"]', '{ files = ["more.c"] }', "`inner/fast.so` needs a list"),
    ],
)
def test_a_library_that_is_not_usable_is_named_with_its_line(
    old: str, new: str, expected: str
) -> None:
    assert old in LIBRARIES
    text = PYPROJECT + LIBRARIES.replace(old, new)
    found = "\n".join(problems(text))
    line = len(PYPROJECT.splitlines()) + (2 if r"so\n" in new else 3)
    assert found.startswith(f"pyproject.toml:{line}: {expected}")


def test_libraries_that_are_no_table_are_named_with_their_line() -> None:
    text = PYPROJECT.replace("[tool.hakobune]\n", '[tool.hakobune]\nlibraries = ["a.c"]\n')
    assert problems(text)[0].startswith("pyproject.toml:2: `libraries` must be a table: shared lib")


def test_toml_that_is_not_toml_is_named_by_its_line() -> None:
    assert problems("[tool.hakobune]\nenvironment = \n")[0].startswith("pyproject.toml:2: ")


def test_a_project_without_the_table_is_refused() -> None:
    assert problems("[project]\nname = 'x'\n") == ["pyproject.toml: there is no [tool.hakobune]"]


INDEXES = """
[tool.hakobune.indexes]
team = { address = "https://${U}:${P}@x.y/simple", packages = ["Team_Core"] }
more = { address = "http://x.y:8080/s" }
"""


def test_indexes_are_named_and_may_have_packages_of_their_own() -> None:
    assert read_project(PYPROJECT, root=ROOT).indexes == ()
    assert read_project(PYPROJECT + INDEXES, root=ROOT).indexes == (
        Index(name="team", address="https://${U}:${P}@x.y/simple", packages=("team-core",)),
        Index(name="more", address="http://x.y:8080/s"),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("${U}:${P}@", "jo:secret@", "`address = 'https://***@x.y/simple'` is not usable"),
        ("https://${U}:${P}@x.y/simple", "/opt/simple", "`address = '/opt/simple'`"),
        ('"http://x.y:8080/s"', '"http://x.y", packages = ["team.core"]', "assigned to team"),
        ("Team_Core", "team-*", "`team-*` is not usable"),
        ("more =", '"a.b" =', "`a.b`: a name has"),
        ("packages", "package", "unknown key `package`; did you mean `packages`?"),
        ('address = "http://x.y:8080/s"', "", "`address` is missing"),
    ],
)
def test_a_wrong_index_is_named_and_its_password_is_not(old: str, new: str, expected: str) -> None:
    assert old in INDEXES
    with pytest.raises(ConfigurationInvalidError) as caught:
        read_project(PYPROJECT + INDEXES.replace(old, new), root=ROOT)
    assert expected in caught.value.what
    assert "secret" not in str(caught.value)


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    for key in {*KEYS, *INPUT_KEYS, *OUTPUT_KEYS, *MODEL_KEYS, *INDEX_KEYS, *COMMAND_KEYS}:
        assert f"{key}`" in page


def test_the_table_with_every_key_has_every_key_and_is_read() -> None:
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("A table with every key")
    text = rest.split("```toml\n")[1].split("```")[0]
    read_project(text, root=ROOT)
    table = tomllib.loads(text)["tool"]["hakobune"]
    assert set(table) == set(KEYS)
    assert set(table["model"]) == set(MODEL_KEYS)
    assert set().union(*table["inputs"].values()) == set(INPUT_KEYS)
    assert set().union(*table["outputs"].values()) == set(OUTPUT_KEYS)
    assert set().union(*table["commands"].values()) == set(COMMAND_KEYS)


COMMANDS = """
[tool.hakobune.commands.many]
command = ["python", "many.py"]
outputs = { rows = { flag = "--rows", files = ["rows.csv"] } }
"""


def test_a_command_has_the_files_of_the_project_where_it_names_none() -> None:
    project = read_project(PYPROJECT + COMMANDS, root=ROOT)
    (many,) = project.commands
    assert (many.name, many.command, many.inputs) == (
        "many",
        ("python", "many.py"),
        project.inputs,
    )
    assert [(out.name, out.flag, out.files) for out in many.outputs] == [
        ("rows", "--rows", ("rows.csv",))
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('command = ["python", "many.py"]', "", "`command` is missing"),
        ("commands.many", "commands.train", "`train` is the service that trains"),
        ("commands.many", "commands.-x", "a name has lower-case letters"),
        ("outputs =", "output =", "unknown key `output`; did you mean `outputs`?"),
        ("--rows", "rows", "wanted an option such as `--input`"),
    ],
)
def test_a_wrong_command_is_named(old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigurationInvalidError, match=re.escape(expected)):
        read_project(PYPROJECT + COMMANDS.replace(old, new, 1), root=ROOT)


MODEL = """
[tool.hakobune.model]
name = "demo-model"
file = "model.bin"
metrics = "metric.json"
"""


def test_a_model_may_be_named_or_not() -> None:
    assert read_project(PYPROJECT, root=ROOT).model is None
    model = read_project(PYPROJECT + MODEL, root=ROOT).model
    assert model == Model(name="demo-model", file="model.bin", metrics="metric.json")
    without = read_project(PYPROJECT + MODEL.replace("metrics =", "#"), root=ROOT).model
    assert without == Model(name="demo-model", file="model.bin", metrics="")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "demo-model"', "", "pyproject.toml:13: `name` is missing"),
        ('"demo-model"', '"a/b"', "pyproject.toml:14: `name = 'a/b'` is not usable"),
        ("file =", "flie =", "unknown key `flie`; did you mean `file`?"),
        ('"model.bin"', '"../x"', "pyproject.toml:15: `file = '../x'` is not usable"),
    ],
)
def test_a_bad_model_is_told_with_its_line(old: str, new: str, expected: str) -> None:
    assert any(expected in text for text in problems(PYPROJECT + MODEL.replace(old, new)))


def test_a_model_that_is_no_table_is_told() -> None:
    text = PYPROJECT.replace("[tool.hakobune]", '[tool.hakobune]\nmodel = "x"')
    assert problems(text) == [
        f"pyproject.toml:2: `model` must be a table: {KEYS['model']}",
    ]


def test_signers_are_paths_of_keys_or_fingerprints() -> None:
    assert read_project(PYPROJECT, root=ROOT).signers == ()
    signers = ("keys/release.pub.pem", "a" * 32, "b" * 64, "key.pem")
    assert read_project(with_signers(*signers), root=ROOT).signers == signers


@pytest.mark.parametrize("entry", ["../x.pem", "/k.pem", "a" * 31, "A" * 32, "key", "a b.pem", ""])
def test_a_signer_that_is_neither_is_told(entry: str) -> None:
    assert any("signers" in told for told in problems(with_signers(entry)))
    assert "pyproject.toml:2: `signers` is empty" in problems(with_signers())


def with_signers(*signers: str) -> str:
    new = f"[tool.hakobune]\nsigners = {list(signers)}\n"
    return PYPROJECT.replace("[tool.hakobune]\n", new, 1)


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", r"a\\b", r"a\n", ""])
def test_a_declared_output_is_a_file_inside_its_folder(name: str) -> None:
    text = PYPROJECT.replace('"model.bin"', f'"{name}"')
    assert any("`files`" in told for told in problems(text))


def test_a_line_that_takes_minutes_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalidError, match="a line of more than 20000 characters"):
        read_project("[tool.hakobune]\n" + "a." * 100_000 + "x = 1\n", root=tmp_path)


def test_an_output_holds_work_or_results() -> None:
    work = '\n[tool.hakobune.outputs.work]\nflag = "--work"\nwork = true\n'
    project = read_project(PYPROJECT + work, root=ROOT)
    assert [output.name for output in project.outputs] == ["output", "work"]
    assert [output.name for output in project.results] == ["output"]
    for wrong, named in (
        (work + 'files = ["a"]\n', "exclude each other"),
        (work.replace("true", '"yes"'), "`work` must be true or false"),
    ):
        with pytest.raises(ConfigurationInvalidError, match=named):
            read_project(PYPROJECT + wrong, root=ROOT)


def test_a_command_says_for_itself_whether_it_shares_its_work() -> None:
    text = PYPROJECT.replace("[tool.hakobune]\n", "[tool.hakobune]\ndistributed = true\n")
    text += '\n[tool.hakobune.commands.many]\ncommand = ["python", "-m", "many"]\n'
    project = read_project(text, root=ROOT)
    assert project.entry(()).distributed
    assert not project.entry(("many",)).distributed
    assert read_project(text + "distributed = true\n", root=ROOT).entry(("many",)).distributed
