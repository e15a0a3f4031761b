"""A forged run is detected by the error that the table names, or the docs say why it is not."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import HakobuneError
from hakobune.model.link import Link
from hakobune.stages.verify import summary, walk
from tests.conftest import ROOT
from tests.hostile.forgeries import DETECTED, UNDETECTED, Forgery, Run
from tests.run_samples import Made, make_run


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_run(tmp_path_factory.mktemp("good"))


@pytest.fixture
def run(good: Made, tmp_path: Path) -> Run:
    root = tmp_path / "copy"
    shutil.copytree(good.project.root, root)
    folder = root / good.folder.relative_to(good.project.root)
    return Run(replace(good, project=replace(good.project, root=root), folder=folder))


def walked(run: Run) -> list[Link]:
    return list(walk(run.made.project, run.folder, run.made.runner, run.demand))


def test_the_run_that_is_forged_is_good(run: Run) -> None:
    assert summary(walked(run)).startswith("intact, unsigned: accidental changes only")


@pytest.mark.parametrize("forgery", DETECTED, ids=lambda forgery: forgery.name)
def test_a_forgery_is_detected_by_its_error(run: Run, forgery: Forgery) -> None:
    forgery.forge(run)
    with pytest.raises(HakobuneError) as caught:
        walked(run)
    assert caught.value.name() == forgery.error, caught.value
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


@pytest.mark.parametrize("forgery", UNDETECTED, ids=lambda forgery: forgery.name)
def test_a_forgery_that_cannot_be_detected_is_documented(run: Run, forgery: Forgery) -> None:
    forgery.forge(run)
    told = summary(walked(run))
    is_unproven = "accidental changes only" in told or "not verifiable here" in told
    assert is_unproven or run.made.project.signers
    page = (ROOT / "docs/reference/record.md").read_text(encoding="utf-8")
    assert f"| {forgery.name} | {forgery.because} |" in page


def test_there_are_forty_and_no_two_are_the_same() -> None:
    names = [forgery.name for forgery in (*DETECTED, *UNDETECTED)]
    assert len(set(names)) == len(names) >= 40
