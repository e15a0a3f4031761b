"""Does a container see this machine's files, and this machine the container's? Asked by a try.

Where the engine is on another machine (DOCKER_HOST, a context), in a virtual machine that does not
share the folder, or maps users, a mounted folder is not the one that hakobune sees: it is empty, it
is missing, or what is written there never arrives.
"""

import os
import secrets
import tempfile
from pathlib import Path

from hakobune.adapters.containers import mount, run_container
from hakobune.adapters.process import Runner
from hakobune.errors import ContainerFailedError, MountElsewhereError
from hakobune.model.training import Bind

_TIMEOUT_S = 60
_PROGRAM = (
    'cat /probe/here && printf %s "$1" > /probe/there && chmod 666 /probe/there && '
    "chown --reference=/probe /probe/there"
)
_REMEDY = """\
use an engine of this machine, or let the engine share this folder:
docker context ls        (the engine that docker asks; DOCKER_HOST overrides it)
Docker Desktop, colima, podman machine: add the folder to the shared folders, or move the project
into one that is shared"""


def require_round_trip(runner: Runner, image: str, folder: Path) -> None:
    """Write a file on each side of a mount of `folder` and read it on the other.

    `image` must have `/bin/sh` and the core utilities. What was written is removed. Raises
    MountElsewhereError, or ContainerFailedError where the engine refuses for another reason.
    """
    to, back = secrets.token_hex(16), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix=".round-trip-", dir=folder) as probe:
        Path(probe, "here").write_text(to, encoding="ascii")
        try:
            done, _ = run_container(
                runner, [*_options(probe), image, "-c", _PROGRAM, "sh", back], timeout_s=_TIMEOUT_S
            )
        except ContainerFailedError as exc:
            if "bind source path does not exist" not in exc.what and "mount" not in exc.what:
                raise
            raise _elsewhere(folder, "the engine does not have this folder") from exc
        if done.stdout != to:
            raise _elsewhere(folder, "a container sees another folder there")
        if done.exit_code != 0 or _read(Path(probe, "there")) != back:
            said = done.stderr.strip().rpartition("\n")[2]
            raise _elsewhere(
                folder,
                "what a container writes there does not arrive on this machine"
                + (f" ({said})" if said else ""),
            )


def _options(probe: str) -> list[str]:
    bind = Bind(source=Path(probe), target="/probe", is_read_only=False)
    return [
        *("--mount", mount(bind), "--network", "none", "--read-only", "--user", "0:0"),
        *("--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "--cap-add", "CHOWN"),
        *("--security-opt", "no-new-privileges:true", "--pull", "never", "--entrypoint", "/bin/sh"),
    ]


def _read(path: Path) -> str:
    """Return the file's text; a container wrote it, so no link is followed and little is read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(file, 4096).decode(errors="replace")
    finally:
        os.close(file)


def _elsewhere(folder: Path, what: str) -> MountElsewhereError:
    return MountElsewhereError(
        f"the Docker engine does not share {folder} with its containers: {what}", remedy=_REMEDY
    )
