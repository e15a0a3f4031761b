"""Run Microsoft's own tests of azure-ai-ml against drydock: a client that nobody here wrote.

The source distribution of the locked release carries the tests, without the files that they load:
those in `test_configs/` are ours. `stub/` stands for the package that they record with. Nothing of
Microsoft's enters this repository. `tests/cases/sdk-tests.json` lists what passes, and for each
other test the refusal that it meets; another outcome fails the command.

    PYTHONPATH=src:. .venv/bin/python -m tests.sdk [--newest] [part of a test's name ...]

`--newest` takes the newest release instead, beyond the cap in pyproject.toml, with its tests.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LIST = ROOT / "tests" / "cases" / "sdk-tests.json"
PACKAGE = "azure-ai-ml"
_NEWEST = "--newest"
_LARGEST = 64 * 1024**2
_SHOWN = 2000  # characters of a failure


def main(arguments: list[str]) -> int:
    """Run the listed tests, or those named; return 1 if one does not end as the list says."""
    only = [text for text in arguments if text != _NEWEST]
    expected = json.loads(LIST.read_text(encoding="utf-8"))
    chosen = [
        name for name in (*expected["passes"], *expected["refused"]) if _is_chosen(name, only)
    ]
    with tempfile.TemporaryDirectory(prefix="hakobune-sdk-") as name:
        folder = Path(name)
        wanted = locked()
        if _NEWEST in arguments:
            found = newest(folder)
            if found == wanted:
                sys.stdout.write(f"{_release(found)} is the newest release, and locked\n")
                return 0
            wanted = found
            install(wanted, folder)
        sys.stdout.write(f"running the tests of {_release(wanted)}\n")
        sys.stdout.flush()
        unpack(download(wanted, folder), folder)
        with drydock(folder / "state") as variables:
            outcomes = run_tests(folder, chosen, variables)
    wrong = outcome_faults(chosen, outcomes, expected["refused"])
    passed = sum(outcomes.get(one) == "" for one in chosen)
    sys.stdout.write(f"{passed} of {len(chosen)} tests of Microsoft's pass\n")
    for one in chosen:
        if one in expected["refused"] and outcomes.get(one):
            sys.stdout.write(f"  refused  {one}: {expected['refused'][one]}\n")
    for line in wrong:
        sys.stdout.write(f"  WRONG    {line}\n")
    return 1 if wrong else 0


def locked() -> str:
    """Return the lines of the lock about azure-ai-ml: its version and hashes."""
    return _lines((ROOT / "environments" / "dev.lock").read_text(encoding="utf-8"))


def newest(folder: Path) -> str:
    """Return the same lines for the newest release on the index."""
    (folder / "newest.in").write_text(f"{PACKAGE}\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-deps"]
    command += ["--universal", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--no-emit-index-url", str(folder / "newest.in")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return _lines(done.stdout + "\n")


def install(wanted: str, folder: Path) -> None:
    """Install another release with what it needs, before the environment's own packages."""
    target = str(folder / "newer")
    uv = str(Path(sys.executable).with_name("uv"))
    requirement = _release(wanted)
    subprocess.run([uv, "pip", "install", "--quiet", "--target", target, requirement], check=True)
    os.environ["SDK_TESTS_PACKAGES"] = target


def _lines(text: str) -> str:
    found = re.search(rf"^{PACKAGE}==\S+ \\\n(?:    --hash=\S+(?: \\)?\n)+", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"no lines about {PACKAGE} with hashes")
    return found[0]


def _release(lines: str) -> str:
    return lines.partition(" ")[0]


def download(wanted: str, folder: Path) -> Path:
    """Download the source distribution of a release; pip checks its sha256."""
    (folder / "wanted.txt").write_text(wanted, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes"]
    subprocess.run([*command, "-d", str(folder), "-r", str(folder / "wanted.txt")], check=True)
    (archive,) = folder.glob("*.tar.gz")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the tests alone, put our files beside them, and let the variables choose the cloud."""
    with tarfile.open(archive) as opened:
        for member in opened:
            inner = member.name.partition("/")[2]
            if inner.startswith("tests/") and member.isreg() and member.size < _LARGEST:
                member.name = inner
                opened.extract(member, folder, filter="data")
    shutil.copytree(HERE / "test_configs", folder / "tests" / "test_configs", dirs_exist_ok=True)
    conftest = folder / "tests" / "conftest.py"
    before = conftest.read_text(encoding="utf-8")
    after = before.replace('cloud="AzureCloud",', "")
    if after == before:
        raise SystemExit("the tests' conftest.py names no cloud any more: read it again")
    conftest.write_text(after, encoding="utf-8")


@contextmanager
def drydock(state: Path) -> Iterator[dict[str, str]]:
    """Start a drydock with what the tests expect of a workspace; return its variables."""
    command = [sys.executable, "-m", "drydock"]
    where = ["--state", str(state)]
    subprocess.run([*command, "start", *where], check=True, cwd=ROOT, env=_environment({}))
    try:
        found = subprocess.run(
            [*command, "env", "--json", *where],
            check=True,
            cwd=ROOT,
            env=_environment({}),
            stdout=subprocess.PIPE,
        )
        variables: dict[str, str] = json.loads(found.stdout)
        furnish = [sys.executable, str(HERE / "furnish.py")]
        subprocess.run(furnish, check=True, env=_environment(variables))
        yield variables
    finally:
        if log := os.environ.get("SDK_TESTS_LOG"):
            shutil.copy(state / "log.txt", log)
        subprocess.run([*command, "stop", *where], check=True, cwd=ROOT, env=_environment({}))


def run_tests(folder: Path, names: list[str], variables: Mapping[str, str]) -> dict[str, str]:
    """Run these tests; return each one's failure, empty if it passed."""
    report = folder / "report.xml"
    program = "import sys, pytest, devtools_testutils as stub\n"
    program += "sys.exit(pytest.main(sys.argv[1:], plugins=[stub.Plugin()]))"
    options = [
        "-c",
        "/dev/null",
        f"--rootdir={folder}",
        "-p",
        "no:cacheprovider",
        "-q",
        # Of the failures only those that the list does not expect are shown, at the end.
        "--tb=no",
        "--no-summary",
    ]
    options += ["-W", "ignore", "--import-mode=importlib", f"--junitxml={report}"]
    given = {
        "ML_SUBSCRIPTION_ID": variables["HAKOBUNE_SUBSCRIPTION"],
        "ML_RESOURCE_GROUP": variables["HAKOBUNE_RESOURCE_GROUP"],
        "ML_WORKSPACE_NAME": variables["HAKOBUNE_WORKSPACE"],
        "ML_FEATURE_STORE_NAME": "none",
        "ML_TEST_STORAGE_ACCOUNT_NAME": "drydock",
        # Keys of an account that is nobody's: the tests store them and read them back.
        "ML_TEST_STORAGE_ACCOUNT_PRIMARY_KEY": "Zmlyc3Q=",
        "ML_TEST_STORAGE_ACCOUNT_SECONDARY_KEY": "c2Vjb25k",
    }
    login = {
        "ML_TENANT_ID": variables["AZURE_TENANT_ID"],
        "ML_CLIENT_ID": variables["AZURE_CLIENT_ID"],
        "ML_CLIENT_SECRET": variables["AZURE_CLIENT_SECRET"],
        "SDK_TESTS_VARIABLES": json.dumps(given),
        "PYTHONPATH": f"{HERE / 'stub'}:{folder / 'tests'}",
    }
    paths = [f"tests/{name}" for name in names]
    subprocess.run(
        [sys.executable, "-c", program, *options, *paths],
        check=False,
        cwd=folder,
        env=_environment({**variables, **login}),
    )
    if not report.exists():
        return {}
    return dict(_outcomes(ET.parse(report), names))  # noqa: S314 - written by our own pytest


def outcome_faults(
    names: list[str], outcomes: Mapping[str, str], refused: Mapping[str, str]
) -> list[str]:
    """Return a line for each test that did not end as the list says."""
    return [line for name in names if (line := _verdict(name, outcomes, refused))]


def _outcomes(report: "ET.ElementTree[ET.Element]", names: list[str]) -> Iterator[tuple[str, str]]:
    by_function = {name.rsplit("::", 1)[1]: name for name in names}
    for case in report.iter("testcase"):
        bad = [part for part in case if part.tag in ("failure", "error", "skipped")]
        text = "\n".join(f"{part.get('message')}\n{part.text}" for part in bad)
        if (name := by_function.get(case.get("name", ""))) is not None:
            yield name, text if bad else ""


def _verdict(name: str, outcomes: Mapping[str, str], refused: Mapping[str, str]) -> str:
    """Return how a test's outcome differs from the list, empty if it does not."""
    text = outcomes.get(name)
    if text is None:
        return f"{name} did not run"
    if name not in refused:
        return f"{name} failed: {text[:_SHOWN]}" if text else ""
    if not text:
        return f"{name} passes: move it to the passes in {LIST.relative_to(ROOT)}"
    return "" if refused[name] in text else f"{name} does not meet its refusal: {text[:_SHOWN]}"


def _is_chosen(name: str, only: list[str]) -> bool:
    return not only or any(part in name for part in only)


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without any other cloud or proxy, with these variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AZURE", "ARM_", "HAKOBUNE_"))
        and (not added or not name.lower().endswith("_proxy"))
    }
    paths = [
        os.environ.get("SDK_TESTS_PACKAGES", ""),
        added.get("PYTHONPATH", ""),
        str(ROOT / "src"),
    ]
    return {**kept, **added, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
