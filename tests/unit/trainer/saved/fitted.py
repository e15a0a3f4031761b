"""Small models of the kernel, and what a saved model needs to know of their series."""

import numpy as np
import pandas as pd

from tests.unit.trainer.series_samples import swinging
from trainer.fit.order import Order
from trainer.fit.recipe import Recipe, find
from trainer.saved.library_object import Sample
from trainer.search.found import Found

VALUES = np.array(swinging(60))
ORDERS = [
    Order(p=1, d=0, q=0, has_constant=True),
    Order(p=0, d=1, q=1),
    Order(p=1, d=1, q=1, has_constant=True),
    Order(p=1, d=0, q=0, seasonal_d=1, seasonal_q=1, season=7, has_constant=True),
]


def fitted(order: Order, gaps: tuple[int, ...] = ()) -> Found:
    values = VALUES.copy()
    values[list(gaps)] = np.nan
    recipe = Recipe(order=order, engine="kernel", select="aicc", power=None, season=1)
    return find(recipe, values, horizon=5)


def sample_of(found: Found) -> Sample:
    return Sample(
        name="value",
        numbers=found.values,
        first_date=pd.Timestamp("2024-01-01"),
        frequency="D",
    )
