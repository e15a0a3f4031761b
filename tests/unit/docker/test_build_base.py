"""docker/base/build.sh with bad input: an exit code of its own, and no tar."""

import functools
import hashlib
import http.server
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.samples import PATIENCE_S

pytestmark = pytest.mark.process
BASE = Path(__file__).resolve().parents[3] / "docker/base"
LINE = "a\t1.0-1\tamd64\t5\t{sha256}\tpool/main/a/a_1.0-1_amd64.deb\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A mirror on loopback that serves a folder."""
    (tmp_path / "mirror").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


def build(tmp_path: Path, listing: str, **env: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "list.tsv").write_text(listing, encoding="utf-8")
    done = subprocess.run(
        [str(BASE / "build.sh"), "list.tsv", "out/rootfs.tar", "cache"],
        cwd=tmp_path,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True
    if done.returncode == 34:
        pytest.skip("this host cannot make a base")
    return done


@pytest.mark.parametrize(
    "listing",
    ["", "a\n", LINE.format(sha256="x"), LINE.format(sha256="0" * 64).replace("pool/", "/pool/")],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, listing: str) -> None:
    assert build(tmp_path, listing).returncode == 20


def test_a_package_that_the_mirror_no_longer_has_is_named(tmp_path: Path, server: str) -> None:
    done = build(tmp_path, LINE.format(sha256="0" * 64), HAKOBUNE_DEBIAN_MIRROR=server)
    assert done.returncode == 31, done.stderr
    assert "gone: a 1.0-1" in done.stderr.splitlines()


def test_a_file_that_is_not_what_was_locked_is_refused(tmp_path: Path, server: str) -> None:
    package = tmp_path / "mirror/pool/main/a/a_1.0-1_amd64.deb"
    package.parent.mkdir(parents=True)
    package.write_bytes(b"other")
    done = build(tmp_path, LINE.format(sha256="0" * 64), HAKOBUNE_DEBIAN_MIRROR=server)
    assert done.returncode == 32, done.stderr
    assert not list((tmp_path / "cache").glob("*.deb"))


def test_a_security_build_comes_from_the_security_archive(tmp_path: Path, server: str) -> None:
    content = b"the package"
    package = tmp_path / "mirror/sec/pool/updates/main/a/a_1.0-1_amd64.deb"
    package.parent.mkdir(parents=True)
    package.write_bytes(content)
    listing = LINE.format(sha256=hashlib.sha256(content).hexdigest()).replace(
        "pool/", "pool/updates/"
    )
    both = f"{server}/none {server}/sec"
    done = build(tmp_path, listing, HAKOBUNE_DEBIAN_MIRROR=both)
    assert "packages: 1 downloaded" in done.stderr.splitlines()


@pytest.mark.parametrize(
    ("words", "env", "code"),
    [
        ((), {}, 20),
        (("trixie",), {}, 20),
        (("trixie", "--", "a;b"), {}, 20),
        (("Trixie", "python3"), {}, 20),
        (("--security",), {}, 20),
        (("--security", "trixie"), {"HAKOBUNE_OFFLINE": "1"}, 33),
        (("trixie", "python3"), {"HAKOBUNE_OFFLINE": "maybe"}, 20),
    ],
)
def test_what_cannot_be_asked_of_debian_has_an_exit_code(
    words: tuple[str, ...], env: dict[str, str], code: int
) -> None:
    done = subprocess.run(
        [str(BASE / "resolve.sh"), *words],
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (code, "")


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    done = build(
        tmp_path, LINE.format(sha256="0" * 64), HAKOBUNE_DEBIAN_MIRROR="http://127.0.0.1:9"
    )
    assert done.returncode == 33, done.stderr


def test_offline_takes_from_the_cache_only(tmp_path: Path) -> None:
    done = build(tmp_path, LINE.format(sha256="0" * 64), HAKOBUNE_OFFLINE="1")
    assert done.returncode == 33
    assert "not in the cache: a 1.0-1" in done.stderr


def test_boolean_text_is_not_guessed(tmp_path: Path) -> None:
    assert build(tmp_path, LINE.format(sha256="0" * 64), HAKOBUNE_OFFLINE="maybe").returncode == 20


def test_a_signal_leaves_neither_a_tar_nor_a_temporary_folder(tmp_path: Path) -> None:
    """The mirror accepts the connection and never answers, so the script is in its download."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "list.tsv").write_text(LINE.format(sha256="0" * 64), encoding="utf-8")
        child = subprocess.Popen(
            [str(BASE / "build.sh"), "list.tsv", "out/rootfs.tar", "cache"],
            cwd=tmp_path,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(tmp_path),
                "TMPDIR": str(temporary),
                "HAKOBUNE_DEBIAN_MIRROR": f"http://127.0.0.1:{silent.getsockname()[1]}",
            },
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not list((tmp_path).glob("cache/downloading.*")):
            time.sleep(0.05)
        import os

        os.killpg(child.pid, signal.SIGTERM)
        code = child.wait(timeout=PATIENCE_S)
    if code == 34:
        pytest.skip("this host cannot make a base")
    assert code == 130
    assert list(temporary.iterdir()) == []
    assert not list((tmp_path / "cache").iterdir())
    assert not list((tmp_path / "out").iterdir())
