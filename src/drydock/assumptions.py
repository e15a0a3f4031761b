"""What programs assume of a job's node, each of which `start --break` can make untrue.

A job then meets a node that differs in this one thing. The names are in a file of the state folder,
which the runner reads for each job.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from drydock.engine import ContainerPlan
from drydock.errors import FaultUnknownError
from drydock.files import read_json, write_json
from drydock.job_spec import BlobPlace, JobSpec

ASSUMPTIONS = {
    "user": "a job runs as root, and not as the image's user",
    "env": "a job lacks AZUREML_RUN_ID and the paths of its outputs among its variables",
    "workdir": "the working folder is read-only for the image's user",
    "tools": "PATH is /usr/bin:/bin, and not the image's",
    "shm": "the shared memory is 64 MiB, whatever the job asks for",
    "mlflow": "the tracking server refuses the run's token",
    "output": "an output is read-only for the image's user",
    "rename": "nothing can be renamed (EIO)",
    "append": "no file can be opened to be continued (EIO)",
    "mkdir": "no folder can be made (EIO)",
    "fsync": "no file can be synced (EIO)",
    "arrival": "the files of outputs do not arrive in the storage",
    "log": "the log is not where it is read from",
}
Broken = frozenset[str]
_FILE = "broken.json"
_WRITABLE, _READ_ONLY = 0o777, 0o555
_SMALL = 64 << 20
_O_APPEND = 0o2000
_EIO = 5
# Per name the system calls that fail; where a call fails by its flags, which argument they are.
_CALLS: Mapping[str, Mapping[str, int | None]] = {
    "rename": {"rename": None, "renameat": None, "renameat2": None},
    "mkdir": {"mkdir": None, "mkdirat": None},
    "fsync": {"fsync": None, "fdatasync": None},
    "append": {"open": 1, "openat": 2},
}


def known(names: Iterable[str]) -> Broken:
    """Return the names. Raises FaultUnknownError for one that is no assumption."""
    wanted = frozenset(names)
    unknown = sorted(wanted - set(ASSUMPTIONS))
    if unknown:
        raise FaultUnknownError(
            f"there is no assumption named {unknown[0]}",
            remedy=f"use some of: {', '.join(ASSUMPTIONS)}",
        )
    return wanted


def write_broken(state: Path, names: Broken) -> None:
    """Make these assumptions untrue for the jobs that start from now on, and no others."""
    write_json(state / _FILE, {"broken": sorted(names)})


def read_broken(state: Path) -> Broken:
    """Return the names of the assumptions that are untrue."""
    return frozenset((read_json(state / _FILE) or {"broken": ()})["broken"])


def broken_job(job: JobSpec, broken: Broken) -> JobSpec:
    """Return the job as such a node runs it."""
    log, outputs, variables = job.log, job.outputs, dict(job.environment)
    if "log" in broken:
        log = replace(log, path=log.path.replace("user_logs/", "lost_logs/"))
    if "arrival" in broken:
        # Written, and uploaded elsewhere.
        outputs = {
            name: BlobPlace(container=place.container, path=f"lost/{place.path}")
            for name, place in outputs.items()
        }
    if "mlflow" in broken:
        variables |= dict.fromkeys(("AZUREML_RUN_TOKEN", "MLFLOW_TRACKING_TOKEN"), "refused")
    # A mount is writable for any user; only a folder can be read-only.
    mounted = frozenset[str]() if "output" in broken else job.mounted
    return replace(job, log=log, outputs=outputs, environment=variables, mounted=mounted)


def broken_container(plan: ContainerPlan, broken: Broken) -> ContainerPlan:
    """Return the container as such a node creates it."""
    variables = dict(plan.environment)
    if "env" in broken:
        gone = ("AZUREML_RUN_ID", "AZURE_ML_OUTPUT_")
        variables = {name: text for name, text in variables.items() if not name.startswith(gone)}
    if "tools" in broken:
        variables["PATH"] = "/usr/bin:/bin"
    return replace(
        plan,
        environment=variables,
        user="0:0" if "user" in broken else plan.user,
        shared_memory_bytes=_SMALL if "shm" in broken else plan.shared_memory_bytes,
        seccomp=_seccomp(broken),
    )


def mode_of(kind: str, broken: Broken) -> int:
    """Return the permissions of the working folder (`workdir`) or of an output."""
    return _READ_ONLY if kind in broken else _WRITABLE


def _seccomp(broken: Broken) -> str:
    """Return a profile in which the broken system calls fail; empty where none is broken.

    https://docs.docker.com/engine/security/seccomp/
    """
    calls = [(call, flags) for name in broken & set(_CALLS) for call, flags in _CALLS[name].items()]
    rules = [
        {
            "names": [call],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": _EIO,
            "args": []
            if flags is None
            else [
                {
                    "index": flags,
                    "value": _O_APPEND,
                    "valueTwo": _O_APPEND,
                    "op": "SCMP_CMP_MASKED_EQ",
                }
            ],
        }
        for call, flags in calls
    ]
    if not rules:
        return ""
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules})
