"""The program that runs inside the build, on small made-up packages."""

import base64
import hashlib
import importlib.util
import json
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/finish_packages.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("finish_packages", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_test_folders_go_and_data_folders_of_that_name_stay(
    program: ModuleType, tmp_path: Path
) -> None:
    write(tmp_path, "a/code.py", "a/tests/test_x.py", "a/tests/data/x.csv", "b/test/words.txt")
    program.drop_tests(tmp_path)
    assert names(tmp_path) == {"a/code.py", "b/test/words.txt"}


@pytest.mark.parametrize(
    "statement",
    [
        "from a.tests import helper",
        "from a.tests.helper import x",
        "import os, a.tests.helper",
        "from .tests import helper",
        "from . import tests",
        "    from a import tests",
    ],
)
def test_a_test_folder_that_other_code_imports_stays(
    program: ModuleType, tmp_path: Path, statement: str
) -> None:
    write(tmp_path, "a/tests/test_x.py", "a/tests/helper.py")
    write(tmp_path, "a/code.py", text=f"{statement}\n")
    program.drop_tests(tmp_path)
    assert "a/tests/helper.py" in names(tmp_path)


def test_what_a_kept_test_folder_imports_stays_too(program: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "a/tests/test_x.py", "b/tests/test_y.py")
    write(tmp_path, "a/code.py", text="import a.tests.helper\n")
    write(tmp_path, "a/tests/helper.py", text="from b.tests import more\n")
    program.drop_tests(tmp_path)
    assert "b/tests/test_y.py" in names(tmp_path)


@pytest.mark.parametrize("has_pytest", [True, False])
def test_a_test_module_is_needed_only_where_pytest_is(
    program: ModuleType, tmp_path: Path, *, has_pytest: bool
) -> None:
    write(tmp_path, "a/tests/test_x.py")
    write(tmp_path, "a/code.py", text="from a.tests.test_x import value\n")
    if has_pytest:
        write(tmp_path, "pytest/__init__.py")
    program.drop_tests(tmp_path)
    assert ("a/tests/test_x.py" in names(tmp_path)) is has_pytest


def test_sources_go_only_where_the_module_lies_compiled_beside(
    program: ModuleType, tmp_path: Path
) -> None:
    write(tmp_path, "a/x.c", "a/x.pyx", "a/x.cpython-313-x86_64-linux-gnu.so", "a/y.pyx", "a/x.pxd")
    program.drop_compiled_sources(tmp_path)
    assert names(tmp_path) == {"a/x.cpython-313-x86_64-linux-gnu.so", "a/y.pyx", "a/x.pxd"}


def test_stubs_go_but_not_where_lazy_loader_reads_them(program: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "a/__init__.py", "a/x.pyi", "b/x.pyi")
    write(tmp_path, "b/__init__.py", text="import lazy_loader\nlazy_loader.attach_stub(1, 2)\n")
    program.drop_stubs(tmp_path)
    assert "a/x.pyi" not in names(tmp_path)
    assert "b/x.pyi" in names(tmp_path)


def library(*sections: tuple[bytes, bytes], tail: bytes = b"") -> bytes:
    """Return a least ELF library: one mapped segment of 200 bytes, then these sections."""
    code = b"\x90" * 80
    table, offsets, where = b"\0", [], 64 + 56 + len(code)
    for name, content in sections:
        offsets.append((len(table), where, len(content)))
        table += name + b"\0"
        where += len(content)
    names_at = (len(table), where, len(table) + len(b".shstrtab\0"))
    table += b".shstrtab\0"
    sections_at = where + len(table)
    head = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + struct.pack("<HHIQQQ", 3, 62, 1, 0, 64, sections_at)
    head += struct.pack("<IHHHHHH", 0, 64, 56, 1, 64, len(sections) + 2, len(sections) + 1)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 200, 200, 4096)
    headers = b"\0" * 64
    for kind, (text, offset, size) in zip(
        [1] * len(sections) + [3], [*offsets, names_at], strict=True
    ):
        headers += struct.pack("<IIQQQQIIQQ", text, kind, 0, 0, offset, size, 0, 0, 1, 0)
    body = b"".join(content for _, content in sections)
    return head + segment + code + body + table + headers + tail


@pytest.mark.parametrize(
    ("content", "is_cut"),
    [
        (library((b".symtab", b"s" * 90), (b".debug_info", b"d" * 900)), True),
        (library((b".strtab", b"s" * 90), (b".zdebug_x", b"d" * 900)), True),
        (library((b".symtab", b"s" * 90), (b".payload", b"d" * 900)), False),
        (library((b".symtab", b"s" * 90), tail=b"an archive of its own"), False),
        (b"\x7fELF\x01\x01" + b"\0" * 100, False),
        (b"\x7fELF", False),
        (b"", False),
    ],
)
def test_only_a_tail_that_debuggers_read_is_cut(
    program: ModuleType, tmp_path: Path, content: bytes, *, is_cut: bool
) -> None:
    path = tmp_path / "a.so"
    path.write_bytes(content)
    program.drop_debug_symbols(tmp_path)
    left = path.read_bytes()
    if is_cut:
        assert len(left) == 200
        assert left[64:] == content[64:200]
        assert left[40:48] == bytes(8)
        assert left[58:64] == bytes(6)
    else:
        assert left == content


@pytest.mark.process
def test_a_cut_library_still_loads_and_works(program: ModuleType, tmp_path: Path) -> None:
    spec = importlib.util.find_spec("kiwisolver")
    if spec is None or spec.origin is None:
        pytest.skip("kiwisolver, whose wheel brings symbols, is not installed")
    shutil.copytree(Path(spec.origin).parent, tmp_path / "kiwisolver")
    (path,) = (tmp_path / "kiwisolver").glob("_cext*.so")
    before = path.stat().st_size
    program.drop_debug_symbols(tmp_path)
    assert path.stat().st_size < before / 2
    code = (
        "from kiwisolver import Solver, Variable\n"
        "x, s = Variable('x'), Solver()\ns.addConstraint(x >= 7)\ns.updateVariables()\n"
        "import kiwisolver\nprint(x.value(), kiwisolver.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.split() == ["7.0", str(tmp_path / "kiwisolver/__init__.py")]


def test_where_a_wheel_was_taken_from_leaves_no_trace(program: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "a-1.dist-info/uv_cache.json", "a-1.dist-info/METADATA")
    record = "a-1.dist-info/uv_cache.json,sha256=x,9\na-1.dist-info/METADATA,sha256=y,0\n"
    write(tmp_path, "a-1.dist-info/RECORD", text=record)
    program.drop_traces(tmp_path)
    program.mend_records(tmp_path)
    assert names(tmp_path) == {"a-1.dist-info/METADATA", "a-1.dist-info/RECORD"}
    assert "uv_cache" not in (tmp_path / "a-1.dist-info/RECORD").read_text(encoding="utf-8")


def test_records_name_only_what_is_there_with_its_hash(program: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "a/x.py", text="x = 1\n")
    record = "a/x.py,sha256=old,999\na/gone.py,sha256=old,1\na-1.dist-info/RECORD,,\n"
    write(tmp_path, "a-1.dist-info/RECORD", text=record)
    program.mend_records(tmp_path)
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).decode().rstrip("=")
    assert (tmp_path / "a-1.dist-info/RECORD").read_text(encoding="utf-8") == (
        f"a/x.py,sha256={digest},6\na-1.dist-info/RECORD,,\n"
    )


def test_every_file_gets_the_one_time_and_an_open_mode(program: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "a/x.py", "a/run")
    (tmp_path / "a/x.py").chmod(0o600)
    (tmp_path / "a/run").chmod(0o700)
    (tmp_path / "a/link").symlink_to("/nowhere")
    program.settle(tmp_path, 315532800)
    assert {p.lstat().st_mtime for p in tmp_path.rglob("*")} == {315532800}
    modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.rglob("*") if not p.is_symlink()}
    assert modes == {"a": 0o755, "x.py": 0o644, "run": 0o755}


@pytest.mark.process
def test_a_named_package_s_modules_are_wanted_but_of_a_catalogue_only_what_importing_loads(
    program: ModuleType,
) -> None:
    packages = Path(sysconfig.get_path("purelib"))
    countries = packages / "holidays" / "countries"
    assert len(set(countries.glob("*.py"))) > program.CATALOGUE

    wanted = program.wanted_modules(packages, ["holidays"])

    assert packages / "holidays" / "holiday_base.py" in wanted
    assert packages / "holidays" / "financial" / "__init__.py" in wanted
    assert countries / "japan.py" not in wanted
    assert packages / "dateutil" / "parser" / "__init__.py" in wanted, "importing holidays loads it"


def test_a_package_may_write_its_name_in_capitals(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "loaded_files", lambda _named, _packages: [])
    write(tmp_path, "zope/x.py", "Zope.Inter_Face-1.2.dist-info/METADATA")
    write(tmp_path, "Zope.Inter_Face-1.2.dist-info/RECORD", text="zope/x.py,,\n")
    assert program.wanted_modules(tmp_path, ["zope-inter-face"]) == {tmp_path / "zope/x.py"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('one')\nraise SystemExit(1)", "one: Python ended with exit code 1"),
        ("print('one')", "one: Python ended with exit code 0"),
        ("import os\nos.abort()", "the packages: Python ended with exit code -6"),
        ("raise SystemExit('hakobune: cannot import two: x')", "two: x"),
        (
            "print('one')\nimport sys\nsys.exit('x' * 3_000_000)",
            "one: Python ended with exit code 1",
        ),
    ],
)
@pytest.mark.process
def test_a_package_that_cannot_be_imported_ends_the_build(
    tmp_path: Path, code: str, said: str
) -> None:
    shutil.copy(PROGRAM, tmp_path)
    write(tmp_path, "import_packages.py", text=code)
    call = "import pathlib, finish_packages as f; f.loaded_files(['one'], pathlib.Path('x'))"
    done = subprocess.run(
        [sys.executable, "-c", call], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert [f"hakobune: cannot import {said}"] == [
        line for line in done.stderr.splitlines() if "cannot import" in line
    ]
    assert len(done.stderr) < 110_000


@pytest.mark.process
@pytest.mark.parametrize("dropped", ["tests", "stub"])
def test_a_package_that_only_dropped_files_break_is_told_from_one_broken_as_published(
    program: ModuleType, tmp_path: Path, dropped: str
) -> None:
    """An import of the first needs what was dropped; that of the second fails in any case."""
    shutil.copy(PROGRAM, tmp_path)
    packages = tmp_path / "lib" / "site-packages"
    file = "demo/tests/test_x.py" if dropped == "tests" else "demo/x.pyi"
    write(packages, "demo/__init__.py", file)
    code = f"""\
import pathlib, sys
print(sys.argv[1])
if sys.argv[1] == "broken" or not pathlib.Path({str(packages / file)!r}).exists():
    raise SystemExit(f"{program.CANNOT}{{sys.argv[1]}}: x")
print({program.END!r})
"""
    write(tmp_path, "import_packages.py", text=code)
    call = f"""\
import pathlib, sys, finish_packages as f
packages = pathlib.Path({str(packages)!r})
f.drop_tests(packages)
f.drop_stubs(packages)
assert not (packages / {file!r}).exists()
f.loaded_files([sys.argv[1]], packages)
"""
    said = []
    for name in ("demo", "broken"):
        done = subprocess.run(
            [sys.executable, "-c", call, name],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 1
        said += [line for line in done.stderr.splitlines() if line.startswith(program.CANNOT)]
    assert said == [f"{program.CANNOT}demo: {program.DROPPED}", f"{program.CANNOT}broken: x"]


def test_both_programs_use_the_same_words(program: ModuleType) -> None:
    text = program.IMPORT.read_text(encoding="utf-8")
    assert f"CANNOT = {json.dumps(program.CANNOT)}\n" in text
    assert f"END = {json.dumps(program.END)}\n" in text


@pytest.mark.slow
@pytest.mark.process
def test_bytecode_is_the_same_twice_and_does_not_look_at_the_source_s_time(
    program: ModuleType, tmp_path: Path
) -> None:
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        for number in range(20):
            write(folder, f"m{number}.py", text=f"def f(a, b={number}):\n    return a + b\n")
        program.compile_bytecode(folder, set(folder.glob("*.py")))
        files = sorted((folder / "__pycache__").iterdir())
        assert len(files) == 20
        # PEP 552: bit 0 says that a hash is used, bit 1 that it is checked.
        assert {struct.unpack_from("<I", p.read_bytes(), 4)[0] for p in files} == {1}
        made.append([p.read_bytes().replace(name.encode(), b"") for p in files])
    assert made[0] == made[1]
