"""uv, which solves the environment. Returns its text; nothing is built and nothing installed.

https://docs.astral.sh/uv/pip/compile/ (`uv pip compile`); the answer is a pylock.toml (PEP 751).
"""

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hakobune.adapters.process import Runner
from hakobune.errors import (
    IndexUnreachableError,
    PackageUnknownError,
    ResolutionImpossibleError,
)

# Debian trixie and the official slim image have glibc 2.41; uv knows policies up to 2_40.
_UV_PLATFORM = "x86_64-manylinux_2_40"


def solve(  # noqa: PLR0913 - what uv needs, and what its errors are translated with
    runner: Runner,
    requirements: Sequence[str],
    *,
    python: str,
    preferred: Sequence[str],
    env: Mapping[str, str],
    places: Mapping[str, str],
    file: str,
) -> str:
    """Return the pylock.toml of the closure of these requirements, wheels only.

    `preferred` pins (`name==version`) are kept where they still fit. `places` maps package names
    to the `file:line` that asks for them, and `file` is the conda file, for messages.

    Raises PackageUnknownError, ResolutionImpossibleError or IndexUnreachableError.
    """
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        wanted, answer = Path(folder, "wanted.txt"), Path(folder, "pylock.toml")
        wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        if preferred:
            # uv keeps what it can of the file that it is about to write over.
            answer.write_text(_earlier_answer(preferred), encoding="utf-8")
        done = runner.capture(_command(python, wanted, answer), env=env)
        if done.exit_code == 0:
            return answer.read_text(encoding="utf-8")
    raise _failure(done.stderr or done.stdout, places, file)


def probe(runner: Runner, env: Mapping[str, str]) -> None:
    """Ask the index for one package. Raises IndexUnreachableError where it does not answer."""
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("pip\n", encoding="utf-8")
        command = [*_command("3.13", wanted, Path(folder, "pylock.toml")), "--no-cache"]
        done = runner.capture(command, env={"UV_HTTP_TIMEOUT": "5", **env}, timeout_s=20)
    if done.exit_code != 0:
        raise IndexUnreachableError(
            "the package index does not answer",
            remedy="check the network, the proxy and pip's configuration",
        )


def _command(python: str, wanted: Path, answer: Path) -> list[str]:
    from uv import find_uv_bin  # noqa: PLC0415 - asks the file system, and only `lock` needs it

    return [
        find_uv_bin(),
        *("pip", "compile", str(wanted), "-o", str(answer), "--format", "pylock.toml"),
        *("--quiet", "--no-config", "--no-header", "--no-annotate"),
        # The running interpreter, so that uv does not start every other one to look at it.
        *("--python", sys.executable, "--python-version", python),
        *("--python-platform", _UV_PLATFORM, "--only-binary", ":all:"),
        *("--index-strategy", "unsafe-best-match"),
    ]


def _earlier_answer(pins: Sequence[str]) -> str:
    """Return the least pylock.toml that holds these pins (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "hakobune"']
    for pin in pins:
        name, _, version = pin.partition("==")
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}"]
    return "\n".join(lines) + "\n"


def _failure(
    text: str, places: Mapping[str, str], file: str
) -> PackageUnknownError | ResolutionImpossibleError | IndexUnreachableError:
    """Return the error that uv's words mean."""
    said = re.sub(r"^(error|hint|\s*cause): ", "", text.strip(), flags=re.MULTILINE)
    # uv breaks its lines anywhere between words.
    unknown = re.search(r"([\w.-]+) was not found in the package registry", " ".join(said.split()))
    if unknown:
        name = unknown[1]
        return PackageUnknownError(
            f"{places.get(name, file)}: the Python package index has no `{name}`",
            remedy="check the spelling; if conda alone has it, leave it out or find the wheel "
            "that does the same (docs/reference/environment-file.md lists renamed packages)",
        )
    if re.search(r"Failed to fetch|error sending request|timed out|dns|Connect", said):
        return IndexUnreachableError(
            f"{file}: the package index does not answer\n{_indent(said)}",
            remedy="check the network, the proxy and pip's configuration, then retry",
        )
    named = [place for name, place in places.items() if re.search(rf"\b{re.escape(name)}\b", said)]
    return ResolutionImpossibleError(
        f"{', '.join(named) or file}: no set of wheels fits\n{_indent(said)}",
        remedy="loosen one of the versions named above; every package must have a wheel for "
        "this Python on linux/amd64",
    )


def _indent(text: str) -> str:
    return "\n".join(f"  {line.strip()}" for line in text.splitlines() if line.strip())
