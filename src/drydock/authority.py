"""Drydock's own certificate authority: created at the start, and its key discarded at once.

The authority may sign for the loopback address and for the names that drydock answers for, and for
nothing else. A program that trusts only this authority can therefore connect only to drydock.
"""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from drydock.files import write_bytes

LOOPBACK = "127.0.0.1"
VALID = timedelta(days=30)
RENEWED_BEFORE = timedelta(days=2)


def ca_bundle(state: Path) -> Path:
    """Return the path of the authority's certificate."""
    return state / "tls" / "ca.pem"


def ensure_certificates(state: Path, names: Sequence[str], now: datetime) -> None:
    """Write an authority and a server certificate, unless valid ones for these names exist."""
    if _is_good(state, names, now):
        return
    ca_key = ec.generate_private_key(ec.SECP256R1())
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key, names, now)
    leaf = _leaf(leaf_key, ca, ca_key, names, now)
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = serialization.Encoding.PEM
    write_bytes(ca_bundle(state), ca.public_bytes(pem))
    write_bytes(_server_file(state), key + leaf.public_bytes(pem))


def server_context(state: Path) -> ssl.SSLContext:
    """Return the TLS settings of drydock's servers, with their certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(_server_file(state))
    return context


def _server_file(state: Path) -> Path:
    return state / "tls" / "server.pem"


def _is_good(state: Path, names: Sequence[str], now: datetime) -> bool:
    if not (_server_file(state).is_file() and ca_bundle(state).is_file()):
        return False
    leaf = x509.load_pem_x509_certificate(_server_file(state).read_bytes())
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        set(held.get_values_for_type(x509.DNSName)) == set(names)
        and leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc - RENEWED_BEFORE
    )


def _authority(
    key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime
) -> x509.Certificate:
    allowed: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    allowed.append(x509.IPAddress(ipaddress.ip_network(f"{LOOPBACK}/32")))
    name = _name("drydock, a rehearsal's own authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _certificate(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.NameConstraints(permitted_subtrees=allowed, excluded_subtrees=None), critical=True
        )
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    now: datetime,
) -> x509.Certificate:
    subjects: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    subjects += [x509.DNSName(name) for name in names]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _certificate(_name("drydock"), ca.subject, key, now)
        .add_extension(x509.SubjectAlternativeName(subjects), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0) - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
