"""The line to a real mosquitto."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import trio
from cryptography import x509
from trio.testing import wait_all_tasks_blocked

from actors.bridge import CLEAN_UP
from hawk.errors import BrokerDown, BrokerRefuses
from hawk.mqtt.line import Arrived, Line, Server
from hawk.mqtt.messages import Message
from tests.mqtt.authority import Authority
from tests.mqtt.mosquitto import Mosquitto, Witness, free_port, say

WILL = Message("battery_hawk/system/availability", "offline", 1, retain=True)


def server(port: int) -> Server:
    return Server("127.0.0.1", port, "battery_hawk_test", timeout=5.0)


@asynccontextmanager
async def session(
    at: Server, *filters: str
) -> AsyncIterator[tuple[Line, "trio.MemoryReceiveChannel[Arrived]"]]:
    line, up = Line(), trio.Event()
    send, receive = trio.open_memory_channel[Arrived](100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.run)
        nursery.start_soon(line.session, at, WILL, filters, up.set, send.send_nowait)
        with trio.fail_after(20):
            await up.wait()
        yield line, receive
        nursery.cancel_scope.cancel()


async def failed(at: Server) -> BrokerDown:
    line = Line()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.run)
        with trio.fail_after(20), pytest.raises(BrokerDown) as caught:
            await line.session(at, WILL, (), lambda: None, lambda _: None)
        nursery.cancel_scope.cancel()
    return caught.value


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_messages_arrive_with_their_qos_and_retain_flag(tmp_path: Path, version: str) -> None:
    with Mosquitto(tmp_path) as broker, Witness(broker.port, "a/#") as witness:
        async with session(replace(server(broker.port), version=version)) as (line, _):
            sent = [Message(f"a/{qos}", f"{qos} °C", qos, retain=qos == 1) for qos in (0, 1, 2)]
            await line.send(sent)
            heard = [await trio.to_thread.run_sync(witness.next) for _ in sent]
        assert [(said.topic, said.qos, said.text) for said in heard] == [
            ("a/0", 0, "0 °C"), ("a/1", 1, "1 °C"), ("a/2", 2, "2 °C"),
        ]  # fmt: skip
        with Witness(broker.port, "a/#") as late:
            assert (said := late.next()).topic == "a/1"
            assert said.retain


async def test_what_others_say_arrives_and_whether_it_was_retained(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        say(broker.port, "cmd", "old", "-r")
        async with session(server(broker.port), "cmd") as (_, arrived):
            with trio.fail_after(20):
                assert await arrived.receive() == Arrived("cmd", b"old", retained=True)
                await trio.to_thread.run_sync(say, broker.port, "cmd", "new")
                assert await arrived.receive() == Arrived("cmd", b"new", retained=False)


async def test_a_broker_that_is_killed_ends_the_session(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        with pytest.raises(ExceptionGroup) as caught:
            await _killed(broker)
        assert caught.group_contains(BrokerDown, match=f"the connection to 127.0.0.1:{broker.port} was lost")


async def _killed(broker: Mosquitto) -> None:
    async with session(server(broker.port)):
        broker.kill()
        await trio.sleep_forever()


async def test_after_a_session_was_ended_in_order_the_will_is_not_said(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Witness(broker.port, "#") as witness:
        async with session(server(broker.port)):
            pass
        say(broker.port, "after", "it")
        assert witness.next().topic == "after"


async def test_no_broker_is_said(tmp_path: Path) -> None:
    error = await failed(server(free_port()))
    assert "cannot be reached: [Errno 111]" in str(error)
    assert not isinstance(error, BrokerRefuses)
    nowhere = await failed(replace(server(1883), host="nowhere.invalid"))
    assert "nowhere.invalid:1883 cannot be reached" in str(nowhere)


async def test_without_a_session_nothing_can_be_sent() -> None:
    line = Line()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.run)
        await wait_all_tasks_blocked()
        with pytest.raises(BrokerDown):
            await line.send([WILL])
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_wrong_password_names_the_settings(tmp_path: Path, version: str) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "hawk", "right"], check=True)
    with Mosquitto(tmp_path, ("allow_anonymous false", f"password_file {passwords}")) as broker:
        right = replace(server(broker.port), username="hawk", password="right", version=version)
        async with session(right):
            pass
        for wrong in (replace(right, password="wrong"), server(broker.port)):
            error = await failed(replace(wrong, version=version))
            assert isinstance(error, BrokerRefuses)
            assert "mqtt.username, mqtt.password" in str(error)
            assert "wrong" not in repr(wrong)


# -- certificates --------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def sealed(port: int, authority: Authority) -> Server:
    return replace(server(port), tls=True, ca_file=str(authority.file))


async def test_a_certificate_of_the_authority_that_is_trusted_lets_us_in(
    tmp_path: Path, authority: Authority
) -> None:
    with Mosquitto(tmp_path, authority.signs()) as broker:
        async with session(sealed(broker.port, authority)) as (line, _):
            await line.send([WILL])


async def test_a_certificate_of_another_authority_is_refused(tmp_path: Path, authority: Authority) -> None:
    other = Authority(tmp_path, "other")
    with Mosquitto(tmp_path, other.signs()) as broker:
        error = await failed(sealed(broker.port, authority))
        unknown = await failed(replace(server(broker.port), tls=True))
    for each in (error, unknown):
        assert isinstance(each, BrokerRefuses)
        assert f"127.0.0.1:{broker.port}" in str(each)
        assert "signed by nobody that is trusted here" in str(each)
        assert "mqtt.ca_file" in str(each)


async def test_a_certificate_that_is_too_old_is_refused(tmp_path: Path, authority: Authority) -> None:
    with Mosquitto(tmp_path, authority.signs(days=-1)) as broker:
        error = await failed(sealed(broker.port, authority))
    assert isinstance(error, BrokerRefuses)
    assert "has expired" in str(error)
    assert "renew it at the broker" in str(error)
    assert "clock" in str(error)


@pytest.mark.parametrize("name", [x509.DNSName("other.example"), x509.IPAddress(IPv4Address("192.0.2.1"))])
async def test_a_certificate_for_another_host_is_refused(
    tmp_path: Path, authority: Authority, name: x509.GeneralName
) -> None:
    with Mosquitto(tmp_path, authority.signs(name)) as broker:
        error = await failed(sealed(broker.port, authority))
    assert isinstance(error, BrokerRefuses)
    assert "is for another host" in str(error)
    assert "mqtt.broker" in str(error)


async def test_tls_at_a_port_without_it_and_the_other_way_round(tmp_path: Path, authority: Authority) -> None:
    with Mosquitto(tmp_path) as broker:
        assert "mqtt.tls, mqtt.port" in str(await failed(sealed(broker.port, authority)))
    with Mosquitto(tmp_path, authority.signs()) as broker:
        silent = await failed(replace(server(broker.port), timeout=1.0))
        assert "does not answer" in str(silent)
        assert "mqtt.tls" in str(silent)


async def test_an_authority_that_is_no_file_is_named(tmp_path: Path) -> None:
    for wrong in (tmp_path / "nowhere.pem", tmp_path):
        error = await failed(replace(server(free_port()), tls=True, ca_file=str(wrong)))
        assert isinstance(error, BrokerRefuses)
        assert "mqtt.ca_file" in str(error)
        assert str(wrong) in str(error)


async def test_a_session_that_is_ended_just_when_the_broker_answers_ends() -> None:
    """A service that was stopped right after its start waited for it, and left its run.json behind."""
    welcomed = trio.Event()

    async def welcome(client: trio.SocketStream) -> None:
        async with client:
            await client.receive_some()
            await client.send_all(bytes.fromhex("20020000"))  # CONNACK; it says nothing after that
            welcomed.set()
            await trio.sleep_forever()

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    at = replace(server(listener.socket.getsockname()[1]), timeout=1000)
    async with trio.open_nursery() as broker:
        broker.start_soon(trio.serve_listeners, welcome, [listener])
        for moment in range(10):  # in one of them the answer and the end come together
            welcomed = trio.Event()
            async with trio.open_nursery() as nursery:
                line = Line()
                nursery.start_soon(line.run)
                nursery.start_soon(line.session, at, WILL, ["cmd"], lambda: None, lambda _: None)
                await welcomed.wait()
                for _ in range(moment):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
                ended_at = trio.current_time()
            assert trio.current_time() < ended_at + CLEAN_UP, moment
        broker.cancel_scope.cancel()
