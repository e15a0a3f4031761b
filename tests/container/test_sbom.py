"""The list of parts of a real image, held against the image's lock."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from hakobune.stages.project import open_project, read_fresh_lock
from tests.container.conftest import ROOT

pytestmark = pytest.mark.container
CASE = ROOT / "tests/cases/word-count"

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


def test_the_document_is_valid_says_what_the_lock_says_and_comes_out_the_same(
    hakobune: Hakobune,
) -> None:
    built = hakobune("build", cwd=CASE)
    assert built.returncode == 0, built.stderr[-2000:]
    digest = built.stdout.split()[1].removeprefix("sha256:")
    path = Path(json.loads(hakobune("sbom", "--json", cwd=CASE).stdout)["sbom"])
    assert path.name == f"{digest}.cdx.json"
    content = path.read_bytes()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    found = json.loads(content)
    hashes = {
        (each["name"], each["version"]): each["hashes"][0]["content"]
        for each in found["components"]
        if "hashes" in each
    }
    lock = read_fresh_lock(open_project(CASE))
    assert lock.debian_base is not None
    locked = {(each.name, each.version): each.sha256 for each in lock.packages}
    if "hakobune-base" in {each["name"] for each in found["components"]}:
        locked |= {(each.name, each.version): each.sha256 for each in lock.debian_base.packages}
    assert hashes == locked
    licensed = [each for each in found["components"] if each.get("licenses")]
    assert "six" in {each["name"] for each in licensed}
    assert len(licensed) > len(found["components"]) / 2
    path.unlink()
    assert hakobune("sbom", cwd=CASE).returncode == 0
    assert path.read_bytes() == content
