"""A package index over HTTP: whether it answers as one, and its login from a keyring.

uv asks the indexes; this module finds out which of them is at fault when uv fails or waits.
https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hakobune.adapters.process import Runner, printable
from hakobune.errors import HakobuneError, IndexRefusedError, IndexUnreachableError
from hakobune.model.secrets import AskedIndex

if TYPE_CHECKING:
    import requests

_PROBE_AFTER_S = 3.0
_SAY_AFTER_S = 5.0
GIVE_UP_AFTER_S = 30.0
_ENOUGH = 1 << 20  # bytes of a page: the first links are there
_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = ("application/vnd.pypi.simple.v1+html", "text/html")
_LINK = re.compile(rb"<a\s[^>]*href\s*=[^>]*\.(whl|tar\.gz|zip)\b", re.IGNORECASE)
_NO_ANSWER = "does not answer"
_PAGE = (
    "correct its address (most end in /simple); a proxy's or a login's page may be in between: "
    "open the address in a browser"
)
_REACH = "check its address, the network and the proxy, then retry"


@dataclass(slots=True)
class Probe:
    """One package's page, asked of an index in a thread of its own; see `fault`."""

    index: AskedIndex
    package: str
    ca_bundle: str
    error: HakobuneError | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Probe":
        """Ask. The thread does not keep the program from ending."""
        threading.Thread(target=self._ask, daemon=True).start()
        return self

    def fault(self, within_s: float) -> HakobuneError | None:
        """Return what is wrong with the index; None where it answers as an index does."""
        if not self.ended.wait(max(within_s, 0)):
            return _unreachable(self.index, f"{_NO_ANSWER} within {within_s:.0f} s")
        return self.error

    def hangs(self, file: str) -> HakobuneError:
        """Return the error of an index that was waited for in vain."""
        error = _unreachable(self.index, f"{_NO_ANSWER} within {GIVE_UP_AFTER_S:.0f} s")
        return IndexUnreachableError(f"{file}: {error.what}", remedy=error.remedy, place=file)

    def _ask(self) -> None:
        import requests  # noqa: PLC0415 - slow to import, and asked only after a failure

        address = f"{self.index.address.rstrip('/')}/{self.package}/"
        try:
            with requests.get(
                address,
                headers={"Accept": ", ".join((_JSON, *_HTML))},
                stream=True,
                timeout=GIVE_UP_AFTER_S,
                verify=self.ca_bundle or True,
            ) as answer:
                self.error = _judge(self.index, answer)
        except requests.exceptions.SSLError:
            self.error = IndexUnreachableError(
                f"the package index {self.index.name} has a certificate that this machine does "
                "not trust",
                remedy="name your network's CA bundle: HAKOBUNE_CA_BUNDLE=/path/to/bundle.crt",
            )
        except requests.TooManyRedirects:
            self.error = _unreachable(self.index, "redirects without an end")
        except (requests.RequestException, ValueError, OSError) as exc:
            # Its text may hold the address, and that a password.
            self.error = _unreachable(self.index, f"{_NO_ANSWER} ({type(exc).__name__})")
        finally:
            self.ended.set()


def _judge(index: AskedIndex, answer: "requests.Response") -> HakobuneError | None:
    """Return what is wrong with an answer."""
    final = urlsplit(answer.url)
    moved = final.hostname != urlsplit(index.bare).hostname
    by = f"redirects to {printable(final.hostname or '?')}, which " if moved else ""
    status = answer.status_code
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return None  # it does not have this package
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        what = "refuses this login" if index.login else "needs a login"
        return IndexRefusedError(
            f"the package index {index.name} {by}{what} (HTTP {status})",
            remedy="put its user and password into ~/.netrc or the variables of its address; see "
            "docs/reference/configuration.md, Logins",
        )
    if status != HTTPStatus.OK:
        return _unreachable(index, f"{by}answers with an error (HTTP {status})")
    what = _of_page(answer)
    return _unreachable(index, f"{by}{what}", _PAGE) if what else None


def _of_page(answer: "requests.Response") -> str:
    """Return what is wrong with a page; empty where it is that of an index."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    start = b""
    for chunk in answer.iter_content(1 << 14):
        start += chunk
        if len(start) > _ENOUGH:
            break
    is_json = kind == _JSON and start.lstrip().startswith(b"{")
    if is_json or (kind in _HTML and _LINK.search(start)):
        return ""
    if not start.strip():
        return "answers with an empty page"
    return f"answers with a page that no index has ({printable(kind) or 'of no type'})"


def _unreachable(index: AskedIndex, what: str, remedy: str = _REACH) -> IndexUnreachableError:
    return IndexUnreachableError(f"the package index {index.name} {what}", remedy=remedy)


def faults(
    indexes: Sequence[AskedIndex], package: str, *, ca_bundle: str, within_s: float = _SAY_AFTER_S
) -> list[HakobuneError]:
    """Return what is wrong with the indexes, all asked at once. Those without an address are not.

    `package` is the name whose page is asked for, unless an index serves only others.
    """
    deadline = time.monotonic() + within_s
    probes = _probes(indexes, package, ca_bundle)
    found = [probe.fault(deadline - time.monotonic()) for probe in probes]
    return [error for error in found if error is not None]


def _probes(indexes: Sequence[AskedIndex], package: str, ca_bundle: str) -> list[Probe]:
    return [
        Probe(index, (index.packages or (package,))[0], ca_bundle).start()
        for index in indexes
        if index.address
    ]


@contextmanager
def watched(
    indexes: Callable[[], Sequence[AskedIndex]],
    package: str,
    say: Callable[[str], None],
    *,
    ca_bundle: str,
) -> Iterator[list[Probe]]:
    """While something waits for indexes: say after five seconds which of them does not answer.

    Yields a list that then has the probes.
    """
    ended = threading.Event()
    started: list[Probe] = []

    def watch() -> None:
        if ended.wait(_PROBE_AFTER_S):
            return
        started.extend(_probes(indexes(), package, ca_bundle))
        if ended.wait(_SAY_AFTER_S - _PROBE_AFTER_S):
            return
        for probe in started:
            if not probe.ended.is_set():
                say(f"waiting for {probe.index.name}, which has not answered for 5 s …")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield started
    finally:
        ended.set()
        thread.join(timeout=1)


def keyring_password(runner: Runner, address: str, user: str) -> str:
    """Return the password that the program `keyring` has for a user; empty where it has none.

    It is asked for the address and for its host, as pip and uv do.
    """
    for service in (address, urlsplit(address).netloc):
        done = runner.capture(["keyring", "get", service, user], timeout_s=GIVE_UP_AFTER_S)
        if done.exit_code == 0 and done.stdout.strip():
            return done.stdout.strip()
    return ""
