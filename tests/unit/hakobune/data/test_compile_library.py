"""The program that compiles, with the real compiler of .venv; its cache makes that quick."""

import ctypes
import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = ROOT / "src/hakobune/data/compile_library.py"
SOURCE = """\
#include "half.h"
#include <math.h>
const char *place(void) { return __FILE__; }
const char *other_place(void) { return header(); }
double half_of_root(double x) { return sqrt(x) * HALF; }
"""
HEADER = """\
#define HALF 0.5
static const char *header(void) { return __FILE__; }
"""


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_library", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiled(
    folder: Path, text: str = SOURCE, **variables: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Compile the text in this folder; return how that ended, and where the library should be."""
    (folder / "source/inner").mkdir(parents=True, exist_ok=True)
    (folder / "source/inner/fast.c").write_text(text, encoding="utf-8")
    (folder / "source/inner/half.h").write_text(HEADER, encoding="utf-8")
    # The cache of `hakobune compile`, so that the compiler's first start is paid once.
    folders = [Path.home() / ".cache/hakobune/zig", folder / "source", folder / "out"]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, folders), "lib/fast.so", "inner/fast.c"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, folder / "out/lib/fast.so"


@pytest.mark.process
def test_a_library_can_be_loaded_and_called(tmp_path: Path) -> None:
    done, path = compiled(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    function = ctypes.CDLL(str(path)).half_of_root
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
    assert function(9.0) == 1.5
    assert [p.name for p in path.parent.iterdir()] == ["fast.so"]


@pytest.mark.process
def test_the_bytes_do_not_depend_on_folder_clock_or_environment(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "math.h").write_text("#error from the environment\n", encoding="utf-8")
    made = []
    for name, variables in {
        "a": {},
        "a/much longer": {
            "CPATH": str(wrong),
            "CFLAGS": "-DHALF=0.25",
            "CCC_OVERRIDE_OPTIONS": "# O0",
            "ZIG_LIB_DIR": str(wrong),
            "SOURCE_DATE_EPOCH": "1",
            "TZ": "Asia/Tokyo",
            "LC_ALL": "C",
        },
    }.items():
        done, path = compiled(tmp_path / name, **variables)
        assert done.returncode == 0, done.stderr
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert b"inner/fast.c" in made[0]
    assert str(tmp_path).encode() not in made[0]


@pytest.mark.process
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("int f(void) { return 1 }\n", "inner/fast.c:1:23: error: expected ';'"),
        ("int f(int unused) { return 1; }\n", "error: unused parameter"),
        ("const char *f(void) { return __DATE__; }\n", "error: expansion of date or time macro"),
        ("int g(int);\nint f(int x) { return g(x); }\n", "error: undefined symbol: g"),
    ],
)
def test_what_is_wrong_is_an_error_and_the_old_library_stays(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "out/lib/fast.so"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    done, _ = compiled(tmp_path, text)
    assert done.returncode == 1
    assert said in done.stderr
    assert path.read_bytes() == b"old"


def test_the_image_s_library_is_for_any_x86_64_processor(program: ModuleType) -> None:
    image = program.machine("Linux", "x86_64")
    assert image == ("-target", "x86_64-linux-gnu.2.28", "-mcpu=x86_64")
    words = program.command(Path("/made.so"), ["a.c"])
    assert words[-3:] == ["a.c", "-o", "/made.so"]
    assert program.machine("Darwin", "arm64") == ("-mcpu=baseline",)


@pytest.mark.process
def test_product_and_sum_are_never_one_operation(program: ModuleType, tmp_path: Path) -> None:
    """Not even where the processor could: a fused operation leaves the product's rounding."""
    cpu = Path("/proc/cpuinfo")
    if not cpu.exists() or " fma " not in cpu.read_text(encoding="utf-8"):
        pytest.skip("this processor has no fused operation")
    text = "double f(double x, double y, double z) { return x * y + z; }\n"
    (tmp_path / "a.c").write_text(text, encoding="utf-8")
    made = tmp_path / "a.so"
    words = program.command(made, ["a.c"])
    able = [word.replace("-mcpu=x86_64", "-mcpu=x86_64_v3") for word in words]
    assert able != words
    subprocess.run(able, cwd=tmp_path, check=True)
    function = ctypes.CDLL(str(made)).f
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * 3
    x = 1.0 + 2.0**-30
    assert function(x, x, -(x * x)) == 0.0


@pytest.mark.process
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the image's machine")
def test_no_newer_c_library_than_the_target_s_is_needed(tmp_path: Path) -> None:
    text = "#include <math.h>\ndouble f(double x) { return exp(x) + pow(x, x); }\n"
    done, path = compiled(tmp_path, text)
    assert done.returncode == 0, done.stderr
    # exp and pow have a version of 2.29 too, which a library for 2.28 must not ask for.
    assert b"GLIBC_2.2.5" in path.read_bytes()
    assert b"GLIBC_2.29" not in path.read_bytes()


def test_every_file_of_this_repository_pins_the_same_compiler() -> None:
    """Bytes are the same in image, .venv and wheel only if the compiler is."""
    files = ["environments/dev.lock", "environments/arima-env.lock", "src/trainer/pyproject.toml"]
    files += ["tests/cases/word-count/conda.lock"]
    form = re.compile(r'\bziglang(?:==|", version = ")([0-9.]+)')
    found = {file: form.findall((ROOT / file).read_text(encoding="utf-8")) for file in files}
    assert all(len(versions) == 1 for versions in found.values()), found
    assert len({version for (version,) in found.values()}) == 1, found
