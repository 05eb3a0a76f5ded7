"""Certificates for a broker: good ones, and each way to be a bad one."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HERE = x509.IPAddress(IPv4Address("127.0.0.1"))


class Authority:
    """One that signs; `file` is its own certificate."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        itself = self._certificate(self._name, self._key.public_key(), days=30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(itself.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def signs(self, what: x509.GeneralName = HERE, days: int = 30) -> tuple[str, ...]:
        """Lines for mosquitto.conf: certificate and key of a broker. `days` it holds from now, or did until then."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
        signed = self._certificate(name, key.public_key(), days).add_extension(
            x509.SubjectAlternativeName([what]), critical=False
        )
        certificate, secret = self._folder / "broker.crt", self._folder / "broker.key"
        certificate.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return "allow_anonymous true", f"certfile {certificate}", f"keyfile {secret}"

    def _certificate(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
        )
