"""A container registry, through the docker program, which keeps the logins."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hakobune.adapters.patience import Patience, TransientError
from hakobune.adapters.process import Completed, Runner
from hakobune.errors import (
    DiskFullError,
    HakobuneError,
    PushFailedError,
    RegistryRefusedError,
    RegistryUnreachableError,
    ServiceUnavailableError,
)

T = TypeVar("T")
_TIMEOUT_S = 60
_TRIES = 4
_MISSING = re.compile(
    r"not found|manifest unknown|name unknown|repository name not known", re.IGNORECASE
)
_REFUSED = re.compile(
    r"unauthorized|authentication required|denied|forbidden|no basic auth|insufficient_scope",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"no such host|connection refused|connection reset|i/o timeout|timed? ?out|EOF|network is "
    r"unreachable|TLS handshake|too many requests|toomanyrequests|\b(429|5\d\d) [A-Z]",
    re.IGNORECASE,
)


def manifest(runner: Runner, reference: str, patience: Patience) -> bytes | None:
    """Return the manifest's bytes, whose sha256 is the image's digest; None where there is none.

    Raises RegistryRefusedError or RegistryUnreachableError.
    """
    command = ["docker", "buildx", "imagetools", "inspect", "--raw", reference]

    def ask() -> bytes | None:
        done = runner.capture(command, timeout_s=_TIMEOUT_S)
        if done.exit_code == 0:
            return done.stdout.encode()
        if _MISSING.search(done.stderr) and not _REFUSED.search(done.stderr):
            return None
        raise _failure(done, reference)

    return _patiently(ask, reference, patience)


def push(runner: Runner, local: str, remote: str, patience: Patience) -> None:
    """Push the engine's image under another name; the name is removed from the engine again."""
    tag, send, untag = push_commands(local, remote)
    runner.capture(tag)

    def attempt() -> None:
        done = runner.show(send)
        if done.exit_code != 0:
            raise _failure(done, remote)

    try:
        _patiently(attempt, remote, patience)
    finally:
        runner.capture(untag)


def forget(runner: Runner, remote: str) -> None:
    """Remove the name that a push which was killed had left in the engine."""
    runner.capture(push_commands("", remote)[2])


def push_commands(local: str, remote: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands of a push: name, send, and take the name away again."""
    return (
        ("docker", "tag", local, remote),
        ("docker", "push", remote),
        ("docker", "image", "rm", remote),
    )


def _patiently(call: Callable[[], T], reference: str, patience: Patience) -> T:
    # Shorter than with Azure: most often the name is wrong, and the docker program has tried too.
    shorter = replace(patience, pauses_s=patience.pauses_s[:_TRIES])
    try:
        return shorter(call)
    except ServiceUnavailableError as exc:
        raise RegistryUnreachableError(
            exc.what,
            remedy=f"is the registry's name right ({_host(reference)}), and the network there? "
            "Then run the command again",
        ) from exc


def _failure(done: Completed, reference: str) -> HakobuneError | TransientError:
    """Return what the docker program's words mean."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.exit_code}"
    text = "\n".join(lines)
    host = _host(reference)
    if "no space left on device" in text.lower():
        return DiskFullError(f"{host}: {said}", remedy="free some space, then push again")
    if _REFUSED.search(text):
        name = host.removesuffix(".azurecr.io")
        login = f"az acr login --name {name}" if name != host else f"docker login {host}"
        return RegistryRefusedError(f"{host} refuses: {said}", remedy=login)
    if done.exit_code == 124 or _UNREACHABLE.search(text):  # noqa: PLR2004 - our runner's timeout
        return TransientError(f"{host} does not answer as it should: {said}")
    return PushFailedError(
        f"{host}: {said}", remedy="the docker program's own words stand above; then push again"
    )


def _host(reference: str) -> str:
    return reference.partition("/")[0]
