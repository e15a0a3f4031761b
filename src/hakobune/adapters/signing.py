"""Ed25519 signatures in DSSE envelopes (https://github.com/secure-systems-lab/dsse)."""

import json
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # it is in its documentation

from hakobune.errors import KeyUnusableError, SignatureInvalidError
from hakobune.model.json_text import parse_json

# An envelope has ten values: payload, its type, one signature. More are read, and not taken.
_PARTS = 1000
_SHOWN = 32
_NEW_KEY = "make one: openssl genpkey -algorithm ed25519 -out key.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The envelope, and the public half of the key in PEM form."""

    envelope: bytes
    public_key: bytes


def sign(payload: bytes, *, payload_type: str, key: bytes, place: str) -> Signed:
    """Return the payload signed with this private key. Raises KeyUnusableError."""
    try:
        private = load_pem_private_key(key, password=None)
    except TypeError as exc:
        raise KeyUnusableError(
            f"{place} is encrypted, and hakobune cannot ask for its passphrase",
            remedy=f"decrypt it for this command: openssl pkey -in {place}",
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise KeyUnusableError(
            f"{place} is not a private key in PEM form", remedy=_NEW_KEY
        ) from exc
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusableError(f"{place} is not an Ed25519 key", remedy=_NEW_KEY)
    envelope = Envelope(payload=payload, payload_type=payload_type, signatures={})
    envelope.sign(CryptoSigner(private))
    return Signed(envelope=_written(envelope), public_key=_pem(private.public_key()))


def opened(envelope: bytes, *, payload_type: str, key: bytes, places: tuple[str, str]) -> bytes:
    """Return the payload of an envelope that this public key signed.

    Raises SignatureInvalidError, or KeyUnusableError; `places` are those of envelope and key.
    """
    public = _public_key(key, places[1])
    try:
        found = Envelope.from_dict(dict(parse_json(envelope, largest=len(envelope), most=_PARTS)))
        is_ours = _written(found) == envelope and found.payload_type == payload_type
    # Whatever a damaged envelope makes the library raise, it is one.
    except Exception as exc:
        raise SignatureInvalidError(
            f"{places[0]} is not a signature: {exc if envelope else 'it is empty'}",
            remedy="sign the run again: hakobune sign",
        ) from exc
    if not is_ours:
        raise SignatureInvalidError(
            f"{places[0]} was changed after it was written",
            remedy="sign the run again: hakobune sign",
        )
    try:
        found.verify([SSlibKey.from_crypto(public)], 1)
    except VerificationError as exc:
        raise SignatureInvalidError(
            f"{places[0]} does not verify with {places[1]}: wrong key, or changed since signing",
            remedy="check that this is the signer's public key; if it is, do not trust the run",
        ) from exc
    return found.payload


def key_id(key: bytes, *, place: str) -> str:
    """Return the sha256 that names the public key, as hex. Raises KeyUnusableError."""
    return str(SSlibKey.from_crypto(_public_key(key, place)).keyid)


def fingerprint(key: bytes, *, place: str) -> str:
    """Return the first half of the key's id, which messages show. Raises KeyUnusableError."""
    return key_id(key, place=place)[:_SHOWN]


def _public_key(key: bytes, place: str) -> Ed25519PublicKey:
    try:
        public = load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise KeyUnusableError(
            f"{place} is not a public key in PEM form",
            remedy="write it: openssl pkey -in key.pem -pubout -out key.pub.pem",
        ) from exc
    if not isinstance(public, Ed25519PublicKey):
        raise KeyUnusableError(f"{place} is not an Ed25519 key", remedy=_NEW_KEY)
    return public


def is_as_written(key: bytes, *, place: str) -> bool:
    """Tell whether the file is the public key's PEM form and nothing else."""
    return _pem(_public_key(key, place)) == key


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _written(envelope: Envelope) -> bytes:
    """Return the envelope as one line of JSON, the form of a bundle of attestations."""
    return (json.dumps(envelope.to_dict(), sort_keys=True) + "\n").encode()
