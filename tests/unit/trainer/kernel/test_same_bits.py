"""The same bits of every result, whatever compiles the kernel and on whatever processor."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[4]
SOURCE = ROOT / "src/trainer"
PROGRAM = Path(__file__).with_name("climbs.py")
NEWER = "-march=x86-64-v3"  # with AVX2 and fused multiplication, which must not be used
BUILDS = (
    ("zig", "-O1", "-mcpu=baseline"),
    *(
        pytest.param(build, marks=pytest.mark.slow)
        for build in (
            ("zig", "-O3", "-mcpu=x86_64_v3"),
            ("gcc", "-O0"),
            ("gcc", "-O1"),
            ("gcc", "-O2", NEWER),
            ("gcc", "-O3"),
            ("gcc", "-O3", NEWER),
        )
    ),
)

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def shipped() -> str:
    """Return the digest of the library that the project's own program compiled."""
    return digest(ROOT / "src")


def digest(path: Path, *before: str) -> str:
    """Return what the climbs print, with the training program in this folder."""
    done = subprocess.run(
        [*before, sys.executable, str(PROGRAM)],
        env={"PATH": os.defpath, "PYTHONPATH": str(path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 64
    return done.stdout.strip()


def beside(folder: Path) -> Path:
    """Return a copy of the training program by links, in which the library may be another."""
    package = folder / "trainer"
    (package / "kernel").mkdir(parents=True)
    for path in SOURCE.iterdir():
        if path.name != "kernel":
            (package / path.name).symlink_to(path)
    for path in (SOURCE / "kernel").glob("*.py"):
        (package / "kernel" / path.name).symlink_to(path)
    return package / "kernel/arima.so"


def compile_kernel(library: Path, name: str, *flags: str) -> None:
    processor = Path("/proc/cpuinfo")
    is_newer = processor.exists() and " avx2 " in processor.read_text()
    if not is_newer and any("v3" in flag for flag in flags):
        pytest.skip("this processor has no AVX2")
    sources = sorted(map(str, (SOURCE / "kernel").glob("*.c")))
    subprocess.run(
        [
            *(*compiler(name), *flags, "-std=c11", "-fPIC", "-shared"),
            *(*sources, "-o", str(library), "-lm"),
        ],
        env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(Path.home() / ".cache/hakobune/zig")},
        check=True,
        capture_output=True,
    )


def compiler(name: str) -> list[str]:
    if name == "zig":
        return [compile_program().compiler(), "cc"]
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this host")
    return [found]


def compile_program() -> ModuleType:
    path = ROOT / "src/hakobune/data/compile_library.py"
    spec = importlib.util.spec_from_file_location("compile_library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("build", BUILDS, ids=" ".join)
def test_every_compiler_and_level_gives_the_same_bits(
    build: tuple[str, ...], tmp_path: Path, shipped: str
) -> None:
    compile_kernel(beside(tmp_path), *build, "-ffp-contract=off")
    assert digest(tmp_path) == shipped


@pytest.mark.slow
def test_other_rounding_would_be_seen(tmp_path: Path, shipped: str) -> None:
    compile_kernel(beside(tmp_path), "gcc", "-O2", "-ffp-contract=fast", NEWER)
    assert digest(tmp_path) != shipped


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["Nehalem", "Haswell-v1", "EPYC"])
def test_every_processor_gives_the_same_bits(processor: str, shipped: str) -> None:
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        pytest.skip("qemu-x86_64 is not on this host (Debian: qemu-user)")
    assert digest(ROOT / "src", emulator, "-cpu", processor) == shipped
