"""The program that fetches Debian packages inside the image's build, from a mirror on loopback."""

import functools
import hashlib
import http.server
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/fetch_debian.py"
CONTENT = b"a package"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MAIN, SECURITY = "pool/main/a/a_1-1_amd64.deb", "pool/updates/main/b/b_1-2_amd64.deb"

pytestmark = pytest.mark.process


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    for folder, path in (("d", MAIN), ("s", SECURITY)):
        (tmp_path / folder / path).parent.mkdir(parents=True)
        (tmp_path / folder / path).write_bytes(CONTENT)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_debian", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, folder in (("SECRETS", "secrets"), ("CACHE", "cache"), ("APT", "apt")):
        (tmp_path / folder).mkdir()
        monkeypatch.setattr(module, name, tmp_path / folder)
    monkeypatch.setattr(module, "release", lambda: "trixie")
    monkeypatch.setattr(module, "is_installed", lambda name, _version: name == "there")
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)
    return module


def listed(tmp_path: Path, *rows: str) -> list[str]:
    (tmp_path / "list").write_text("\n".join(rows), encoding="utf-8")
    return [str(tmp_path / "list"), str(tmp_path / "debs")]


def row(name: str, path: str, *, release: str = "trixie", sha256: str = SHA256) -> str:
    return f"{release} {name} 1-1 amd64 {sha256} {path}"


def test_each_package_comes_from_its_archive(
    program: ModuleType, mirror: str, tmp_path: Path
) -> None:
    (tmp_path / "secrets/debian_mirror").write_text(f"{mirror}/d {mirror}/s")
    rows = [
        row("a", MAIN),
        row("b", SECURITY),
        row("there", "pool/main/t/t.deb"),
        row("other", "pool/main/o/o.deb", release="bookworm"),
    ]
    program.main(*listed(tmp_path, *rows), "/none")
    assert sorted(path.name for path in (tmp_path / "debs").iterdir()) == [
        "a_1-1_amd64.deb",
        "b_1-2_amd64.deb",
    ]
    # Again without the mirror, from the build's cache.
    (tmp_path / "secrets/debian_mirror").write_text("http://127.0.0.1:9/d http://127.0.0.1:9/s")
    program.main(*listed(tmp_path, *rows), "/none")


def test_a_vendored_file_is_taken_only_if_it_is_the_locked_one(
    program: ModuleType, tmp_path: Path
) -> None:
    vendored = tmp_path / "vendored"
    vendored.mkdir()
    (vendored / "a_1-1_amd64.deb").write_bytes(CONTENT)
    program.main(*listed(tmp_path, row("a", MAIN)), str(vendored))
    (tmp_path / "secrets/debian_mirror").write_text("http://127.0.0.1:9/d http://127.0.0.1:9/s")
    with pytest.raises(SystemExit, match="does not give a 1-1"):
        program.main(*listed(tmp_path, row("a", MAIN, sha256="0" * 64)), str(vendored))


def test_a_package_that_is_gone_is_named(program: ModuleType, mirror: str, tmp_path: Path) -> None:
    (tmp_path / "secrets/debian_mirror").write_text(f"{mirror}/d {mirror}/s")
    with pytest.raises(SystemExit, match=r"^hakobune: gone: a 1-1$"):
        program.main(*listed(tmp_path, row("a", "pool/main/a/gone.deb")), "/none")


def test_other_bytes_are_refused_and_not_kept(
    program: ModuleType, mirror: str, tmp_path: Path
) -> None:
    (tmp_path / "secrets/debian_mirror").write_text(f"{mirror}/d {mirror}/s")
    with pytest.raises(SystemExit, match=r"^Hash mismatch for `a`$"):
        program.main(*listed(tmp_path, row("a", MAIN, sha256="0" * 64)), "/none")
    assert not [*(tmp_path / "debs").iterdir(), *(tmp_path / "cache").iterdir()]


def test_a_base_of_another_release_is_refused(program: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no packages for this base, which is Debian trixie"):
        program.main(*listed(tmp_path, row("a", MAIN, release="bookworm")), "/none")


def test_without_a_mirror_the_way_to_name_one_is_said(program: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="HAKOBUNE_DEBIAN_MIRROR"):
        program.main(*listed(tmp_path, row("a", MAIN)), "/none")


@pytest.mark.parametrize("address", ["file:///etc", "ftp://x.y/z", "copy:/srv"])
def test_only_addresses_of_the_web_are_read(
    program: ModuleType, tmp_path: Path, address: str
) -> None:
    (tmp_path / "secrets/debian_mirror").write_text(f"{address} {address}")
    with pytest.raises(SystemExit, match="not one of the web"):
        program.main(*listed(tmp_path, row("a", MAIN)), "/none")


DEB822 = """\
Types: deb
URIs: http://m.example/debian/
Suites: trixie trixie-updates
Components: main

Types: deb
URIs: http://s.example/sec
Suites: trixie-security
"""


ONE_LINE = """\
# deb http://no
deb [signed-by=/k] http://m.example/debian trixie main
deb http://s.example/sec trixie-security main
"""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sources.list.d/debian.sources", DEB822),
        ("sources.list", ONE_LINE),
    ],
)
def test_the_base_s_own_apt_sources_name_the_archives(
    program: ModuleType, tmp_path: Path, file: str, text: str
) -> None:
    path = tmp_path / "apt" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert program.archives() == ("http://m.example/debian", "http://s.example/sec")
