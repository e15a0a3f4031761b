import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from trainer.prepare.options import ColumnTexts, parse_options


def test_defaults_are_the_daily_mean_of_the_origin() -> None:
    options = parse_options(["raw.tsv"])
    assert (options.source, options.output, options.measure, options.by) == (
        "raw.tsv",
        "-",
        "mean",
        "day",
    )
    assert (options.fill, options.sums, options.partial, options.types) == (
        "none",
        "plain",
        "drop",
        (),
    )


def test_columns_are_places_or_headers_that_may_hold_commas() -> None:
    text = "date=Day, local,quantity=4, cost = Unit price,product=2"
    assert parse_options(["x", "--columns", text]).columns == ColumnTexts(
        date="Day, local", quantity="4", cost="Unit price", product="2"
    )


def test_dates_and_names_of_separators_are_read() -> None:
    options = parse_options(["x", "--from", "2024-02-29", "--separator", "tab"])
    assert (options.first, options.read_as.separator) == (date(2024, 2, 29), "\t")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--meas", "sum"], "unrecognized"),
        (["x", "--measure", "median"], "invalid choice"),
        (["x", "--from", "2024-02-30"], "is not a date"),
        (["x", "--from", "20240230"], "write YYYY-MM-DD"),
        (["x", "--from", "2024-02-02", "--to", "2024-02-01"], "is later than"),
        (["x", "--separator", "ab"], "is not a separator"),
        (["x", "--separator", "."], "is not a separator"),
        (["x", "--fill", "zero"], "without amounts the mean"),
        (["x", "--columns", "quantity=1,cost=2"], "date=COLUMN is missing"),
        (["x", "--columns", "date=1,date=2"], "is given twice"),
        (["x", "--columns", "day=1"], "is not date/quantity"),
        (["x", "--columns", "date=1,quantity=2"], "cost=... is needed"),
        (["x", "--columns", "date=1", "--measure", "count", "--type", "S"], "type=... is needed"),
        (["x", "--report", "-"], "standard output holds the series"),
        (["x", "--output", "a", "--report", "./a"], "the same file"),
        (["x", "--output", "./x"], "would be overwritten"),
        ([""], "an empty path"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_the_raw_file_is_not_written_over_through_a_link(tmp_path: Path) -> None:
    raw, link = tmp_path / "raw.tsv", tmp_path / "link.tsv"
    raw.write_text("x")
    link.symlink_to(raw)
    with pytest.raises(SystemExit):
        parse_options([str(raw), "--output", str(link)])


@pytest.mark.process
def test_help_loads_nothing_heavy() -> None:
    source = Path(__file__).resolve().parents[4] / "src"
    code = (
        "import sys\nfrom trainer.prepare.command import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--skip_broken" in done.stdout
    assert not set(done.stdout.splitlines()[-1].split()) & {"numpy", "pandas", "csv", "hashlib"}
