import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from drydock.authority import VALID, ca_bundle, ensure_certificates
from tests.unit.drydock.asking import client_context

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("drydock.blob.core.drydock.test", "login.microsoftonline.com")


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_authority_may_vouch_for_drydock_s_names_alone(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NAMES, NOW)
    authority = certificate(ca_bundle(tmp_path))
    allowed = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert allowed.critical
    assert allowed.value.permitted_subtrees is not None
    names = [one.value for one in allowed.value.permitted_subtrees if isinstance(one, x509.DNSName)]
    addresses = [
        str(one.value) for one in allowed.value.permitted_subtrees if one.value not in names
    ]
    assert (names, addresses) == (list(NAMES), ["127.0.0.1/32"])


def test_the_authority_s_key_is_on_no_disk(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NAMES, NOW)
    authority = certificate(ca_bundle(tmp_path)).public_key()
    held = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(text.count(b"PRIVATE KEY-----\n") for text in held) == 2  # begin and end of one
    assert certificate(tmp_path / "tls" / "server.pem").public_key() != authority


def test_the_server_s_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NAMES, NOW)
    assert stat.S_IMODE((tmp_path / "tls" / "server.pem").stat().st_mode) == 0o600


def test_certificates_are_kept_while_they_are_good(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NAMES, NOW)
    before = ca_bundle(tmp_path).read_bytes()
    ensure_certificates(tmp_path, NAMES, NOW + timedelta(days=1))
    assert ca_bundle(tmp_path).read_bytes() == before
    ensure_certificates(tmp_path, NAMES, NOW + VALID - timedelta(days=1))
    renewed = ca_bundle(tmp_path).read_bytes()
    assert renewed != before
    ensure_certificates(tmp_path, (*NAMES, "another.test"), NOW + VALID - timedelta(days=1))
    assert ca_bundle(tmp_path).read_bytes() != renewed


def test_a_client_trusts_drydock_and_nobody_else(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NAMES, NOW)
    context = client_context(tmp_path)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1
