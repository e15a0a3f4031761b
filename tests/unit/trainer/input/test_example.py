import pytest

from tests.unit.trainer.read_tables import opened
from trainer.input.example import example_csv


@pytest.mark.slow
@pytest.mark.process  # matplotlib, which pmdarima imports, asks fc-list for fonts the first time
def test_the_built_in_series_is_airpassengers_by_month() -> None:
    table = opened(example_csv(), "AirPassengers")
    assert table.header == ("Month", "Passengers")
    assert len(table.rows) == 144
    assert table.rows[0] == ("1949-01-01", "112")
    assert table.rows[-1] == ("1960-12-01", "432")
