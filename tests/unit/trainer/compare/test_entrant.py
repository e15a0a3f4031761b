import csv
import json
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

from tests.unit.trainer.compare.answered import Compare
from tests.unit.trainer.read_tables import loaded as read
from tests.unit.trainer.saved.made import resealed
from tests.unit.trainer.trained import ROWS, TRAINED, csv_text, weekly
from trainer.compare.contender import read_contender
from trainer.compare.entrant import Entrant, enter
from trainer.errors import (
    ComparisonImpossibleError,
    RegressorsInvalidError,
    SavedModelInvalidError,
    TrainerError,
)
from trainer.evaluation.backtest import cut_series
from trainer.input.data import Loaded

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained

Enter = Callable[..., tuple[Entrant, Loaded]]
NAN = float("nan")


def _loaded(text: str) -> Loaded:
    header = text.partition("\n")[0].split(",")
    others = [name for name in header if name not in ("day", "sales")]
    return read(text, "all.csv", date="day", value="sales", others=others)


@pytest.fixture
def entered(runs: Path) -> Enter:
    """Let a model enter on a CSV text (all rows unless told)."""

    def call(name: str | Path, data: str | None = None) -> tuple[Entrant, Loaded]:
        loaded = _loaded(csv_text(weekly()) if data is None else data)
        return enter(read_contender(runs / name, "challenger"), loaded), loaded

    return call


def _forecast_file(run: Path) -> list[list[float]]:
    with (run / "forecast.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    return [[float(cell) for cell in row[1:4]] for row in rows]


@pytest.mark.parametrize("kind", ["good", "power", "average", "calendar"])
def test_at_the_end_of_training_it_forecasts_what_the_run_forecast(
    runs: Path, entered: Enter, kind: str
) -> None:
    entrant, loaded = entered(kind)
    found = entrant.predict(cut_series(loaded.series, TRAINED), 14)
    lower, upper = found.bounds(0.8)
    expected = _forecast_file(runs / kind)
    assert np.column_stack([found.point, lower, upper]).tolist() == expected
    assert entrant.notes == ()


def test_with_a_regressor_of_the_data_it_forecasts_what_the_run_forecast(
    runs: Path, entered: Enter
) -> None:
    entrant, loaded = entered("price")
    found = entrant.predict(cut_series(loaded.series, TRAINED), 14)
    assert found.point.tolist() == [row[0] for row in _forecast_file(runs / "price")]


def test_it_goes_on_as_statsmodels_does_with_the_same_parameters(
    runs: Path, entered: Enter
) -> None:
    library = joblib.load(runs / "good" / "models" / "arima_model.pkl")
    entrant, loaded = entered("good")
    for origin in (TRAINED + 1, TRAINED + 20, ROWS - 7):
        longer = library.append(loaded.series.values[TRAINED:origin], refit=False)
        expected = longer.get_forecast(7)
        found = entrant.predict(cut_series(loaded.series, origin), 7)
        np.testing.assert_allclose(found.mean, expected.predicted_mean, rtol=1e-6)
        np.testing.assert_allclose(found.standard_error, expected.se_mean, rtol=1e-6)


@pytest.mark.parametrize("kind", ["good", "power", "calendar", "price"])
def test_no_value_from_the_origin_on_changes_a_forecast(entered: Enter, kind: str) -> None:
    values = weekly()
    changed = [*values[:140], *(value + 30 for value in values[140:])]
    forecasts = []
    for text in (csv_text(values), csv_text(changed)):
        entrant, loaded = entered(kind, text)
        forecasts.append(entrant.predict(cut_series(loaded.series, 140), 7).point.tolist())
    assert forecasts[0] == forecasts[1]


@pytest.mark.parametrize("kind", ["good", "power", "average", "calendar", "price"])
def test_what_the_data_no_longer_hold_the_model_knows(entered: Enter, kind: str) -> None:
    whole, loaded = entered(kind)
    header, *rows = csv_text(weekly()).splitlines()
    late, later = entered(kind, "\n".join([header, *rows[60:]]))
    found = late.predict(cut_series(later.series, 150 - 60), 7)
    assert found.point.tolist() == whole.predict(cut_series(loaded.series, 150), 7).point.tolist()


def test_data_that_begin_before_the_model_did_are_given_from_its_first_date(
    entered: Enter,
) -> None:
    whole, loaded = entered("good")
    early = csv_text([*weekly(20, seed=5), *weekly()], start="2023-12-12")
    longer, data = entered("good", early)
    assert str(data.series.dates[20].date()) == "2024-01-01"
    found = longer.predict(cut_series(data.series, 20 + 150), 7)
    assert found.point.tolist() == whole.predict(cut_series(loaded.series, 150), 7).point.tolist()


@pytest.mark.parametrize("kind", ["good", "power"])
def test_a_few_revised_values_are_told_and_taken(entered: Enter, kind: str) -> None:
    values = weekly()
    values[100] += 0.01
    values[50] = NAN
    entrant, loaded = entered(kind, csv_text(values))
    told = "2 values differ from the training data of the challenger"
    assert entrant.notes == (f"{told}: the forecasts use the values of --data",)
    whole, other = entered(kind)
    # A week: a step ahead alone would not see what happened on other weekdays.
    assert not np.array_equal(
        entrant.predict(cut_series(loaded.series, TRAINED), 7).point,
        whole.predict(cut_series(other.series, TRAINED), 7).point,
    )


SEED = weekly(seed=4)
OTHERS: dict[str, tuple[str, str, str]] = {
    "other values": ("good", csv_text(SEED), "111 of 112 values of all.csv differ from"),
    "another unit": ("power", csv_text([v / 10 for v in weekly()]), "112 of 112 values"),
    "12 revised": (
        "good",
        csv_text([v + (place < 12) for place, v in enumerate(weekly())]),
        "12 of 112 values",
    ),
    "no overlap": ("good", csv_text(SEED, start="2024-05-01"), "0 values of all.csv overlap"),
    "small overlap": (
        "good",
        csv_text(weekly()[TRAINED - 9 :], start="2024-04-13"),
        "9 values of all.csv overlap",
    ),
    "weeks": ("good", csv_text(SEED, freq="W-MON"), "calendar 'D', and all.csv has 'W-MON'"),
    "not positive": ("power", csv_text([*weekly()[:-1], -1.0]), "needs positive values"),
    "other prices": (
        "price",
        "\n".join(
            line if place == 0 else f"{line}1"
            for place, line in enumerate(csv_text(weekly()).split())
        ),
        "112 of 112 values of price in all.csv",
    ),
    "no prices": (
        "price",
        "\n".join(line.rpartition(",")[0] for line in csv_text(weekly()).split()),
        "needs price: not in all.csv",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_data_that_do_not_belong_to_the_model_are_no_promotion(compare: Compare, name: str) -> None:
    kind, text, told = OTHERS[name]
    for pair in ((kind, "poor"), ("poor", kind)):
        answered = compare(*pair, data=text)
        assert answered.exit_code == 12
        assert answered.verdict["promote"] is False
        assert told in answered.verdict["reason"]


def test_eleven_of_112_revised_values_are_still_the_same_series(entered: Enter) -> None:
    values = [value + (place < 11) for place, value in enumerate(weekly())]
    entrant, _ = entered("good", csv_text(values))
    assert entrant.notes[0].startswith("11 values differ")


def test_a_regressor_that_is_missing_beside_a_value_is_no_promotion(compare: Compare) -> None:
    lines = csv_text(weekly()).split()
    lines[150] = lines[150].rpartition(",")[0] + ","
    answered = compare("poor", "price", data="\n".join(lines))
    assert isinstance(answered.failure, RegressorsInvalidError)
    assert answered.verdict["promote"] is False


def test_a_calendar_that_says_otherwise_of_the_trained_rows_is_not_gone_on_with(
    runs: Path, tmp_path: Path
) -> None:
    raw = json.loads((runs / "calendar" / "models" / "arima_model.json").read_text())
    place = raw["regressor_names"].index("holiday_DE")
    raw["regressors"][place][5] = 1 - raw["regressors"][place][5]
    path = tmp_path / "model.json"
    path.write_bytes(resealed(raw))
    contender = read_contender(path, "challenger")
    with pytest.raises(ComparisonImpossibleError, match="another holiday_DE"):
        enter(contender, _loaded(csv_text(weekly())))


@pytest.mark.parametrize(
    "changed", [{"holidays": "FR"}, {"holidays": "XX"}, {"fourier": [[30, 2]]}, {"weekday": False}]
)
def test_a_plan_that_does_not_make_the_models_regressors_is_refused(
    runs: Path, tmp_path: Path, changed: dict[str, object]
) -> None:
    raw = json.loads((runs / "calendar" / "models" / "arima_model.json").read_text())
    raw["calendar_regressors"] |= changed
    path = tmp_path / "model.json"
    path.write_bytes(resealed(raw))
    contender = read_contender(path, "challenger")
    with pytest.raises(SavedModelInvalidError, match="calendar"):
        enter(contender, _loaded(csv_text(weekly())))


def test_values_that_do_not_fill_their_dates_are_refused(runs: Path, tmp_path: Path) -> None:
    raw = json.loads((runs / "good" / "models" / "arima_model.json").read_text())
    raw["last_date"] = "2024-04-20"
    path = tmp_path / "model.json"
    path.write_bytes(resealed(raw))
    with pytest.raises(TrainerError, match="its values do not match its dates"):
        enter(read_contender(path, "challenger"), _loaded(csv_text(weekly())))
