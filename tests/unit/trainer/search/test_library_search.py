import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trainer.search.library_search import search_by_library


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What pmdarima is asked; it answers (1,0,2)(0,1,1) at the season that it was given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pmdarima

    calls = list[dict[str, Any]]()

    def answer(_values: object, **options: Any) -> SimpleNamespace:
        calls.append(options)
        season = (0, 1, 1, options["m"]) if options["seasonal"] else (0, 0, 0, 0)
        return SimpleNamespace(order=(1, 0, 2), seasonal_order=season, with_intercept=True)

    monkeypatch.setattr(pmdarima, "auto_arima", answer)
    return calls


def test_the_season_is_passed_on_and_the_answer_is_an_order(asked: list[dict[str, Any]]) -> None:
    order = search_by_library(np.arange(21.0), season=7)
    assert (asked[0]["seasonal"], asked[0]["m"]) == (True, 7)
    assert str(order) == "(1,0,2)(0,1,1)[7] with drift"


def test_season_1_means_none(asked: list[dict[str, Any]]) -> None:
    order = search_by_library(np.arange(20.0), season=1)
    assert (asked[0]["seasonal"], asked[0]["m"]) == (False, 1)
    assert str(order) == "(1,0,2) with constant"
