"""Faults put into the source on purpose: the tests that are named with each have to fail.

    .venv/bin/python benchmarks/mutants.py                 # all, about ten minutes
    .venv/bin/python benchmarks/mutants.py --only lock     # those whose file's path holds this

Each fault is made in a temporary copy of `src`, which the tests import instead of the checkout's.
Exits with 1 if a fault survives its tests, or if its text is not found exactly once.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT

STAGES = "hakobune/stages"
TESTS = "tests/unit/hakobune/stages"
# The tests' own exit code for "some failed"; any other is no answer.
FAILED = 1


@dataclass(frozen=True, slots=True)
class Mutant:
    """A text of a source file, what replaces it, and the tests that have to notice."""

    file: str
    before: str
    after: str
    tests: str


def stage(name: str, before: str, after: str, tests: str = "") -> Mutant:
    """Return a fault in a stage, which the stage's own tests have to notice."""
    return Mutant(f"{STAGES}/{name}.py", before, after, f"{TESTS}/test_{tests or name}.py")


def training(before: str, after: str, test: str) -> Mutant:
    """Return a fault in the training, which one test has to notice: others would take minutes."""
    return Mutant("trainer/training.py", before, after, f"tests/unit/trainer/{test}")


def border(file: str, before: str, after: str, test: str = "test_forgeries.py") -> Mutant:
    """Return a fault in what looks at texts and files from outside."""
    return Mutant(f"hakobune/{file}", before, after, f"tests/hostile/{test}")


MUTANTS = (
    border("stages/verify.py", "    check_listing(folder, record)\n", ""),
    border("stages/verify.py", "    _require_own_folder(project, folder, record)\n", ""),
    border("stages/verify.py", "    _require_whole(project, folder, record, outside)\n", ""),
    border("stages/verify.py", "    _require_outputs(project, folder, record)\n", ""),
    border("stages/check_signature.py", "if envelope is None or beside is None:", "if False:"),
    border(
        "stages/check_signature.py",
        "provenance.require_same(statement, record, require_outside(record, folder), sha256)",
        "require_outside(record, folder)",
    ),
    border(
        "model/json_text.py",
        "    if len(found) != len(pairs):\n",
        "    if False:\n",
        "test_border.py",
    ),
    border("model/json_text.py", "    _require_plain(found)\n", "", "test_border.py"),
    border(
        "adapters/files.py",
        "_READING | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd",
        "_READING, dir_fd",
        "test_files_of_a_run.py",
    ),
    border("console.py", "{escaped(link.what)}", "{link.what}", "test_border.py"),
    stage("build", "    docker_cli.require_buildkit(runner, engine)\n", ""),
    stage("lock", " and _minor(old.python) == _minor(spec.python)", ""),
    Mutant(
        "drydock/runner.py", "GRACE_S = 0.5", "GRACE_S = 30", "tests/unit/drydock/test_runner.py"
    ),
    training(
        "if settings.required_skill is not None:",
        "if False:",
        "test_training.py::test_a_model_below_the_skill_that_is_required_is_refused",
    ),
    stage("build", "if image.lock_sha256 != lock.sha256:", "if False:", "train"),
    stage(
        "build",
        "if image.source_sha256 != current_source(project, runner).sha256:",
        "if False:",
        "push",
    ),
    stage("base_image", "if lock.registry_base.digest is not None:", "if False:"),
    stage("lock", "kept.suite == suite and not move:", "kept.suite == suite:"),
    stage(
        "project",
        "if hashlib.sha256(content).hexdigest() != lock.environment_sha256:",
        "if False:",
        "lock",
    ),
    stage("project", "if project.libraries and not lock.compilers:", "if False:", "lock"),
    stage("push", "if image.platform != PLATFORM:", "if False:"),
    stage("push", "    return _compared(pushed, wanted)\n", "    return pushed\n"),
    stage(
        "push",
        "    if what:\n        raise DigestMismatchError(",
        "    if False:\n        raise DigestMismatchError(",
    ),
    stage("submit", "if found != wanted.image:", "if False:"),
    stage(
        "submit",
        " if note.plan_sha256 == sha256]",
        "]",
    ),
    stage("submit", "            if job is not None:\n", "            if False:\n"),
    stage("submit", "            if not note.is_submitted:\n", "            if False:\n"),
    stage("submit", "    _keep(project, note)\n    plan =", "    plan ="),
    stage("deliver", "        if not order.is_ungraded:\n", "        if False:\n"),
    stage("deliver", "NO_REFERENCE and not is_ungraded:", "NO_REFERENCE and False:"),
    stage("compare", "and _is_of_data(project, record, inputs)", "and True", "deliver"),
    stage(
        "submit",
        "        if not is_alone:\n            raise SubmitRunningError(\n"
        '                f"another hakobune submit',
        "        if False:\n            raise SubmitRunningError(\n"
        '                f"another hakobune submit',
    ),
    stage("smoke", "if set(checks) <= set(receipt.checks):", "if receipt.checks:"),
    stage("smoke", "== wanted and is_same_data:", "== wanted:"),
    stage("smoke", "record.outside.image == image.id else None", "record.outside.image else None"),
    stage("train", "    if code != 0:\n", "    if False:\n"),
    stage("train", "        _require_unmoved(project.root / training.folder, image, runner)\n", ""),
    stage("register", "    if grade is None:\n", "    if False:\n", "deliver"),
    stage("register", "    if there is not None:\n", "    if False:\n"),
    stage("verify", "        if files.sha256_of(path) != item.sha256:\n", "        if False:\n"),
    stage(
        "verify",
        "    if hashlib.sha256(content).hexdigest() != document.sha256:\n",
        "    if False:\n",
    ),
    stage("verify", "    if not is_sealed(dockerfile):\n", "    if False:\n"),
    stage(
        "reproduce_model",
        "        if files.sha256_of(path) != wanted.get(item.name):\n",
        "        if False:\n",
    ),
    stage("compile", "        if found != wheel.version:\n", "        if False:\n"),
    training(
        'BASELINES["seasonal_naive"]',
        'BASELINES["naive"]',
        "test_training.py::test_the_naive_forecast_to_beat_repeats_the_last_season",
    ),
    training(
        "find_again(found, series.values,",
        "find_again(found, split.train.values,",
        "test_training.py::test_the_last_model_knows_all_rows_and_the_first_only_those_before_the_holdout",
    ),
    training(
        "len(outcome.dates) > len(outcome.series.values)",
        "len(outcome.dates) >= len(outcome.series.values)",
        "test_training.py::test_a_forecast_that_is_longer_than_its_series_is_noted",
    ),
    training(
        "except MemoryError as exc:",
        "except ZeroDivisionError as exc:",
        "test_main.py::test_lack_of_memory_or_library_is_no_bug",
    ),
)


def outcome(mutant: Mutant, source: Path) -> str:
    """Apply the fault to a copy of the source, run its tests, and say what came of it."""
    file = source / mutant.file
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if text.count(mutant.before) != 1:
        return (
            f"NOT FOUND ONCE: {mutant.before.strip()!r} is there {text.count(mutant.before)} times"
        )
    file.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
    try:
        return tested(mutant, source)
    finally:
        file.write_text(text, encoding="utf-8")


def tested(mutant: Mutant, source: Path) -> str:
    """Run the tests with this copy of the source instead of the checkout's."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-p", "no:xdist", "-o", f"pythonpath={source} .", mutant.tests]
    # Bytecode of the libraries saves minutes; that of the copy is known by size and time.
    env = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    last = (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2]
    if done.returncode == FAILED:
        return "killed"
    return "SURVIVED" if done.returncode == 0 else f"NO ANSWER: {last}"


def main() -> int:
    """Print a row for each fault, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose path holds this")
    only = parser.parse_args().only
    chosen = [mutant for mutant in MUTANTS if only in mutant.file]
    is_good = bool(chosen)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        # Modules find their data beside the source: docker/ too.
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / "docker").symlink_to(ROOT / "docker")
        for mutant in chosen:
            found = outcome(mutant, source)
            is_good &= found == "killed"
            where = " ".join(mutant.before.split())[:60]
            print(f"{found:<9} {mutant.file:<38} {where}", flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
