"""Small series to train on, and the program called in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.trainer.read_tables import loaded
from tests.unit.trainer.series_samples import csv_text, swinging
from tests.unit.trainer.trained import train_runs
from trainer.__main__ import main
from trainer.input.data import Series
from trainer.outcome import Outcome
from trainer.settings import complete, parse_arguments, place_run
from trainer.training import explore


@pytest.fixture(scope="session")
def daily_2013(shared: Path) -> Path:
    """154 days, of which 16 are held out: AdventureWorks, beside the checkout."""
    return shared / "data" / "adventureworks" / "mlops_forecast_data2013.csv"


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    train_runs(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Call the program as from a shell in tmp_path, outputs in `out`, run id `r1`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAKOBUNE_RUN_ID", "r1")
    monkeypatch.delenv("AZUREML_RUN_ID", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(*arguments: str) -> int:
        return main(["--output", "out", *arguments])

    return call


@pytest.fixture
def short_csv(tmp_path: Path) -> Path:
    """40 days that drift and swing."""
    path = tmp_path / "short.csv"
    path.write_text(csv_text(swinging(40)))
    return path


@pytest.fixture
def series() -> Callable[[str], Series]:
    """Turn the text of a CSV file into a series."""

    def read(text: str) -> Series:
        return loaded(text).series

    return read


@pytest.fixture(scope="session")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What a run of order 1,0,0 finds on 40 days; all tests of a worker share it."""
    path = tmp_path_factory.mktemp("outcome") / "short.csv"
    path.write_text(csv_text(swinging(40)))
    raw = parse_arguments(["--input", str(path), "--order", "1,0,0"])
    return explore(complete(raw, place_run(raw, {"HAKOBUNE_RUN_ID": "r1"})))
