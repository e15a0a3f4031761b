import pytest

from hakobune.errors import ScriptInvalidError
from hakobune.model.script import ScriptOption, Takes
from hakobune.transform.read_script import is_started_as_script, read_script

ARGPARSE = """
import argparse, os
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("table")
parser.add_argument("-i", "--input", default="data/sales.csv", help="C:\\d")
parser.add_argument("--where", type=Path, required=True)
parser.add_argument("-o", "--output-dir", dest="out", default="results")
parser.add_argument("--depth", type=int, default=3)
parser.add_argument("--input-size", type=int)
parser.add_argument("--rate", default=0.1)
parser.add_argument("--model", default="forest")
parser.add_argument("--dataset", choices=["iris", "wine"])
parser.add_argument("--csv", nargs="+")
parser.add_argument("--output-all", action="store_true")
parser.add_argument("--log-file")
parser.add_argument("--plot", type=argparse.FileType("w"))
args = parser.parse_args()
"""
CLICK = """
import click
@click.command()
@click.option("--data", "-d", "source", type=click.Path(exists=True), required=True)
@click.option("--model-dir", type=click.Path(file_okay=False))
@click.option("--shout/--no-shout", default=False)
@click.option("--output", is_flag=True)
@click.option("--kind", type=click.Choice(["a"]))
@click.argument("rest")
def main(source, model_dir, shout): ...
"""
TYPER = """
import typer
from pathlib import Path
from typing import Annotated
app = typer.Typer()
@app.command()
def main(
    place: Path,
    train_file: Annotated[Path, typer.Option("--train")],
    test_file: Path = Path("data/test.csv"),
    out_dir: Path = typer.Option(Path("out"), "--to", "-t"),
    rounds: int = 3,
): ...
def other(input: Path = Path("a.csv")): ...
"""


def taken(text: str) -> dict[str, str]:
    """Return what each option takes, by flag, without those that are nothing to hakobune."""
    found = read_script(text.encode(), file="train.py")
    return {o.flag: o.takes.name for o in found if o.takes is not Takes.OTHER}


def test_options_of_argparse_are_told_by_type_default_and_name() -> None:
    assert taken(ARGPARSE) == {
        "--input": "INPUT",
        "--where": "INPUT",
        "--output-dir": "OUTPUT",
        "--log-file": "OUTPUT_FILE",
        "--plot": "OUTPUT_FILE",
    }


def test_an_option_has_the_script_s_own_name_and_its_default() -> None:
    found = {option.flag: option for option in read_script(ARGPARSE.encode(), file="t.py")}
    assert found["--input"] == ScriptOption(
        name="input", flag="--input", takes=Takes.INPUT, default="data/sales.csv"
    )
    assert found["--where"].is_required
    assert (found["--output-dir"].name, found["--output-dir"].default) == ("out", "results")


def test_options_of_click_are_found() -> None:
    assert taken(CLICK) == {"--data": "INPUT", "--model-dir": "OUTPUT"}
    names = [option.name for option in read_script(CLICK.encode(), file="train.py")]
    assert names[:2] == ["source", "model_dir"]


def test_options_of_typer_are_found_where_a_function_is_a_command() -> None:
    assert taken(TYPER) == {"--train": "INPUT", "--test-file": "INPUT", "--to": "OUTPUT"}
    run = "import typer\ndef go(data: str = 'x.csv'): ...\ntyper.run(go)\n"
    assert taken(run) == {"--data": "INPUT"}
    assert taken(run.replace("typer", "other")) == {}


@pytest.mark.parametrize(
    ("option", "takes"),
    [
        ('"--output"', "OUTPUT"),
        ('"--out"', "OUTPUT"),
        ('"--artifacts-dir"', "OUTPUT"),
        ('"--report-dir"', "OUTPUT"),
        ('"--report-path"', "OUTPUT_FILE"),
        ('"--output", default="model.pkl"', "OUTPUT_FILE"),
        ('"--model-path"', "OUTPUT"),
        ('"--model-path", default="m/model.pkl"', "OUTPUT_FILE"),
        ('"--model-file"', "OUTPUT_FILE"),
        ('"--model"', ""),
        ('"--data"', "INPUT"),
        ('"--train-csv"', "INPUT"),
        ('"--config", default="conf/a.yaml"', "INPUT"),
        ('"--optimizer", default="adam"', ""),
        ('"--Data"', "INPUT"),
        ('"--data", type=float', ""),
        ('"--data;rm"', ""),
        ('f"--data{1}"', ""),
    ],
)
def test_a_name_says_what_an_option_takes(option: str, takes: str) -> None:
    found = taken(f"p.add_argument({option})")
    assert list(found.values()) == ([takes] if takes else [])


def test_files_that_are_surely_written_into_the_folder_are_found() -> None:
    text = """
p.add_argument("--output")
out = Path(args.output)
dump(model, out / "model.pkl")
with open(os.path.join(args.output, "metrics.json"), "w") as f: ...
Path(args.output) / "sub"
if plot:
    savefig(out / "plot.png")
for n in range(3):
    (out / f"{n}.txt").touch()
data / "sales.csv"
if __name__ == "__main__":
    (out / "end.txt").touch()
"""
    (option,) = read_script(text.encode(), file="train.py")
    assert option.files == ("model.pkl", "metrics.json", "end.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"import os\nprint 'x'\n", "train.py:2: Missing parentheses"),
        (b"x = (\n", "train.py:1: '(' was never closed"),
        (b"x = '\xff'\n", "train.py:1: "),
        (b"x\0", "train.py"),
        (b"(" * 5000, "train.py"),
    ],
)
def test_what_is_no_python_is_refused_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(ScriptInvalidError) as caught:
        read_script(content, file="train.py")
    assert caught.value.what.startswith(message)


def test_a_script_without_options_has_none() -> None:
    assert read_script(b"", file="train.py") == ()
    assert read_script(b"\xef\xbb\xbfprint('\\d')\n", file="train.py") == ()


def test_a_script_is_told_from_a_module() -> None:
    assert is_started_as_script(b"import os\nif __name__ == '__main__':\n    pass\n")
    assert not is_started_as_script(b"# if __name__ == '__main__':\n")
