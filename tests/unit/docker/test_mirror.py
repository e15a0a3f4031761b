"""docker/base/mirror.sh: the archive's address in a host's own apt sources, as apt reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.samples import PATIENCE_S

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="this host has no apt"),
]
SCRIPT = Path(__file__).resolve().parents[3] / "docker/base/mirror.sh"

KEY = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
ONE_LINE = f"deb [arch=amd64 {KEY}] http://mirror.example/debian bookworm main contrib\n"
DEB822 = """\
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


def mirror(root: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *words],
        env={"PATH": "/usr/bin:/bin", "HAKOBUNE_TEST_ROOT": str(root), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def host(root: Path, sources: str = "", deb822: str = "", distribution: str = "debian") -> Path:
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/os-release").write_text(f"ID={distribution}\nVERSION_CODENAME=bookworm\n", "utf-8")
    (root / "etc/apt/sources.list").write_text(sources, "utf-8")
    if deb822:
        (root / "etc/apt/sources.list.d/debian.sources").write_text(deb822, "utf-8")
    return root


def test_the_named_mirror_wins(tmp_path: Path) -> None:
    done = mirror(host(tmp_path, ONE_LINE), HAKOBUNE_DEBIAN_MIRROR="http://named.example/debian/")
    assert done.stdout == "http://named.example/debian\n"


@pytest.mark.parametrize(("sources", "deb822"), [(ONE_LINE, ""), ("", DEB822)])
def test_both_formats_of_apt_are_read(tmp_path: Path, sources: str, deb822: str) -> None:
    done = mirror(host(tmp_path, sources, deb822))
    assert (done.returncode, done.stdout) == (0, "http://mirror.example/debian\n"), done.stderr


@pytest.mark.parametrize(
    "sources",
    [
        "",
        "# deb http://mirror.example/debian bookworm main\n",
        "deb http://security.example/debian-security bookworm-security main\n",
        "deb-src http://mirror.example/debian bookworm main\n",
    ],
)
def test_without_an_archive_the_variable_is_named(tmp_path: Path, sources: str) -> None:
    done = mirror(host(tmp_path, sources))
    assert done.returncode == 34
    assert done.stdout == ""
    assert "HAKOBUNE_DEBIAN_MIRROR" in done.stderr


@pytest.mark.parametrize(
    ("more", "address"),
    [
        ("", "http://mirror.example/debian-security"),
        (f"deb [{KEY}] http://sec.example/s bookworm-security main\n", "http://sec.example/s"),
    ],
)
def test_the_security_archive_is_the_host_s_or_beside_the_archive(
    tmp_path: Path, more: str, address: str
) -> None:
    done = mirror(host(tmp_path, ONE_LINE + more), "security")
    assert done.stdout == f"{address}\n", done.stderr


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("http://n.example/debian/", "http://n.example/debian-security"),
        ("http://n.example/deb http://n.example/sec/", "http://n.example/sec"),
        ("http://n.example/deb", None),
    ],
)
def test_a_named_mirror_s_security_archive_is_named_or_beside_it(
    tmp_path: Path, named: str, address: str | None
) -> None:
    done = mirror(host(tmp_path), "security", HAKOBUNE_DEBIAN_MIRROR=named)
    assert (done.returncode, done.stdout) == (0, f"{address}\n") if address else (34, "")
    assert address or "HAKOBUNE_DEBIAN_MIRROR=" in done.stderr
    archive = mirror(host(tmp_path / "o"), HAKOBUNE_DEBIAN_MIRROR=named)
    assert archive.stdout.split() == [named.split(maxsplit=1)[0].rstrip("/")]


OTHER = "deb [signed-by=/etc/other.gpg] http://other.example/debian bookworm main\n"
NO_KEY = "deb http://other.example/debian bookworm main\n"


def test_a_third_party_archive_is_passed_over(tmp_path: Path) -> None:
    assert mirror(host(tmp_path, OTHER)).returncode == 34


@pytest.mark.parametrize(
    ("sources", "file", "other"),
    [
        (f"{OTHER}{ONE_LINE}", "", ""),
        ("", "another.list", OTHER),
        # Without a key it may be Debian's, so Debian's own file and folder decide.
        ("", "another.list", NO_KEY),
        ("", "another.list", NO_KEY.replace("/debian ", "/apt ")),
    ],
)
def test_a_third_party_archive_before_debian_s_is_passed_over(
    tmp_path: Path, sources: str, file: str, other: str
) -> None:
    root = host(tmp_path, sources, "" if sources else DEB822)
    if file:
        (root / "etc/apt/sources.list.d" / file).write_text(other, "utf-8")
    done = mirror(root)
    assert (done.returncode, done.stdout) == (0, "http://mirror.example/debian\n"), done.stderr


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("deb http://mirror.example/debian/ stable main", "http://mirror.example/debian"),
        ("deb http://me:secret@mirror.example/debian bookworm main", None),
        ("deb http://mirror.example/pool bookworm contrib main # ours", None),
        (f"deb [check-valid-until=no {KEY}] copy:/srv/debian sid main", "copy:/srv/debian"),
        ("deb [ trusted=yes ] copy:/srv/debian bookworm main", "copy:/srv/debian"),
    ],
)
def test_the_address_is_the_one_in_the_sources(
    tmp_path: Path, entry: str, address: str | None
) -> None:
    done = mirror(host(tmp_path, f"{entry}\n"))
    assert done.stdout == f"{address or entry.split()[1]}\n", done.stderr


def test_a_list_of_mirrors_gives_its_first(tmp_path: Path) -> None:
    root = host(tmp_path, deb822=DEB822.replace("http://mirror.example", "mirror+file:/etc/apt"))
    (root / "etc/apt/debian").write_text(
        "# ours\nhttp://first.example/debian/\nhttp://b\n", "utf-8"
    )
    assert mirror(root).stdout == "http://first.example/debian\n"


def test_sources_that_apt_cannot_read_are_named(tmp_path: Path) -> None:
    done = mirror(host(tmp_path, "deb http://mirror.example/debian\n"))
    assert done.returncode == 34
    assert "apt cannot read the sources" in done.stderr
    assert f"Malformed entry 1 in list file {tmp_path}/etc/apt/sources.list" in done.stderr


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    mirror(host(tmp_path, ONE_LINE), TMPDIR=str(tmp_path / "temporary"))
    assert not list((tmp_path / "temporary").iterdir())


def test_a_switched_off_entry_is_passed_over(tmp_path: Path) -> None:
    assert mirror(host(tmp_path, deb822=f"Enabled: no\n{DEB822}")).returncode == 34


def test_another_distribution_has_no_debian_archive(tmp_path: Path) -> None:
    done = mirror(host(tmp_path, ONE_LINE, distribution="ubuntu"))
    assert done.returncode == 34
    assert "not Debian" in done.stderr
