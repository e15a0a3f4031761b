import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainer.errors import SeriesConstantError, SeriesTooShortError, ValuesTooSmallError
from trainer.evaluate import score
from trainer.likelihood import Order
from trainer.model import Sample, build_results, fit_model, forecast, residuals

pytestmark = pytest.mark.process  # a whole run draws, and matplotlib asks fc-list for fonts
AR1 = Order(p=1, d=0, q=0, has_constant=True)


def test_2_0_2_escapes_the_optimum_where_the_library_stops(daily_2013: Path) -> None:
    from statsmodels.tsa.arima.model import ARIMA

    table = pd.read_csv(daily_2013)
    numbers = table["PaidAmount"].to_numpy()
    sample = Sample(
        name="PaidAmount",
        numbers=numbers[:138],
        first_date=pd.Timestamp("2013-07-31"),
        frequency="D",
    )
    fit = fit_model(sample, Order(p=2, d=0, q=2, has_constant=True))
    prediction = forecast(build_results(fit.model), 16).mean
    scores = score(numbers[138:], prediction)
    assert fit.log_likelihood >= -1041.10
    assert fit.is_converged
    assert scores.rmse == pytest.approx(461.59, abs=0.05)
    assert scores.r2 == pytest.approx(0.1035, abs=0.0002)
    reached = [start for start in fit.starts if (start.log_likelihood or -9e9) > -1041.2]
    assert len(reached) >= 2
    assert ARIMA(numbers[:138], order=(2, 0, 2)).fit().llf < -1045


@pytest.mark.parametrize("order", [AR1, Order(p=0, d=1, q=1), Order(p=0, d=2, q=1)], ids=str)
@pytest.mark.parametrize("factor", [2.0**40, 2.0**-14])
def test_scale_of_the_data_changes_nothing_but_the_scale(
    sample: Sample, order: Order, factor: float
) -> None:
    plain = fit_model(sample, order)
    scaled = fit_model(replace(sample, numbers=sample.numbers * factor), order)
    expected = forecast(build_results(plain.model), 5)
    found = forecast(build_results(scaled.model), 5)
    assert scaled.is_converged
    np.testing.assert_allclose(found.mean / factor, expected.mean, rtol=1e-9)
    np.testing.assert_allclose(found.upper_95 / factor, expected.upper_95, rtol=1e-9)
    lost = (60 - order.lost) * math.log(factor)
    assert scaled.log_likelihood + lost == pytest.approx(plain.log_likelihood, abs=1e-6)


def test_intervals_nest_around_the_forecast(sample: Sample) -> None:
    found = forecast(build_results(fit_model(sample, AR1).model), 4)
    assert np.all(found.lower_95 < found.lower_80)
    assert np.all(found.lower_80 < found.mean)
    assert np.all(found.mean < found.upper_80)
    assert np.all(found.upper_80 < found.upper_95)
    assert str(found.dates[0].date()) == "2024-03-01"


def test_criteria_count_the_variance(sample: Sample) -> None:
    fit = fit_model(sample, AR1)
    assert fit.aic == pytest.approx(2 * 3 - 2 * fit.log_likelihood)
    assert fit.aicc == pytest.approx(fit.aic + 2 * 3 * 4 / (60 - 3 - 1))
    results = build_results(fit.model)
    assert results.llf == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert results.aicc == pytest.approx(fit.aicc)


def test_residuals_of_rows_lost_to_differencing_are_left_out(sample: Sample) -> None:
    order = Order(p=0, d=1, q=1)
    errors = residuals(build_results(fit_model(sample, order).model), order)
    assert np.isnan(errors[:1]).all()
    assert np.isfinite(errors[1:]).all()


@pytest.mark.parametrize("order", [AR1, Order(p=0, d=1, q=0), Order(p=0, d=0, q=1)], ids=str)
def test_series_that_never_changes_is_refused(sample: Sample, order: Order) -> None:
    with pytest.raises(SeriesConstantError):
        fit_model(replace(sample, numbers=np.full(60, 0.1)), order)


def test_straight_line_has_nothing_to_learn_from_its_differences(sample: Sample) -> None:
    line = replace(sample, numbers=np.linspace(0.1, 6, 60))
    with pytest.raises(SeriesConstantError, match="differenced"):
        fit_model(line, Order(p=1, d=1, q=0))


def test_too_short_a_series_is_refused_with_the_length_that_would_do(sample: Sample) -> None:
    order = Order(p=2, d=1, q=2, seasonal_p=1, seasonal_d=1, season=12)
    with pytest.raises(SeriesTooShortError, match="needs 23"):
        fit_model(replace(sample, numbers=sample.numbers[:22]), order)


def test_model_of_the_training_part_never_sees_the_holdout(
    run: Callable[..., int], short_csv: Path, tmp_path: Path
) -> None:
    figures = []
    lines = short_csv.read_text().splitlines()
    for number, last in enumerate((["10", "", "90"], ["55", "54", "53"])):
        changed = [
            line.split(",")[0] + "," + value for line, value in zip(lines[-3:], last, strict=True)
        ]
        short_csv.write_text("\n".join([*lines[:-3], *changed]))
        arguments = ["--order", "1,0,0", "--holdout", "3", "--input", str(short_csv)]
        assert run(*arguments, "--output", f"out{number}") == 0
        figures.append(json.loads((tmp_path / f"out{number}" / "metric.json").read_text()))
    same = ("parameters", "log_likelihood", "starts", "order")
    assert [figures[0][key] for key in same] == [figures[1][key] for key in same]
    assert figures[0]["RMSE"] != figures[1]["RMSE"]
    assert (figures[0]["scored_rows"], figures[1]["scored_rows"]) == (2, 3)


def test_values_below_the_librarys_arithmetic_are_refused(sample: Sample) -> None:
    with pytest.raises(ValuesTooSmallError, match="vary by"):
        fit_model(replace(sample, numbers=sample.numbers * 1e-6), AR1)
