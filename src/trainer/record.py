"""What is known of a run besides its figures: record.json on success, failure.json otherwise.

Times stand here alone, so that everything else is the same bytes for the same run. Standard library
only: a record is left also where a library is what is missing.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import trainer
from trainer.errors import TrainerError

SCHEMA_VERSION = 1
_LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "pmdarima", "matplotlib", "joblib")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClock:
    """The command line, and when it was started."""

    arguments: tuple[str, ...]
    started_s: float


def write_record(
    run_id: str, clock: RunClock, notes: Iterable[str], files: Mapping[str, bytes]
) -> bytes:
    """Return record.json of a run that succeeded, with every file's checksum."""
    manifest = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
    }
    record = {**_run_facts(run_id, "succeeded", clock), "notes": list(notes), "manifest": manifest}
    return write_json(record)


def write_failure_record(
    run_id: str, clock: RunClock, failure: BaseException, exit_code: int
) -> bytes:
    """Return failure.json of a run that failed or was stopped."""
    what, remedy = str(failure), None
    if isinstance(failure, TrainerError):
        what, remedy = failure.what, failure.remedy
    return write_json(
        {
            **_run_facts(run_id, "failed", clock),
            "exit_code": exit_code,
            "error": type(failure).__name__,
            "what": what,
            "remedy": remedy,
        }
    )


def versions() -> dict[str, str | None]:
    """Return the versions of this program, of Python and of the libraries."""
    found: dict[str, str | None] = {
        "trainer": trainer.__version__,
        "python": platform.python_version(),
    }
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            found[library] = None
    return found


def _run_facts(run_id: str, status: str, clock: RunClock) -> dict[str, Any]:
    ended = time.time()
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "status": status,
        "arguments": list(clock.arguments),
        "started": _utc(clock.started_s),
        "ended": _utc(ended),
        "seconds": round(max(ended - clock.started_s, 0.0), 3),
        "versions": versions(),
        "platform": platform.platform(),
        "uid": os.getuid(),
    }


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def write_json(values: Mapping[str, Any]) -> bytes:
    """Return JSON as other programs read it: UTF-8, and neither NaN nor infinity."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", errors="backslashreplace")
