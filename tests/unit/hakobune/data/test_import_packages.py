"""The program that imports the packages inside the image, on small made-up distributions."""

import base64
import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/import_packages.py"
LIBRARY = "libhakobune-no-such.so.1"
LOADS_IT = f"import ctypes\nctypes.CDLL({LIBRARY!r})\n"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("import_packages", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that packages are installed in; what is imported from it is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def install(site: Path, name: str, **files: str | bytes) -> None:
    """Install a distribution; `__` stands for the `/` and `_dot_` for the `.` of a file's path."""
    lines = []
    for key, content in files.items():
        path = site / key.replace("_dot_", ".").replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        lines.append(f"{path.relative_to(site)},,\n")
    info = site / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "RECORD").write_text("".join(lines))


def test_a_missing_library_is_named_with_the_file_that_needs_it(
    program: ModuleType, site: Path
) -> None:
    install(
        site,
        "hk-one",
        hk_one_dot_py=LOADS_IT,
        hk__other_dot_so=f"\0x{LIBRARY}\0".encode(),
        hk__lib_dot_so_dot_5=f"\x7fELF\0{LIBRARY}\0".encode(),
        hk__empty_dot_so="",
    )
    assert program.why_not("hk-one") == (
        f"hk/lib.so.5 needs the system library {LIBRARY}, which the image does not have"
    )


def test_the_file_may_be_another_distribution_s_and_the_error_one_of_the_package_s_own(
    program: ModuleType, site: Path
) -> None:
    install(site, "hk-below", below__lib_dot_so=f"\0{LIBRARY}\0".encode())
    wrapped = f"try:\n    import ctypes; ctypes.CDLL({LIBRARY!r})\nexcept OSError:\n"
    install(site, "hk-two", hk_two_dot_py=f"{wrapped}    raise RuntimeError('broken\\nsorry')\n")
    assert program.why_not("hk-two").startswith(f"below/lib.so needs the system library {LIBRARY}")


def test_without_such_a_file_the_module_is_named(program: ModuleType, site: Path) -> None:
    install(site, "hk-three", hk_three_dot_py=LOADS_IT)
    assert program.why_not("hk-three").startswith(f"hk_three needs the system library {LIBRARY}")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise ValueError('first\\nlast\\n')", "ValueError: last"),
        ("raise ValueError", "ValueError: no reason was given"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import hakobune_no_such", "ModuleNotFoundError: No module named 'hakobune_no_such'"),
        ("x = ", "SyntaxError: invalid syntax (hk_four.py, line 1)"),
    ],
)
def test_another_failure_is_named_by_the_last_line_of_its_error(
    program: ModuleType, site: Path, code: str, expected: str
) -> None:
    install(site, "hk-four", hk_four_dot_py=code, beside_dot_py="")
    found = program.why_not("hk-four")
    assert found.startswith(f"import hk_four ends with {expected} (broken as published: ")


def test_a_file_that_is_not_the_wheel_s_is_told_from_a_package_broken_as_published(
    program: ModuleType, site: Path
) -> None:
    def recorded(name: str, module: str, code: str) -> Path:
        install(site, name, **{f"{module}_dot_py": code})
        record = site / f"{name.replace('-', '_')}-1.dist-info" / "RECORD"
        digest = base64.urlsafe_b64encode(hashlib.sha256(code.encode()).digest())
        hashed = f"sha256={digest.decode().rstrip('=')}"
        record.write_text(f"{module}.py,{hashed},{len(code)}\n{module}.md,,\n")
        return site / f"{module}.py"

    recorded("hk-eight", "hk_eight", "1 / 0")
    assert program.why_not("hk-eight").endswith("(broken as published: its files are the wheel's)")
    recorded("hk-nine", "hk_nine", "import hakobune_no_such.x")
    assert program.why_not("hk-nine").endswith(
        "(broken as published: no locked package has the module hakobune_no_such)"
    )
    recorded("hk-ten", "hk_ten", "").write_text("1 / 0")
    assert program.why_not("hk-ten").endswith(
        "(broken in this image: hk_ten.py is not the file that the wheel has)"
    )
    module = recorded("hk-eleven", "hk_eleven", "1 / 0")
    recorded_too = module.with_name("hk_eleven-gone.py")
    assert not recorded_too.exists()
    record = site / "hk_eleven-1.dist-info" / "RECORD"
    record.write_text(record.read_text() + f"{recorded_too.name},sha256=x,1\n")
    assert f"({program.CHANGED}: {recorded_too.name}" in program.why_not("hk-eleven")


def test_a_plug_in_for_a_package_that_is_not_installed_is_passed_over(
    program: ModuleType, site: Path
) -> None:
    plug_in = "import hakobune_no_such"
    install(site, "hk-five", hk_five_dot_py="", hk_plug_in_dot_py=plug_in)
    assert program.why_not("hk-five") == ""
    install(site, "hk-six", hk_plug_in_again_dot_py=plug_in)
    assert "hakobune_no_such" in program.why_not("hk-six")
    install(site, "hk-seven", hk_seven_dot_py="", hk_broken_dot_py="raise ImportError('x')")
    assert "ImportError: x" in program.why_not("hk-seven")


def run(site: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), *names],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
def test_every_package_that_fails_has_a_line(program: ModuleType, tmp_path: Path) -> None:
    install(tmp_path, "hk-a", hk_a_dot_py="1 / 0")
    install(tmp_path, "hk-b", hk_b_dot_py="")
    install(tmp_path, "hk-c", hk_c_dot_py=LOADS_IT)
    done = run(tmp_path, "hk-a", "hk-b", "hk-c")
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith(program.CANNOT)]
    assert [line.removeprefix(program.CANNOT)[:6] for line in lines] == ["hk-a: ", "hk-c: "]
    assert program.END not in done.stdout


@pytest.mark.process
def test_what_is_loaded_is_printed_and_nothing_that_a_package_prints(
    program: ModuleType, tmp_path: Path
) -> None:
    install(tmp_path, "hk-a", hk_a_dot_py="print('hello')\nimport hk_under")
    (tmp_path / "hk_under.py").write_text("")
    done = run(tmp_path, "hk-a")
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0], lines[-1]) == (0, "hk-a", program.END)
    assert {str(tmp_path / "hk_a.py"), str(tmp_path / "hk_under.py")} <= set(lines)
    assert "hello" not in lines
