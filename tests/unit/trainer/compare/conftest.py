"""A comparison called in this process."""

import json
from pathlib import Path

import pytest

from tests.unit.trainer.compare.answered import Answered, Compare
from tests.unit.trainer.trained import csv_text, weekly
from trainer.compare.command import run
from trainer.errors import TrainerError


@pytest.fixture
def compare(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Compare two runs, by their names or paths, on a CSV text (all rows unless told)."""
    monkeypatch.chdir(tmp_path)

    def call(
        champion: str | Path, challenger: str | Path, *more: str, data: str | None = None
    ) -> Answered:
        Path("all.csv").write_text(csv_text(weekly()) if data is None else data)
        both = ["--champion", str(runs / champion), "--challenger", str(runs / challenger)]
        failure = None
        try:
            exit_code = run([*both, "--data", "all.csv", "--json", "verdict.json", *more])
        except TrainerError as exc:
            failure, exit_code = exc, exc.exit_code
        verdict = json.loads(Path("verdict.json").read_text())
        assert sorted(p.name for p in tmp_path.iterdir()) == ["all.csv", "verdict.json"]
        return Answered(exit_code=exit_code, failure=failure, verdict=verdict)

    return call
