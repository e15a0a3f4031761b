"""Files of a package index, each by its sha256."""

import hashlib
from collections.abc import Mapping

from hakobune.errors import HashMismatchError, IndexUnreachableError, SdistInvalidError

_TIMEOUT_S = 30
_LARGEST = 300_000_000


def download(address: str, *, file: str, sha256: str, env: Mapping[str, str]) -> bytes:
    """Return the file's bytes. A login comes from the address, or from ~/.netrc.

    Raises IndexUnreachableError, SdistInvalidError for a file that is too large, or
    HashMismatchError.
    """
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
            f"the package index does not give {file}: {type(exc).__name__}",
            remedy="check the network, the proxy and pip's configuration, then retry",
        ) from exc
    if hashlib.sha256(content).hexdigest() != sha256:
        raise HashMismatchError(
            f"the package index gives another {file} than it lists: its sha256 differs",
            remedy="try again; if it stays so, report it to the index's owner",
        )
    return bytes(content)
