"""The web server: Hypercorn on a socket that the process opened before anything else ran."""

import contextlib
import logging
import os
import socket
from pathlib import Path

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from quart_trio import QuartTrio

from actors import Actor
from hawk.web.app import ClientGone, create_app
from hawk.web.services import Services, StreamsEnd

LOOK = 1.0  # [s] between two looks at the file of the token
STOP = 2.0  # [s] for requests that run


log = logging.getLogger(__name__)


class WebServerActor(Actor):
    """Its incarnations serve the same socket, one after the other."""

    stop_grace = STOP + 1

    def __init__(self, services: Services, listener: socket.socket) -> None:
        super().__init__()
        self._services, self._listener = services, listener
        self._ending, self._served = trio.Event(), trio.Event()

    async def setup(self) -> None:
        self.spawn(self._serve)
        self.spawn(self._follow_token)
        self.spawn(self._cut_off_in_the_end)

    async def teardown(self, error: Exception | None) -> None:
        """Event streams say `bye`, requests that run get their answer."""
        self.publish(StreamsEnd())
        self._ending.set()
        if error is None:
            with trio.move_on_after(STOP):
                await self._served.wait()

    async def _follow_token(self) -> None:
        """A new one closes what the old one opened."""
        while True:
            await trio.sleep(LOOK)
            if await trio.to_thread.run_sync(self._services.token.look, abandon_on_cancel=True):
                self._services.sessions.close_all()
                log.info("there is a new token: the old one opens nothing any more")

    async def _cut_off_in_the_end(self) -> None:
        """After the teardown, and at once after a crash."""
        try:
            await trio.sleep_forever()
        finally:
            cut_off(self._listener)

    async def _serve(self) -> None:
        config = Config()
        config.bind = [f"fd://{self._listener.dup().detach()}"]  # Hypercorn closes what it was given
        config.graceful_timeout = STOP
        config.accesslog, config.errorlog = None, _hypercorn_log()
        config.include_server_header = False
        try:
            app = _ending_well(create_app(self._services))
            await serve(app, config, shutdown_trigger=self._ending.wait, mode="asgi")
        finally:
            self._served.set()


def _ending_well(app: QuartTrio) -> ASGIFramework:
    """Hypercorn tells the end of a response to Quart before it closes the connection, Quart cancels what
    runs for the request, and that is the closing: the connection would stay open for ever."""

    async def wrapped(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def shielded(message: ASGISendEvent) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body")
            with trio.CancelScope(shield=last):
                await send(message)

        await app(scope, receive, shielded)

    return wrapped


def cut_off(listener: socket.socket) -> None:
    """Ends every connection that came by this listener.

    Hypercorn sends without a deadline and shielded from cancellation, so that one client that does
    not read would hold up the end; and it shows its sockets to nobody.
    """
    port = listener.getsockname()[1]
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile, or connected to nobody, as the listener
            if entry.is_socket():
                with socket.socket(fileno=os.dup(int(entry.name))) as found:
                    internet = found.family in {socket.AF_INET, socket.AF_INET6}
                    if internet and found.getpeername() and found.getsockname()[1] == port:
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


def url_of(listener: socket.socket) -> str:
    """How the service is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104  # all of them
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
