import io
import pickletools
import warnings
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pytest

from tests.unit.trainer.saved.fitted import ORDERS, fitted, sample_of
from trainer.fit.prediction import BoxCox
from trainer.fit.recipe import Recipe, find
from trainer.saved.library_object import build_results
from trainer.saved.pickle_file import dump_mixture, dump_results, dump_search

pytestmark = pytest.mark.process  # pmdarima loads scikit-learn, which asks for the processor
SEASONAL = ORDERS[3]


def load_model(content: bytes) -> Any:
    """Load a file as its users do."""
    return joblib.load(io.BytesIO(content))


def test_results_forecast_the_same_and_are_statsmodels_own() -> None:
    found = fitted(SEASONAL)
    sample = sample_of(found)
    loaded = load_model(dump_results(sample, found.best))
    expected = build_results(sample, found.best).get_forecast(9)
    ahead = loaded.get_forecast(9)
    np.testing.assert_array_equal(ahead.predicted_mean, expected.predicted_mean)
    np.testing.assert_array_equal(ahead.conf_int(), expected.conf_int())
    assert ahead.predicted_mean.index.equals(expected.predicted_mean.index)
    assert type(loaded).__module__.startswith("statsmodels.")
    assert "SARIMAX" in str(loaded.summary())


@pytest.mark.slow
def test_a_searched_model_is_pmdarimas_own_and_forecasts_the_same() -> None:
    found = fitted(SEASONAL)
    loaded = load_model(dump_search(sample_of(found), found.best, None))
    assert type(loaded).__module__ == "pmdarima.arima.arima"
    ahead, bounds = loaded.predict(9, return_conf_int=True, alpha=0.05)
    np.testing.assert_allclose(ahead, found.predict(9).mean, rtol=1e-8)
    np.testing.assert_allclose(bounds[:, 0], found.predict(9).bounds(0.95)[0], rtol=1e-6)
    assert (loaded.order, loaded.seasonal_order) == ((1, 0, 0), (0, 1, 1, 7))
    assert loaded.aic() == pytest.approx(found.best.aic, abs=1e-5)
    assert "SARIMAX" in str(loaded.summary())


@pytest.mark.slow
def test_a_transformed_model_is_pmdarimas_pipeline_in_the_data_s_unit() -> None:
    recipe = Recipe(order=SEASONAL, engine="kernel", select="aicc", power=0.0, season=1)
    found = find(recipe, fitted(SEASONAL).values, horizon=5)
    loaded = load_model(dump_search(sample_of(found), found.best, BoxCox(power=0.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ahead = loaded.predict(5)
    np.testing.assert_allclose(ahead, found.predict(5).point, rtol=1e-6)


def test_a_mixture_is_a_list_of_weights_and_results() -> None:
    found = fitted(SEASONAL)
    loaded = load_model(dump_mixture(sample_of(found), ((0.25, found.best), (0.75, found.best))))
    assert [weight for weight, _ in loaded] == [0.25, 0.75]
    mean = sum(weight * results.forecast(3).to_numpy() for weight, results in loaded)
    np.testing.assert_allclose(mean, found.predict(3).mean, rtol=1e-8)


@pytest.mark.parametrize("kind", ["results", pytest.param("search", marks=pytest.mark.slow)])
def test_file_is_small_and_needs_nothing_of_the_trainer(kind: str) -> None:
    found = fitted(SEASONAL)
    sample = sample_of(found)
    content = (
        dump_results(sample, found.best)
        if kind == "results"
        else dump_search(sample, found.best, None)
    )
    assert len(content) < 5_000
    texts = [str(argument) for _, argument, _ in pickletools.genops(content) if argument]
    assert not [text for text in texts if "trainer" in text]


@pytest.mark.parametrize("name", ["value", "Größe, €", "x" * 300])
def test_same_model_gives_the_same_bytes(name: str) -> None:
    found, again = fitted(ORDERS[0]), fitted(ORDERS[0])
    first = dump_results(replace(sample_of(found), name=name), found.best)
    assert first == dump_results(replace(sample_of(again), name=name), again.best)
    assert dump_search(sample_of(found), found.best, None) == dump_search(
        sample_of(again), again.best, None
    )
