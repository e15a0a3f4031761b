import tomllib

import pytest

from hakobune.errors import ConfigurationInvalidError, FileDiffersError
from hakobune.model.script import ScriptOption, Takes
from hakobune.transform.write_table import table_of, with_attributes, with_ignored, with_table

OPTIONS = (
    ScriptOption(name="data", flag="--data", takes=Takes.INPUT),
    ScriptOption(name="OUT", flag="-o", takes=Takes.OUTPUT, files=("a.pkl", "b.json")),
    ScriptOption(name="log", flag="--log", takes=Takes.OUTPUT_FILE),
    ScriptOption(name="depth", flag="--depth", takes=Takes.OTHER),
)
COMMAND = ("python", 'odd "n\\ame".py')
TABLE = table_of(environment="env.yml", source=".", command=COMMAND, options=OPTIONS)


def test_inputs_and_outputs_are_tables_and_other_options_are_not_in_it() -> None:
    assert TABLE["inputs"] == {"data": {"flag": "--data"}}
    assert TABLE["outputs"] == {"out": {"flag": "-o", "files": ["a.pkl", "b.json"]}}
    assert TABLE["command"] == list(COMMAND)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "[project]\nname = 'x'\n",
        "[project]\r\nname = 'x'\r\n",
        "[project]\nname = 'x'  # no end",
        "[[tool.mypy.overrides]]\nmodule = 'a'\n\n\n",
        "[tool]\nother.x = 1\n",
        "# ümlaut\n",
    ],
)
def test_the_table_is_added_and_all_that_is_there_stays(before: str) -> None:
    after = with_table(before, TABLE)
    assert after.startswith(before)
    assert tomllib.loads(after)["tool"]["hakobune"] == TABLE
    assert after.count("\r\n") in (0, after.count("\n"))
    assert with_table(after, TABLE) == after


def test_another_table_is_named_key_by_key() -> None:
    before = with_table("x = 1\n", TABLE | {"source": "src/a", "smoke": ["true"]})
    with pytest.raises(FileDiffersError) as caught:
        with_table(before, TABLE)
    assert caught.value.what.splitlines() == [
        "pyproject.toml:3: there is another [tool.hakobune] than this folder gives",
        '  source: there "src/a", found "."',
        '  smoke: there ["true"], found nothing',
    ]


@pytest.mark.parametrize("before", ["x = \n", "tool = { a = 1 }\n", "tool = 3\n", "x = [" * 2000])
def test_a_file_that_cannot_take_the_table_is_refused(before: str) -> None:
    with pytest.raises(ConfigurationInvalidError, match=r"pyproject\.toml"):
        with_table(before, TABLE)


def test_a_table_that_is_a_value_of_another_kind_differs() -> None:
    with pytest.raises(FileDiffersError):
        with_table("tool.hakobune = 3\n", TABLE)


def test_ignored_lines_are_added_where_none_says_the_same() -> None:
    text, new = with_ignored("*.pyc\nruns/\nvendor")
    assert text == "*.pyc\nruns/\nvendor\n/.hakobune/\n/.drydock/\n"
    assert new == ("/.hakobune/", "/.drydock/")
    assert with_ignored(text) == (text, ())


def test_attributes_keep_the_bytes_of_what_has_a_digest() -> None:
    paths = ("env.yml", "env.lock")
    text, new = with_attributes("*.png binary\r\nenv.yml eol=lf", paths)
    assert (text, new) == (
        "*.png binary\r\nenv.yml eol=lf\r\n/env.lock -text\r\n",
        ("/env.lock -text",),
    )
    assert with_attributes(text, paths) == (text, ())
    assert with_attributes("* text=auto eol=lf\n", paths) == ("* text=auto eol=lf\n", ())
