"""Random orders, lengths and odd numbers through the kernel, under the compiler's sanitizers.

    .venv/bin/python benchmarks/kernel_fuzz.py [--seconds 600] [--cases 0] [--seed 1]

Builds kernel_fuzz.c and the kernel with checks of memory (ASan) and of undefined behaviour (UBSan),
and runs them. Exit code 0: nothing found; 1: found, with the case's number and the stack; 3: no
compiler here brings the sanitizers' libraries (clang or gcc of the system; the wheel's clang has
none).
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NO_COMPILER = 3
FLAGS = (
    *("-std=c11", "-g", "-O1", "-ffp-contract=off", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)


def main() -> None:
    """Build, run, and tell how many cases passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=0, help="at least these, in any time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    compiler = find_compiler()
    if compiler is None:
        print("no clang or gcc here builds with -fsanitize=address,undefined", file=sys.stderr)
        sys.exit(NO_COMPILER)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "kernel_fuzz")
        build(compiler, program)
        done = subprocess.run(
            [program, *map(str, (options.seed, options.seconds, options.cases))], check=False
        )
    sys.exit(min(abs(done.returncode), 1))


def find_compiler() -> str | None:
    """Return the first compiler that makes a program with both sanitizers which runs."""
    for name in ("clang", "gcc"):
        path = shutil.which(name)
        if path is not None and _has_sanitizers(path):
            return path
    return None


def build(compiler: str, program: Path) -> None:
    """Compile the driver and the kernel into a program; a failure ends this one."""
    sources = [
        ROOT / "benchmarks/kernel_fuzz.c",
        *sorted((ROOT / "src/trainer/kernel").glob("*.c")),
    ]
    command = [compiler, *FLAGS, *map(str, sources), "-o", str(program), "-lm"]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(f"{compiler} does not compile the kernel")


def _has_sanitizers(compiler: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "empty.c"), Path(folder, "empty")
        source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
        made = subprocess.run(
            [compiler, *FLAGS, str(source), "-o", str(program)], capture_output=True, check=False
        )
        return made.returncode == 0 and subprocess.run([program], check=False).returncode == 0


if __name__ == "__main__":
    main()
