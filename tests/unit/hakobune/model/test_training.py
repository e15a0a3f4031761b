from pathlib import Path

import pytest

from hakobune.model.training import main_file


@pytest.mark.parametrize(
    ("names", "model", "main"),
    [
        (("a.csv", "report.html", "m.pkl"), "m.pkl", "report.html"),
        (("a.csv", "m.pkl"), "m.pkl", "m.pkl"),
        (("a.csv", "m.pkl"), "", "a.csv"),
        ((), "m.pkl", None),
    ],
)
def test_the_report_is_opened_first_else_the_model_else_the_first_output(
    names: tuple[str, ...], model: str, main: str | None
) -> None:
    found = main_file([(name, Path("/runs/x", name)) for name in names], model)
    assert found == (Path("/runs/x", main) if main else None)
