from pathlib import Path

import pytest

from hakobune.model.training import main_file


@pytest.mark.parametrize(
    ("names", "model", "main"),
    [
        (("a.csv", "report.html", "m.pkl"), "m.pkl", "report.html"),
        (("a.csv", "m.json"), "m.json", "m.json"),
        (("a.csv", "m.pkl"), "m.pkl", "a.csv"),
        (("a.bin", "m.pkl"), "m.pkl", "m.pkl"),
        (("m.pkl", "a.csv"), "", "a.csv"),
        ((), "m.pkl", None),
    ],
)
def test_the_report_is_opened_first_else_what_people_can_read_of_model_and_outputs(
    names: tuple[str, ...], model: str, main: str | None
) -> None:
    found = main_file([(name, Path("/runs/x", name)) for name in names], model)
    assert found == (Path("/runs/x", main) if main else None)
