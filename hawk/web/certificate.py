"""The certificate of the API: from files, which are renewed now and then."""

import logging
import os
import ssl
from pathlib import Path

from hawk.errors import ConfigurationError
from hawk.ownership import explain

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]  # another one when the file is


class WrongCertificate(ConfigurationError):
    """`key` is the setting that names the file."""

    def __init__(self, key: str, path: str, what: str) -> None:
        super().__init__(f"api.{key} {path}: {what}")
        self.key, self.path, self.what = key, path, what


class Certificate:
    """Connections that are made after a renewal get the new one; those that there are go on."""

    def __init__(self, cert_file: str, key_file: str) -> None:
        """Without a key file the key is in the other one, too. Raises WrongCertificate."""
        self._cert_file, self._key_file = cert_file, key_file
        self._seen = self._stamps()
        self._newest = self._loaded()
        self.context = _context()  # only begins: the handshake goes on with the newest
        self.context.sni_callback = self._hand_over

    def look(self) -> None:
        """Takes one that was renewed. Blocks. Raises WrongCertificate; the one of before goes on then."""
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._newest, self._seen = self._loaded(), stamps
        log.info("the certificate in %s was renewed", self._cert_file)

    def _hand_over(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext
    ) -> None:
        """OpenSSL asks this in each handshake, also where the client names nobody."""
        connection.context = self._newest

    def _stamps(self) -> tuple[Stamp, ...]:
        files = {"cert_file": self._cert_file, "key_file": self._key_file}
        return tuple(_stamp(key, path) for key, path in files.items() if path)

    def _loaded(self) -> ssl.SSLContext:
        """Raises WrongCertificate."""
        context = _context()
        try:
            context.load_verify_locations(self._cert_file)
        except ssl.SSLError as error:
            raise WrongCertificate("cert_file", self._cert_file, "holds no certificate (PEM)") from error
        try:  # without a pass phrase of ours a terminal would be asked for one
            context.load_cert_chain(self._cert_file, self._key_file or None, password="")
        except ssl.SSLError as error:
            raise self._without_key(error.reason) from error
        return context

    def _without_key(self, reason: str | None) -> WrongCertificate:
        if reason == "KEY_VALUES_MISMATCH":
            what = f"is not the key of the certificate in {self._cert_file}"
        else:
            what = "holds no key (PEM, without a pass phrase)"
        if not self._key_file:
            return WrongCertificate("cert_file", self._cert_file, f"{what}, and api.key_file names none")
        return WrongCertificate("key_file", self._key_file, what)


def _stamp(key: str, path: str) -> Stamp:
    """Raises WrongCertificate for what cannot be read."""
    try:
        with Path(path).open("rb") as file:
            found = os.fstat(file.fileno())
    except OSError as error:
        raise WrongCertificate(key, path, f"cannot be read: {explain(Path(path), error)}") from error
    except ValueError as error:
        raise WrongCertificate(key, path, "is no name of a file") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # HTTP/2 is not offered: that a client which does not read is cut off is proved for HTTP/1.1 alone.
    context.set_alpn_protocols(["http/1.1"])
    return context
