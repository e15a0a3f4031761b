from pathlib import Path

from hakobune.transform.render_dockerfile import (
    render_dockerfile,
    render_dockerignore,
    rendered_source_digest,
)
from hakobune.transform.seal import is_sealed
from tests.samples import DIGEST, make_lock, make_project

PROJECT = make_project(Path("/nowhere"))


def rendered(source: str = "f" * 64, digest: str | None = None) -> str:
    return render_dockerfile(
        make_lock(digest=digest), PROJECT, source_sha256=source, finish_program="print()\n"
    ).decode()


def test_the_same_values_give_the_same_bytes() -> None:
    assert rendered() == rendered()


def test_a_dockerfile_is_sealed_and_says_where_it_comes_from() -> None:
    text = rendered()
    assert is_sealed(text.encode())
    assert "Written by `hakobune render` from environments/demo.yml" in text


def test_every_package_is_installed_by_its_hash() -> None:
    lock = make_lock()
    for wheel in (*lock.packages, *lock.tools):
        line = f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n"
        assert line in rendered()
    assert rendered().count("--require-hashes") == 2


def test_the_platform_and_the_base_by_digest_are_named() -> None:
    assert "ARG HAKOBUNE_BASE=docker.io/library/python:3.13-slim-trixie\n" in rendered()
    pinned = rendered(digest=DIGEST)
    assert f"ARG HAKOBUNE_BASE=docker.io/library/python@{DIGEST}\n" in pinned
    assert "# docker.io/library/python:3.13-slim-trixie, pinned\n" in pinned
    assert "FROM --platform=linux/amd64 ${HAKOBUNE_BASE} AS base\n" in pinned


def test_labels_hold_the_digests_of_conda_file_lock_and_source() -> None:
    lock = make_lock()
    labels = rendered().split("LABEL ")[1]
    assert f'hakobune.environment.sha256="{lock.environment_sha256}"' in labels
    assert f'hakobune.lock.sha256="{lock.sha256}"' in labels
    assert f'hakobune.source.sha256="{"f" * 64}"' in labels


def test_a_change_of_code_changes_only_what_comes_after_the_packages() -> None:
    one, two = rendered("1" * 64), rendered("2" * 64)
    both = [n for n, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    assert both[0] > one.index("FROM base AS source")


def test_the_source_digest_can_be_read_back() -> None:
    assert rendered_source_digest(rendered("3" * 64).encode()) == "3" * 64
    assert rendered_source_digest(b"FROM scratch\n") is None


def test_the_program_runs_as_nobody_special() -> None:
    assert "\nUSER 1000:1000\n" in rendered()


def test_secrets_are_mounted_and_never_copied_or_passed_as_arguments() -> None:
    text = rendered()
    for name in ("ca_bundle", "pip_conf", "extra_index_url"):
        assert f"--mount=type=secret,id={name}" in text
        assert f"COPY {name}" not in text
    assert [line for line in text.splitlines() if line.startswith("ARG")] == [
        "ARG HAKOBUNE_BASE=docker.io/library/python:3.13-slim-trixie",
        "ARG HAKOBUNE_BASE",
    ]


def test_the_build_sees_the_source_and_nothing_else() -> None:
    lines = render_dockerignore(PROJECT).decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "*",
        "!src/demo",
        "**/__pycache__",
        "**/.DS_Store",
    ]
