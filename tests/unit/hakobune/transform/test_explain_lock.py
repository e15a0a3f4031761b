from dataclasses import replace

from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.stages.project import conda_names
from hakobune.transform.explain_lock import explain_lock
from hakobune.transform.read_spec import read_spec
from tests.samples import make_lock

FILE = b"""\
dependencies:
  - conda-forge::pytorch=2.1
  - Six
  - _libgcc_mutex=0.1=main
  - libgomp=13=h1_0
  - pip:
    - six>=1
    - tomli; python_version < "3"
"""


def wheel(name: str) -> LockedWheel:
    file = f"{name}-1-py3-none-any.whl"
    return LockedWheel(name=name, version="1", file=file, size=1, sha256="5" * 64)


def test_each_package_and_each_line_is_explained() -> None:
    spec = read_spec(FILE, file="env.yml", names=conda_names(()))
    sdist = LockedSdist(
        name="old", version="2", file="old-2.tar.gz", size=1, sha256="5" * 64, builders=("flit==3",)
    )
    lock = make_lock()
    assert lock.debian_base is not None
    gomp = replace(lock.debian_base.packages[0], name="libgomp1", suite="trixie")
    magic = replace(gomp, name="libmagic1t64", suite="trixie-security")
    packages = (replace(sdist, index="team"), wheel("six"), wheel("torch"), gomp, magic)
    lock = replace(lock, packages=packages, debian=(("libmagic1", "python-magic"),))
    needed_by = {"old": ("six",), "torch": ("a", "b", "c", "d", "e", "f")}
    lines = explain_lock(spec, lock, file="env.yml", needed_by=needed_by)
    assert [(line.name, line.version, line.strategy, line.reason) for line in lines] == [
        ("python", "3.13", "base image", "no line names one"),
        ("old", "2", "sdist from team, built by flit==3", "needed by six"),
        ("six", "1", "wheel", "env.yml:3, env.yml:7"),
        (
            "torch",
            "1",
            "wheel",
            "env.yml:2 (`conda-forge::pytorch=2.1`), needed by a, b, c, d and 2 more",
        ),
        ("libgomp1", "3.13.5-1", "debian", "needed by others, for a base of trixie"),
        (
            *("libmagic1t64", "3.13.5-1", "debian"),
            "python-magic, for a base of trixie",
        ),
        ("tomli", "—", "skipped", "env.yml:8: its marker does not apply to linux/amd64"),
        ("_libgcc_mutex", "—", "left out", "env.yml:4: conda's own"),
        (
            *("libgomp", "—", "left out"),
            "env.yml:5: a part of other packages, whose wheels bring what they need",
        ),
    ]
