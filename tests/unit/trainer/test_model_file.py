import pickletools
from dataclasses import replace

import numpy as np
import pytest

from trainer.likelihood import Order
from trainer.model import Sample, build_results, fit_model, forecast
from trainer.model_file import dump_model, load_model

ORDER = Order(p=1, d=1, q=0, seasonal_p=0, seasonal_d=0, seasonal_q=1, season=7)


def test_loaded_model_forecasts_the_same_and_is_statsmodels_own(sample: Sample) -> None:
    model = fit_model(sample, ORDER).model
    loaded = load_model(dump_model(model))
    expected, found = forecast(build_results(model), 9), forecast(loaded, 9)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.upper_95, expected.upper_95)
    assert found.dates.equals(expected.dates)
    assert type(loaded).__module__.startswith("statsmodels.")
    assert "SARIMAX" in str(loaded.summary())


def test_file_is_small_and_needs_nothing_of_the_trainer(sample: Sample) -> None:
    content = dump_model(fit_model(sample, ORDER).model)
    assert len(content) < 5_000
    texts = [str(argument) for _, argument, _ in pickletools.genops(content) if argument]
    assert not [text for text in texts if "trainer" in text]


@pytest.mark.parametrize("name", ["value", "Größe, €", "x" * 300])
def test_same_model_gives_the_same_bytes(sample: Sample, name: str) -> None:
    model = fit_model(replace(sample, name=name), Order(p=1, d=0, q=0)).model
    again = fit_model(replace(sample, name=name), Order(p=1, d=0, q=0)).model
    assert dump_model(model) == dump_model(again)
