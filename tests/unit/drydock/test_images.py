import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from drydock import images
from drydock.images import (
    BuildHost,
    build_command,
    ensure_image,
    read_build_host,
    secret_variables,
)
from tests.unit.drydock.machine_fakes import FakeEngine

BASE_LABEL = "org.opencontainers.image.base.name"
FOLDER = Path(__file__).resolve().parents[3] / "docker/drydock"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The tags and bases of builds, which are not run."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(images, "_build", lambda target, tag, base, host: found.append((tag, base)))
    return found


def host(base: str = "") -> BuildHost:
    return BuildHost(base=base, ca_bundle=None, debian_mirror="", npm_registry="")


def test_an_image_that_is_here_is_not_built_again(built: list[tuple[str, str]]) -> None:
    engine = FakeEngine()
    tag = ensure_image("registry", engine, host("base:1"))
    assert built == [(tag, "base:1")]
    engine.images.add(tag)
    assert ensure_image("registry", engine, host("base:1")) == tag
    assert len(built) == 1


def test_the_base_is_the_named_one_else_hakobunes_else_the_official(
    built: list[tuple[str, str]],
) -> None:
    def of(*bases: str) -> FakeEngine:
        return FakeEngine(image_labels={BASE_LABEL: bases})

    official = "docker.io/library/python@sha256:1"
    ensure_image("blobs", of("hakobune-base:trixie-1"), host("named:1"))
    # What drydock installs does not run on an older release's C library.
    ensure_image("blobs", of("hakobune-base:bullseye-1", "hakobune-base:trixie-1"), host())
    ensure_image("blobs", of("hakobune-base:bullseye-1", official), host())
    ensure_image("blobs", of("hakobune-base:bullseye-1"), host())
    assert [base for _, base in built] == [
        "named:1",
        "hakobune-base:trixie-1",
        official,
        "docker.io/library/python:3.13-slim-trixie",
    ]


@pytest.mark.parametrize("name", ["Dockerfile", "registry.tsv", "package-lock.json"])
def test_a_changed_source_has_another_tag_and_a_readme_has_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: list[tuple[str, str]]
) -> None:
    folder = tmp_path / "drydock"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr(images, "FOLDER", folder)
    first = ensure_image("blobs", FakeEngine(), host("base:1"))
    (folder / "README.md").write_text("other", encoding="utf-8")
    assert ensure_image("blobs", FakeEngine(), host("base:1")) == first
    (folder / name).write_text("other", encoding="utf-8")
    assert ensure_image("blobs", FakeEngine(), host("base:1")) != first


def test_addresses_and_bundle_reach_the_build_as_secrets_only(tmp_path: Path) -> None:
    bundle = tmp_path / 'a, "b".pem'
    there = replace(host(), ca_bundle=bundle, npm_registry="https://u:p@npm.example")
    command = build_command("blobs", "t:1", "base:1", there)
    given = [command[at + 1] for at, word in enumerate(command) if word == "--secret"]
    rows = [next(csv.reader([line])) for line in given]
    assert rows == [
        ["id=ca_bundle", f"src={bundle}"],
        ["id=npm_registry", "env=DRYDOCK_SECRET_NPM_REGISTRY"],
    ]
    assert secret_variables(there) == {"DRYDOCK_SECRET_NPM_REGISTRY": "https://u:p@npm.example"}
    arguments = [word for at, word in enumerate(command) if command[at - 1] == "--build-arg"]
    assert arguments == ["HAKOBUNE_BASE=base:1"]


def test_the_machines_habits_are_read_and_never_shown(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("x", encoding="utf-8")
    found = read_build_host(
        {
            "HAKOBUNE_BASE": "base:1",
            "SSL_CERT_FILE": str(bundle),
            "REQUESTS_CA_BUNDLE": "/drydock/ca.pem",
            "HAKOBUNE_DEBIAN_MIRROR": "http://me:secret@mirror.example/debian",
            "npm_config_registry": "https://npm.example",
        }
    )
    assert (found.base, found.ca_bundle) == ("base:1", bundle)
    assert found.debian_mirror == "http://me:secret@mirror.example/debian"
    assert found.npm_registry == "https://npm.example"
    assert "secret" not in repr(found)


def test_each_package_is_named_by_version_and_checksum_and_no_host() -> None:
    row = re.compile(
        r"[a-z0-9+.-]+\t[A-Za-z0-9.+:~-]+\t(amd64|all)\t\d+\t[0-9a-f]{64}\tpool/[\w/.+~:%-]+\.deb"
    )
    for name in ("registry.tsv", "blobs.tsv"):
        for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
            assert row.fullmatch(line), line
    lock = (FOLDER / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock  # would name the registry that it was made with
    packages = json.loads(lock)["packages"]
    assert all("integrity" in one for name, one in packages.items() if name)
    assert packages["node_modules/azurite"]["version"] == "3.35.0"
    wanted = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    assert re.fullmatch(r"npm@[\d.]+\+sha512\.[0-9a-f]{128}", wanted["packageManager"])


def test_nothing_of_a_rehearsal_is_reported_to_anybody() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert '"--disableTelemetry"' in dockerfile
    assert '"--skipApiVersionCheck"' in dockerfile
