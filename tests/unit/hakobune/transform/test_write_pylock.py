import tomllib
from dataclasses import replace

import pytest
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet

from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.transform.write_pylock import write_pylock
from tests.samples import make_lock

SDIST = LockedSdist(name="old", version="2", file="old-2.tar.gz", size=7, sha256="6" * 64)
WHEEL = LockedWheel(
    name="torch", version="2.0+cpu", file="torch-2.0+cpu-py3-none-any.whl", size=0, sha256="5" * 64
)


def test_it_is_a_lock_that_the_format_s_own_reader_takes() -> None:
    lock = replace(make_lock(), packages=(SDIST, WHEEL))
    found = Pylock.from_dict(tomllib.loads(write_pylock(lock, folder="../vendor/wheels")))
    old, torch = found.packages
    assert (old.name, str(old.version), old.wheels) == ("old", "2", None)
    assert old.sdist is not None
    assert (old.sdist.path, old.sdist.size) == ("../vendor/wheels/old-2.tar.gz", 7)
    assert torch.wheels is not None
    assert torch.wheels[0].filename == WHEEL.file
    assert (torch.wheels[0].size, dict(torch.wheels[0].hashes)) == (None, {"sha256": "5" * 64})


@pytest.mark.parametrize(("python", "wanted"), [("3.13", "==3.13.*"), ("3.8.5", "==3.8.5")])
def test_the_image_s_python_is_required(python: str, wanted: str) -> None:
    lock = replace(make_lock(), python=python)
    found = Pylock.from_dict(tomllib.loads(write_pylock(lock, folder="x")))
    assert found.requires_python == SpecifierSet(wanted)
