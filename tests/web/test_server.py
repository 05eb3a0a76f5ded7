"""The web server on a real socket: clients that leave, sleep, or say nonsense, and its end."""

import json
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import ActorRef, ChildSpec, FindChild, Later, Supervisor
from actors.testing import wait_until
from hawk.config.schema import Api, Settings
from hawk.directory.messages import ListDevices
from hawk.errors import ConfigurationError, PortTaken
from hawk.events import ReadingsStored
from hawk.listening import open_socket
from hawk.web.server import WebServerActor, url_of
from tests.web.stage import SILENCE, TOKEN, Stage, open_stage, reading

GET = "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN + "\r\n\r\n"
TWO_STREAMS = Settings(api=Api(max_streams=2))


class Crash:
    pass


class Fragile(WebServerActor):
    def on_receive(self, message: Any) -> None:
        raise RuntimeError(message)


@dataclass(slots=True)
class Site:
    """The server under a supervisor, and how to reach it."""

    stage: Stage
    supervisor: ActorRef[Any]
    listener: socket.socket
    clients: list[trio.SocketStream] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    async def connect(self, said: str | bytes = b"") -> trio.SocketStream:
        client = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.clients.append(client)
        if said:
            await client.send_all(said.encode() if isinstance(said, str) else said)
        return client

    async def events(self) -> trio.SocketStream:
        """A stream that has said hello."""
        client = await self.connect(GET.format(path="/api/events"))
        assert b"event: hello" in await read_until(client, b"event: hello")
        return client

    async def sleeper(self) -> trio.SocketStream:
        """A stream whose client does not read, while more happens than the buffers of both ends hold."""
        client = await self.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await client.send_all(GET.format(path="/api/events").encode())
        await wait_until(lambda: self.stage.services.streams.open == 1)
        for _ in range(60):
            self.flood(200)
            await trio.sleep(0.005)
        return client

    async def get(self, path: str) -> tuple[int, Any]:
        client = await self.connect(
            GET.format(path=path).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        )
        head, _, body = (await read_all(client)).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def flood(self, number: int) -> None:
        """So many readings, each an event of half a kilobyte."""
        for each in self.stage.shelf.put(*(reading(1, second) for second in range(number))):
            self.stage.system.bus.publish(ReadingsStored((each,)))

    async def web(self) -> ActorRef[Any]:
        ref = await self.supervisor.ask(FindChild("web")).within(5)
        assert ref is not None
        return ref


async def read_until(client: trio.SocketStream, word: bytes) -> bytes:
    """All up to and with the piece that has this word; fails when it does not come."""
    said = b""
    with trio.fail_after(5):
        while word not in said:
            piece = await client.receive_some()
            assert piece, f"ended with {said!r}"
            said += piece
    return said


async def read_all(client: trio.SocketStream) -> bytes:
    said = b""
    with trio.fail_after(5):
        async for piece in client:
            said += piece
    return said


@asynccontextmanager
async def open_site(
    settings: Settings | None = None, scripts: Mapping[str, dict[type, Any]] | None = None
) -> AsyncIterator[Site]:
    with open_socket("127.0.0.1", 0) as listener:
        async with open_stage(
            settings=settings, scripts=scripts or {"directory": {ListDevices: ()}}
        ) as stage:
            start = partial(Fragile.start, stage.services, listener)
            web = [ChildSpec("web", start, shutdown=3.0)]
            supervisor = await stage.system.start(ChildSpec("root", partial(Supervisor.start, web)))
            site = Site(stage, supervisor, listener)
            try:
                yield site
                await supervisor.stop()
            finally:
                for client in site.clients:
                    client.socket.close()


# -- ordinary clients --------------------------------------------------------------------------


async def test_it_answers_on_the_socket_it_was_given() -> None:
    async with open_site() as site:
        status, document = await site.get("/api/devices")
        assert (status, document["data"], document["meta"]) == (200, [], {"total": 0})
        assert (await site.get("/api/nothing"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"), [("DELETE", "/api/session", b"204"), ("OPTIONS", "/api/devices", b"200")]
)
async def test_an_answer_without_a_body_has_no_type(method: str, path: str, status: bytes) -> None:
    async with open_site() as site:
        client = await site.connect(GET.format(path=path).replace("GET", method, 1))
        head = await read_until(client, b"\r\n\r\n")
        assert head.split()[1] == status
        assert b"\ncontent-type:" not in head.lower()
        assert (b"\ncontent-length:" in head.lower()) is (status == b"200")
        await client.send_all(GET.format(path="/healthz").encode())
        assert (await read_until(client, b"ok\n")).startswith(b"HTTP/1.1 200")


async def test_several_requests_go_over_one_connection() -> None:
    async with open_site() as site:
        client = await site.connect()
        for _ in range(3):
            await client.send_all(GET.format(path="/healthz").encode())
            assert (await read_until(client, b"ok\n")).startswith(b"HTTP/1.1 200")


async def test_it_does_not_say_what_it_is_made_of() -> None:
    async with open_site() as site:
        client = await site.connect(GET.format(path="/healthz"))
        assert b"server:" not in (await read_until(client, b"ok\n")).lower()


async def test_a_stream_tells_what_happens() -> None:
    async with open_site() as site:
        client = await site.connect(GET.format(path="/api/events?types=reading"))
        head = await read_until(client, b"event: hello")
        assert b"content-type: text/event-stream" in head.lower()
        site.flood(1)
        assert b"id: 1\nevent: reading\ndata: {" in await read_until(client, b"event: reading")


async def test_asking_for_the_head_of_a_stream_opens_none() -> None:
    async with open_site() as site:
        client = await site.connect(
            GET.format(path="/api/events")
            .replace("GET", "HEAD")
            .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        )
        assert b" 200 " in await read_all(client)
        assert site.stage.services.streams.open == 0


async def test_only_so_many_streams_are_open_and_who_leaves_makes_room() -> None:
    async with open_site(TWO_STREAMS) as site:
        first, _ = await site.events(), await site.events()
        status, document = await site.get("/api/events")
        assert (status, document["errors"][0]["code"]) == (503, "too_many_streams")
        await first.aclose()
        await wait_until(lambda: site.stage.services.streams.open == 1)
        await site.events()


# -- others ------------------------------------------------------------------------------------


async def test_a_client_that_leaves_in_the_middle_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with open_site(scripts={"directory": {ListDevices: SILENCE}}) as site:
            for said in (
                GET.format(path="/api/events"),
                GET.format(path="/api/devices"),
                GET.format(path="/api/vehicles")
                .replace("GET", "POST")
                .replace("\r\n\r\n", "\r\nContent-Length: 9\r\n\r\n{"),
                "GET /api",
                "",
            ):
                client = await site.connect(said)
                await trio.sleep(0.05)
                await client.aclose()
            await wait_until(lambda: site.stage.services.streams.open == 0)
            assert (await site.get("/api/nothing"))[0] == 404
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_stream_that_is_written_to_after_its_client_left_is_no_trouble(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        async with open_site() as site:
            client = await site.events()
            client.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
            )  # reset, not end
            client.socket.close()
            site.flood(50)
            await wait_until(lambda: site.stage.services.streams.open == 0)
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("path", ["/api/vehicles", "/api/session"])
async def test_a_body_without_end_is_refused(path: str) -> None:
    async with open_site() as site:
        head = GET.format(path=path).replace("GET", "POST")
        head = head.replace(
            "\r\n\r\n", "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        client = await site.connect(head)
        with trio.move_on_after(5) as patience:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_without_end, client)
                said = await read_until(client, b"too_large")
                nursery.cancel_scope.cancel()
        assert not patience.cancelled_caught
        assert said.startswith(b"HTTP/1.1 413")
        assert (await site.get("/api/devices"))[0] == 200


async def send_without_end(client: trio.SocketStream) -> None:
    while True:
        try:
            await client.send_all(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
        except trio.BrokenResourceError:
            return


@pytest.mark.parametrize(
    "said",
    [b"\x16\x03\x01 this is TLS", b"GET / HTTP/9.9\r\n\r\n", b"GET /api/devices HTTP/1.0\r\n\r\n", b"\0" * 1000,
     b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b"POST /api/vehicles HTTP/1.1\r\nContent-Length: x\r\n\r\n"],
)  # fmt: skip
async def test_nonsense_is_answered_or_hung_up_on(said: bytes) -> None:
    async with open_site() as site:
        client = await site.connect(said)
        with trio.fail_after(5):
            answer = await client.receive_some()
        assert answer == b"" or int(answer.split()[1]) >= 400
        assert (await site.get("/api/devices"))[0] == 200


# -- the end -----------------------------------------------------------------------------------


async def test_streams_say_goodbye_when_it_stops() -> None:
    async with open_site() as site:
        client = await site.events()
        await site.supervisor.stop()
        assert b"event: bye\ndata: {}\n\n" in await read_all(client)


async def test_a_request_that_runs_gets_its_answer_when_it_stops() -> None:
    asked, answer = trio.Event(), Later[Any]()

    def list_devices(_: ListDevices) -> Later[Any]:
        asked.set()
        return answer

    async with open_site(scripts={"directory": {ListDevices: list_devices}}) as site:
        client = await site.connect(GET.format(path="/api/devices"))
        await asked.wait()
        stopped = site.supervisor.stop()
        await wait_all_tasks_blocked(0.05)
        answer.resolve(())
        assert b'"total":0' in await read_all(client)
        await stopped


async def test_a_client_that_does_not_read_cannot_hold_up_the_end() -> None:
    async with open_site() as site:
        await site.sleeper()
        reader = await site.events()
        began = trio.current_time()
        with trio.fail_after(3):
            await site.supervisor.stop()
        assert b"event: bye" in await read_all(reader)
        assert trio.current_time() - began < 3
        assert site.stage.services.streams.open == 0


async def test_a_crash_is_followed_by_another_server_on_the_same_socket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_site() as site:
        web, stream = await site.web(), await site.events()
        caplog.set_level(logging.CRITICAL)
        web.tell(Crash())
        await read_all(stream)
        await wait_until(lambda: web.incarnation == 2)
        assert (await site.get("/api/devices"))[0] == 200
        await site.events()


async def test_a_client_that_does_not_read_cannot_hold_up_another_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_site() as site:
        web = await site.web()
        await site.sleeper()
        caplog.set_level(logging.CRITICAL)
        web.tell(Crash())
        await wait_until(lambda: web.incarnation == 2, within=3)
        assert (await site.get("/api/devices"))[0] == 200
        assert site.stage.services.streams.open == 0


# -- the socket --------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named() -> None:
    with open_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            open_socket("127.0.0.1", port)


def test_an_address_of_another_machine_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"):
        open_socket("192.0.2.1", 0)


def test_a_client_that_does_not_read_is_cut_off_by_the_kernel_after_ten_seconds() -> None:
    with open_socket("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:{}"), ("0.0.0.0", "http://127.0.0.1:{}")]
)
def test_the_address_is_one_that_can_be_asked_from_here(host: str, url: str) -> None:
    with open_socket(host, 0) as listener:
        assert url_of(listener) == url.format(listener.getsockname()[1])
