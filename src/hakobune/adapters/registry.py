"""A container registry: pushes by the docker program, single documents over HTTP with its logins.

What the documents say is the concern of `hakobune.oci`.
"""

import hashlib
import inspect
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from hakobune.adapters.build_progress import shown_waiting
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
_MIRROR_S = 300  # a base of 50 MB on a slow line
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
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
    """Return the manifest's bytes, whose sha256 is the image's digest; None where it is missing.

    Raises RegistryRefusedError or RegistryUnreachableError.
    """
    command = ["docker", "buildx", "imagetools", "inspect", "--raw", "--", reference]

    def ask() -> bytes | None:
        done = runner.capture(command, timeout_s=_TIMEOUT_S)
        if done.exit_code == 0:
            return done.stdout.encode()
        if _MISSING.search(done.stderr) and not _REFUSED.search(done.stderr):
            return None
        raise _failure(done, reference)

    return _patiently(ask, reference, patience)


def tag_digest(runner: Runner, image: str, *, timeout_s: float = 10) -> str | None:
    """Return the digest that the registry has for this tag, or None where no registry answers.

    Buildx asks the registry itself and does not know the engine's mirrors
    (https://docs.docker.com/docker-hub/image-library/mirror/): with one, the engine is asked.
    """
    done = runner.capture(
        ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{json .Manifest}}"],
        timeout_s=timeout_s,
    )
    if done.exit_code == 0:
        digest = str(json.loads(done.stdout).get("digest", ""))
        return digest if _DIGEST.fullmatch(digest) else None
    return _mirrored_digest(runner, image) if _has_mirror(runner) else None


def _has_mirror(runner: Runner) -> bool:
    done = runner.capture(["docker", "info", "--format", "{{json .RegistryConfig.Mirrors}}"])
    return done.exit_code == 0 and done.stdout.lstrip().startswith('["')


def _mirrored_digest(runner: Runner, image: str) -> str | None:
    """Return the digest of an image that the engine pulls by its mirror; None if it cannot."""
    command = ["docker", "pull", "--quiet", "--platform", "linux/amd64", image]
    if runner.capture(command, timeout_s=_MIRROR_S).exit_code != 0:
        return None
    done = runner.capture(
        ["docker", "image", "inspect", image, "--format", "{{json .RepoDigests}}"]
    )
    found = re.findall(r"@(sha256:[0-9a-f]{64})\"", done.stdout)
    return found[0] if done.exit_code == 0 and len(set(found)) == 1 else None


def push(runner: Runner, local: str, remote: str, patience: Patience) -> None:
    """Push the engine's image under another name, which is removed from the engine afterwards."""
    tag, send, untag = push_commands(local, remote)
    runner.capture(tag)

    def attempt() -> None:
        what = f"sending the image to {remote}"
        done = shown_waiting(runner, send, patience.reporter, name="push", what=what)
        if done.exit_code != 0:
            if said := done.stdout.strip():
                patience.reporter.say(said)
            raise _failure(done, remote)

    try:
        _patiently(attempt, remote, patience)
    finally:
        runner.capture(untag)


def forget(runner: Runner, remote: str) -> None:
    """Remove the name that a killed push left in the engine."""
    runner.capture(push_commands("", remote)[2])


def push_commands(local: str, remote: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands of a push: tag, push, and remove the tag."""
    return (
        ("docker", "tag", local, remote),
        ("docker", "push", remote),
        ("docker", "image", "rm", remote),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository over HTTP, for what the docker program cannot write: single documents.

    Each method raises RegistryRefusedError, RegistryUnreachableError or PushFailedError.
    """

    client: Any  # oras has no types
    container: Any

    def upload(self, content: bytes, media_type: str) -> None:
        """Upload a blob."""
        layer = {
            "mediaType": media_type,
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "size": len(content),
        }
        with _translated(self.container.registry), tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(content)
            self._checked(self.client.upload_blob(file.name, self.container, layer))

    def manifest(self, reference: str, media_type: str) -> bytes | None:
        """Return the manifest or index of a tag or digest; None where there is none."""
        with _translated(self.container.registry):
            answer = self.client.do_request(
                self._url(reference), "GET", headers={"Accept": media_type}
            )
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            return bytes(self._checked(answer).content)

    def put(self, reference: str, content: bytes, media_type: str) -> bool:
        """Write a manifest or index; tell whether the registry lists referrers by itself.

        A registry of the distribution specification's version 1.1 does.
        """
        headers = {"Content-Type": media_type}
        with _translated(self.container.registry):
            answer = self.client.do_request(
                self._url(reference), "PUT", data=content, headers=headers
            )
            return "OCI-Subject" in self._checked(answer).headers

    def _url(self, reference: str) -> str:
        base = f"{self.client.prefix}://{self.container.registry}/v2/{self.container.api_prefix}"
        return f"{base}/manifests/{reference}"

    def _checked(self, answer: Any) -> Any:  # noqa: ANN401 - oras has no types
        host = self.container.registry
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise RegistryRefusedError(
                f"{host} refused the request: {answer.status_code} {answer.reason}",
                remedy=_remedy(host),
            )
        if not answer.ok:
            said = " ".join(answer.text.split())[:200]
            raise PushFailedError(
                f"{host}: {answer.status_code} {said}",
                remedy="run the command again",
            )
        return answer


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """Raise our errors for those of the library."""
    import requests  # noqa: PLC0415 - slow to import, and most commands push nothing

    try:
        yield
    except requests.RequestException as exc:
        raise RegistryUnreachableError(
            f"{host} does not answer: {exc}", remedy="check the registry's name and the network"
        ) from exc
    except ValueError as exc:  # what the library raises where it has no login
        raise RegistryRefusedError(
            f"{host} refused the request: {exc}", remedy=_remedy(host)
        ) from exc
    except (AttributeError, KeyError, TypeError) as exc:  # the library checks no answer's form
        raise RegistryUnreachableError(
            f"{host} answers as no registry does ({type(exc).__name__})",
            remedy="check the registry's name, and whether a proxy answers in its place",
        ) from exc


def open_repository(repository: str) -> Repository:
    """Return a repository to write documents to, with the docker program's login."""
    import oras.client  # noqa: PLC0415 - a quarter of a second

    host = _host(repository)
    client = oras.client.OrasClient(insecure=_is_loopback(host))
    container = client.get_container(repository)
    with _translated(host):
        client.auth.load_configs(container)
    return Repository(client=client, container=container)


def require_writable(repository: str) -> bool:
    """Raise RegistryRefusedError where the login may not push, before gigabytes are sent.

    An upload is begun and ended; return whether the registry began it. Whatever is not a clear no
    is left to the docker program, whose logins and authorities may be other ones.
    """
    host, is_refused, is_begun = _host(repository), False, False
    with suppress(RegistryRefusedError, RegistryUnreachableError):
        there = open_repository(repository)
        base = f"{there.client.prefix}://{there.container.registry}"
        uploads = f"{base}/v2/{there.container.api_prefix}/blobs/uploads/"
        with _translated(host):
            # Without the library's own tries, which wait for two minutes.
            ask = partial(inspect.unwrap(type(there.client).do_request), there.client)
            answer = ask(uploads, "POST")
            place = str(answer.headers.get("Location") or "")
            place = place if "://" in place else f"{base}{place}"
            is_begun = answer.status_code == HTTPStatus.ACCEPTED
            if is_begun and place.startswith(f"{base}/v2/"):
                ask(place, "DELETE")
        scope = str(answer.headers.get("WWW-Authenticate") or "")
        is_refused = answer.status_code == HTTPStatus.FORBIDDEN or "insufficient_scope" in scope
    if is_refused:
        raise RegistryRefusedError(
            f"{host}: this login may not push to {repository}", remedy=_remedy(host)
        )
    return is_begun


def _is_loopback(host: str) -> bool:
    """Tell whether the registry may be asked without TLS, by the docker program's own rule."""
    return re.fullmatch(r"(localhost|127(\.\d+){3})(:\d+)?", host) is not None


def _patiently(call: Callable[[], T], reference: str, patience: Patience) -> T:
    # Fewer retries than with Azure: most often the name is wrong, and docker retries, too.
    shorter = replace(patience, pauses_s=patience.pauses_s[:_TRIES])
    try:
        return shorter(call)
    except ServiceUnavailableError as exc:
        raise RegistryUnreachableError(
            exc.what,
            remedy=f"check the registry's name ({_host(reference)}) and the network, "
            "then run the command again",
        ) from exc


def _failure(done: Completed, reference: str) -> HakobuneError | TransientError:
    """Return the error that the docker program's output stands for."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.exit_code}"
    text = "\n".join(lines)
    host = _host(reference)
    if "no space left on device" in text.lower():
        return DiskFullError(f"{host}: {said}", remedy="free some space, then push again")
    if _REFUSED.search(text):
        return RegistryRefusedError(f"{host} refused the request: {said}", remedy=_remedy(host))
    if done.exit_code == 124 or _UNREACHABLE.search(text):  # noqa: PLR2004 - our runner's timeout
        return TransientError(f"{host} answers with an error: {said}")
    return PushFailedError(
        f"{host}: {said}", remedy="see the docker program's output above, then push again"
    )


def _remedy(host: str) -> str:
    """Return what to do where a registry refuses the login, or gives it no right to write."""
    found = re.fullmatch(r"([a-z0-9]+)\.azurecr\.[a-z]+", host)
    if not found:
        return f"docker login {host}"
    return (
        f"az acr login --name {found[1]}\n"
        "a push needs the role AcrPush, or Container Registry Repository Writer for a registry in "
        "ABAC mode"
    )


def _host(reference: str) -> str:
    return reference.partition("/")[0]
