"""Thousands of damaged inputs: each is read, or ends with an error of ours; none with a traceback.

`HOSTILE_COUNT=3000` draws more of them than a test can.
"""

import os
import re
import shutil
import warnings
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.trainer.mutants import models, records, tables
from trainer import load
from trainer.compare.contender import read_contender
from trainer.console import show_error
from trainer.errors import TrainerError
from trainer.predict.options import parse_options
from trainer.predict.work import forecast
from trainer.settings import complete, parse_arguments, place_run
from trainer.training import explore

pytestmark = pytest.mark.process
COUNT = int(os.environ.get("HOSTILE_COUNT", "60"))
SEED = int(os.environ.get("HOSTILE_SEED", "14"))
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")
NAMED = ("--date_column", "date", "--value_column", "value")
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\ud800-\udfff]")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_table_is_read_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = Counter[str]()
    for number, content in enumerate(tables(SEED, COUNT)):
        Path("x.csv").write_bytes(content)
        more = ((), NAMED, NAMED, (*NAMED, "--regressors", "price", "--horizon", "3"))[number % 4]
        raw = parse_arguments(["--input", "x.csv", *QUICK, *more])
        try:
            explore(complete(raw, place_run(raw, {"HAKOBUNE_RUN_ID": "r"})))
            told["read"] += 1
        except TrainerError as exc:
            show_error(exc.name(), exc.what, exc.remedy)
            told[exc.name()] += 1
        shown = capsys.readouterr().err
        assert not UNSEEN.search(shown), ascii(UNSEEN.search(shown))
    assert told["read"] > COUNT / 15, told
    assert len(told) > 5, told


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["good", "power", "calendar", "average"])
def test_a_damaged_model_forecasts_or_is_refused(
    runs: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (runs / kind / "models" / "arima_model.json").read_bytes()
    place = tmp_path / "m.json"
    options = parse_options(["--model", str(place), "--horizon", "5"])
    told = Counter[str]()
    for content in models(whole, SEED, COUNT):
        place.write_bytes(content)
        for read in (lambda: forecast(options), lambda: read_contender(place, "champion")):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    read()
                told["read"] += 1
            except TrainerError as exc:
                show_error(exc.name(), exc.what, exc.remedy)
                told[exc.name()] += 1
        shown = capsys.readouterr().err
        assert not UNSEEN.search(shown), ascii(UNSEEN.search(shown))
        assert len(shown) < 5_000
    assert told["read"] > COUNT / 20, told
    assert told["saved-model-invalid"] > COUNT / 10, told


@pytest.mark.slow
def test_a_damaged_record_is_whole_or_refused(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(runs / "good", tmp_path / "good"))
    whole = (run / "record.json").read_bytes()
    told = Counter[str]()
    for content in records(whole, SEED, COUNT):
        (run / "record.json").write_bytes(content)
        for read in (
            lambda: read_contender(run, "champion"),
            lambda: load(run / "models" / "arima_model.pkl"),
        ):
            try:
                read()
                told["read"] += 1
            except TrainerError as exc:
                show_error(exc.name(), exc.what, exc.remedy)
                told[exc.name()] += 1
        shown = capsys.readouterr().err
        assert not UNSEEN.search(shown), ascii(UNSEEN.search(shown))
        assert len(shown) < 5_000
    assert told["read"] > COUNT / 20, told
    assert told["saved-model-invalid"] > COUNT / 20, told
