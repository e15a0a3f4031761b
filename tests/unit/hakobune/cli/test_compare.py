import shutil
import sys
from pathlib import Path

import pytest

from hakobune.cli.main import main
from tests.run_samples import make_run, write_run

SAME = "--seasonal_order 0,1,1,7 --criterion bic --holdout 12"


def shown(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
) -> list[str]:
    """Return the line of the arguments that comparing two runs with these shows."""
    made = make_run(root, arguments=arguments[0].split())
    other = root / "runs/other"
    shutil.copytree(made.folder, other)
    write_run(other, made.image, arguments=arguments[1].split())
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["hakobune", "compare", "demo-run", "other"])
    with pytest.raises(SystemExit):
        main()
    lines = [line for line in capsys.readouterr().out.splitlines() if "arguments" in line]
    return [cell.strip() for cell in lines[0].split("  ") if cell.strip()]


@pytest.mark.parametrize(
    ("ends", "cells"),
    [
        (("1 --seed 1", "2 --seed 1"), ("…-holdout 12 1 --seed 1", "…-holdout 12 2 --seed 1")),
        (("", "--plain"), ("…--holdout 12", "…--holdout 12 --plain")),
        (("", "-" + "x" * 99), ("…--holdout 12", "…--holdout 12 -" + "x" * 19)),
    ],
)
def test_arguments_that_differ_far_behind_are_cut_so_that_it_shows(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    ends: tuple[str, str],
    cells: tuple[str, str],
) -> None:
    both = (f"{SAME} {ends[0]}", f"{SAME} {ends[1]}")
    assert shown(tmp_path, capsys, monkeypatch, *both) == ["arguments", "differs", *cells]
