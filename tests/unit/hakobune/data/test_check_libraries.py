"""The program that looks for system libraries inside the image's build, on small ELF files."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/check_libraries.py"
LACKING = "libhakobune-no-such.so.1"

pytestmark = pytest.mark.process


def elf(*needed: str, module: str = "", is_program: bool = False) -> bytes:
    """Return the least that is an ELF file: program headers and a dynamic section."""
    texts = b"\0"
    tags = []
    for name in needed:
        tags.append((1, len(texts)))
        texts += name.encode() + b"\0"
    texts += f"PyInit_{module}".encode() + b"\0" if module else b""
    count = 3 if is_program else 2
    dynamic_at = 64 + 56 * count
    dynamic_size = 16 * (len(tags) + 3)
    texts_at = dynamic_at + dynamic_size
    # Mapped at an address that is not the place in the file, as real ones are.
    base = 0x10000
    tags += [(5, base + texts_at), (10, len(texts)), (0, 0)]
    whole = texts_at + len(texts)
    headers = struct.pack("<2I6Q", 1, 4, 0, base, base, whole, whole, 4096)
    headers += struct.pack("<2I6Q", 2, 4, dynamic_at, 0, 0, dynamic_size, dynamic_size, 8)
    if is_program:
        headers += struct.pack("<2I6Q", 3, 4, texts_at, 0, 0, 1, 1, 1)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<2HI3QI6H", 3, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    return head + headers + b"".join(struct.pack("<qQ", *tag) for tag in tags) + texts


def install(folder: Path, name: str, files: dict[str, bytes]) -> None:
    site = folder / "lib/python3.13/site-packages"
    info = site / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    lines = "".join(f"{path},,\n" for path in files)
    (info / "RECORD").write_text(lines, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program; packages are imported from the folder by the Python of the tests."""
    site = folder / "lib/python3.13/site-packages"
    code = (
        f"import runpy, sys; sys.argv = ['check', {str(folder)!r}]; "
        f"import subprocess; real = subprocess.run; "
        # The program isolates the import; the folder is no environment of this Python's.
        f"subprocess.run = lambda c, **k: real([c[0], '-c', 'import runpy, sys; "
        f"sys.path.insert(0, sys.argv[1]); sys.argv = sys.argv[2:]; "
        f'runpy.run_path(sys.argv[0], run_name="__main__")\', {str(site)!r}, *c[3:]], **k) '
        f"if c[0] == sys.executable else real(c, **k); "
        f"runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def line(file: str, package: str) -> str:
    return (
        f"hakobune: {file} of {package} needs the system library {LACKING}, "
        "which the image does not have"
    )


def test_an_extension_module_that_lacks_a_library_ends_the_build(folder: Path) -> None:
    install(folder, "demo", {"demo/fast.so": elf("libc.so.6", LACKING, module="fast")})
    done = check(folder)
    assert (done.returncode, done.stderr.strip()) == (1, line("demo/fast.so", "demo"))


def test_what_is_needed_through_a_library_of_the_wheel_counts(folder: Path) -> None:
    files = {
        "demo/fast.so": elf("libinner-1a2b.so.1", module="fast"),
        "demo.libs/libinner-1a2b.so.1": elf(LACKING),
    }
    install(folder, "demo", files)
    assert line("demo/fast.so", "demo") in check(folder).stderr


def test_what_another_wheel_brings_is_there(folder: Path) -> None:
    install(folder, "one", {"one/fast.so": elf(LACKING, module="fast")})
    install(folder, "two", {f"two/lib/{LACKING}": elf("libm.so.6")})
    assert (check(folder).returncode, check(folder).stdout) == (0, "")


def test_a_plug_in_that_nobody_loads_is_only_listed(folder: Path) -> None:
    install(folder, "demo", {"demo/__init__.py": b"", "demo/plugins/libx.so": elf(LACKING)})
    done = check(folder)
    assert (done.returncode, done.stdout.strip()) == (0, line("demo/plugins/libx.so", "demo"))


def test_a_library_that_the_import_opens_ends_the_build(folder: Path) -> None:
    code = f"import ctypes\nctypes.CDLL({LACKING!r})\n".encode()
    install(folder, "demo", {"demo/__init__.py": code, "demo/lib_demo.so": elf(LACKING)})
    done = check(folder)
    assert done.returncode == 1
    assert done.stderr.startswith("hakobune: cannot import demo: demo/lib_demo.so needs the system")


@pytest.mark.parametrize(
    ("package", "library"),
    [("numba", LACKING), ("torch", LACKING), ("pyqt5", LACKING), ("demo", "libcuda.so.1")],
)
def test_what_is_needed_only_by_those_who_use_it_is_listed(
    folder: Path, package: str, library: str
) -> None:
    files = {f"{package}/__init__.py": b"", f"{package}/pool.so": elf(library, module="pool")}
    install(folder, package, files)
    done = check(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{package}/pool.so of {package} needs the system library {library}" in done.stdout


def test_a_program_that_lacks_a_library_ends_the_build(folder: Path) -> None:
    install(folder, "demo", {"demo/__init__.py": b""})
    (folder / "bin/demo").write_bytes(elf(LACKING, is_program=True))
    done = check(folder)
    assert (done.returncode, done.stderr.strip()) == (1, line("demo", "an unknown package"))


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + b"\xff" * 99, elf("x")[:90]]
)
def test_a_file_that_is_no_whole_elf_file_is_passed_over(folder: Path, content: bytes) -> None:
    install(folder, "demo", {"demo/fast.so": content})
    assert (check(folder).returncode, check(folder).stderr) == (0, "")


def test_the_libraries_of_real_extension_modules_are_read() -> None:
    import importlib.util
    import runpy

    read = runpy.run_path(str(PROGRAM), run_name="loaded")["read_elf"]
    spec = importlib.util.find_spec("yaml._yaml")
    if spec is None or spec.origin is None:
        pytest.skip("PyYAML has no extension module here")
    found = read(Path(spec.origin))
    assert found.is_module
    assert "libc.so.6" in found.needed
