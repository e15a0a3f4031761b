"""The shape of the source, at the commit that the restructuring began with and now.

    .venv/bin/python benchmarks/house.py            # all but the unit tests' CPU time
    .venv/bin/python benchmarks/house.py --tests    # with it: minutes

Upward imports: for each package the rooms (folders, and modules beside them) are put into the order
that the fewest imports contradict, and those that still do are counted. None means no cycle.
"""

import argparse
import ast
import os
import re
import resource
import shlex
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from measure import ROOT

BEFORE = "5f64409"
PACKAGES = ("hakobune", "trainer", "drydock")
SHORT = 40
# The order is searched for exactly, in 2^n steps.
MOST_ROOMS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is counted of one package."""

    modules: int
    median: float
    short: float
    longest: int
    longest_function: int
    cycles: int
    upward: int


def shape_of(package: Path) -> Shape:
    """Return the counts of the package in this folder; lengths are in lines."""
    files = {p: p.read_text(encoding="utf-8") for p in sorted(package.rglob("*.py"))}
    modules = {p: text for p, text in files.items() if p.name != "__init__.py"}
    lengths = [len(text.splitlines()) for text in modules.values()]
    arrows = set(module_imports(package, modules))
    rooms = Counter(
        (room_of(package, a), room_of(package, b))
        for a, b in arrows
        if room_of(package, a) != room_of(package, b)
    )
    return Shape(
        modules=len(modules),
        median=statistics.median(lengths),
        short=sum(length < SHORT for length in lengths) / len(lengths),
        longest=max(lengths),
        longest_function=max(
            (node.end_lineno or 0) - node.lineno + 1
            for text in modules.values()
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
        cycles=len(knots(arrows)),
        upward=sum(fewest_against(rooms, knot) for knot in knots(set(rooms))),
    )


def module_imports(package: Path, modules: dict[Path, str]) -> Iterator[tuple[str, str]]:
    """Yield each import of one module by another; those for types alone do not count."""
    names = {
        ".".join((package.name, *p.relative_to(package).with_suffix("").parts)) for p in modules
    }
    for path, text in modules.items():
        own = ".".join((package.name, *path.relative_to(package).with_suffix("").parts))
        for node in at_run_time(ast.parse(text)):
            found = []
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [node.module or ""]
                found += [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((own, name) for name in found if name in names and name != own)


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below this one, but not those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_run_time(child)


def room_of(package: Path, module: str) -> str:
    """Return the folder that a module lies in, or the module itself where it lies in none."""
    parts = module.removeprefix(f"{package.name}.").split(".")
    return parts[0]


def knots(arrows: set[tuple[str, str]]) -> list[set[str]]:
    """Return the sets of more than one node in which each reaches each other."""
    reach: dict[str, set[str]] = {}
    for start in {a for a, _ in arrows}:
        seen, left = set[str](), [start]
        while left:
            for a, b in arrows:
                if a == left[-1] and b not in seen:
                    seen.add(b)
                    left.insert(0, b)
            left.pop()
        reach[start] = seen
    found: list[set[str]] = []
    for node, seen in reach.items():
        knot = {other for other in seen if node in reach.get(other, ())}
        if len(knot) > 1 and knot not in found:
            found.append(knot)
    return found


def fewest_against(arrows: Counter[tuple[str, str]], knot: set[str]) -> int:
    """Return how many imports the best order of these rooms leaves that go up."""
    names = sorted(knot)
    if len(names) > MOST_ROOMS:
        return -1  # shown as unknown
    inside = [(names.index(a), names.index(b), n) for (a, b), n in arrows.items() if {a, b} <= knot]
    # best[s]: the rooms of s are the lowest; a lower room that imports a higher one goes up.
    best = {0: 0}
    for placed in range(1, 1 << len(names)):
        best[placed] = min(
            best[placed ^ (1 << last)]
            + sum(n for a, b, n in inside if b == last and placed >> a & 1 and a != last)
            for last in range(len(names))
            if placed >> last & 1
        )
    return best[(1 << len(names)) - 1]


def untested_options(tree: Path) -> list[str]:
    """Return the options of all commands that no test names."""
    options = set[str]()
    for path in (tree / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                ("option", "add_argument")
            ):
                options |= {
                    str(word.value)
                    for word in node.args
                    if isinstance(word, ast.Constant) and str(word.value).startswith("--")
                }
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (tree / "tests").rglob("*.py"))
    return sorted(o for o in options if not re.search(rf"{re.escape(o)}(?![\w-])", tests))


def exit_codes(tree: Path) -> int:
    """Return how many codes the errors of the three programs use."""
    texts = [(tree / "src" / name / "errors.py").read_text(encoding="utf-8") for name in PACKAGES]
    return len(
        set(re.findall(r"(?m)^    exit_code(?:: ClassVar\[int\])? = (\d+)", "\n".join(texts)))
    )


def unit_cpu_s(tree: Path) -> str:
    """Return the CPU seconds of the unit tests that `make quick` runs, its checks left out."""
    # As the Makefile has it: with the libraries' bytecode.
    env = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-m", "hakobune", "compile"], cwd=tree, env=env, check=True)
    makefile = (tree / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"(?m)^quick:.*\n\t@\$\(BIN\)/pytest (.*)$", makefile)
    if recipe is None:
        return "unknown"
    command = [sys.executable, "-m", "pytest", *shlex.split(recipe[1]), "-q"]

    def run(*more: str) -> int:
        done = subprocess.run(
            [*command, *more], cwd=tree, env=env, check=False, stdout=subprocess.DEVNULL
        )
        return done.returncode

    run("--collect-only")  # writes the bytecode of the modules and tests of this tree
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{used_s:.0f}{'' if code == 0 else ' (red)'}"


def rows_of(tree: Path, *, with_tests: bool) -> dict[str, str]:
    """Return each number by its name, as text."""
    rows = dict[str, str]()
    for name in PACKAGES:
        shape = shape_of(tree / "src" / name)
        rows |= {
            f"{name}: modules": f"{shape.modules}",
            f"{name}: median lines": f"{shape.median:g}",
            f"{name}: share under {SHORT} lines": f"{shape.short:.0%}",
            f"{name}: longest module": f"{shape.longest}",
            f"{name}: longest function": f"{shape.longest_function}",
            f"{name}: import cycles": f"{shape.cycles}",
            f"{name}: upward imports": f"{shape.upward}" if shape.upward >= 0 else "unknown",
        }
    untested = untested_options(tree)
    rows["options that no test names"] = f"{len(untested)} {' '.join(untested)}".strip()
    rows["exit codes of errors"] = f"{exit_codes(tree)}"
    if with_tests:
        rows["unit tests of `make quick`, CPU seconds"] = unit_cpu_s(tree)
    return rows


def main() -> None:
    """Print both columns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also run the unit tests of both")
    with_tests = parser.parse_args().tests
    with tempfile.TemporaryDirectory(prefix="house-") as temporary:
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", BEFORE], check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as content:
            content.extractall(temporary, filter="data")
        before = rows_of(Path(temporary), with_tests=with_tests)
    now = rows_of(ROOT, with_tests=with_tests)
    width = max(len(name) for name in now)
    sys.stdout.write(f"{'':<{width}}  {BEFORE:>10}  {'now':>10}\n")
    for name, value in now.items():
        sys.stdout.write(f"{name:<{width}}  {before.get(name, '-'):>10}  {value:>10}\n")


if __name__ == "__main__":
    main()
