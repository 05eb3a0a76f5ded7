"""Certificates of the real server: which are believed, and what is said of others."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hawk.errors import SinkDenied
from hawk.sinks.postgresql.session import Session
from tests.sinks.postgres import running
from tests.sinks.postgresql.conftest import Place
from tests.sinks.postgresql.samples import refusal, sink_for


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """The URL of a server with a certificate for localhost that nobody else signed, a file with that, and one
    with another.
    """
    folder = tmp_path_factory.mktemp("authorities")
    (right, key), (wrong, _) = self_signed("localhost"), self_signed("localhost")
    (folder / "right.pem").write_text(right)
    (folder / "wrong.pem").write_text(wrong)
    with running(right, key) as server:
        server.make_database("bh")
        yield server.url("bh", host="localhost"), str(folder / "right.pem"), str(folder / "wrong.pem")


def self_signed(host: str) -> tuple[str, str]:
    """Certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


IS_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def encryption(url: str, **how: object) -> bool:
    target = sink_for(url, **how)._target
    session = Session.open(target.parameters, target.place)
    with session.transaction(5.0):
        (found,) = session.row(IS_ENCRYPTED)
    session.close()
    return bool(found)


def test_a_certificate_by_the_authority_that_is_named_is_believed(encrypted: tuple[str, str, str]) -> None:
    url, right, _ = encrypted
    assert encryption(url, ca_file=right)


def test_a_certificate_by_another_authority_is_denied(encrypted: tuple[str, str, str]) -> None:
    url, _, wrong = encrypted
    error = refusal(url, ca_file=wrong)
    assert isinstance(error, SinkDenied)
    assert "certificate verify failed" in str(error)
    assert "postgresql.ca_file" in str(error)


def test_a_certificate_that_nobody_signed_is_denied_by_those_whom_the_system_trusts(
    encrypted: tuple[str, str, str],
) -> None:
    authorities = ssl.get_default_verify_paths().cafile
    error = refusal(f"{encrypted[0]}?sslmode=verify-full&sslrootcert={authorities}")
    assert isinstance(error, SinkDenied)
    assert "certificate verify failed" in str(error)


def test_a_certificate_for_another_name_is_denied(encrypted: tuple[str, str, str]) -> None:
    url, right, _ = encrypted
    error = refusal(url.replace("localhost", "127.0.0.1"), ca_file=right)
    assert isinstance(error, SinkDenied)
    assert "does not match host name" in str(error)


def test_an_authority_that_is_not_there_is_denied(encrypted: tuple[str, str, str]) -> None:
    error = refusal(encrypted[0], ca_file="/nowhere/ca.pem")
    assert isinstance(error, SinkDenied)
    assert "/nowhere/ca.pem" in str(error)


def test_without_verification_it_is_encrypted_all_the_same(encrypted: tuple[str, str, str]) -> None:
    assert encryption(encrypted[0], verify_tls=False)


def test_a_server_that_does_not_encrypt_is_denied_when_it_has_to_prove_itself(place: Place) -> None:
    error = refusal(place.url.replace("127.0.0.1", "localhost"), ca_file="/etc/ssl/certs/ca-certificates.crt")
    assert isinstance(error, SinkDenied)
    assert "?sslmode=disable" in str(error)
