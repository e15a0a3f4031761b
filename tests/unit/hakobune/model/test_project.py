from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.model.record import Document, SourceFolder
from tests.samples import make_project

PROJECT = make_project(Path("/nowhere"))  # its source is src/demo


@pytest.mark.parametrize(
    ("source", "command", "there"),
    [
        (".", "python train.py", "python /app/train.py"),
        (".", "python ./train.py", "python /app/train.py"),
        (".", "python -u scripts/train.py --to a.py", "python -u /app/scripts/train.py --to a.py"),
        ("scripts", "python scripts/train.py", "python /app/scripts/train.py"),
        ("src/demo", "python src/demo/a/b.py", "python /app/demo/a/b.py"),
        # No script of the source: as it is written.
        (".", "python -m train", "python -m train"),
        (".", "python -m tool train.py", "python -m tool train.py"),
        (".", "python -c pass train.py", "python -c pass train.py"),
        (".", "python /opt/train.py", "python /opt/train.py"),
        (".", "python ../train.py", "python ../train.py"),
        ("src/demo", "python scripts/train.py", "python scripts/train.py"),
        ("src/demo", "python src/demolition.py", "python src/demolition.py"),
    ],
)
def test_a_script_of_the_source_has_its_place_in_the_image(
    source: str, command: str, there: str
) -> None:
    project = replace(PROJECT, source=source, command=tuple(command.split()))
    assert " ".join(project.program) == there


def test_a_record_s_source_may_be_the_whole_project_and_no_other_of_its_files() -> None:
    assert SourceFolder(path=".", sha256="0" * 64).path == "."
    for path in ("..", "./", ".git", "/"):
        with pytest.raises(ValueError, match="folder of the project"):
            SourceFolder(path=path, sha256="0" * 64)
    with pytest.raises(ValueError, match="path in the project"):
        Document(path=".", sha256="0" * 64)
