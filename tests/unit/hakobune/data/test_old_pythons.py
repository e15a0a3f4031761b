"""The programs that run inside the image work on the oldest Python that an image may have."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).resolve().parents[4] / "src/hakobune/data").glob("*.py"))
OLDEST = (3, 7)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_its_grammar_is_the_oldest_one_s(program: Path) -> None:
    text = program.read_text(encoding="utf-8")
    ast.parse(text, feature_version=OLDEST)
    # Parentheses around several items of `with` parse there, but only from Python 3.9 on.
    assert "with (\n" not in text
    # The annotations of today are not evaluated.
    assert "from __future__ import annotations\n" in text


@pytest.mark.slow
@pytest.mark.container  # starts processes, and needs no engine
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_it_loads_on_the_old_pythons_of_this_machine(program: Path) -> None:
    paths = [path for minor in range(7, 13) if (path := shutil.which(f"python3.{minor}"))]
    # One that only says that the version is not chosen (pyenv's) is none.
    found = [path for path in paths if subprocess.run([path, "-V"], check=False).returncode == 0]
    if not found:
        pytest.skip("this machine has no other Python on its PATH")
    for python in found:
        load = f"import runpy; runpy.run_path({str(program)!r}, run_name='loaded')"
        done = subprocess.run([python, "-c", load], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
