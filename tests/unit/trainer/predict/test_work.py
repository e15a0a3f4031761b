import json
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.trainer.saved.made import resealed
from tests.unit.trainer.trained import KINDS, TRAINED, csv_text, exit_code_of, train_runs, weekly
from trainer.__main__ import main
from trainer.predict import work
from trainer.saved import files
from trainer.saved.store import StoreWriter

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained
JSON, PICKLE = "models/arima_model.json", "models/arima_model.pkl"
FUTURE = {"price": ("--future", "prices.csv"), "mixed": ("--future", "prices.csv")}


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a copy of the run `good`, and the prices of its future."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(runs / "good", "good")
    Path("prices.csv").write_text(_prices())
    return tmp_path


def _prices(rows: slice = slice(None)) -> str:
    lines = csv_text(weekly()).split()
    return "\n".join(["day,price", *[_without_value(line) for line in lines[1:][rows]]]) + "\n"


def _without_value(line: str) -> str:
    day, _, price = line.split(",")
    return f"{day},{price}"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", [JSON, PICKLE])
def test_the_run_s_own_horizon_gives_the_bytes_of_its_forecast(
    runs: Path, kind: str, file: str
) -> None:
    command = ["predict", "--model", str(runs / kind / file), *FUTURE.get(kind, ())]
    expected = (runs / kind / "forecast.csv").read_bytes()
    assert main([*command, "--horizon", "14", "--output", "ahead.csv"]) == 0
    assert Path("ahead.csv").read_bytes() == expected
    assert main([*command, "--horizon", "30", "--output", "ahead.csv"]) == 0
    assert Path("ahead.csv").read_bytes().startswith(expected)
    table = pd.read_csv("ahead.csv", parse_dates=["date"])
    assert len(table) == 30
    assert (table["date"] == pd.date_range("2024-04-22", periods=30)).all()
    assert (table["lower_95"] < table["lower_80"]).all()


@pytest.mark.parametrize(
    ("start", "freq", "spelled"),
    [
        ("2020-01-31", "ME", "%Y-%m-%d"),
        ("2020-01-06", "B", "%Y-%m-%d"),
        ("2020-01-06T05:00", "h", "%Y-%m-%dT%H:%M:%S"),
        ("2020-01-06T05:00", "15min", "%Y-%m-%dT%H:%M:%S"),
        ("1950-01-01", "YS-JAN", "%Y"),
        ("2020-01-05", "W-SUN", "%Y-%m-%d"),
    ],
)
def test_every_calendar_goes_on(here: Path, start: str, freq: str, spelled: str) -> None:
    dates = pd.date_range(start, periods=60, freq=freq).strftime(spelled)
    rows = [f"{date},{value}" for date, value in zip(dates, weekly(60), strict=True)]
    (here / "x.csv").write_text("\n".join(["date,value", *rows]))
    quick = ("--backtest_windows", "0", "--order", "1,0,0", "--holdout", "5", "--output", "x")
    assert main(["--input", "x.csv", *quick]) == 0
    assert main(["predict", "--model", f"x/{JSON}", "--horizon", "9", "--output", "y.csv"]) == 0
    assert (here / "y.csv").read_bytes().startswith((here / "x/forecast.csv").read_bytes())


@pytest.mark.usefixtures("here")
def test_standard_output_holds_the_forecast_alone(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert main(["predict", "--model", f"good/{JSON}", "--horizon", "14"]) == 0
    shown = capsysbinary.readouterr()
    assert shown.out == Path("good/forecast.csv").read_bytes()
    told = shown.err.decode().splitlines()
    assert [line.split()[0] for line in told] == ["load", "predict"]
    assert "(1,0,0)(0,1,1)[7] of 112 rows up to 2024-04-21" in told[0]


@pytest.mark.usefixtures("here")
def test_a_note_tells_of_the_json_in_the_pickle_s_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_content: bytes) -> object:
        raise ModuleNotFoundError("No module named 'statsmodels'")

    monkeypatch.setattr("trainer.saved.pickle_reader.read_pickle", cannot)
    pickle = ["predict", "--model", f"good/{PICKLE}", "--horizon", "14"]
    assert main(pickle) == 0
    shown = capsys.readouterr()
    assert "note     arima_model.pkl: a pickle is not opened without --trust-pickle" in shown.err
    assert shown.out == Path("good/forecast.csv").read_text()
    assert main([*pickle, "--trust-pickle"]) == 0
    shown = capsys.readouterr()
    assert "note     arima_model.pkl: the libraries here cannot open it" in shown.err
    assert shown.out == Path("good/forecast.csv").read_text()


Change = Callable[[Path], object]


def _changed(**fields: object) -> Change:
    def change(run: Path) -> None:
        raw = json.loads((run / JSON).read_text())
        (run / JSON).write_bytes(resealed(raw | fields))

    return change


def _member(**fields: Any) -> Change:
    def change(run: Path) -> None:
        raw = json.loads((run / JSON).read_text())
        raw["members"][0] |= fields
        (run / JSON).write_bytes(resealed(raw))

    return change


def _flipped(run: Path) -> None:
    content = bytearray((run / JSON).read_bytes())
    content[len(content) // 2] ^= 1
    (run / JSON).write_bytes(bytes(content))


def _cut(run: Path) -> None:
    (run / JSON).write_bytes((run / JSON).read_bytes()[:-20])


def _folder(run: Path) -> None:
    (run / JSON).unlink()
    (run / JSON).mkdir()


NAN, HUGE = float("nan"), 1e308
# how the run is changed, the file, exit code, what is told
BAD: dict[str, tuple[Change, str, str, str]] = {
    "missing": (lambda run: (run / JSON).unlink(), JSON, "saved-model-missing", "there is no file"),
    "folder": (_folder, JSON, "saved-model-unreadable", "is a folder"),
    "cut off": (_cut, JSON, "saved-model-changed", "truncated or changed"),
    "empty": (
        lambda run: (run / JSON).write_bytes(b""),
        JSON,
        "saved-model-changed",
        "truncated or changed",
    ),
    "flipped": (_flipped, JSON, "saved-model-changed", "changed after it was written"),
    "future form": (
        _changed(schema_version=4),
        JSON,
        "saved-model-form",
        "the form 4 is not supported",
    ),
    "NaN": (_member(mean=NAN), JSON, "saved-model-invalid", "not finite"),
    "NaN variance": (_member(variance=NAN), JSON, "saved-model-invalid", "not a saved model"),
    "huge values": (
        _changed(values=[HUGE, -HUGE] * 56),
        JSON,
        "saved-model-invalid",
        "non-finite forecasts",
    ),
    "huge variance": (
        _member(variance=HUGE * 1.7),
        JSON,
        "saved-model-invalid",
        "non-finite forecasts",
    ),
    "huge integer": (
        _member(order=[10**400, 0, 0]),
        JSON,
        "saved-model-invalid",
        "not a saved model",
    ),
    "other rows": (
        _changed(values=[1.0] * 111),
        JSON,
        "saved-model-invalid",
        "do not match its dates",
    ),
    "no calendar": (_changed(calendar="fortnight"), JSON, "saved-model-invalid", "its calendar"),
    "never": (
        _changed(last_date="2024-04-20"),
        JSON,
        "saved-model-invalid",
        "do not match its dates",
    ),
    "text": (
        lambda run: (run / JSON).write_text("[1]"),
        JSON,
        "saved-model-invalid",
        "not a saved model",
    ),
    "no JSON": (
        lambda run: (run / JSON).unlink(),
        PICKLE,
        "pickle-refused",
        "a pickle can run any code",
    ),
    "changed pickle": (
        lambda run: (run / PICKLE).write_bytes(b"\x80\x04N."),
        PICKLE,
        "saved-model-changed",
        "another sha256",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_model_ends_with_its_name_and_leaves_the_output(
    here: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    change, file, name, told = BAD[case]
    change(here / "good")
    (here / "ahead.csv").write_text("an earlier forecast")
    before = sorted(here.rglob("*"))
    command = ["predict", "--model", f"good/{file}", "--horizon", "14", "--output", "ahead.csv"]
    assert main(command) == exit_code_of(name)
    shown = capsys.readouterr().err
    assert f"error[{name}]: " in shown
    assert told in shown
    assert f"good/{file}" in shown
    assert "\n  fix: " in shown
    assert "Warning" not in shown
    assert (here / "ahead.csv").read_text() == "an earlier forecast"
    assert sorted(here.rglob("*")) == before


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("option", "text", "name", "told"),
    [
        ("--horizon", "0", "horizon-invalid", "is not a number of steps"),
        ("--horizon", "10001", "horizon-invalid", "is not a number of steps"),
        ("--output", "no/such/folder.csv", "output-not-writable", "does not exist"),
        ("--output", "good", "output-not-writable", "is a folder"),
        ("--future", "prices.csv", "choices-contradict", "no regressors that are columns"),
    ],
)
def test_a_bad_option_ends_with_its_name(
    capsys: pytest.CaptureFixture[str], option: str, text: str, name: str, told: str
) -> None:
    usual = ["predict", "--model", f"good/{JSON}", "--horizon", "3"]
    assert main([*usual, option, text]) == exit_code_of(name)
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.out == ""


def test_a_calendar_ends_somewhere(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dates = [date(1000, 1, 1) + timedelta(days=30_000 * place) for place in range(60)]
    rows = [f"{day},{value}" for day, value in zip(dates, weekly(60), strict=True)]
    (here / "x.csv").write_text("\n".join(["date,value", *rows]))
    quick = ("--backtest_windows", "0", "--order", "1,0,0", "--output", "x")
    assert main(["--input", "x.csv", *quick]) == 0
    command = ["predict", "--model", f"x/{JSON}", "--horizon", "10000", "--output", "y.csv"]
    assert main(command) == 2
    assert "exceed the calendar" in capsys.readouterr().err
    assert not (here / "y.csv").exists()


PRICES: dict[str, tuple[str | None, str, str]] = {
    "none": (None, "future-regressors-missing", "needs 'price' of the 14 dates"),
    "too few": (
        _prices(slice(TRAINED + 5)),
        "future-regressors-missing",
        "there are 5: 2024-04-27 has no 'price'",
    ),
    "a gap": (
        _prices().replace("2024-04-25,", "2024-04-25,NA#").split("NA#")[0] + "\n",
        "future-regressors-missing",
        "no",
    ),
    "no such column": ("day,cost\n2024-04-22,1\n", "column-missing", "no column 'price'"),
    "no date": ("price\n1\n2\n", "column-missing", "no column holds dates"),
    "no number": ("day,price\n2024-04-22,dear\n", "rows-invalid", "price: 'dear'"),
    "a date twice": (
        "day,price\n2024-04-22,1\n2024-04-22,2\n",
        "rows-invalid",
        "is already on line 2",
    ),
    "binary": ("day,price\n\0", "input-not-text", "binary"),
    "empty": ("", "input-empty", "empty"),
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("case", PRICES)
def test_future_regressors_that_cannot_be_taken_are_named(
    runs: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    text, name, told = PRICES[case]
    future = tuple[str, ...]()
    if text is not None:
        Path("p.csv").write_text(text)
        future = ("--future", "p.csv")
    model = ("--model", str(runs / "price" / JSON), "--horizon", "14", "--output", "ahead.csv")
    assert main(["predict", *model, *future]) == exit_code_of(name)
    shown = capsys.readouterr().err
    assert f"error[{name}]: " in shown
    assert told in shown
    assert not Path("ahead.csv").exists()


@pytest.mark.usefixtures("here")
def test_a_future_file_that_is_not_there_is_named(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ("--model", str(runs / "price" / JSON), "--horizon", "14")
    assert main(["predict", *model, "--future", "nowhere.csv"]) == 2
    assert "with --future" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_the_training_s_own_input_may_tell_the_future(runs: Path) -> None:
    shutil.copy(runs / "price.csv", "price.csv")
    model = ("--model", str(runs / "price" / JSON), "--horizon", "14", "--output", "ahead.csv")
    assert main(["predict", *model, "--future", "price.csv"]) == 0
    assert Path("ahead.csv").read_bytes() == (runs / "price" / "forecast.csv").read_bytes()


def test_another_calendar_than_in_training_is_refused(
    runs: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = json.loads((runs / "calendar" / JSON).read_text())
    place = raw["regressor_names"].index("holiday_DE")
    raw["regressors"][place][5] = 1 - raw["regressors"][place][5]
    (here / "m.json").write_bytes(resealed(raw))
    assert main(["predict", "--model", "m.json", "--horizon", "3"]) == 2
    assert "the model's holiday_DE" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_memory_that_is_not_enough_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_arguments: object, **_options: object) -> object:
        raise MemoryError

    monkeypatch.setattr(work, "load_model_file", exhausted)
    command = ["predict", "--model", f"good/{JSON}", "--horizon", "3", "--output", "ahead.csv"]
    assert main(command) == 13
    assert "not enough memory to forecast 3 steps" in capsys.readouterr().err
    assert not Path("ahead.csv").exists()


@pytest.mark.usefixtures("here")
def test_a_file_that_is_too_large_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    with Path("m.json").open("wb") as file:
        file.truncate(files.LARGEST_BYTES + 1)
    assert main(["predict", "--model", "m.json", "--horizon", "3"]) == 10
    assert "no model has more than" in capsys.readouterr().err


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
@pytest.mark.usefixtures("here")
def test_a_file_that_may_not_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"good/{JSON}").chmod(0)
    assert main(["predict", "--model", f"good/{JSON}", "--horizon", "3"]) == 10
    assert "may not be read by this user" in capsys.readouterr().err


def test_another_run_s_folder_gives_the_same_model(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.trainer.trained.KINDS", {"good": KINDS["good"]})
    train_runs(tmp_path)
    for file in (JSON, PICKLE):
        assert (tmp_path / "good" / file).read_bytes() == (runs / "good" / file).read_bytes()


@pytest.mark.usefixtures("here")
def test_a_series_is_for_a_store_of_many_and_a_store_needs_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["predict", "--model", f"good/{JSON}", "--series", "a", "--horizon", "1"]) == 2
    assert "error[choices-contradict]" in capsys.readouterr().err
    with StoreWriter(Path("models.sqlite")) as store:
        store.add([("a", b"")])
    assert main(["predict", "--model", "models.sqlite", "--horizon", "1"]) == 2
    assert "name one: --series ID" in capsys.readouterr().err
    assert main(["predict", "--model", "models.sqlite", "--series", "b", "--horizon", "1"]) == 2
    assert "error[series-unknown]" in capsys.readouterr().err
