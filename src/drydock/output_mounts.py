"""The mounts of jobs' outputs on this machine: one process for each, which outlives drydock.

The folder that a mount is at says which job and output it belongs to, so that the next drydock
finds it. `mounted_output` is the file system.
"""

import contextlib
import ctypes
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

from drydock.blob_store import AzureBlobStore
from drydock.daemon import LOG
from drydock.faults import Faults
from drydock.job_spec import BlobPlace
from drydock.mounted_output import FAULTS, MountedOutput

FOLDER = "mounts"
_DEVICE = Path("/dev/fuse")
_FUSE_SETTINGS = Path("/etc/fuse.conf")
_INSTALL = "install libfuse3 and fusermount3 (Debian, Ubuntu: apt-get install fuse3)"
_NODE = "@"  # no output's name has one
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_START_S, _END_S, _STEP_S = 30.0, 10.0, 0.02


class MountFailedError(Exception):
    """An output could not be mounted."""


def reason_against() -> str:
    """Return why this machine cannot mount an output; empty if it can."""
    if not _DEVICE.exists():
        return f"{_DEVICE} is missing"
    try:
        import mfusepy  # noqa: F401, PLC0415 - loads the system's libfuse
    except ImportError:
        return "the Python package mfusepy is not installed"
    except (OSError, AttributeError):
        return f"libfuse is missing: {_INSTALL}"
    if os.getuid() == 0 or "user_allow_other" in _lines(_FUSE_SETTINGS):
        return ""
    return f"{_FUSE_SETTINGS} lacks the line user_allow_other, which others than root need"


class Mounts(Protocol):
    """Mounts as the runner uses them; tests pass one that mounts nothing."""

    def mount(self, job: str, output: str, place: BlobPlace, *, node: int = 0) -> Path:
        """Mount an output for a node, and return the folder. Raises MountFailedError."""
        ...

    def lose(self, job: str, node: int) -> None:
        """End a node's mounts at once: what is not in the store by then never arrives."""
        ...

    def unmount(self, job: str) -> None:
        """Unmount a job's outputs."""
        ...

    def sweep(self, keep: frozenset[str] = frozenset()) -> None:
        """Unmount the outputs of jobs that are not in this set of names."""
        ...


class OutputMounts:
    """The mounts of one state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state.resolve()
        self._folder = self._state / FOLDER
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def mount(self, job: str, output: str, place: BlobPlace, *, node: int = 0) -> Path:
        """Mount an output for a node, and return the folder. Raises MountFailedError."""
        if not _NAME.fullmatch(output):  # a request chose it, and it becomes a path here
            raise MountFailedError(f"{output!r:.80} is not a name that an output can have")
        folder = self._of(job) / f"{output}{_NODE}{node}"
        self._unmount(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = (
            "--state",
            str(self._state),
            "--",
            job,
            place.container,
            place.path,
            str(folder),
        )
        with (self._state / LOG).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "drydock", "mount", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children[folder] = child
        deadline = time.monotonic() + _START_S
        while not folder.is_mount():
            if child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                raise MountFailedError(f"the output {output} could not be mounted; see {LOG}")
            time.sleep(_STEP_S)
        return folder

    def unmount(self, job: str) -> None:
        """Unmount a job's outputs. Every file that the job closed is in the blob store before."""
        self._end(self._of(job))

    def lose(self, job: str, node: int) -> None:
        """End a node's mounts at once: what is not in the store by then never arrives."""
        for folder, child in self._children.items():
            if folder.parent == self._of(job) and folder.name.endswith(f"{_NODE}{node}"):
                child.kill()
                child.wait()
                # The engine opens no container whose mount is dead.
                _end_mount(folder)

    def sweep(self, keep: frozenset[str] = frozenset()) -> None:
        """Unmount the outputs of jobs that are not in this set of names."""
        kept = {self._of(job).name for job in keep}
        for above in sorted(self._folder.glob("*")):
            if above.name not in kept:
                self._end(above)

    def _end(self, above: Path) -> None:
        started = {folder for folder in self._children if folder.parent == above}
        for folder in sorted(started.union(above.glob("*"))):
            self._unmount(folder)
            with contextlib.suppress(FileNotFoundError):  # another drydock ended it
                folder.rmdir()
        if above.is_dir():
            above.rmdir()

    def _of(self, job: str) -> Path:
        return self._folder / hashlib.sha256(job.encode()).hexdigest()[:32]

    def _unmount(self, folder: Path) -> None:
        """End the mount; its process ends with it."""
        if _is_mounted(folder):
            _end_mount(folder)
        child = self._children.pop(folder, None)
        if child is not None:
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def serve(state: Path, job: str, place: BlobPlace, folder: Path) -> None:
    """Serve a mount until it is unmounted; `drydock mount` calls this in a process of its own."""
    import mfusepy  # noqa: PLC0415 - loads the system's libfuse

    from drydock.services import read_services  # noqa: PLC0415

    services = read_services(state)
    if services is None:
        raise MountFailedError(f"no blob store was started with {state}")
    faults = Faults(state)
    with tempfile.TemporaryDirectory(prefix="drydock-mount-") as cache:
        output = MountedOutput(
            AzureBlobStore(services.storage),
            place,
            Path(cache),
            lambda: faults.take(FAULTS, job, f"job {job}"),
        )
        mfusepy.FUSE(
            output,
            str(folder),
            foreground=True,
            nothreads=True,
            allow_other=True,
            hard_remove=True,
            fsname="drydock",
        )


def _is_mounted(folder: Path) -> bool:
    try:
        return folder.is_mount()
    except OSError:  # its process is gone, the mount is not
        return True


def _end_mount(folder: Path) -> None:
    if os.getuid() == 0:
        detach = 2  # MNT_DETACH of umount2(2): also while a program still looks at it
        ctypes.CDLL(None).umount2(os.fsencode(folder), detach)
    else:
        subprocess.run(["fusermount3", "-u", "-z", str(folder)], check=False, capture_output=True)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return []
