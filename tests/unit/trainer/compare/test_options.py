from pathlib import Path

import pytest

from tests.unit.trainer.read_tables import HARD, HARD_VALUES
from trainer.compare.data import read_data
from trainer.compare.options import parse_options

NEEDED = ("--champion", "a", "--challenger", "b", "--data", "c.csv")


def test_what_is_not_given_has_its_default() -> None:
    options = parse_options(NEEDED)
    assert (options.horizon, options.step, options.json) == (None, None, None)
    assert (options.loss, options.significance) == ("absolute", 0.05)


@pytest.mark.parametrize(("mark", "value"), [(".", 1.026), (",", 1026.0)])
def test_the_decimal_mark_that_is_given_reads_the_data(
    tmp_path: Path, mark: str, value: float
) -> None:
    data = tmp_path / "d.csv"
    data.write_text("date,y\n" + "".join(f"2024-01-0{n},1.026\n" for n in range(1, 9)))
    options = parse_options(
        ["--champion", "a", "--challenger", "b", "--data", str(data), "--decimal", mark]
    )
    assert set(read_data(options, []).series.values.tolist()) == {value}


def test_the_data_are_read_as_the_options_say(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_bytes(HARD)
    options = parse_options(
        [
            *("--champion", "a", "--challenger", "b", "--data", str(data)),
            *("--decimal", ",", "--encoding", "cp1252", "--separator", "semicolon"),
            *("--date_format", "DD/MM/YYYY"),
        ]
    )
    series = read_data(options, []).series
    assert (series.value_name, series.values.tolist()) == ("Umsätze", HARD_VALUES)


@pytest.mark.parametrize(
    "arguments",
    [
        (*NEEDED, "--decimal", ";"),
        NEEDED[:4],
        NEEDED[2:],
        (*NEEDED[:4], "--data", ""),
        (*NEEDED, "--horizon", "0"),
        (*NEEDED, "--horizon", "1.5"),
        (*NEEDED, "--step", "-1"),
        (*NEEDED, "--step", "10001"),
        (*NEEDED, "--significance", "0"),
        (*NEEDED, "--significance", "0.51"),
        (*NEEDED, "--significance", "nan"),
        (*NEEDED, "--significance", "5%"),
        (*NEEDED, "--loss", "percent"),
        (*NEEDED, "--champ", "x"),
        (*NEEDED, "more"),
    ],
)
def test_a_wrong_command_line_exits_with_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)
    assert caught.value.code == 2
    assert "error" in capsys.readouterr().err


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(["--help"])
    assert caught.value.code == 0
    assert "10: keep the champion" in capsys.readouterr().out
