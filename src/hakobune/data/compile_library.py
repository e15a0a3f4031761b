"""Compiles a shared library of C files: in the image's build, and beside the sources for tests.

    python compile_library.py CACHE SOURCE OUTPUT LIBRARY FILE...

FILE is relative to the folder SOURCE, LIBRARY to the folder OUTPUT; the compiler keeps in CACHE
what the next call can use again. It is the clang of the wheel `ziglang` beside this interpreter,
which brings its own headers and needs nothing of the host. Same files, same bytes, wherever it
runs. Uses only the standard library, because it runs before anything of ours is in the image.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Any x86-64 processor, and the C library of Debian 10, RHEL 8 and every later system.
IMAGE = ("-target", "x86_64-linux-gnu.2.28", "-mcpu=x86_64")
FLAGS = (
    *("-std=c11", "-O2", "-fPIC", "-shared", "-s", "-Wl,--build-id=none", "-Wl,-z,defs"),
    # The bits of a result must not depend on which operations a compiler may join or leave out.
    *("-ffp-contract=off", "-fno-math-errno", "-fno-sanitize=all"),
    *("-Wall", "-Wextra", "-Werror"),
)


def main() -> None:
    """Compile as the arguments say; a failure is the compiler's own words and exit code."""
    cache, source, output, library, *files = sys.argv[1:]
    sys.exit(compile_library(Path(cache), Path(source), Path(output, library), files))


def compile_library(cache: Path, source: Path, library: Path, files: list[str]) -> int:
    """Compile the files into the library; return the compiler's exit code.

    The library is replaced in one step, because a running program may have it open.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, library.name)
        done = subprocess.run(
            command(made.resolve(), files),
            # File names are relative to here, and so no folder's name gets into the library.
            cwd=source,
            # Nothing of this machine's: variables such as CPATH change what a compiler reads.
            env={"PATH": os.defpath, "ZIG_GLOBAL_CACHE_DIR": str(cache.resolve())},
            check=False,
        )
        if done.returncode == 0:
            library.parent.mkdir(parents=True, exist_ok=True)
            beside = library.with_name(f"{library.name}.{os.getpid()}")
            shutil.copyfile(made, beside)
            beside.replace(library)
    return done.returncode


def command(made: Path, files: list[str]) -> list[str]:
    """Return the compiler's command, to be run where the files lie."""
    return [
        *(compiler(), "cc"),
        *machine(platform.system(), platform.machine()),
        *FLAGS,
        *files,
        *("-o", str(made)),
    ]


def compiler() -> str:
    """Return the path of the program inside the wheel, which its module would only start."""
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        sys.exit("compile_library.py: the package ziglang is not installed beside this Python")
    return str(Path(found.origin).with_name("zig"))


def machine(system: str, processor: str) -> tuple[str, ...]:
    """Return the options for the image's machine; those of another are for tests on it alone."""
    return IMAGE if (system, processor) == ("Linux", "x86_64") else ("-mcpu=baseline",)


if __name__ == "__main__":
    main()
