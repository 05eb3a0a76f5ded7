"""The broker inside. Witnesses are mosquitto's own clients, and raw bytes."""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from hawk.mqtt.messages import BrokerState
from tests.mqtt.inside import answered, connect_packet, inside, login_packet
from tests.mqtt.mosquitto import Said, Witness, free_port, say

USERS = {
    "username": "boss",
    "password": "b",
    "users": {"eva": {"password": "e", "subscribe": ["public/#"], "publish": ["public/+", "cmd"]}},
}
BOSS, EVA = ("-u", "boss", "-P", "b"), ("-u", "eva", "-P", "e")
ACCEPTED, NOT_THIS_VERSION, NOT_ALLOWED = (bytes([0x20, 2, 0, code]) for code in (0, 1, 5))

run = trio.to_thread.run_sync


def heard(port: int, filter_: str, count: int, *options: str) -> list[Said]:
    with Witness(port, filter_, *options) as witness:
        return [witness.next() for _ in range(count)]


@asynccontextmanager
async def hearing(port: int, filter_: str, *options: str) -> AsyncIterator[Witness]:
    """The broker answers in this thread."""
    witness = Witness(port, filter_, *options)
    await run(witness.__enter__)
    try:
        yield witness
    finally:
        witness.__exit__(None, None, None)


async def still_works(port: int, *login: str) -> None:
    """From one client to another."""

    def one_hears_the_other() -> None:
        with Witness(port, "public/ping", *login) as witness:
            say(port, "public/ping", "still there", *login)
            assert witness.next().text == "still there"

    with trio.fail_after(20):
        await run(one_hears_the_other)


async def test_one_client_hears_another_and_what_is_retained() -> None:
    async with inside() as broker:
        await broker.wait()
        await run(partial(say, broker.port, "a/kept", "17 °C", "-r"))
        said = (await run(heard, broker.port, "a/#", 1))[0]
        assert (said.topic, said.text, said.retain) == ("a/kept", "17 °C", True)
        await still_works(broker.port)


async def test_a_connect_of_version_5_is_refused_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with inside() as broker:
        await broker.wait()
        for _ in range(5):
            assert await run(answered, broker.port, connect_packet(level=5)) == NOT_THIS_VERSION
        await still_works(broker.port)
        assert (await broker.status()).refused == 5
        assert broker.actor.incarnation == 1
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


async def test_retained_messages_go_only_to_those_who_may_hear_them() -> None:
    """Though somebody else listens to all of them."""
    async with inside(**USERS) as broker:
        await broker.wait()
        for topic in ("secret/x", "public/x"):
            await run(partial(say, broker.port, topic, "kept", "-r", *BOSS))
        async with hearing(broker.port, "#", *BOSS) as boss, hearing(broker.port, "public/#", *EVA) as eva:
            assert {(await run(boss.next)).topic for _ in range(2)} == {"secret/x", "public/x"}
            await run(partial(say, broker.port, "public/end", "end", *BOSS))
            assert [(await run(eva.next)).topic for _ in range(2)] == ["public/x", "public/end"]


async def test_a_user_hears_and_says_what_is_allowed_and_nothing_else() -> None:
    async with inside(**USERS) as broker:
        await broker.wait()
        async with hearing(broker.port, "#", *BOSS) as boss:
            for topic in ("secret/y", "public/a/b", "cmd", "public/z"):
                await run(partial(say, broker.port, topic, "said", *EVA))
            assert [(await run(boss.next)).topic for _ in range(2)] == ["cmd", "public/z"]
        async with hearing(broker.port, "#", *EVA) as eva, hearing(broker.port, "public/+", *EVA) as allowed:
            for topic in ("secret/y", "public/z"):
                await run(partial(say, broker.port, topic, "said", *BOSS))
            assert (await run(allowed.next)).topic == "public/z"
            eva._process.kill()
            with pytest.raises(AssertionError, match="the broker is gone"):
                await run(eva.next)


@pytest.mark.parametrize("settings", [USERS, {**USERS, "host": "0.0.0.0"}])
async def test_nobody_comes_in_without_the_right_password(settings: dict[str, object]) -> None:
    async with inside(**settings) as broker:
        await broker.wait()
        for packet in (
            connect_packet(),
            login_packet("x", "boss", "wrong"),
            login_packet("x", "nobody", "b"),
            login_packet("x", "", ""),
        ):
            assert await run(answered, broker.port, packet) == NOT_ALLOWED
        assert await run(answered, broker.port, login_packet("x", "boss", "b")) == ACCEPTED
        ours = login_packet("x", broker.doorway.our_name, broker.doorway.our_password)
        assert await run(answered, broker.port, ours) == ACCEPTED


async def test_whoever_is_not_known_ends_no_session_of_others() -> None:
    async with inside(**USERS) as broker:
        await broker.wait()
        async with hearing(broker.port, "public/#", "-i", "the-witness", *BOSS) as witness:
            assert await run(answered, broker.port, connect_packet("the-witness")) == NOT_ALLOWED
            await run(partial(say, broker.port, "public/x", "still here", *BOSS))
            assert (await run(witness.next)).text == "still here"


async def test_another_user_does_not_inherit_a_session() -> None:
    async with inside(**USERS) as broker:
        await broker.wait()
        async with hearing(broker.port, "secret/#", "-i", "shared", "-c", *BOSS):
            pass
        await run(partial(say, broker.port, "secret/x", "for boss", *BOSS))
        async with hearing(broker.port, "public/#", "-i", "shared", "-c", *EVA) as eva:
            await run(partial(say, broker.port, "public/x", "for eva", *BOSS))
            assert (await run(eva.next)).text == "for eva"


async def test_a_will_on_a_topic_that_is_not_allowed_is_refused() -> None:
    will = connect_packet("w", flags=0xC6, rest=("secret/x", "gone", "eva", "e"))
    async with inside(**USERS) as broker:
        await broker.wait()
        assert await run(answered, broker.port, will) == NOT_ALLOWED


async def test_a_client_that_comes_again_takes_the_place_of_its_old_connection() -> None:
    async with inside() as broker:
        await broker.wait()
        with socket.create_connection(("127.0.0.1", broker.port)) as old:
            old.settimeout(5)
            old.sendall(connect_packet("twice"))
            assert await run(old.recv, 4) == ACCEPTED
            with socket.create_connection(("127.0.0.1", broker.port)) as new:
                new.settimeout(5)
                new.sendall(connect_packet("twice"))
                assert await run(new.recv, 4) == ACCEPTED
                assert await run(old.recv, 4) == b""
                assert (await broker.status()).clients == 1


async def test_a_client_that_gives_no_sign_of_life_is_let_go() -> None:
    async with inside() as broker:
        await broker.wait()
        with socket.create_connection(("127.0.0.1", broker.port)) as silent:
            silent.settimeout(10)
            silent.sendall(connect_packet(keepalive=1))
            assert await run(silent.recv, 4) == ACCEPTED
            assert await run(silent.recv, 4) == b""


async def test_a_packet_that_is_too_long_ends_its_connection_alone() -> None:
    async with inside() as broker:
        await broker.wait()
        length = b"\xff\xff\xff\x7f"  # 256 MiB
        with socket.create_connection(("127.0.0.1", broker.port)) as greedy:
            greedy.settimeout(10)
            greedy.sendall(connect_packet())
            assert await run(greedy.recv, 4) == ACCEPTED
            greedy.sendall(b"\x30" + length + b"\0\x01a" + bytes(1000))
            assert await run(greedy.recv, 4) == b""
        await still_works(broker.port)


async def test_a_port_that_is_taken_is_a_state_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hawk")
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        async with inside(port=port) as broker:
            said = await broker.wait(BrokerState.DOWN)
            assert said.reason == f"port {port} on 127.0.0.1 is taken: stop what uses it, or set broker.port."
            await trio.sleep(1.5)  # it tries again
    async with inside(port=port) as broker:
        assert (await broker.wait()).address == f"127.0.0.1:{port}"
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING].count(
        f"MQTT broker: port {port} on 127.0.0.1 is taken: stop what uses it, or set broker.port. It is tried again."
    ) == 1  # fmt: skip


async def test_a_port_that_becomes_free_is_used() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as other:
        async with inside(port=port) as broker:
            await broker.wait(BrokerState.DOWN)
            other.close()
            await broker.wait()
            await still_works(port)


async def test_after_a_crash_it_listens_on_the_same_port() -> None:
    async with inside() as broker:
        await broker.wait()
        port, victim = broker.port, broker.actor
        victim._fail(RuntimeError("killed by a test"))
        await victim._ended.wait()
        with trio.fail_after(20):
            await still_works(port)
        assert broker.actor.incarnation == 2
