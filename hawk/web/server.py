"""The web server: Hypercorn on a socket that the process opened before anything else ran, or that it moved to since."""

import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Callable, Collection
from pathlib import Path

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from quart_trio import QuartTrio

from actors import Actor
from hawk.config.messages import Follow
from hawk.web.app import ClientGone, create_app
from hawk.web.certificate import Certificate
from hawk.web.entrance import Entrance, EntranceMoved
from hawk.web.services import AccessChanged, Services, StreamsEnd

LOOK = 1.0  # [s] between two looks at the files of tokens and certificate
STOP = 2.0  # [s] for requests that run, at the end
LONGEST_REQUEST = 360.0  # [s] that reading a device can take, and some more
LATE_BODY = 1.0  # [s] that a request which is answered already may take to end
KEEP_ALIVE = 6.0  # [s] without a request, also before the first; httpx lets go after 5, sooner than we
HANDSHAKE = 10.0  # [s] for a client to agree on TLS

log = logging.getLogger(__name__)


class WebServerActor(Actor):
    """Its incarnations serve the same entrance, one after the other."""

    stop_grace = STOP + 1

    def __init__(
        self, services: Services, entrance: Entrance, tell_url: Callable[[str], None] = lambda _: None
    ) -> None:
        """`tell_url` blocks; it is called when the service is reached by another address."""
        super().__init__()
        self._services, self._entrance, self._tell_url = services, entrance, tell_url
        self._servings: list[_Serving] = []
        self._at = entrance.place
        self._other_settings = trio.Event()

    async def setup(self) -> None:
        self._begin()
        self.spawn(self._follow)
        self.spawn(self._cut_off_in_the_end)

    async def teardown(self, error: Exception | None) -> None:
        """Event streams say `bye`, requests that run get their answer."""
        self.publish(StreamsEnd())
        for each in self._servings:
            each.end(STOP)
        if error is None:
            with trio.move_on_after(STOP):
                for each in tuple(self._servings):
                    await each.over.wait()

    def on_receive(self, message: object) -> object:
        match message:
            case Follow():
                self._other_settings.set()
                return None
            case _:
                return super().on_receive(message)

    # -- what it follows ---------------------------------------------------------------------

    async def _follow(self) -> None:
        """The settings when they change, and files that somebody may change at any time."""
        while True:
            with trio.move_on_after(LOOK):
                await self._other_settings.wait()
            changed, self._other_settings = self._other_settings.is_set(), trio.Event()
            if await trio.to_thread.run_sync(self._look, abandon_on_cancel=True) or changed:
                self.publish(AccessChanged())
            if self._entrance.place != self._at:
                await self._move_over()

    def _look(self) -> bool:
        """Whether a token opens nothing any more. Blocks."""
        self._entrance.look(self._services.settings.api)
        ended = self._services.tokens.look()
        if ended:
            log.info("a token was changed or removed: it opens nothing any more")
        return ended

    async def _move_over(self) -> None:
        """Those who come from now on come to the new place; requests that run get their answer at the old one."""
        old = tuple(self._servings)
        self._begin()
        for each in old:
            each.end(LONGEST_REQUEST)
        self.publish(StreamsEnd())
        self.publish(EntranceMoved())
        await trio.to_thread.run_sync(self._tell_url, self._entrance.url, abandon_on_cancel=True)

    # -- serving -----------------------------------------------------------------------------

    def _begin(self) -> None:
        self._at, serving = self._entrance.place, _Serving(self._entrance)
        self._servings.append(serving)
        self.spawn(self._serve, serving)

    async def _serve(self, serving: "_Serving") -> None:
        try:
            await serving.run(self._services)
        finally:
            self._servings.remove(serving)
            serving.over.set()

    async def _cut_off_in_the_end(self) -> None:
        """After the teardown, and at once after a crash."""
        try:
            await trio.sleep_forever()
        finally:
            cut_off({self._entrance.port, *(each.port for each in self._servings)})


class _Serving:
    """One socket with one certificate, until it is to end."""

    def __init__(self, entrance: Entrance) -> None:
        self.port = entrance.port
        self._config = _Config(entrance.listener.dup(), entrance.certificate)
        self._ending = trio.Event()
        self.over = trio.Event()

    async def run(self, services: Services) -> None:
        app = _ending_well(create_app(services))
        await serve(app, self._config, shutdown_trigger=self._ending.wait, mode="asgi")

    def end(self, patience: float) -> None:
        """Takes no more requests; those that run have so many seconds."""
        self._config.graceful_timeout = patience
        self._ending.set()


class _Config(Config):
    """Of Hypercorn."""

    def __init__(self, listener: socket.socket, certificate: Certificate | None) -> None:
        super().__init__()
        self._certificate = certificate
        self.bind = [f"fd://{listener.detach()}"]  # Hypercorn closes what it was given
        self.accesslog, self.errorlog = None, _hypercorn_log()
        self.include_server_header = False
        self.ssl_handshake_timeout = HANDSHAKE
        self.keep_alive_timeout = KEEP_ALIVE

    @property
    def ssl_enabled(self) -> bool:
        return self._certificate is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return None if self._certificate is None else self._certificate.context


def _ending_well(app: QuartTrio) -> ASGIFramework:
    """What Hypercorn leaves to the application at the end of a request.

    It tells the end of a response to Quart before it closes the connection, Quart cancels what runs for the request,
    and that is the closing: the connection would stay open for ever. And it hangs up without a word when a response
    ends before its request has, as a refusal may: the next request of that client would get no answer.
    """

    async def wrapped(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        all_read = trio.Event()

        async def reading() -> ASGIReceiveEvent:
            message = await receive()
            if message["type"] != "http.request" or not message["more_body"]:
                all_read.set()
            return message

        async def ending(message: ASGISendEvent) -> None:
            if message["type"] == "http.response.start" and not all_read.is_set():
                with trio.move_on_after(LATE_BODY):
                    await all_read.wait()
                if not all_read.is_set() and scope["type"] == "http" and scope["http_version"] != "2":
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            last = message["type"] == "http.response.body" and not message.get("more_body")
            with trio.CancelScope(shield=last):
                await send(message)

        await app(scope, reading, ending)

    return wrapped


def cut_off(ports: Collection[int]) -> None:
    """Ends every connection that came by one of these ports.

    Hypercorn sends without a deadline and shielded from cancellation, so that one client that does
    not read would hold up the end; and it shows its sockets to nobody.
    """
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile, or connected to nobody, as the listener
            if entry.is_socket():
                with socket.socket(fileno=os.dup(int(entry.name))) as found:
                    internet = found.family in {socket.AF_INET, socket.AF_INET6}
                    if internet and found.getpeername() and found.getsockname()[1] in ports:
                        found.shutdown(socket.SHUT_RDWR)


def _hypercorn_log() -> logging.Logger:
    """Its warnings; not that a client went away, and not where it listens, which `hawk` says itself."""
    log = logging.getLogger("hypercorn.error")
    log.setLevel(logging.WARNING)
    log.addFilter(_is_no_farewell)
    return log


def _is_no_farewell(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, BaseExceptionGroup):
        return error.split(ClientGone)[1] is not None
    return not isinstance(error, ClientGone)
