"""A certificate from files: what is wrong names the file, what is renewed is taken."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from hawk.web.certificate import Certificate, WrongCertificate
from tests.certificates import Pair, certificate, key_bytes


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return certificate(tmp_path)


def shown(server: Certificate, name: str | None = "localhost") -> int:
    """The serial number that a client gets to see; in memory."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (client, answering):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    seen = client.getpeercert(binary_form=True)
    assert seen
    return x509.load_der_x509_certificate(seen).serial_number


def test_it_is_shown_to_whoever_comes_by_any_name_or_none(pair: Pair) -> None:
    server = Certificate(str(pair.cert), str(pair.key))
    assert {shown(server, name) for name in ("localhost", "elsewhere", None)} == {pair.number}


def test_certificate_and_key_may_be_in_one_file(pair: Pair) -> None:
    pair.cert.write_bytes(pair.cert.read_bytes() + pair.key.read_bytes())
    assert shown(Certificate(str(pair.cert), "")) == pair.number


def test_one_that_was_renewed_is_shown_after_the_next_look(pair: Pair, tmp_path: Path) -> None:
    server = Certificate(str(pair.cert), str(pair.key))
    new = certificate(tmp_path)
    assert shown(server) == pair.number
    server.look()
    assert shown(server) == new.number


def test_while_only_one_of_the_files_is_renewed_the_old_pair_goes_on(pair: Pair, tmp_path: Path) -> None:
    server = Certificate(str(pair.cert), str(pair.key))
    new = certificate(tmp_path, "new")
    new.cert.replace(pair.cert)
    for _ in range(2):
        with pytest.raises(
            WrongCertificate, match=r"hawk\.key: is not the key of the certificate in .*hawk\.pem"
        ):
            server.look()
        assert shown(server) == pair.number
    new.key.replace(pair.key)
    server.look()
    assert shown(server) == new.number


def test_a_file_that_is_not_there_is_named_with_its_setting(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(
        WrongCertificate, match=r"api\.cert_file .*nothing\.pem: cannot be read: No such file"
    ):
        Certificate(str(tmp_path / "nothing.pem"), str(pair.key))
    with pytest.raises(WrongCertificate, match=r"api\.key_file .*nothing\.key: cannot be read: No such file"):
        Certificate(str(pair.cert), str(tmp_path / "nothing.key"))


@pytest.mark.parametrize("name", ["\0", "x" * 300, "/", "/dev/null", "\ud800"])
def test_what_is_no_name_of_such_a_file_is_said(name: str) -> None:
    with pytest.raises(WrongCertificate, match=r"api\.cert_file"):
        Certificate(name, "")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\0" * 1000, b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_or_no_key_is_said_to_be_none(content: bytes, pair: Pair) -> None:
    kept = pair.cert.read_bytes()
    pair.cert.write_bytes(content)
    with pytest.raises(WrongCertificate, match=r"api\.cert_file .*hawk\.pem: holds no certificate"):
        Certificate(str(pair.cert), str(pair.key))
    pair.cert.write_bytes(kept)
    pair.key.write_bytes(content)
    with pytest.raises(WrongCertificate, match=r"api\.key_file .*hawk\.key: holds no key"):
        Certificate(str(pair.cert), str(pair.key))


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_is_asked_for_it(pair: Pair) -> None:
    pair.key.write_bytes(key_bytes(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    with pytest.raises(WrongCertificate, match="without a pass phrase"):
        Certificate(str(pair.cert), str(pair.key))


def test_a_certificate_alone_says_that_the_key_is_missing(pair: Pair) -> None:
    with pytest.raises(
        WrongCertificate, match=r"api\.cert_file .*hawk\.pem: holds no key.*api\.key_file names none"
    ):
        Certificate(str(pair.cert), "")
