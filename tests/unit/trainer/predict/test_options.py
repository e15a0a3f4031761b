import re
from pathlib import Path

import pytest

from trainer.errors import HorizonInvalidError
from trainer.input.options import ReadAs
from trainer.predict.options import parse_options

TOLD = ["--decimal", ",", "--encoding", "cp932", "--separator", "pipe", "--date_format", "MM/YYYY"]
READ_AS = ReadAs(decimal=",", encoding="cp932", separator="|", date_format="MM/YYYY")
PAGE = Path(__file__).resolve().parents[4] / "docs/reference/trainer.md"


def test_what_is_given_and_what_is_not() -> None:
    options = parse_options(["--model", "m.json", "--horizon", " 12 "])
    assert (options.model, options.horizon) == (Path("m.json"), 12)
    assert (options.future, options.output) == (None, "-")
    more = parse_options(
        ["--model", "m.pkl", "--horizon", "1", "--future", "f.csv", "--output", "x"]
    )
    assert (more.future, more.output) == (Path("f.csv"), "x")


def test_how_the_future_is_read_is_kept() -> None:
    model = ["--model", "m.json", "--horizon", "12"]
    assert parse_options(model).read_as == ReadAs()
    told = [*TOLD, "--model", "m.json", "--horizon", "12"]
    assert parse_options(told).read_as == READ_AS


@pytest.mark.parametrize(
    "text", ["0", "-0", "10001", "9" * 30, "ten", "1.5", "1e3", "", "٣", "inf"]
)
def test_a_horizon_that_is_none_is_named(text: str) -> None:
    with pytest.raises(HorizonInvalidError, match="is not a number of steps"):
        parse_options(["--model", "m", f"--horizon={text}"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "m"],
        ["--horizon", "3"],
        ["--model", "", "--horizon", "3"],
        ["--model", "m", "--horizon", "3", "--output", ""],
        ["--mod", "m", "--horizon", "3"],
        ["--model", "m", "--horizon", "3", "more"],
        ["--model", "m", "--horizon", "3", "--output", "./m"],
        ["--model", "m", "--horizon", "3", "--future", "f", "--output", "../x/f"],
    ],
)
def test_a_wrong_command_line_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)
    assert caught.value.code == 2


def test_the_reference_page_shows_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    with pytest.raises(SystemExit):
        parse_options(["--help"])
    shown = re.search(
        r"```text\n(usage: python -m trainer predict.*?)```", PAGE.read_text(), re.DOTALL
    )
    assert shown is not None
    assert shown[1] == capsys.readouterr().out
