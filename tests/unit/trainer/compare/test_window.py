import pytest

from tests.unit.trainer.compare.answered import Compare
from tests.unit.trainer.trained import TRAINED, csv_text, weekly

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when a model is trained
NAN = float("nan")


@pytest.mark.parametrize("rows", [TRAINED - 30, TRAINED, TRAINED + 1, TRAINED + 7])
def test_too_few_new_rows_are_no_promotion(compare: Compare, rows: int) -> None:
    answered = compare("poor", "good", data=csv_text(weekly()[:rows]))
    assert answered.exit_code == 12
    assert answered.verdict["promote"] is False
    new = max(0, rows - TRAINED)
    assert f"has {new} rows after 2024-04-21" in answered.verdict["reason"]
    assert "too little data" in answered.verdict["reason"]


@pytest.mark.parametrize(
    ("new", "horizon", "origins"), [(8, 1, 8), (16, 2, 15), (55, 6, 50), (56, 7, 50), (70, 7, 64)]
)
def test_without_a_horizon_it_is_an_eighth_of_the_window_and_at_most_a_season(
    compare: Compare, new: int, horizon: int, origins: int
) -> None:
    window = compare("poor", "good", data=csv_text(weekly()[: TRAINED + new])).verdict["window"]
    assert (window["horizon"], window["origins"], window["step"]) == (horizon, origins, 1)


def test_origins_without_a_value_to_score_do_not_count(compare: Compare) -> None:
    values = weekly()[: TRAINED + 20]
    for place in range(TRAINED + 1, TRAINED + 15):
        values[place] = NAN
    answered = compare("poor", "good", "--horizon", "1", data=csv_text(values))
    assert answered.exit_code == 12
    assert "from 6 origins, and 8 are needed" in answered.verdict["reason"]


@pytest.mark.parametrize(
    ("horizon", "step", "exit_code"),
    [(14, 1, 12), (12, 1, 12), (11, 1, 0), (14, 7, 12), (8, 8, 0), (10, 10, 12), (500, 1, 12)],
)
def test_each_overlap_of_the_forecasts_asks_for_five_origins(
    compare: Compare, horizon: int, step: int, exit_code: int
) -> None:
    # 70 new rows: 57, 59, 60, 9, 8, 7 and no origins, of which 70, 60, 55, 10, 8, 8 are needed.
    answered = compare("poor", "good", "--horizon", str(horizon), "--step", str(step))
    assert answered.exit_code == exit_code


def test_a_long_window_is_not_forecast_from_every_row(compare: Compare) -> None:
    values = [*weekly()[:TRAINED], *weekly(1200, seed=8)]
    window = compare("poor", "good", data=csv_text(values)).verdict["window"]
    assert (window["step"], window["origins"]) == (6, 199)
