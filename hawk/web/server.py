"""The web server: Hypercorn on a socket that the process opened before anything else ran."""

import errno
import logging
import socket

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from actors import Actor
from hawk.errors import ConfigurationError, PortTaken
from hawk.web.app import create_app
from hawk.web.services import Services

log = logging.getLogger(__name__)

UNREAD = 10_000  # [ms] a client that does not read for so long is cut off by the kernel
STOP = 2.0  # [s] for requests that run


class WebServerActor(Actor):
    """Its incarnations serve the same socket, one after the other."""

    stop_grace = 4.0

    def __init__(self, services: Services, listener: socket.socket) -> None:
        super().__init__()
        self._services, self._listener = services, listener
        self._ending, self._served = trio.Event(), trio.Event()

    async def setup(self) -> None:
        self._services.streams.reopen()
        self.spawn(self._serve)

    async def teardown(self, error: Exception | None) -> None:
        """Event streams say `bye` first, then Hypercorn ends what runs."""
        self._services.streams.closing.set()
        self._ending.set()
        if error is None:
            with trio.move_on_after(STOP + 1):
                await self._served.wait()

    async def _serve(self) -> None:
        config = Config()
        config.bind = [f"fd://{self._listener.dup().detach()}"]  # Hypercorn closes what it was given
        config.graceful_timeout = STOP
        config.accesslog = config.errorlog = None
        config.server_names = []
        config.include_server_header = False
        try:
            await serve(create_app(self._services), config, shutdown_trigger=self._ending.wait, mode="asgi")
        finally:
            self._served.set()


def open_socket(host: str, port: int) -> socket.socket:
    """Listening. Raises PortTaken, or ConfigurationError for an address that is not of this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {host} is taken: stop what uses it, or set api.port.") from error
        if isinstance(error, PermissionError):
            raise PortTaken(f"port {port} needs more rights: set api.port to one above 1023.") from error
        raise ConfigurationError(f"api.host {host!r}, api.port {port}: {error.strerror or error}") from error
    # A sleeping phone must not make the service unstoppable: accepted connections inherit this.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD)
    return listener


def url_of(listener: socket.socket) -> str:
    """How the service is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104  # all of them
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
