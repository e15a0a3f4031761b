"""Runs inside the image, as a job: what hakobune assumes of a node, tried one by one.

    python canary.py OUTPUT UID SHARED_MEMORY_BYTES PROGRAM VARIABLE...

Prints one line that begins with `hakobune-canary` and holds a JSON object, and writes the same
object to OUTPUT/canary.json. `checks` has for each assumption whether it holds (null: not tried)
and what was seen; `facts` has what is only reported. Uses the standard library only, prints no
variable's value but PATH, and removes what it tried.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

MARK = "hakobune-canary "
REPORT = "canary.json"
_TOOLS = ("bash", "curl", "ps", "fusermount", "fusermount3", "git")
_OURS = ("AZUREML_", "AZURE_", "AZ_", "MLFLOW_", "MSI_", "OBO_", "IDENTITY_")
_SHARED_MEMORY, _TEMPORARY = "/dev/shm", "/tmp"  # noqa: S108 - looked at, not written to
_ANSWER_S = 20
_LONGEST, _LONGEST_FACT = 300, 1000


def check_user(wanted: int) -> tuple[bool, str]:
    """Tell whether the program runs as the image's user."""
    return os.getuid() == wanted, f"uid {os.getuid()}, gid {os.getgid()}"


def check_variables(wanted: Sequence[str]) -> tuple[bool, str]:
    """Tell whether the job has the variables that hakobune and the program read."""
    missing = [name for name in wanted if not os.environ.get(name)]
    return not missing, "missing: " + ", ".join(missing) if missing else "all are set"


def check_tools(program: str) -> tuple[bool, str]:
    """Tell whether the shell finds the program's own interpreter by the variable PATH."""
    path = os.environ.get("HAKOBUNE_CANARY_PATH", os.defpath)
    found = shutil.which(program, path=path)
    return found is not None, f"{program} is {found or 'not in ' + path}"


def check_shared_memory(wanted: int) -> tuple[bool, str]:
    """Tell whether the shared memory is as large as the job asked for."""
    seen = os.statvfs(_SHARED_MEMORY)
    size = seen.f_frsize * seen.f_blocks
    return size >= wanted, f"{size >> 20} MiB"


def check_mlflow(uri: str) -> tuple[bool, str]:
    """Tell whether the tracking server has this run, asked with the run's own token."""
    if not uri.startswith("azureml://"):
        return False, f"MLFLOW_TRACKING_URI is {'of another kind' if uri else 'not set'}"
    # As the plugin azureml-mlflow does
    base = uri.partition("?")[0].replace("azureml://", "https://", 1)
    base = base.replace("/mlflow/v1.0/", "/mlflow/v2.0/", 1)
    run = os.environ.get("MLFLOW_RUN_ID") or os.environ.get("AZUREML_RUN_ID", "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN") or os.environ.get("AZUREML_RUN_TOKEN", "")
    asked = urllib.request.Request(  # noqa: S310 - https, by the lines above
        f"{base}/api/2.0/mlflow/runs/get?run_id={run}",
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=_ANSWER_S) as answer:  # noqa: S310 - as above
            return True, f"the server answers {answer.status}"
    except urllib.error.HTTPError as exc:
        return False, f"the server answers {exc.code}"
    except (OSError, ValueError) as exc:
        return False, f"no answer: {exc}"


def check_writable(folder: Path) -> tuple[bool, str]:
    """Tell whether a file can be written to a folder and read back."""
    path = folder / "canary-file"
    path.write_bytes(b"ok")
    return same(path, b"ok")


def check_rename(folder: Path) -> tuple[bool, str]:
    """Tell whether a file can replace another one, as an atomic write needs it."""
    path, other = folder / "canary-old", folder / "canary-new"
    path.write_bytes(b"old")
    other.write_bytes(b"new")
    other.replace(path)
    return same(path, b"new")


def check_append(folder: Path) -> tuple[bool, str]:
    """Tell whether a file can be continued."""
    path = folder / "canary-append"
    path.write_bytes(b"a")
    with path.open("ab") as file:
        file.write(b"b")
    return same(path, b"ab")


def check_folder(folder: Path) -> tuple[bool, str]:
    """Tell whether a folder can be made, with a file in it."""
    path = folder / "canary-folder"
    path.mkdir()
    (path / "file").write_bytes(b"ok")
    return same(path / "file", b"ok")


def check_sync(folder: Path) -> tuple[bool, str]:
    """Tell whether a file's content can be forced to the disk."""
    path = folder / "canary-sync"
    with path.open("wb") as file:
        file.write(b"ok")
        file.flush()
        os.fsync(file.fileno())
    return same(path, b"ok")


def same(path: Path, content: bytes) -> tuple[bool, str]:
    """Tell whether a file has this content."""
    is_so = path.read_bytes() == content
    return is_so, "works" if is_so else "other bytes are read back"


def rename_folder(output: Path) -> str:
    """Return whether a folder can be renamed: in a mounted output that fails (EIO)."""
    path = output / "canary-moved"
    path.mkdir()
    path.rename(output / "canary-moved-2")
    return "works"


def tried(check: Callable[[Any], tuple[bool, str]], argument: object) -> list[object]:
    """Return what a check says; an error of the operating system is an observation, too."""
    try:
        is_so, seen = check(argument)
    except OSError as exc:
        return [False, failure(exc)]
    return [is_so, seen[:_LONGEST]]


def failure(exc: OSError) -> str:
    """Return name and words of an error, without its path."""
    return f"{errno.errorcode.get(exc.errno or 0, 'error')}: {exc.strerror}"[:_LONGEST]


def mount_of(folder: Path) -> str:
    """Return type, place and options of the mount that a folder lies on."""
    path, longest, found = str(folder.resolve()), -1, "not known"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            left, _, right = line.partition(" - ")
            point, options = left.split()[4:6]
            is_above = path == point or path.startswith(point.rstrip("/") + "/")
            if is_above and len(point) >= longest:
                longest, found = len(point), f"{right.split()[0]} at {point} ({options})"
    return found


def processor() -> str:
    """Return the processor's name, and how many of them the job may use."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    names = [line.partition(":")[2] for line in text.splitlines() if line.startswith("model name")]
    name = names[0].strip() if names else platform.machine()
    return f"{name}, {len(os.sched_getaffinity(0))} usable"


def permissions() -> str:
    """Return whether the root and the folder for temporary files can be written to."""
    states = [(place, os.access(place, os.W_OK)) for place in ("/", _TEMPORARY)]
    return ", ".join(f"{place} {'writable' if is_so else 'read-only'}" for place, is_so in states)


def umask() -> str:
    """Return the umask, which can be read only by setting it."""
    found = os.umask(0o022)
    os.umask(found)
    return f"{found:03o}"


def tools() -> str:
    """Return which programs the image has that Azure ML's runtime may look for."""
    return ", ".join(f"{name} {'yes' if shutil.which(name) else 'no'}" for name in _TOOLS)


def variables() -> str:
    """Return the names of Azure's and MLflow's variables; their values may be secret."""
    return ", ".join(sorted(name for name in os.environ if name.startswith(_OURS)))


def facts(output: Path) -> dict[str, str]:
    """Return what is reported and not assumed."""
    here = Path.cwd()
    asked: dict[str, Callable[[], str]] = {
        "output": lambda: mount_of(output),
        "working folder": lambda: f"{here}: {mount_of(here)}",
        "rename of a folder": lambda: rename_folder(output),
        "permissions": permissions,
        "umask": umask,
        "processor": processor,
        "kernel": lambda: f"{platform.system()} {platform.release()}",
        "python": platform.python_version,
        "tools": tools,
        "variables": variables,
    }
    found = {}
    for name, ask in asked.items():
        try:
            found[name] = ask()[:_LONGEST_FACT]
        except OSError as exc:
            found[name] = failure(exc)
    return found


def clear(*folders: Path) -> None:
    """Remove what was tried; what cannot be removed stays."""
    for folder in folders:
        for path in list(folder.glob("canary-*")):
            if path.is_dir():
                shutil.rmtree(str(path), ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()


def main(where: str, uid: str, shared_memory: str, program: str, *names: str) -> None:
    """Try everything, and report it."""
    output = Path(where)
    checks = {
        "user": tried(check_user, int(uid)),
        "env": tried(check_variables, names),
        "workdir": tried(check_writable, Path.cwd()),
        "tools": tried(check_tools, program),
        "shm": tried(check_shared_memory, int(shared_memory)),
        "mlflow": tried(check_mlflow, os.environ.get("MLFLOW_TRACKING_URI", "")),
        "output": tried(check_writable, output),
    }
    in_output = {
        "rename": check_rename,
        "append": check_append,
        "mkdir": check_folder,
        "fsync": check_sync,
    }
    for name, check in in_output.items():
        # Without an output that can be written to, nothing is known of the rest.
        is_known = checks["output"][0]
        checks[name] = tried(check, output) if is_known else [None, "the output is not writable"]
    report = {"schema_version": 1, "checks": checks, "facts": facts(output)}
    clear(output, Path.cwd())
    text = json.dumps(report, sort_keys=True)
    with contextlib.suppress(OSError):  # `output` says so
        (output / REPORT).write_bytes(text.encode("ascii"))
    print(MARK + text, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
