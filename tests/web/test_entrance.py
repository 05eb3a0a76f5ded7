"""The socket of the API, while the settings change."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hawk.config.schema import Api
from hawk.errors import ConfigurationError, PortTaken
from hawk.web.entrance import Entrance
from tests.certificates import certificate

HERE = Api(host="127.0.0.1", port=0)


@pytest.fixture
def entrance() -> Iterator[Entrance]:
    with Entrance(HERE) as entrance:
        yield entrance


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def reached(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except ConnectionRefusedError:
        return False


def test_it_moves_to_another_port_and_gives_up_the_old_one(entrance: Entrance) -> None:
    old, new = entrance.port, free_port()
    entrance.look(HERE)
    assert entrance.port == old
    entrance.look(Api(host="127.0.0.1", port=new))
    assert (entrance.port, entrance.problem) == (new, None)
    assert reached(new)
    assert not reached(old)


def test_it_moves_to_another_address_of_the_same_port_without_a_moment_in_between(entrance: Entrance) -> None:
    port = entrance.port
    for host in ("0.0.0.0", "127.0.0.1", "0.0.0.0"):
        entrance.look(Api(host=host, port=port))
        assert (entrance.address, entrance.problem) == (f"{host}:{port}", None)
        assert reached(port)
        with pytest.raises(PortTaken):
            Entrance(Api(host=host, port=port))


def test_a_port_that_is_taken_changes_nothing_until_it_is_free(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    old = entrance.port
    with socket.create_server(("127.0.0.1", 0)) as other, caplog.at_level(logging.ERROR):
        wanted = Api(host="127.0.0.1", port=other.getsockname()[1])
        for _ in range(3):
            entrance.look(wanted)
        assert entrance.port == old
        assert reached(old)
        assert entrance.problem is not None
        assert f"port {wanted.port} on 127.0.0.1 is taken" in entrance.problem
        assert len(caplog.records) == 1
    entrance.look(wanted)
    assert entrance.port == wanted.port
    assert not entrance.problem


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "ä" * 100, "no.such.name.invalid", ""])
def test_what_is_no_address_changes_nothing(entrance: Entrance, host: str) -> None:
    entrance.look(Api(host=host, port=0))
    assert "api.host" in (entrance.problem or "")
    assert reached(entrance.port)


def test_who_takes_back_the_change_has_no_problem_any_more(entrance: Entrance) -> None:
    entrance.look(Api(host="192.0.2.1", port=1))
    assert "192.0.2.1" in (entrance.problem or "")
    entrance.look(HERE)
    assert entrance.problem is None


def test_a_wrong_certificate_changes_nothing(entrance: Entrance, tmp_path: Path) -> None:
    url = entrance.url
    entrance.look(HERE.model_copy(update={"cert_file": str(tmp_path / "nothing.pem")}))
    assert "nothing.pem" in (entrance.problem or "")
    assert entrance.url == url


def test_a_key_without_a_certificate_is_said_to_be_of_no_use(entrance: Entrance) -> None:
    entrance.look(HERE.model_copy(update={"key_file": "/some.key"}))
    assert entrance.problem == "api.key_file /some.key: is of no use without api.cert_file"


def test_with_a_certificate_the_same_socket_speaks_https(entrance: Entrance, tmp_path: Path) -> None:
    pair, listener = certificate(tmp_path), entrance.listener
    entrance.look(HERE.model_copy(update={"cert_file": str(pair.cert), "key_file": str(pair.key)}))
    assert entrance.listener is listener
    assert entrance.url == f"https://127.0.0.1:{entrance.port}"
    entrance.look(HERE)
    assert entrance.certificate is None


def test_at_the_start_what_does_not_work_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken):
        Entrance(Api(host="127.0.0.1", port=other.getsockname()[1]))
    with pytest.raises(ConfigurationError, match=r"nothing\.pem"):
        Entrance(HERE.model_copy(update={"cert_file": str(tmp_path / "nothing.pem")}))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}"),
        ("0.0.0.0", "http://127.0.0.1:{}"),
        ("localhost", "http://127.0.0.1:{}"),
    ],
)
def test_its_url_is_one_that_can_be_asked_from_here(host: str, url: str) -> None:
    with Entrance(Api(host=host, port=0)) as entrance:
        assert entrance.url == url.format(entrance.port)
