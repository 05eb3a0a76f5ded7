"""Broker and database, with real sockets. PostgreSQL: tests/sinks/postgresql/test_rehearsal.py."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from hawk.config.schema import Settings
from hawk.doctor.network import servers


@pytest.fixture
def port() -> Iterator[int]:
    """Where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def told(runs: bool = False, **settings: Any) -> dict[str, bool | None]:
    return {check.name: check.ok for check in servers(Settings(**settings), runs=runs)}


OFF: Any = {"influxdb": {"enabled": False}}


def test_what_is_off_is_not_tried() -> None:
    checks = list(servers(Settings(**OFF), runs=False))
    assert [(check.name, check.ok) for check in checks] == [
        ("broker", None),
        ("database", None),
        ("postgresql", None),
    ]
    assert all(check.detail.startswith("not configured") for check in checks)


def test_a_broker_answers_or_not(port: int, closed_port: int) -> None:
    for number, ok in ((port, True), (closed_port, False)):
        assert told(mqtt={"enabled": True, "broker": "127.0.0.1", "port": number}, **OFF)["broker"] is ok


def test_the_broker_inside_needs_the_service(closed_port: int) -> None:
    mqtt = {"enabled": True, "broker": "127.0.0.1", "port": closed_port}
    assert told(mqtt=mqtt, broker={"enabled": True}, **OFF)["broker"] is None
    assert told(True, mqtt=mqtt, broker={"enabled": True}, **OFF)["broker"] is False


def test_a_database_that_is_only_the_default_may_be_absent(port: int, closed_port: int) -> None:
    def database(**influxdb: Any) -> bool | None:
        return told(influxdb=influxdb)["database"]

    assert database(port=closed_port) is None
    assert database(host="127.0.0.1", port=port) is True
    assert database(url=f"http://127.0.0.1:{port}") is True
    assert database(url=f"http://127.0.0.1:{closed_port}") is False
