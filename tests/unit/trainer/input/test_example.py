import pytest

from trainer.input.example import example_csv
from trainer.input.table import read_table


@pytest.mark.slow
@pytest.mark.process  # matplotlib, which pmdarima imports, asks fc-list for fonts the first time
def test_the_built_in_series_is_airpassengers_by_month() -> None:
    table = read_table(example_csv(), "AirPassengers")
    assert table.header == ("Month", "Passengers")
    assert len(table.rows) == 144
    assert table.rows[0].cells == ("1949-01-01", "112")
    assert table.rows[-1].cells == ("1960-12-01", "432")
