"""docker/base/mirror.sh: the archive's address out of a host's own apt sources."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
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


def mirror(root: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT)],
        env={"PATH": "/usr/bin:/bin", "HAKOBUNE_TEST_ROOT": str(root), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
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


def test_a_third_party_archive_is_passed_over(tmp_path: Path) -> None:
    other = "deb [signed-by=/etc/other.gpg] http://other.example/debian bookworm main\n"
    assert mirror(host(tmp_path, other)).returncode == 34


def test_a_switched_off_entry_is_passed_over(tmp_path: Path) -> None:
    assert mirror(host(tmp_path, deb822=f"Enabled: no\n{DEB822}")).returncode == 34


def test_another_distribution_has_no_debian_archive(tmp_path: Path) -> None:
    done = mirror(host(tmp_path, ONE_LINE, distribution="ubuntu"))
    assert done.returncode == 34
    assert "not Debian" in done.stderr
