"""The program that tells what an image is made of, on small made-up folders."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/list_parts.py"
STATUS = """\
Package: libone1
Status: install ok installed
Architecture: amd64
Version: 1:2.3-4
Description: one
 Package: not-one

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""
FORM = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("list_parts", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_what_is_installed_is_told_and_nothing_else(program: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "var/lib/dpkg/status", STATUS)
    write(tmp_path / "etc/os-release", 'ID=debian\nVERSION_CODENAME=trixie\nX="y"\n')
    assert program.codename(tmp_path) == "trixie"
    assert program.debian(tmp_path) == [
        {"name": "libone1", "version": "1:2.3-4", "architecture": "amd64", "licences": []}
    ]


def test_an_image_without_debian_s_files_tells_of_none(program: ModuleType, tmp_path: Path) -> None:
    assert program.codename(tmp_path) == ""
    assert program.debian(tmp_path) == []


def test_licences_are_read_where_the_file_has_the_form_and_not_guessed_elsewhere(
    program: ModuleType, tmp_path: Path
) -> None:
    text = "\nFiles: *\nLicense: GPL-2+\n text\n\nLicense:  Expat \n\nLicense: GPL-2+\n"
    write(tmp_path / "usr/share/doc/one/copyright", FORM + text)
    write(tmp_path / "usr/share/doc/two/copyright", "This is free.\nLicense: GPL-2\n")
    assert program.copyright_names(tmp_path, "one") == ["Expat", "GPL-2+"]
    assert program.copyright_names(tmp_path, "two") == []
    assert program.copyright_names(tmp_path, "three") == []


def test_python_packages_are_told_with_their_own_words(program: ModuleType) -> None:
    found = {each["name"]: each for each in program.python()}
    assert found["click"]["expression"] == "BSD-3-Clause"
    assert all(each["version"] for each in found.values())
