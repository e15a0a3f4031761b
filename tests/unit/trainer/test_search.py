import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trainer.errors import SeriesConstantError
from trainer.search import search_order


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


def test_season_is_searched_from_three_seasons_on(asked: list[dict[str, Any]]) -> None:
    order = search_order(np.arange(21.0), season=7)
    assert (asked[0]["seasonal"], asked[0]["m"]) == (True, 7)
    assert str(order) == "(1,0,2)(0,1,1)[7] with constant"


def test_less_than_three_seasons_are_searched_without_season(asked: list[dict[str, Any]]) -> None:
    order = search_order(np.arange(20.0), season=7)
    assert (asked[0]["seasonal"], asked[0]["m"]) == (False, 1)
    assert str(order) == "(1,0,2) with constant"


def test_constant_values_are_refused() -> None:
    with pytest.raises(SeriesConstantError):
        search_order(np.full(30, 4.0), season=1)
