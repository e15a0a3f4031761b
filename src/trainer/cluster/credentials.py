"""The key of one run's nodes: whoever has it may connect, and run any code, until the run ends.

Node 0 makes a new one at each start and leaves it in a folder that only the run's nodes mount. The
certificate names no host, because the nodes' names are not known before they start.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trainer.regular_file import read_beneath

_NAME = re.compile(r"key-[0-9a-f]{16}\.json")
_LARGEST = 10_000
# A node's clock may be wrong; a run on low-priority nodes may take days.
_SKEW = timedelta(days=1)
_LIFE = timedelta(days=30)
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its key, PEM."""

    certificate: str
    key: str


def make_credentials() -> Credentials:
    """Make a key that exists nowhere else, and a certificate that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "one run of hakobune")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return Credentials(certificate=public.decode(), key=private.decode())


def publish(credentials: Credentials, folder: Path) -> Path:
    """Write them into a folder, readable for its owner only; return the file, to be removed.

    The keys of earlier starts are removed first: nothing listens any more that takes them. The file
    is written once and never renamed, because a mounted blob store may refuse to rename.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for earlier in _files(folder):
        earlier.unlink(missing_ok=True)
    content = {"certificate": credentials.certificate, "key": credentials.key}
    content["sha256"] = _digest(content)
    path = folder / f"key-{secrets.token_hex(8)}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        json.dump(content, stream)
    return path


def published(folder: Path) -> Iterator[Credentials]:
    """Yield what is in the folder and whole; a file that is only half there yet is left out."""
    for path in _files(folder):
        found = _read(folder, path.name)
        if found is not None:
            yield found


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _read(folder: Path, name: str) -> Credentials | None:
    try:
        content = json.loads(read_beneath(folder, name, _LARGEST))
        seal = content.pop("sha256")
        found = Credentials(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    is_pem = all(
        isinstance(text, str) and _PEM.fullmatch(text) for text in (found.certificate, found.key)
    )
    return found if is_pem and seal == _digest(content) else None


def _digest(content: dict[str, str]) -> str:
    text = json.dumps({name: content[name] for name in ("certificate", "key")}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
