import json
import os
import re
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from tests.unit.trainer.compare.answered import Compare
from tests.unit.trainer.saved.made import resealed
from tests.unit.trainer.trained import csv_text, weekly
from trainer.compare import work as story
from trainer.compare.command import run
from trainer.errors import (
    ColumnAmbiguousError,
    DiskFullError,
    InputMissingError,
    MemoryExhaustedError,
    OutputNotWritableError,
)
from trainer.interruption import InterruptedBySignal
from trainer.prepare.publish import Target

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained


def test_a_clearly_better_challenger_is_promoted(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = compare("poor", "good")
    assert answered.exit_code == 0
    verdict = answered.verdict
    assert verdict["promote"] is True
    assert verdict["exit_code"] == 0
    assert verdict["error"] is None
    assert verdict["test"]["p_value"] < 0.001
    assert verdict["scores"]["challenger"]["mae"] < verdict["scores"]["champion"]["mae"]
    assert verdict["champion"]["run_id"] == "run-poor"
    assert verdict["challenger"]["is_verified"] is True
    assert verdict["window"] == {
        "first_date": "2024-04-22",
        "last_date": "2024-06-30",
        "rows": 70,
        "known": 70,
        "origins": 64,
        "horizon": 7,
        "step": 1,
    }
    shown = capsys.readouterr().out
    assert re.search(r"^MAE( +[0-9.]+){3}$", shown, re.MULTILINE)
    last = shown.splitlines()[-1]
    assert re.match(r"verdict +PROMOTE\. The challenger's error is [0-9.]+ % below", last)


def test_equal_models_are_not_promoted(compare: Compare) -> None:
    answered = compare("good", "good")
    assert answered.exit_code == 10
    assert answered.verdict["error"] == "challenger-not-promoted"
    assert answered.verdict["promote"] is False
    assert answered.verdict["reason"] == "The challenger's error is the same as the champion's."
    assert answered.verdict["test"]["p_value"] == 1.0


def test_a_worse_challenger_is_not_promoted_and_told_when_the_baseline_wins(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = compare("good", "poor")
    assert answered.exit_code == 10
    assert answered.verdict["promote"] is False
    assert "% above the champion's" in answered.verdict["reason"]
    assert answered.verdict["baseline"]["name"] == "seasonal_naive"
    assert answered.verdict["baseline"]["skill"] < 0
    assert "THE BASELINE WINS" in capsys.readouterr().out


def test_a_challenger_that_is_better_by_chance_is_not_promoted(compare: Compare) -> None:
    first, second = compare("good", "near"), compare("near", "good")
    better = min((first, second), key=lambda one: one.verdict["test"]["p_value"])
    assert better.verdict["test"]["challenger_loss"] < better.verdict["test"]["champion_loss"]
    assert better.exit_code == 10
    assert "may be chance" in better.verdict["reason"]
    p_value = better.verdict["test"]["p_value"]
    pair = ("good", "near") if better is first else ("near", "good")
    assert compare(*pair, "--significance", str(p_value * 1.001)).exit_code == 0
    assert compare(*pair, "--significance", str(p_value)).exit_code == 10


def test_both_are_scored_on_the_rows_after_the_later_of_their_last_dates(
    compare: Compare, runs: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from trainer.__main__ import main

    folder = tmp_path_factory.mktemp("later")
    (folder / "train.csv").write_text(csv_text(weekly()[:130]))
    place = ("--input", str(folder / "train.csv"), "--output", str(folder / "later"))
    rest = ("--value_column", "sales", "--order", "1,0,0", "--backtest_windows", "0")
    assert main([*place, *rest]) == 0
    for pair in (("good", folder / "later"), (folder / "later", "good")):
        verdict = compare(*pair).verdict
        assert verdict["window"]["first_date"] == "2024-05-10"
        assert verdict["window"]["rows"] == 52


def test_of_two_columns_with_dates_the_option_names_the_one(compare: Compare) -> None:
    header, *rows = csv_text(weekly()).splitlines()
    data = "\n".join([f"first,{header}", *(f"{row.partition(',')[0]},{row}" for row in rows)])
    data = data.replace("day,", "second,", 1)
    assert isinstance(compare("poor", "good", data=data).failure, ColumnAmbiguousError)
    answered = compare("poor", "good", "--date_column", "second", data=data)
    assert answered.exit_code == 0


def test_the_same_models_and_data_give_the_same_bytes(compare: Compare, tmp_path: Path) -> None:
    contents = set()
    for _ in range(2):
        compare("poor", "average")
        contents.add((tmp_path / "verdict.json").read_bytes())
    assert len(contents) == 1


def test_squared_errors_are_compared_where_they_are_asked_for(compare: Compare) -> None:
    verdict = compare("poor", "good", "--loss", "squared").verdict
    assert verdict["test"]["loss"] == "squared"
    rmse = verdict["scores"]["challenger"]["rmse"]
    assert verdict["test"]["challenger_loss"] == pytest.approx(rmse**2)


def test_horizon_and_step_are_those_asked_for(compare: Compare) -> None:
    verdict = compare("poor", "good", "--horizon", "5", "--step", "3").verdict
    assert verdict["window"]["horizon"] == 5
    assert verdict["window"]["step"] == 3
    assert verdict["window"]["origins"] == 22
    assert verdict["test"]["lags"] == 1


def test_gaps_are_not_scored_and_stop_no_one(compare: Compare) -> None:
    values = weekly()
    for place in (50, 120, 121, 150, 160):
        values[place] = float("nan")
    answered = compare("poor", "good", data=csv_text(values))
    assert answered.exit_code == 0
    assert answered.verdict["window"]["known"] == 66
    assert answered.verdict["scores"]["champion"]["scored"] < 64 * 7
    assert answered.verdict["notes"][-1].startswith("1 values differ from the training data of the")


def test_json_alone_goes_to_standard_output_where_it_is_asked_for(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "all.csv").write_text(csv_text(weekly()))
    both = ["--champion", str(runs / "poor"), "--challenger", str(runs / "good")]
    assert run([*both, "--data", str(tmp_path / "all.csv"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["promote"] is True
    with pytest.raises(InputMissingError, match="no file") as caught:
        run([*both, "--data", str(tmp_path / "none.csv"), "--json", "-"])
    assert "--data" in caught.value.remedy
    assert json.loads(capsys.readouterr().out)["promote"] is False


def test_a_failure_takes_the_place_of_an_earlier_promotion(compare: Compare) -> None:
    assert compare("poor", "good").verdict["promote"] is True
    answered = compare("poor", "nowhere")
    assert answered.exit_code == 10
    assert answered.verdict == {
        "schema_version": 1,
        "promote": False,
        "reason": answered.failure.what if answered.failure else "",
        "exit_code": 10,
        "error": "saved-model-invalid",
        "remedy": answered.failure.remedy if answered.failure else "",
    }
    assert "challenger" in answered.verdict["reason"]


@pytest.mark.parametrize("stop", [InterruptedBySignal(15), RuntimeError("a bug")])
def test_a_comparison_that_is_stopped_leaves_no_promotion(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    assert compare("poor", "good").verdict["promote"] is True

    def stopped(*_arguments: object) -> NoReturn:
        raise stop

    monkeypatch.setattr(story, "hold_contest", stopped)
    with pytest.raises(type(stop)):
        compare("poor", "good")
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["promote"] is False
    assert verdict["reason"] == "the comparison is not finished"


def test_lack_of_memory_is_no_promotion(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_arguments: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(story, "hold_contest", exhausted)
    answered = compare("poor", "good")
    assert isinstance(answered.failure, MemoryExhaustedError)
    assert answered.verdict["promote"] is False


def test_a_full_disk_at_the_end_is_no_promotion(
    compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = Target.write, []

    def full(self: Target, content: bytes) -> None:
        calls.append(content)
        if len(calls) > 1:
            raise DiskFullError("the disk is full", remedy="choose another --output")
        write(self, content)

    monkeypatch.setattr(Target, "write", full)
    answered = compare("poor", "good")
    assert answered.exit_code == 13
    assert answered.failure is not None
    assert answered.failure.remedy == "choose another --json"
    assert answered.verdict["promote"] is False


@pytest.mark.parametrize("name", ["all.csv", "good/metric.json", "good/models/arima_model.json"])
def test_the_verdict_is_not_written_over_what_is_none(
    runs: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "all.csv").write_text(csv_text(weekly()))
    victim = (tmp_path if name == "all.csv" else runs) / name
    before = victim.read_bytes()
    both = ["--champion", str(runs / "poor"), "--challenger", str(runs / "good")]
    with pytest.raises(OutputNotWritableError, match="not a verdict"):
        run([*both, "--data", str(tmp_path / "all.csv"), "--json", str(victim)])
    assert victim.read_bytes() == before


def test_an_empty_file_takes_the_verdict_and_a_pipe_gets_it_once(
    runs: Path, tmp_path: Path
) -> None:
    (tmp_path / "all.csv").write_text(csv_text(weekly()))
    (tmp_path / "empty.json").touch()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    both = ["--champion", str(runs / "poor"), "--challenger", str(runs / "good")]
    for place in ("empty.json", "pipe"):
        data = ["--data", str(tmp_path / "all.csv")]
        assert run([*both, *data, "--json", str(tmp_path / place)]) == 0
    piped = os.read(reader, 65_536)
    os.close(reader)
    assert json.loads(piped)["promote"] is True
    assert (tmp_path / "empty.json").read_bytes() == piped


def test_a_bad_place_for_the_verdict_is_found_before_any_work(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "compare", lambda _options: pytest.fail("it worked already"))
    both = ["--champion", str(runs / "poor"), "--challenger", str(runs / "good")]
    for place in (tmp_path, tmp_path / "none" / "verdict.json"):
        with pytest.raises(OutputNotWritableError):
            run([*both, "--data", "x.csv", "--json", str(place)])


def test_a_model_that_predicts_no_number_is_no_promotion(
    compare: Compare, runs: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = json.loads((runs / "poor" / "models" / "arima_model.json").read_text())
    raw["members"][0]["mean"] = 1e308
    raw["members"][0]["weight"] = 10.0
    odd = tmp_path_factory.mktemp("odd") / "odd.json"
    odd.write_bytes(resealed(raw))
    with np.errstate(all="ignore"):
        answered = compare(odd, "good")
    assert answered.exit_code == 12
    assert answered.verdict["promote"] is False
    assert answered.verdict["reason"].startswith(
        "the champion cannot forecast these data: 64 forecasts failed"
    )


def test_a_json_model_may_stand_for_a_run_and_is_told_as_not_verified(
    compare: Compare, runs: Path
) -> None:
    of_folder = compare("poor", "good").verdict
    answered = compare("poor", runs / "good" / "models" / "arima_model.json")
    assert answered.exit_code == 0
    assert answered.verdict["challenger"]["is_verified"] is False
    assert answered.verdict["scores"] == of_folder["scores"]


@pytest.mark.parametrize("more", [(), ("--trust-pickle",)], ids=["default", "trusted"])
def test_a_pickle_stands_for_the_json_beside_it(
    compare: Compare, runs: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    of_folder = compare("poor", "good").verdict
    capsys.readouterr()
    answered = compare("poor", runs / "good" / "models" / "arima_model.pkl", *more)
    assert answered.exit_code == 0
    assert answered.verdict["scores"] == of_folder["scores"]
    assert answered.verdict["challenger"]["sha256"] == of_folder["challenger"]["sha256"]
    told = "note     arima_model.pkl: a pickle is not opened without --trust-pickle"
    assert (told in capsys.readouterr().err) == (not more)
