"""The command `many`: every series of a table has a row, and what it gets is said there."""

import hashlib
import io
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trainer
from tests.unit.trainer.many.tables import FILES, ODD, long_csv, read_rows, usual_csv
from trainer.__main__ import main
from trainer.combine import series
from trainer.combine.series import forecast_series
from trainer.many import plan
from trainer.many.batch_file import read_batch, record, write_batch

pytestmark = pytest.mark.process  # looks for the cores of this machine
Many = Callable[..., int]


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Many:
    """Call `many` in one process on the text of a table, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAKOBUNE_RUN_ID", "r1")
    for name in ("AZUREML_RUN_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)

    def call(text: str, *arguments: str, output: str = "out") -> int:
        Path("t.csv").write_text(text, encoding="utf-8", newline="")
        given = ["--processes", "1", *arguments]
        return main(["many", "--input", "t.csv", "--output", output, *given])

    return call


def test_each_series_has_a_row_a_forecast_and_a_model_whatever_its_name_is(many: Many) -> None:
    assert many(usual_csv(ODD, 12), "--horizon", "3") == 0
    metrics = read_rows(Path("out/metrics.csv.gz"))
    assert [row["unique_id"] for row in metrics] == sorted(ODD)
    assert {row["status"] for row in metrics} == {"ok"}
    forecasts = read_rows(Path("out/forecasts.csv.gz"))
    assert [row["unique_id"] for row in forecasts] == [n for n in sorted(ODD) for _ in range(3)]
    assert [row["ds"] for row in forecasts[:3]] == ["2016-01-01", "2016-02-01", "2016-03-01"]
    for name in ODD:
        command = ["predict", "--model", "out/models.sqlite", f"--series={name}", "--horizon", "3"]
        assert main([*command, "--output", "ahead.csv"]) == 0
        own = [row for row in forecasts if row["unique_id"] == name]
        lines = Path("ahead.csv").read_text().splitlines()[1:]
        assert lines == [",".join(list(row.values())[1:]) for row in own]
    record = json.loads(Path("out/record.json").read_text())
    for name in (*FILES, "metric.json", "report.html"):
        content = Path("out", name).read_bytes()
        assert record["manifest"][name]["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_forecast_is_that_of_the_default_combination(many: Many) -> None:
    values = np.round(20 + np.sin(np.arange(64)) * 3 + np.arange(64) / 4, 2)
    months = np.arange("2015-01", "2020-05", dtype="datetime64[M]")
    rows = [("a", f"{month}-01", value) for month, value in zip(months, values, strict=True)]
    assert many(long_csv(rows, ("unique_id", "ds", "y"))) == 0
    expected = forecast_series(values, season=12, horizon=12)
    own = read_rows(Path("out/forecasts.csv.gz"))
    assert [float(row["mean"]) for row in own] == expected.prediction.point.tolist()
    assert [float(row["hi95"]) for row in own] == expected.prediction.bounds(0.95)[1].tolist()
    row = read_rows(Path("out/metrics.csv.gz"))[0]
    assert float(row["skill"]) == expected.skill
    assert row["best_baseline"] == expected.best_baseline
    assert float(row["error"]) == expected.errors["combination"]
    assert row["reason"] == expected.reason


@pytest.mark.slow
def test_the_natural_periods_of_the_calendar_are_tried(many: Many) -> None:
    steps = np.arange(12 * 7 * 5)
    profile = np.where(steps // 12 % 7 < 5, 9 * np.sin(2 * np.pi * steps / 12), 0.0) + 50
    values = np.round(profile + np.random.default_rng(2).normal(size=len(steps)), 2)
    dates = np.datetime64("2024-01-01T00:00") + 120 * steps.astype("m8[m]")
    rows = [("a", str(date), value) for date, value in zip(dates, values, strict=True)]
    assert many(long_csv(rows, ("unique_id", "ds", "y"))) == 0
    row = read_rows(Path("out/metrics.csv.gz"))[0]
    assert "cycles 12+84" in row["members"]
    assert (row["calendar"], row["best_baseline"]) == ("2h", "long_seasonal_naive")
    assert (row["measure"], row["bias"]) == ("MAE", "")


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_processes_or_the_batches(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = usual_csv([f"s{place}" for place in range(30)], 14)
    assert many(text, output="one") == 0
    assert many(text, "--processes", "3", output="three") == 0
    monkeypatch.setattr(plan, "MOST_SERIES", 7)
    assert many(text, "--processes", "2", output="small") == 0
    promised = [name for name in FILES if not name.startswith("timings")]
    for name in (*promised, "metric.json", "report.html"):
        contents = {Path(folder, name).read_bytes() for folder in ("one", "three", "small")}
        assert len(contents) == 1, name
    assert len(read_rows(Path("one/timings.csv.gz"))) == 30


def test_what_is_wrong_with_a_series_is_in_its_row_and_stops_no_other(
    many: Many, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[tuple[object, ...]] = [("good", f"2024-01-{d:02d}", d) for d in range(1, 13)]
    rows += [("bad cell", "2024-01-01", "abc"), ("bad cell", "2024-01-02", 1)]
    rows += [("double", "2024-01-01", 1), ("double", "2024-01-01", 2)]
    rows += [("empty", f"2024-01-0{d}", "") for d in range(1, 5)]
    rows += [("no calendar", date, 1) for date in ("2024-01-01", "2024-01-02", "2024-03-09")]
    rows += [("one day", "2024-01-05", 7)]
    rows += [("yearly", f"{year}-01-01", year) for year in range(2000, 2012)]
    text = long_csv(rows, ("unique_id", "ds", "y"))
    assert many(text, "--max_failures", "4", "--horizon", "2") == 0
    found = {row["unique_id"]: row for row in read_rows(Path("out/metrics.csv.gz"))}
    assert {name: row["status"] for name, row in found.items()} == {
        "bad cell": "unusable",
        "double": "unusable",
        "empty": "unusable",
        "good": "ok",
        "no calendar": "unusable",
        "one day": "ok",
        "yearly": "ok",
    }
    assert found["bad cell"]["reason"] == "line 14: y: 'abc' is not a number"
    assert found["double"]["reason"] == "line 17: 2024-01-01 is already on line 16"
    assert found["empty"]["reason"] == "the series has no value"
    assert "follow no calendar" in found["no calendar"]["reason"]
    assert (found["yearly"]["calendar"], found["good"]["calendar"]) == ("YS-JAN", "D")
    ahead = [
        row for row in read_rows(Path("out/forecasts.csv.gz")) if row["unique_id"] == "one day"
    ]
    assert [(row["ds"], row["mean"]) for row in ahead] == [
        ("2024-01-06", "7.0"),
        ("2024-01-07", "7.0"),
    ]
    assert json.loads(Path("out/metric.json").read_text())["series_unusable"] == 4
    capsys.readouterr()
    assert many(text, "--max_failures", "3", output="not") == 10
    assert "error[too-many-failures]: 4 series failed" in capsys.readouterr().err
    assert json.loads(Path("not/failure.json").read_text())["error"] == "too-many-failures"
    assert not Path("not/metrics.csv.gz").exists()


def test_a_run_in_which_all_series_fail_fails(many: Many) -> None:
    assert many("unique_id,ds,y\na,2024-01-01,\nb,2024-01-01,x\n") == 10


def test_raw_rows_are_summed_by_day_to_the_last_day_of_the_table(many: Many) -> None:
    rows = [("p1", "S", "2024-01-01 08:00:00", 2), ("p1", "S", "2024-01-01 09:00:00", 3)]
    rows += [("p1", "W", "2024-01-02", 50), ("p1", "S", "2024-01-04", 4)]
    rows += [("p2", "S", "2024-01-06", 1)]
    text = "\n".join("\t".join(map(str, row)) for row in rows) + "\n"
    columns = ["--series_column", "1", "--date_column", "3", "--value_column", "4"]
    asked = [*columns, "--only", "2=S", "--sum_days", "--horizon", "1", "--separator", "tab"]
    assert many(text, *asked) == 0
    found = {row["unique_id"]: row for row in read_rows(Path("out/metrics.csv.gz"))}
    assert (found["p1"]["first"], found["p1"]["last"]) == ("2024-01-01", "2024-01-06")
    assert (found["p1"]["rows"], found["p2"]["rows"]) == ("6", "1")
    with sqlite3.connect("out/models.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM models").fetchone() == (2,)


def test_the_last_day_of_a_file_that_is_cut_off_is_left_out(many: Many) -> None:
    rows = [f"{item}\t2024-01-0{day}\t{day}" for day in (1, 2, 4) for item in ("a", "b")]
    text = "\n".join([*rows, "c\t2024-01-04\t1", "a\t2024-0"])
    columns = ["--series_column", "1", "--date_column", "2", "--value_column", "3"]
    assert many(text, *columns, "--sum_days", "--horizon", "1") == 0
    found = {row["unique_id"]: row for row in read_rows(Path("out/metrics.csv.gz"))}
    assert [found["a"][name] for name in ("first", "last", "rows")] == [
        "2024-01-01",
        "2024-01-03",
        "3",
    ]
    assert found["c"]["reason"] == "it has no row before the last day, which is not whole"
    notes = json.loads(Path("out/record.json").read_text())["notes"]
    assert "2024-01-04, the last day, is not whole, and left out" in notes


def test_several_columns_name_a_series(many: Many) -> None:
    rows = [(shop, item, f"2024-01-{d:02d}", d)
            for shop in ("s/1", "s") for item in ("a", "1/a") for d in range(1, 10)]  # fmt: skip
    text = long_csv(rows, ("shop", "item", "ds", "y"))
    assert many(text, "--series_column", "shop", "--series_column", "item") == 0
    names = [row["unique_id"] for row in read_rows(Path("out/metrics.csv.gz"))]
    assert names == ["s/1\\/a", "s/a", "s\\/1/1\\/a", "s\\/1/a"]


def test_parts_of_the_batches_come_together_and_are_not_worked_again(
    many: Many, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan, "MOST_SERIES", 3)
    text = usual_csv([f"s{place:02d}" for place in range(12)], 9)
    assert many(text, output="whole") == 0
    for part in ("0/2", "1/2"):
        assert many(text, "--batches", "kept", "--shard", part, output="none") == 0
    assert not Path("none").exists()
    damaged = min(Path("kept").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-1])
    Path("kept", "foreign").write_text("x")
    capsys.readouterr()
    assert many(text, "--batches", "kept", output="merged") == 0
    assert "forecast 3 ok, 3 batches were there" in capsys.readouterr().err
    for name in ("forecasts.csv.gz", "metrics.csv.gz", "models.sqlite"):
        assert Path("merged", name).read_bytes() == Path("whole", name).read_bytes()
    assert many(text, "--batches", "kept", "--shard", "2/2") == 2
    assert many(text, "--shard", "0/2") == 2


def test_a_sealed_batch_of_other_series_is_refused_and_named(
    many: Many, capsys: pytest.CaptureFixture[str]
) -> None:
    text = usual_csv(["a", "b"], 9)
    assert many(text, "--batches", "kept") == 0
    (path,) = Path("kept").iterdir()
    batch = path.name.partition(".")[0]
    found = read_batch(path, batch)
    assert found is not None
    path.unlink()
    forged = b"".join(record(replace(one, name=f"{one.name}2")) for one in found)
    path = write_batch(Path("kept"), batch, io.BytesIO(forged))
    assert many(text, "--batches", "kept", output="again") != 0
    assert f"{path} is damaged" in capsys.readouterr().err
    assert not Path("again", "record.json").exists()
    path.unlink()
    assert many(text, "--batches", "kept", output="again") == 0


def test_other_rows_options_or_programs_are_other_batches(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = usual_csv(["a"], 9)

    def batches(content: str, *arguments: str) -> set[str]:
        assert many(content, "--batches", "kept", *arguments) == 0
        return {path.name.partition(".")[0] for path in Path("kept").iterdir()}

    first = batches(text)
    assert len(first) == 1
    assert batches(text, "--processes", "2") == first
    assert len(batches(text, "--floor", "none")) == 2
    assert len(batches(text.replace("a,2015-01-01,", "a,2015-01-01,1"))) == 3
    monkeypatch.setattr(plan, "versions", lambda: {"trainer": "0.0.0"})
    assert len(batches(text)) == 4


def test_floor_and_horizon_and_names_of_columns(many: Many) -> None:
    rows = [("a", f"2024-01-{d:02d}", 20 - d, 5) for d in range(1, 20)]
    text = long_csv(rows, ("unique_id", "when", "left", "other"))
    columns = ["--date_column", "when", "--value_column", "left", "--horizon", "4"]
    assert many(text, *columns) == 0
    assert min(float(row["lo95"]) for row in read_rows(Path("out/forecasts.csv.gz"))) == 0
    assert many(text, *columns, "--floor", "none", "--run_id", "other", output="{run_id}") == 0
    assert min(float(row["mean"]) for row in read_rows(Path("other/forecasts.csv.gz"))) < 0


DAYS = range(1, 9)


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (["--decimal", ","], "unique_id;ds;y\n" + "".join(f"a;2024-01-0{d};1,{d}\n" for d in DAYS)),
        (
            ["--date_format", "DD/MM/YYYY"],
            "unique_id,ds,y\n" + "".join(f"a,0{d}/01/2024,1.1\n" for d in DAYS),
        ),
        (["--encoding", "utf-8"], usual_csv(["ü"], 8)),
    ],
)
def test_the_table_is_read_as_it_is_told(many: Many, arguments: list[str], content: str) -> None:
    assert many(content, *arguments, "--horizon", "1") == 0
    assert len(read_rows(Path("out/forecasts.csv.gz"))) == 1


def test_a_table_without_series_names_the_option(
    many: Many, capsys: pytest.CaptureFixture[str]
) -> None:
    assert many("ds,y\n2024-01-01,1\n") == 12
    assert "--series_column" in capsys.readouterr().err


@pytest.mark.minutes
def test_all_products_of_the_raw_file_are_accounted_for(shared: Path, tmp_path: Path) -> None:
    raw = shared / "data" / "adventureworks" / "TransactionHistory.partial.tsv"
    columns = ["--series_column", "2", "--date_column", "5", "--value_column", "7"]
    output = tmp_path / "out"
    asked = ["many", "--input", str(raw), *columns, "--sum_days", "--horizon", "7"]
    assert main([*asked, "--output", str(output)]) == 0
    rows = read_rows(output / "metrics.csv.gz")
    products = {line.split("\t")[1] for line in raw.read_text().splitlines()[:-1]}
    assert [row["unique_id"] for row in rows] == sorted(products)
    assert len(rows) == 440
    assert {row["last"] for row in rows} == {"2014-01-13"}
    assert len(read_rows(output / "forecasts.csv.gz")) == 440 * 7


def test_with_pyarrow_input_and_tables_are_parquet_and_say_the_same(many: Many) -> None:
    pytest.importorskip("pyarrow", reason="the tables are CSV without it")
    assert many(usual_csv(["a", "nu\0l"], 12), "--horizon", "2") == 0
    pd.read_csv("t.csv", engine="python").to_parquet("t.parquet")
    given = ["--input", "t.parquet", "--horizon", "2", "--processes", "1", "--output", "again"]
    assert main(["many", *given]) == 0
    for name in ("forecasts", "metrics"):
        found, again = (pd.read_parquet(f"{folder}/{name}.parquet") for folder in ("out", "again"))
        pd.testing.assert_frame_equal(found, again)
    expected = trainer.forecast(pd.read_parquet("t.parquet"), horizon=2)
    found = pd.read_parquet("out/forecasts.parquet")
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert not list(Path("out").glob("*.csv.gz"))


def test_of_a_very_long_series_the_last_rows_are_used_and_its_model_forecasts_on(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "_MOST_ROWS", 30)
    monkeypatch.setattr(series, "_MOST_SEASONS", 1)
    text = usual_csv(["a"], 50)
    assert many(text, "--horizon", "2") == 0
    row = read_rows(Path("out/metrics.csv.gz"))[0]
    assert row["rows"] == "50"
    assert row["reason"].startswith("of 50 rows the last 30 are used; ")
    assert main(["predict", "--model", "out/models.sqlite", "--series", "a", "--horizon", "2"]) == 0
    kept = "\n".join([text.splitlines()[0], *sorted(text.splitlines()[1:])[-30:]]) + "\n"
    assert many(kept, "--horizon", "2", output="again") == 0
    found, again = (read_rows(Path(name, "forecasts.csv.gz")) for name in ("out", "again"))
    assert found == again
