"""read_lock and write_lock: one is the other's inverse, and nothing edited gets through."""

from dataclasses import replace
from typing import Any

import pytest

from hakobune.errors import LockDamagedError
from hakobune.model.lock import LockedSdist, LockedWheel, RegistryBase
from hakobune.model.spec import Index
from hakobune.transform.read_lock import read_lock
from hakobune.transform.seal import seal
from hakobune.transform.write_lock import write_lock
from tests.samples import DIGEST, make_lock

CONTENT = write_lock(make_lock(), written_from="env.yml")


def damage(content: bytes) -> str:
    with pytest.raises(LockDamagedError) as caught:
        read_lock(content, file="env.lock")
    return caught.value.what


def resealed(old: str, new: str) -> bytes:
    body = CONTENT.decode().rpartition("# sha256 of")[0]
    assert old in body
    return seal(body.replace(old, new))


@pytest.mark.parametrize("debian", [True, False])
@pytest.mark.parametrize("digest", [None, DIGEST])
def test_reading_gives_back_what_was_written(*, debian: bool, digest: str | None) -> None:
    lock = make_lock(debian=debian, digest=digest)
    read = read_lock(write_lock(lock, written_from="env.yml"), file="env.lock")
    assert replace(read, sha256="") == replace(lock, sha256="")


WHEEL = LockedWheel(name="setuptools", version="75.3", file="s-1.whl", size=1, sha256="7" * 64)
SDIST = LockedSdist(
    name="old",
    version="1.0",
    file="old-1.0.tar.gz",
    size=1,
    sha256="8" * 64,
    builders=("setuptools==75.3", "wheel==0.45"),
    wheel_sha256="9" * 64,
)


def test_what_few_locks_have_is_read_back_too() -> None:
    lock = replace(
        make_lock(),
        packages=(replace(SDIST, index="x.y:8080"), replace(WHEEL, index="team")),
        builders=(WHEEL,),
        variables=(("A", 'x "y" $z \\'), ("B", "")),
        indexes=(
            Index(address="https://${USER}:${TOKEN}@x.y:8080/simple/"),
            Index(address="http://x/y", is_default=True),
            Index(address="https://z.z/s", name="team", packages=("six", "team-core")),
        ),
        included=(("requirements.txt", "6" * 64), ("more/ü b.txt", "5" * 64)),
        overrides=("pyarrow==0.16.0", "a-b<4.0.0,>=0.17.0"),
    )
    read = read_lock(write_lock(lock, written_from="env.yml"), file="env.lock")
    assert replace(read, sha256="") == replace(lock, sha256="")
    assert read.sdists == (replace(SDIST, index="x.y:8080"),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"variables": (("A B", "x"),)},
        {"variables": (("A", "x\ny"),)},
        {"indexes": (Index(address="https://user:secret@x.y"),)},
        {"indexes": (Index(address="https://x.y", name="Not-one"),)},
        {"indexes": (Index(address="https://x.y", packages=("a; rm",)),)},
        {"packages": (replace(WHEEL, index="https://user:secret@x.y/simple"),)},
        {"included": (("a", "short"),)},
        {"included": (("/etc/passwd", "6" * 64),)},
        {"included": (("a/../../b", "6" * 64),)},
        {"overrides": ("-r /etc/passwd",)},
        {"overrides": ("a==1\n--index-url x",)},
        {"overrides": ("a @ https://x.y/a.whl",)},
        {"builders": (SDIST,)},
        {"packages": (replace(SDIST, builders=("setuptools; rm",)),)},
        {"packages": (replace(SDIST, wheel_sha256="9"),)},
    ],
)
def test_each_of_them_has_a_form(wrong: dict[str, Any]) -> None:
    damage(write_lock(replace(make_lock(), **wrong), written_from="env.yml"))


def test_the_same_lock_gives_the_same_bytes() -> None:
    assert write_lock(make_lock(), written_from="env.yml") == CONTENT


def test_one_package_is_one_line() -> None:
    assert sum(b'"six"' in line for line in CONTENT.splitlines()) == 1


@pytest.mark.parametrize("place", range(0, len(CONTENT) - 1, 97))
def test_any_changed_byte_is_noticed(place: int) -> None:
    changed = bytearray(CONTENT)
    changed[place] = ord("x") if changed[place] != ord("x") else ord("y")
    damage(bytes(changed))


@pytest.mark.parametrize("end", [0, 1, 100, len(CONTENT) - 1])
def test_a_lock_that_was_cut_short_is_noticed(end: int) -> None:
    damage(CONTENT[:end])


def test_a_tampered_hash_is_named_as_a_change_by_hand() -> None:
    assert damage(CONTENT.replace(b"4721f391", b"00000000")) == (
        "env.lock: changed by hand or by a merge (its last line, the seal, is broken)"
    )


def test_a_merge_conflict_is_named_by_its_line() -> None:
    lines = CONTENT.decode().splitlines(keepends=True)
    merged = "".join([*lines[:3], "<<<<<<< ours\n", *lines[3:]])
    assert damage(merged.encode()).startswith("env.lock:4: ")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("schema_version = 1", "schema_version = 2", "schema_version is 2; this hakobune reads"),
        ('environment = "demo"', 'environment = "demo; x"', "environment"),
        ('name = "six"', 'name = "six; curl x"', "name"),
        ('name = "six"', r'name = "six\n"', "name"),
        ("4721f391", "4721F391", "sha256"),
        ('python = "3.13"', 'python = "2.7"', "python"),
        ('platform = "linux/amd64"', 'platform = "linux/arm64"', "platform"),
        ('path = "pool/', 'path = "/pool/', "path"),
        ('image = "docker.io', 'image = "docker.io $(x)', "image"),
        ("schema_version = 1", "schema_version = 1\nunknown = 1", "unknown key `unknown`"),
        ('digest = ""', 'digest = ""\nmore = 1', "unknown key `base.registry.more`"),
        ('digest = ""', 'digest = "latest"', "digest"),
        ("size = 11050", 'size = "11050"', "size"),
        ("requirements = [", "wanted = [", "requirements"),
    ],
)
def test_a_sealed_lock_is_checked_word_for_word(old: str, new: str, what: str) -> None:
    assert what in damage(resealed(old, new))


def test_a_registry_digest_is_kept() -> None:
    lock = make_lock(digest=DIGEST)
    read = read_lock(write_lock(lock, written_from="env.yml"), file="env.lock")
    assert read.registry_base == RegistryBase(
        image="docker.io/library/python:3.13-slim-trixie", digest=DIGEST
    )
