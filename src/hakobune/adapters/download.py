"""Files of a package index, each by its sha256."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hakobune.errors import HashMismatchError, IndexUnreachableError, SdistInvalidError

if TYPE_CHECKING:
    import requests

_TIMEOUT_S = 30
_LARGEST = 1_000_000_000  # pyspark has 430 MB


def download(address: str, *, file: str, sha256: str, env: Mapping[str, str]) -> bytes:
    """Return the bytes of an index's file. Raises HashMismatchError, or what `fetch` raises."""
    content = fetch(address, file=file, env=env)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise HashMismatchError(
            f"the package index gives another {file} than it lists: its sha256 differs",
            remedy="try again; if it stays so, report it to the index's owner",
        )
    return content


def fetch(address: str, *, file: str, env: Mapping[str, str]) -> bytes:
    """Return the file's bytes. A login comes from the address, or from ~/.netrc.

    Raises IndexUnreachableError, or SdistInvalidError for a file that is too large.
    """
    if address.startswith("file://"):  # of a folder of links
        return Path(unquote(urlsplit(address).path)).read_bytes()
    import requests  # noqa: PLC0415 - slow to import, and few locks download anything

    try:
        with requests.get(
            address, stream=True, timeout=_TIMEOUT_S, verify=env.get("SSL_CERT_FILE") or True
        ) as answer:
            answer.raise_for_status()
            content = bytearray()
            for chunk in answer.iter_content(1 << 20):
                content += chunk
                if len(content) > _LARGEST:
                    raise SdistInvalidError(
                        f"{file} has more than {_LARGEST // 1_000_000} MB",
                        remedy="choose a release that has a wheel",
                    )
    except requests.RequestException as exc:
        # Its text may hold the address, and that a password.
        raise IndexUnreachableError(
            f"{urlsplit(address).hostname} does not give {file}: {_why(exc)}",
            remedy="check the address, the network, the proxy and pip's configuration, then retry",
        ) from exc
    return bytes(content)


def _why(exc: "requests.RequestException") -> str:
    """Return the status of an answer, or the kind of error."""
    return type(exc).__name__ if exc.response is None else f"HTTP {exc.response.status_code}"
