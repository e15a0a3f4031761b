"""Each kind of locked package, at each place that treats the kinds differently."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from hakobune.errors import LockDamagedError, PackageKindUnsupportedError
from hakobune.model.image import Image
from hakobune.model.lock import (
    Kind,
    Lock,
    LockedConda,
    LockedDebian,
    LockedPackage,
    LockedSdist,
    LockedWheel,
    kind_of,
)
from hakobune.stages.render import check_lock
from hakobune.stages.vendor import wheels_of
from hakobune.transform.install_blocks import install_blocks
from hakobune.transform.read_lock import read_lock
from hakobune.transform.sbom import Parts, write_sbom
from hakobune.transform.seal import seal
from hakobune.transform.write_lock import write_lock
from tests.samples import DIGEST, ENVIRONMENT, make_lock, write_project

SHA256 = "7" * 64
WHEEL = LockedWheel(name="w", version="1", file="w-1-py3-none-any.whl", size=1, sha256=SHA256)
SDIST = LockedSdist(
    name="s", version="1", file="s-1.tar.gz", size=1, sha256=SHA256, builders=("b==1", "c==2")
)
EACH: tuple[LockedPackage, ...] = (
    WHEEL,
    SDIST,
    LockedDebian(
        name="d",
        version="1-1",
        architecture="amd64",
        size=1,
        sha256=SHA256,
        path="pool/main/d/d/d_1-1_amd64.deb",
        suite="trixie-security",
    ),
    LockedConda(
        name="c", version="1", subdir="linux-64", file="c-1-h_0.conda", size=1, sha256=SHA256
    ),
)
IMAGE = Image(
    id=DIGEST,
    tag="demo:local",
    base="hakobune-base:trixie-123456789012",
    size_bytes=1,
    environment_sha256="e" * 64,
    lock_sha256="d" * 64,
    source_sha256="f" * 64,
)


def with_package(package: LockedPackage) -> Lock:
    return replace(make_lock(), packages=(*make_lock().packages, package))


def text_of(lock: Lock) -> str:
    return write_lock(lock, written_from="env.yml").decode()


def list_in_sbom(lock: Lock) -> None:
    write_sbom(IMAGE, lock, Parts(distribution="trixie", debian=(), python=()))


PLACES: dict[str, tuple[Callable[[Lock], object], set[Kind]]] = {
    "install": (install_blocks, {"wheel", "sdist", "debian"}),
    "vendor": (wheels_of, {"wheel", "sdist", "debian"}),
    "list in the SBOM": (list_in_sbom, {"wheel", "sdist", "debian"}),
}


def test_the_samples_are_one_of_each_kind() -> None:
    assert {type(package) for package in EACH} == set(get_args(LockedPackage))
    assert [kind_of(package) for package in EACH] == list(get_args(Kind))


@pytest.mark.parametrize("package", EACH, ids=kind_of)
@pytest.mark.parametrize("place", PLACES)
def test_a_place_handles_a_kind_or_refuses_it_by_name(place: str, package: LockedPackage) -> None:
    handle, handled = PLACES[place]
    if kind_of(package) in handled:
        handle(with_package(package))
        return
    with pytest.raises(PackageKindUnsupportedError) as caught:
        handle(with_package(package))
    assert caught.value.what == (
        f"hakobune cannot {place} {package.name} {package.version}: "
        f"the lock has it as a package of the kind `{kind_of(package)}`"
    )


@pytest.mark.parametrize("package", EACH, ids=kind_of)
def test_the_lock_file_keeps_each_kind(package: LockedPackage) -> None:
    lock = with_package(package)
    text = text_of(lock)
    assert replace(read_lock(text.encode(), file="l"), sha256="") == replace(lock, sha256="")
    (line,) = (line for line in text.splitlines() if f'name = "{package.name}"' in line)
    assert line.startswith(("  { name", f'  {{ kind = "{kind_of(package)}", name'))


@pytest.mark.parametrize(
    "package",
    [
        replace(WHEEL, address="https://files.example/a/w-1-py3-none-any.whl"),
        replace(WHEEL, address="file:wheels/w-1-py3-none-any.whl"),
        replace(SDIST, address=f"git+https://git.example/team/s@{'0' * 40}"),
        replace(SDIST, is_accepted=True, wheel_sha256="8" * 64),
    ],
)
def test_where_a_file_comes_from_and_what_was_accepted_is_kept(package: LockedPackage) -> None:
    text = text_of(with_package(package))
    assert package in read_lock(text.encode(), file="l").packages


@pytest.mark.parametrize(
    "address",
    [
        "file:../w.whl",
        "file:/etc/passwd",
        "https://me:secret@files.example/w.whl",
        "git+https://git.example/team/s@main",
        "git+ext::sh -c id",
        f"git+file:///home/someone/private@{'0' * 40}",
        "ftp://files.example/w.whl",
        'https://files.example/w.whl" }',
    ],
)
def test_an_address_that_no_lock_has_is_damage(address: str) -> None:
    package = replace(WHEEL, address=address)
    with pytest.raises(LockDamagedError, match="does not have the form of one"):
        read_lock(text_of(with_package(package)).encode(), file="l")


def test_headers_of_a_debian_base_are_kept() -> None:
    base = make_lock().debian_base
    assert base is not None
    lock = replace(make_lock(), debian_base=replace(base, headers=base.packages[:1]))
    read = read_lock(text_of(lock).encode(), file="l").debian_base
    assert read is not None
    assert read.headers == base.packages[:1]


def test_a_wheel_and_the_base_s_packages_have_no_kind_in_the_lock_file() -> None:
    assert "kind" not in text_of(make_lock(compiler=True))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('kind = "conda"', 'kind = "egg"', "`c` has the unknown kind 'egg'"),
        ('kind = "conda", ', "", "`file = 'c-1-h_0.conda'` does not have the form of one"),
        ('kind = "conda"', 'kind = "sdist"', "does not have the form of one"),
        ('subdir = "linux-64"', 'subdir = "win-64"', "`subdir = 'win-64'` does not have the form"),
        ("c-1-h_0.conda", "../c-1-h_0.conda", "does not have the form of one"),
        ('subdir = "linux-64"', 'subdir = "noarch", x = 1', "`c` has the unknown key `x`"),
    ],
)
def test_a_package_with_another_form_than_its_kind_s_is_damage(
    old: str, new: str, why: str
) -> None:
    body = text_of(with_package(EACH[3])).rpartition("# sha256 of")[0]
    assert old in body
    with pytest.raises(LockDamagedError) as caught:
        read_lock(seal(body.replace(old, new)), file="env.lock")
    assert why in caught.value.what


def test_a_tool_that_is_not_a_wheel_is_damage() -> None:
    body = text_of(make_lock()).rpartition("# sha256 of")[0]
    tool = '{ name = "uv", version = "0.9", file = "uv-0.9-py3-none-any.whl"'
    assert tool in body
    kind = '{ kind = "sdist", builders = "b==1", wheel_sha256 = "", name'
    sdist = tool.replace("{ name", kind).replace("-py3-none-any.whl", ".zip")
    with pytest.raises(LockDamagedError, match="the tool `uv` is not a wheel"):
        read_lock(seal(body.replace(tool, sdist)), file="env.lock")


def test_the_check_of_a_lock_refuses_a_kind_that_no_image_can_have(tmp_path: Path) -> None:
    lock = replace(
        with_package(EACH[3]), environment_sha256=hashlib.sha256(ENVIRONMENT).hexdigest()
    )
    project = write_project(tmp_path, lock=lock)
    project.dockerfile_path.parent.mkdir()
    project.dockerfile_path.write_bytes(seal("FROM scratch\n"))
    with pytest.raises(PackageKindUnsupportedError, match="cannot install c 1"):
        check_lock(project)


def test_only_packages_of_the_python_index_are_imported_and_pinned() -> None:
    lock = replace(make_lock(), packages=EACH, requirements=("w", "s", "d", "c"))
    assert lock.asked_for == ("s", "w")
