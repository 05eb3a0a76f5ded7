"""The answers of InfluxDB 2 and 3, by their documentation: a stub gives them."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hawk.config.schema import Influxdb
from hawk.errors import (
    BatchPartlyRefused,
    BatchRefused,
    BatchTooLarge,
    SinkBusy,
    SinkDenied,
    SinkError,
    SinkUnreachable,
)
from hawk.sinks.influx import InfluxSink
from tests.sinks.rows import reading
from tests.sinks.stub import Answer, Influx2, refusal

TOKEN = {"token": "my-token", "org": "home", "bucket": "boats"}


@pytest.fixture
def server() -> Iterator[Influx2]:
    with Influx2() as server:
        yield server


def sink_of(server: Influx2, **settings: Any) -> InfluxSink:
    given = {"host": "127.0.0.1", "port": server.port, **TOKEN, **settings}
    return InfluxSink(Influxdb.model_validate(given))


@pytest.fixture
def sink(server: Influx2) -> Iterator[InfluxSink]:
    made = sink_of(server)
    assert made.connect() == "InfluxDB v2.7.11"
    yield made
    made.close()


def test_it_writes_to_the_bucket_with_the_token(sink: InfluxSink, server: Influx2) -> None:
    sink.deliver_readings([reading(1), reading(2)])
    (written,) = server.writes
    assert (written.path, written.query) == (
        "/api/v2/write",
        {"org": "home", "bucket": "boats", "precision": "ms"},
    )
    assert written.headers["authorization"] == "Token my-token"
    assert len(written.lines) == 2


def test_nothing_is_sent_where_nothing_was_measured(sink: InfluxSink, server: Influx2) -> None:
    sink.deliver_readings([reading(1, voltage=None)])
    assert server.writes == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "invalid", "unable to parse 'x'"), BatchRefused),
        (refusal(401, "unauthorized", "unauthorized access"), SinkDenied),
        (refusal(403, "forbidden", "no write permission"), SinkDenied),
        (refusal(404, "not found", 'bucket "boats" not found'), SinkDenied),
        (refusal(413, "request too large", "too many bytes"), BatchTooLarge),
        (
            refusal(422, "unprocessable entity", "partial write: field type conflict dropped=1"),
            BatchPartlyRefused,
        ),
        (refusal(429, "too many requests", "quota"), SinkBusy),
        (refusal(500, "internal error", "disk full"), SinkUnreachable),
        (refusal(503, "unavailable", "starting"), SinkBusy),
        (Answer(reset=True), SinkUnreachable),
        (Answer(500, "\x80"), SinkUnreachable),
        (Answer(301, headers={"Location": "/elsewhere"}), SinkDenied),
    ],
)
def test_each_answer_is_told_apart(
    sink: InfluxSink, server: Influx2, answer: Answer, kind: type[SinkError]
) -> None:
    server.answers.append(answer)
    with pytest.raises(SinkError) as caught:
        sink.deliver_readings([reading(1)])
    assert type(caught.value) is kind, caught.value
    sink.deliver_readings([reading(1)])


def test_it_waits_as_long_as_it_is_asked_to(sink: InfluxSink, server: Influx2) -> None:
    server.answers.append(Answer(503, headers={"Retry-After": "42"}))
    with pytest.raises(SinkBusy) as caught:
        sink.deliver_readings([reading(1)])
    assert caught.value.after == 42


def test_a_server_that_does_not_answer_is_given_up(server: Influx2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hawk.sinks.influx.TIMEOUT", 0.2)
    sink, hang = sink_of(server), threading.Event()
    sink.connect()
    server.answers.append(Answer(wait=hang))
    with pytest.raises(SinkUnreachable, match="does not answer"):
        sink.deliver_readings([reading(1)])
    hang.set()
    sink.close()


def test_the_organisation_is_asked_for_before_anything_is_sent(server: Influx2) -> None:
    sink = sink_of(server, org="")
    with pytest.raises(SinkDenied, match=r"needs influxdb\.org"):
        sink.connect()
    sink.close()


def test_a_database_of_1_names_the_bucket_of_2(server: Influx2) -> None:
    sink = sink_of(server, bucket="", database="bh", retention_policy="detail")
    sink.connect()
    sink.deliver_readings([reading(1)])
    sink.close()
    assert server.writes[0].query["bucket"] == "bh/detail"


def test_3_gets_a_bearer(server: Influx2) -> None:
    server.version = "3.1.0"
    sink = sink_of(server, org="")
    assert sink.connect() == "InfluxDB 3.1.0"
    sink.deliver_readings([reading(1)])
    sink.close()
    assert server.writes[0].headers["authorization"] == "Bearer my-token"


def test_a_server_that_hides_its_version_and_has_no_write_call_of_2_is_asked_as_1(server: Influx2) -> None:
    server.version = "hidden"
    sink = sink_of(server)
    sink.connect()
    server.answers.extend([Answer(404, "404 page not found\n"), Answer(200, '{"results":[{}]}')])
    sink.deliver_readings([reading(1)])
    sink.close()
    (written,) = server.writes
    assert (written.path, written.query) == ("/write", {"db": "battery_hawk", "precision": "ms"})


def test_without_a_token_none_is_sent(server: Influx2) -> None:
    sink = sink_of(server, token="")
    sink.connect()
    sink.deliver_readings([reading(1)])
    sink.close()
    assert "authorization" not in server.writes[0].headers


def test_a_certificate_file_that_is_not_there_is_said(server: Influx2) -> None:
    sink = sink_of(server, host="x", url=f"https://127.0.0.1:{server.port}", ca_file="/nowhere/ca.pem")
    with pytest.raises(SinkDenied, match="ca_file"):
        sink.connect()
    sink.close()


@pytest.mark.parametrize("verify", [True, False])
def test_a_server_without_tls_is_not_asked_again_and_again(server: Influx2, verify: bool) -> None:
    sink = sink_of(server, url=f"https://127.0.0.1:{server.port}", verify_tls=verify)
    with pytest.raises(SinkDenied, match=r"look at influxdb\.url"):
        sink.connect()
    sink.close()


# -- certificates ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself; the key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("certificate") / "ca.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("verify", "known", "works"), [(True, True, True), (True, False, False), (False, False, True)]
)
def test_a_certificate_is_checked_unless_the_settings_say_not_to(
    certificate: Path, verify: bool, known: bool, works: bool
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Influx2(tls=tls) as server:
        sink = sink_of(
            server,
            url=f"https://127.0.0.1:{server.port}",
            verify_tls=verify,
            ca_file=str(certificate) if known else "",
        )
        if works:
            sink.connect()
            sink.deliver_readings([reading(1)])
        else:
            with pytest.raises(SinkDenied, match=r"certificate.*influxdb\.ca_file"):
                sink.connect()
        sink.close()
        assert len(server.writes) == works
