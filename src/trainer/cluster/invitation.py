"""What node 0 leaves for the other nodes: its key, its port, and where batches go.

Whoever has the key may connect, and run any code, until the run ends. It is a new one at each
start, and lies in a folder that only the run's nodes mount. The certificate names no host, because
the nodes' names are not known before they start.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trainer.regular_file import read_beneath

_NAME = re.compile(r"key-[0-9a-f]{16}\.json")
_LARGEST = 20_000
_LAST_PORT = 65535
# A node's clock may be wrong; a run on low-priority nodes may take days.
_SKEW = timedelta(days=1)
_LIFE = timedelta(days=30)
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A certificate and its key, both PEM; node 0's port; its run, and the folder of batches."""

    certificate: str
    key: str
    port: int
    run: str
    batches: str


def make_invitation(*, port: int, batches: Path, run: str = "") -> Invitation:
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
    return Invitation(
        certificate=public.decode(), key=private.decode(), port=port, run=run, batches=str(batches)
    )


def withdraw(folder: Path) -> None:
    """Remove all that lie in a folder, as of starts that were lost. Raises OSError."""
    for path in _files(folder):
        path.unlink(missing_ok=True)


def publish(invitation: Invitation, folder: Path) -> Path:
    """Write it into a folder, readable for its owner only; return the file, to be removed.

    Those of earlier starts are removed first: nobody listens any more who takes their keys. The
    file is written once and never renamed, because a mounted blob store may refuse to rename.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    withdraw(folder)
    content = asdict(invitation)
    path = folder / f"key-{secrets.token_hex(8)}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({**content, "sha256": _digest(content)}, stream)
    return path


def published(folder: Path, run: str = "") -> Iterator[Invitation]:
    """Yield what is in the folder and whole; a file that is only half there yet is left out.

    With a run's id only its own: the work of a job that was lost may lie in the same folder.
    """
    for path in _files(folder):
        found = _read(folder, path.name)
        if found is not None and run in ("", found.run):
            yield found


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _read(folder: Path, name: str) -> Invitation | None:
    """Return an invitation of the right form, from whoever may write there; else None."""
    try:
        content = json.loads(read_beneath(folder, name, _LARGEST))
        seal = content.pop("sha256")
        found = Invitation(**content)
        texts = (found.certificate, found.key)
        is_good = (
            seal == _digest(content)
            and all(isinstance(text, str) and _PEM.fullmatch(text) for text in texts)
            and isinstance(found.port, int)
            and 0 < found.port <= _LAST_PORT
            and isinstance(found.run, str)
            and isinstance(found.batches, str)
            and Path(found.batches).is_absolute()
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if is_good else None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
