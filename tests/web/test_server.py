"""The web server on a real socket: clients that leave, sleep, or say nonsense, and its end."""

import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import ActorRef, ChildSpec, FindChild, Later, Supervisor
from actors.testing import wait_until
from hawk.config.messages import Follow
from hawk.config.schema import Api, Settings
from hawk.directory.messages import ListDevices
from hawk.errors import ConfigurationError, PortTaken
from hawk.events import ReadingsStored
from hawk.listening import open_socket
from hawk.web.entrance import Entrance
from hawk.web.server import KEEP_ALIVE, LOOK, WebServerActor
from tests.certificates import certificate
from tests.web.stage import SILENCE, TOKEN, Stage, open_stage, reading

GET = "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN + "\r\n\r\n"
HERE = Api(host="127.0.0.1", port=0)
TWO_STREAMS = Settings(api=HERE.model_copy(update={"max_streams": 2}))


class Crash:
    pass


class Fragile(WebServerActor):
    def on_receive(self, message: Any) -> object:
        if isinstance(message, Crash):
            raise RuntimeError(message)
        return super().on_receive(message)


@dataclass(slots=True)
class Site:
    """The server under a supervisor, and how to reach it."""

    stage: Stage
    supervisor: ActorRef[Any]
    entrance: Entrance
    clients: list[trio.SocketStream] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.entrance.port

    async def connect(self, said: str | bytes = b"") -> trio.SocketStream:
        client = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.clients.append(client)
        if said:
            await client.send_all(said.encode() if isinstance(said, str) else said)
        return client

    async def secure(self, authority: Path) -> trio.SSLStream[trio.SocketStream]:
        """A connection by TLS, after the handshake."""
        context = ssl.create_default_context(cafile=authority)
        tls = trio.SSLStream(
            await self.connect(), context, server_hostname="localhost", https_compatible=True
        )
        with trio.fail_after(5):
            await tls.do_handshake()
        return tls

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


async def read_until(client: trio.abc.ReceiveStream, word: bytes) -> bytes:
    """All up to and with the piece that has this word; fails when it does not come."""
    said = b""
    with trio.fail_after(5):
        while word not in said:
            piece = await client.receive_some()
            assert piece, f"ended with {said!r}"
            said += piece
    return said


async def read_all(client: trio.abc.ReceiveStream) -> bytes:
    said = b""
    with trio.fail_after(5):
        async for piece in client:
            said += piece
    return said


@asynccontextmanager
async def open_site(
    settings: Settings | None = None,
    scripts: Mapping[str, dict[type, Any]] | None = None,
    current: Callable[[], Settings] | None = None,
    tell_url: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Site]:
    with Entrance(HERE) as entrance:
        async with open_stage(
            settings=settings or Settings(api=HERE), scripts=scripts or {"directory": {ListDevices: ()}}
        ) as stage:
            services = replace(stage.services, current=current) if current else stage.services
            start = partial(Fragile.start, services, entrance, tell_url)
            web = [ChildSpec("web", start, shutdown=3.0)]
            supervisor = await stage.system.start(ChildSpec("root", partial(Supervisor.start, web)))
            site = Site(stage, supervisor, entrance)
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


PUT = (
    GET.format(path="/api/devices").replace("GET", "PUT").replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\n")
)


async def test_a_request_that_is_refused_before_its_body_came_leaves_the_connection_open() -> None:
    """httpx sends both one after the other, and had no answer to its next request."""
    async with open_site() as site:
        client = await site.connect(PUT)
        await site.get("/api/devices")  # by then the refusal is ready, too
        await client.send_all(b"{}")
        assert b"\nconnection: close" not in (await read_until(client, b'"errors"')).lower()
        await client.send_all(GET.format(path="/healthz").encode())
        assert (await read_until(client, b"ok\n")).startswith(b"HTTP/1.1 200")


async def test_a_refusal_whose_request_does_not_come_to_an_end_says_that_it_hangs_up() -> None:
    async with open_site() as site:
        said = await read_all(await site.connect(PUT))
        assert said.startswith(b"HTTP/1.1 405")
        assert b"\nconnection: close" in said.lower()


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


@pytest.mark.parametrize("piece", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
async def test_who_begins_a_request_and_does_not_come_to_an_end_is_hung_up_on(piece: bytes) -> None:
    async with open_site() as site:
        client, began = await site.connect(piece), trio.current_time()
        with trio.move_on_after(10):
            async with trio.open_nursery() as nursery:
                if piece:
                    nursery.start_soon(dribble, client)
                async for _ in client:
                    pass
                nursery.cancel_scope.cancel()
        assert trio.current_time() - began < KEEP_ALIVE + 2


async def dribble(client: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        while True:
            await client.send_all(b"x")
            await trio.sleep(0.5)


async def test_a_head_of_a_request_that_is_too_large_is_refused_before_it_is_all_there() -> None:
    async with open_site() as site:
        client = await site.connect(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20_000)
        said = await read_all(client)
        assert said.split()[1] in {b"400", b"431"}


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
        with trio.fail_after(8):
            await site.supervisor.stop()
        assert b"event: bye" in await read_all(reader)
        assert trio.current_time() - began < 8
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


# -- another address ---------------------------------------------------------------------------


@dataclass(slots=True)
class Moving:
    """A site whose settings can be changed."""

    site: Site
    settings: list[Settings]
    urls: list[str]

    async def move(self, **api: Any) -> None:
        self.settings[0] = Settings(api=self.settings[0].api.model_copy(update=api))
        (await self.site.web()).tell(Follow(self.settings[0]))


@asynccontextmanager
async def open_moving(scripts: Mapping[str, dict[type, Any]] | None = None) -> AsyncIterator[Moving]:
    settings, urls = [Settings(api=HERE)], list[str]()
    async with open_site(scripts=scripts, current=lambda: settings[0], tell_url=urls.append) as site:
        yield Moving(site, settings, urls)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def test_it_moves_to_another_port_and_says_where_it_is() -> None:
    async with open_moving() as moving:
        old, new = moving.site.port, free_port()
        stream, idle = await moving.site.events(), await moving.site.connect()
        await moving.move(port=new)
        assert b"event: bye" in await read_all(stream)
        assert await read_all(idle) == b""
        await wait_until(lambda: moving.urls, within=5)
        assert moving.urls == [f"http://127.0.0.1:{new}"]
        assert (await moving.site.get("/api/devices"))[0] == 200
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", old))


async def test_a_request_that_runs_gets_its_answer_at_the_old_address() -> None:
    asked, answer = trio.Event(), Later[Any]()

    def list_devices(_: ListDevices) -> Later[Any]:
        asked.set()
        return answer

    async with open_moving({"directory": {ListDevices: list_devices}}) as moving:
        client = await moving.site.connect(GET.format(path="/api/devices"))
        await asked.wait()
        await moving.move(port=free_port())
        await wait_until(lambda: moving.urls, within=5)
        answer.resolve(())
        assert b'"total":0' in await read_all(client)


async def test_a_request_that_runs_at_the_old_address_does_not_hold_up_the_end() -> None:
    asked = trio.Event()

    def list_devices(_: ListDevices) -> Later[Any]:
        asked.set()
        return Later()

    async with open_moving({"directory": {ListDevices: list_devices}}) as moving:
        client = await moving.site.connect(GET.format(path="/api/devices"))
        await asked.wait()
        await moving.move(port=free_port())
        await wait_until(lambda: moving.urls, within=5)
        with trio.fail_after(3):
            await moving.site.supervisor.stop()
        await read_all(client)


async def test_a_port_that_is_taken_keeps_the_old_one_until_it_is_free(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_moving() as moving:
        old = moving.site.port
        with socket.create_server(("127.0.0.1", 0)) as other:
            stream = await moving.site.events()
            with caplog.at_level(logging.CRITICAL):
                await moving.move(port=other.getsockname()[1])
                await wait_until(lambda: moving.site.entrance.problem, within=5)
            assert (await moving.site.get("/api/devices"))[0] == 200
            assert (moving.site.port, moving.urls) == (old, [])
            moving.site.flood(1)
            assert b"event: reading" in await read_until(stream, b"event: reading")
            wanted = other.getsockname()[1]
        await wait_until(lambda: moving.site.port == wanted, within=5)
        assert (await moving.site.get("/api/devices"))[0] == 200


async def test_after_a_crash_it_is_where_it_moved_to(caplog: pytest.LogCaptureFixture) -> None:
    async with open_moving() as moving:
        new = free_port()
        await moving.move(port=new)
        await wait_until(lambda: moving.urls, within=5)
        web = await moving.site.web()
        caplog.set_level(logging.CRITICAL)
        web.tell(Crash())
        await wait_until(lambda: web.incarnation == 2)
        assert moving.site.port == new
        assert (await moving.site.get("/api/devices"))[0] == 200


async def test_with_a_certificate_it_speaks_https_and_a_renewed_one_holds_for_who_comes_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_moving() as moving:
        pair = certificate(tmp_path)
        await moving.move(cert_file=str(pair.cert), key_file=str(pair.key))
        await wait_until(lambda: moving.urls, within=5)
        assert moving.urls == [f"https://127.0.0.1:{moving.site.port}"]
        first = await moving.site.secure(pair.cert)
        await first.send_all(GET.format(path="/api/devices").encode())
        assert b'"total":0' in await read_until(first, b"total")
        certificate(tmp_path)
        await trio.sleep(2 * LOOK)
        second = await moving.site.secure(pair.cert)
        await second.send_all(GET.format(path="/healthz").encode())
        assert b"ok" in await read_until(second, b"ok\n")
        assert first.getpeercert(binary_form=True) != second.getpeercert(binary_form=True)
        assert second.version() in {"TLSv1.2", "TLSv1.3"}
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "said", [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\0" * 100]
)
async def test_what_is_no_tls_is_hung_up_on(said: bytes, tmp_path: Path) -> None:
    async with open_moving() as moving:
        pair = certificate(tmp_path)
        await moving.move(cert_file=str(pair.cert), key_file=str(pair.key))
        await wait_until(lambda: moving.urls, within=5)
        assert b"200" not in await read_all(await moving.site.connect(said))
        await moving.site.secure(pair.cert)


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
