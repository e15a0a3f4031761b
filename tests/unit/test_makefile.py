"""What the Makefile's targets do when a step of theirs fails, with programs that only say so."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("make") is None, reason="needs make"),
]


def rehearse(folder: Path, env: str, target: str = "rehearse") -> tuple[int, list[str]]:
    """Run a rehearsal with a drydock whose `env` is these shell lines; return what ran."""
    programs = {
        "python": f'case "$3" in env) {env};; *) echo "drydock $3";; esac',
        "hakobune": 'echo "hakobune $1: $HAKOBUNE_REHEARSAL $ARM_CLOUD_METADATA_URL"',
    }
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["make", "-s", f"BIN={folder}", "ARGS=-i t", "-o", "image", "-o", "engine", target],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("target", ["rehearse", "rehearse-cluster"])
@pytest.mark.parametrize("env", ["exit 4", "echo export ARM_CLOUD_METADATA_URL=x; exit 4"])
def test_a_rehearsal_whose_stand_in_died_stops_before_hakobune(
    tmp_path: Path, env: str, target: str
) -> None:
    code, ran = rehearse(tmp_path, env, target)
    assert code != 0
    told = ["drydock fault"] * (target == "rehearse-cluster")
    assert ran == ["drydock start", *told, "drydock stop"]


def test_a_rehearsal_without_variables_is_one_all_the_same(tmp_path: Path) -> None:
    _, ran = rehearse(tmp_path, "true")
    assert ran[1:-1] == ["hakobune submit: 1 "]


def test_a_rehearsal_takes_in_the_variables(tmp_path: Path) -> None:
    code, ran = rehearse(tmp_path, "echo export ARM_CLOUD_METADATA_URL=x")
    assert code == 0
    assert ran[1:-1] == ["hakobune submit: 1 x"]


def test_a_rehearsal_of_several_nodes_takes_one_of_them_away(tmp_path: Path) -> None:
    code, ran = rehearse(tmp_path, "echo export ARM_CLOUD_METADATA_URL=x", "rehearse-cluster")
    assert code == 0
    assert ran[1:-1] == ["drydock fault", "hakobune submit: 1 x", "drydock fault"]


@pytest.mark.parametrize("target", ["train-cluster", "rehearse-cluster"])
def test_a_target_for_many_series_asks_for_a_table_before_it_does_anything(target: str) -> None:
    command = ["make", "-s", "BIN=/none", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no table of many series is named" in done.stderr
    assert done.stdout == ""
