"""What hakobune assumes of a job's node, and the job that compares it. No I/O."""

import base64
import shlex
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hakobune.errors import AnswerInvalidError
from hakobune.model.finding import Finding
from hakobune.model.forms import is_of
from hakobune.model.json_text import parse_json
from hakobune.model.sandbox import JOB, SANDBOXES

MARK = b"hakobune-canary "
OUTPUT = "canary"  # the job's output
REPORT = "canary.json"  # the file in it
LARGEST = 64 << 10
_USER = 1000  # of the Dockerfile's USER
_PATH = "/venv/bin:/usr/local/bin:/usr/bin:/bin"  # of its PATH
# What the commands and the training program read of a job.
_VARIABLES = ("AZUREML_RUN_ID", f"AZURE_ML_OUTPUT_{OUTPUT}")
_UNITS = {"k": 10, "m": 20, "g": 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """What is assumed, and what to do where it is not so.

    A training fails without what `is_needed`; without the others it works, but differently.
    """

    name: str
    what: str
    remedy: str
    is_needed: bool = True


_TELL = "report this line as a defect of hakobune: it is built on this assumption"
_UPLOAD = "a training that writes like this fails there: write to /tmp first, then copy"
ASSUMPTIONS = (
    Assumption(
        name="user",
        what=f"the job runs as the image's user ({_USER})",
        remedy="files of the output may belong to root; a program that must not run as root fails",
        is_needed=False,
    ),
    Assumption(
        name="env",
        what=f"the job has the variables {', '.join(_VARIABLES)}",
        remedy=_TELL,
    ),
    Assumption(
        name="workdir",
        what="the working folder is writable",
        remedy="let the program write to /tmp or to its output only",
        is_needed=False,
    ),
    Assumption(
        name="tools",
        what="the shell finds the command's program by the image's PATH",
        remedy="start `command` in [tool.hakobune] with the program's whole path",
    ),
    Assumption(
        name="shm",
        what=f"the shared memory is the {SANDBOXES[JOB].shared_memory} that the job asks for",
        remedy="let the program use fewer worker processes, or none",
        is_needed=False,
    ),
    Assumption(
        name="mlflow",
        what="the tracking server has the run, and accepts its token",
        remedy="metrics will be missing in the studio; the files of a run still hold them",
        is_needed=False,
    ),
    Assumption(
        name="output",
        what="the output is writable",
        remedy="give the identity of the job the role Storage Blob Data Contributor for the "
        "storage account, or name another compute",
    ),
    Assumption(name="rename", what="a file of the output can replace another", remedy=_UPLOAD),
    Assumption(name="append", what="a file of the output can be continued", remedy=_UPLOAD),
    Assumption(name="mkdir", what="a folder can be made in the output", remedy=_UPLOAD),
    Assumption(name="fsync", what="a file of the output can be synced", remedy=_UPLOAD),
    Assumption(
        name="arrival",
        what="the output arrives in the storage, with the same bytes",
        remedy="look at the job's outputs in the studio; hakobune fetch cannot download a run "
        "from there",
    ),
    Assumption(
        name="log",
        what="the job's log can be read from here",
        remedy="give your login the role Storage Blob Data Reader for the workspace's storage "
        "account; hakobune watch shows no log without it",
        is_needed=False,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the program saw: of each assumption whether it holds and the words, and facts."""

    checks: dict[str, tuple[bool | None, str]]
    facts: dict[str, str]


def canary_command(program: str, words: tuple[str, ...]) -> str:
    """Return the job's command, in one line: the program itself is in it, so nothing is uploaded.

    `program` is the text of data/canary.py, `words` the project's own command.
    """
    packed = base64.b64encode(zlib.compress(program.encode(), 9)).decode()
    load = f"import base64,zlib;exec(zlib.decompress(base64.b64decode('{packed}')))"
    size = SANDBOXES[JOB].shared_memory
    expected = (str(_USER), str(int(size[:-1]) << _UNITS[size[-1]]), words[0], *_VARIABLES)
    return (
        f'HAKOBUNE_CANARY_PATH="$PATH"; PATH={_PATH}; export HAKOBUNE_CANARY_PATH PATH; '
        f'python -c "{load}" "${{{{outputs.{OUTPUT}}}}}" {shlex.join(expected)}'
    )


def find_report(log: bytes) -> bytes:
    """Return the document in the last line of a log that has one; empty where none has."""
    found = [line for line in log.splitlines() if line.startswith(MARK)]
    return found[-1].removeprefix(MARK).strip() if found else b""


def read_report(content: bytes) -> Report:
    """Return what the program saw. Raises AnswerInvalidError for what it did not write.

    `log` and `arrival` are seen from here, and not in it.
    """
    try:
        found = parse_json(content, largest=LARGEST)
        checks = {one.name: _check(found["checks"][one.name]) for one in ASSUMPTIONS[:-2]}
        facts = {_line(name): _line(value) for name, value in found["facts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise AnswerInvalidError(
            f"the canary's report cannot be read: {exc}",
            remedy="look at the job's log in the studio, then run hakobune canary again",
        ) from exc
    return Report(checks=checks, facts=facts)


def _check(value: Any) -> tuple[bool | None, str]:  # noqa: ANN401 - any JSON
    is_so, seen = value
    if not (is_so is None or isinstance(is_so, bool)):
        raise ValueError("a check is neither true, false nor null")
    return is_so, _line(seen)


def _line(text: object) -> str:
    if not isinstance(text, str) or not is_of("line", text):
        raise ValueError("a text in it is not one line")
    return text


def judge(report: Report) -> tuple[Finding, ...]:
    """Return a finding for each assumption that was tried, in order, with what was observed."""
    return tuple(_judged(report))


def _judged(report: Report) -> Iterator[Finding]:
    for one in ASSUMPTIONS:
        is_so, seen = report.checks[one.name]
        if is_so is None:
            continue
        if is_so:
            yield Finding(step=one.name, state="ok", what=f"{one.what}; observed: {seen}")
        else:
            yield Finding(
                step=one.name,
                state="no" if one.is_needed else "weak",
                what=f"assumed: {one.what}\nobserved: {seen}",
                remedy=one.remedy,
            )
