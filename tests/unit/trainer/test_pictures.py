import struct
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trainer.data import Series
from trainer.frequency import Calendar
from trainer.model import Forecast
from trainer.pictures import Story, draw_prediction, draw_residuals, shortened

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when first imported


@pytest.fixture
def story() -> Story:
    dates = pd.date_range("2024-01-01", periods=30, freq="D")
    train = Series(
        source="x", sha256="0", date_name="date", value_name="cost in $", notes=(),
        calendar=Calendar(code="D", name="daily", season=7),
        dates=dates[:20], values=np.arange(20.0),
    )  # fmt: skip
    holdout = replace(train, dates=dates[20:25], values=np.array([1.0, 2, np.nan, 4, 5]))
    mean = np.arange(5.0)
    forecast = Forecast(
        dates=dates[25:], mean=mean, lower_80=mean - 1, upper_80=mean + 1,
        lower_95=mean - 2, upper_95=mean + 2,
    )  # fmt: skip
    return Story(
        title="cost in $: known values", subtitle="ARIMA", train=train, holdout=holdout,
        residuals=np.ones(20), prediction=mean, forecast=forecast,
    )  # fmt: skip


def _chunks(png: bytes) -> dict[bytes, bytes]:
    found, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        found[png[place + 4 : place + 8]] = png[place + 8 : place + 8 + length]
        place += 12 + length
    return found


@pytest.mark.parametrize("draw", [draw_prediction, draw_residuals])
def test_picture_is_the_same_bytes_twice_and_names_no_software(
    draw: object, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = draw(story), draw(story)
    assert first == second
    chunks = _chunks(first)
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (1200, 648)
    assert b"tEXt" not in chunks


def test_long_names_are_shortened() -> None:
    assert shortened("x" * 200).endswith("…")
    assert len(shortened("x" * 200)) == 40
    assert shortened("PaidAmount") == "PaidAmount"
