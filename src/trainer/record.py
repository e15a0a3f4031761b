"""The record of a run beside its figures: record.json on success, failure.json otherwise.

Only these files contain times, so that all other files of a repeated run have the same bytes.
Standard library only: a record is written also if a library is missing.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import trainer
from trainer.errors import TrainerError
from trainer.interruption import held_back

SCHEMA_VERSION = 2
# Letters and words in failure.json; one letter takes up to six bytes, and hakobune reads 64 KiB.
_LONGEST_TEXT, _LONGEST_ARGUMENT, _MOST_ARGUMENTS = 1500, 120, 32
_SHORTEST_SECRET = 8
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|CREDENTIAL|CONNECTION_STRING|_KEY$", re.IGNORECASE
)
_SECRET_IN_ADDRESS = re.compile(
    r"((?:[?&;](?:sig|token|code|key|secret|password)=)|(?:://[^/@:\s]*:))[^&@;\s'\"]+",
    re.IGNORECASE,
)
_LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "pmdarima", "matplotlib", "joblib")


_NUMERICS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "NPY_DISABLE_CPU_FEATURES",
    "GLIBC_TUNABLES",
    "PYTHONHASHSEED",
)
_IMAGE = {
    "environment_sha256": "HAKOBUNE_ENVIRONMENT_SHA256",
    "lock_sha256": "HAKOBUNE_LOCK_SHA256",
    "source_sha256": "HAKOBUNE_SOURCE_SHA256",
    "base": "HAKOBUNE_BASE",
}
NOT_CLAIMED = (
    "this processor lacks AVX2 or FMA: other processors may produce a slightly different model"
)
# glibc's numbers of CPUID's leaves 1 and 7, a register's place in a leaf, a feature's bit in it.
_LEAF_1, _LEAF_7, _EBX, _ECX, _FMA_BIT, _AVX2_BIT = 0, 1, 1, 2, 12, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFacts:
    """What the run read; `path` is None for the series that is part of the program."""

    path: str | None
    source: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClock:
    """The command line, when it was started, and the environment variables of the process."""

    arguments: tuple[str, ...]
    started_s: float
    variables: Mapping[str, str]


def write_record(  # noqa: PLR0913 - what a record holds
    run_id: str,
    clock: RunClock,
    notes: Iterable[str],
    files: Mapping[str, bytes | Path],
    data: InputFacts,
    *,
    work: Mapping[str, Any] | None = None,
) -> bytes:
    """Return record.json of a run that succeeded, with every file's checksum.

    `work` counts what a run of several nodes did; nobody else has such a key.
    """
    manifest = {name: _checksum(content) for name, content in files.items()}
    return _sealed(
        {
            **_run_facts(run_id, "succeeded", clock),
            "inputs": [{"name": "input", **asdict(data)}],
            "notes": list(notes),
            **({} if work is None else {"work": work}),
            "manifest": manifest,
        }
    )


def _checksum(content: bytes | Path) -> dict[str, Any]:
    if isinstance(content, bytes):
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    with content.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": content.stat().st_size}


def write_failure_record(
    run_id: str, clock: RunClock, failure: BaseException, exit_code: int
) -> bytes:
    """Return failure.json of a run that failed or was stopped: no longer than 64 KiB, no secret."""
    name, what, remedy = type(failure).__name__, str(failure), None
    if isinstance(failure, TrainerError):
        name, what, remedy = failure.name(), failure.what, failure.remedy
    facts = _run_facts(run_id, "failed", clock)
    return _sealed(
        {
            **facts,
            "arguments": [
                _shown(text, clock, longest=_LONGEST_ARGUMENT)
                for text in clock.arguments[:_MOST_ARGUMENTS]
            ],
            "exit_code": exit_code,
            "error": name,
            "what": _shown(what, clock),
            "remedy": None if remedy is None else _shown(remedy, clock),
        }
    )


def _shown(text: str, clock: RunClock, *, longest: int = _LONGEST_TEXT) -> str:
    """Return text that may go into the job's store: cut off, and with `***` for each secret.

    Secrets are what variables with such a name hold, and what an address passes under such a name.
    """
    held = (value for name, value in clock.variables.items() if _SECRET_NAME.search(name))
    for value in sorted((value for value in held if len(value) >= _SHORTEST_SECRET), key=len)[::-1]:
        text = text.replace(value, "***")
    text = _SECRET_IN_ADDRESS.sub(r"\1***", text)
    return text if len(text) <= longest else f"{text[:longest]}…"


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
        "processor": processor(),
        # What fixes the arithmetic, and what the Dockerfile sets about the image.
        "numerics": {name: clock.variables.get(name) for name in _NUMERICS},
        "image": {key: clock.variables.get(name) for key, name in _IMAGE.items()},
    }


def processor() -> dict[str, Any]:
    """Return the processor's name, and whether it has the instructions that identity needs.

    The name is Linux's (proc_cpuinfo(5)); elsewhere it is None.
    """
    lines: list[str] = []
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    facts = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    return {"model": facts.get("model name"), "has_avx2_and_fma": has_avx2_and_fma()}


def has_avx2_and_fma() -> bool:
    """Return whether the C library's mathematics may use both: all claimed processors have them.

    glibc itself is asked (sys/platform/x86.h, since 2.33). /proc/cpuinfo describes the host
    even if another processor is emulated, and GLIBC_TUNABLES may hide what the processor has.
    """
    with held_back():
        import ctypes  # noqa: PLC0415 - seldom needed

    class Leaf(ctypes.Structure):
        """What the processor has, and what is usable: EAX, EBX, ECX and EDX of one CPUID leaf."""

        _fields_ = (("has", ctypes.c_uint32 * 4), ("usable", ctypes.c_uint32 * 4))

    try:
        leaf = ctypes.CDLL(None)["__x86_get_cpuid_feature_leaf"]
    except (AttributeError, OSError, TypeError):
        return False  # another processor family, or another C library: nothing is claimed there
    leaf.restype = ctypes.POINTER(Leaf)
    leaf.argtypes = [ctypes.c_uint]
    is_fma = leaf(_LEAF_1)[0].usable[_ECX] >> _FMA_BIT & 1
    return bool(is_fma and leaf(_LEAF_7)[0].usable[_EBX] >> _AVX2_BIT & 1)


def processor_notes() -> tuple[str, ...]:
    """Return the notes on the processor; usually none."""
    return () if has_avx2_and_fma() else (NOT_CLAIMED,)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _sealed(values: Mapping[str, Any]) -> bytes:
    """Return the JSON with its seal: the sha256 of the JSON without that last key.

    A changed byte is detected (docs/reference/record.md).
    """
    return write_json({**values, "sha256": hashlib.sha256(write_json(values)).hexdigest()})


def write_json(values: Mapping[str, Any]) -> bytes:
    """Return JSON as other programs read it: UTF-8, and neither NaN nor infinity."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", errors="backslashreplace")
