"""A socket that others connect to. It belongs to the process: a restarted actor finds it as it was."""

import errno
import socket

from hawk.errors import ConfigurationError, PortTaken

UNREAD = 10_000  # [ms] a client that does not read for so long is cut off by the kernel


def open_socket(
    host: str, port: int, section: str = "api", beside: socket.socket | None = None
) -> socket.socket:
    """Listening; `section` of the settings says where. It may take the port of another one that is ours, `beside`,
    for as long as that is open. Raises PortTaken, or ConfigurationError for an address that is not of this machine.
    """
    shared = beside is not None and beside.getsockname()[1] == port
    try:
        if beside is not None and shared:
            beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=128, reuse_port=shared)
    except UnicodeError as error:
        raise ConfigurationError(f"{section}.host {host!r} is neither a name nor an address") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} on {host} is taken: stop what uses it, or set {section}.port."
            ) from error
        if isinstance(error, PermissionError):
            raise PortTaken(
                f"port {port} needs more rights: set {section}.port to one above 1023."
            ) from error
        where = f"{section}.host {host!r}, {section}.port {port}"
        raise ConfigurationError(f"{where}: {error.strerror or error}") from error
    # Accepted connections inherit both. A sleeping phone must not make the service unstoppable, and what is
    # short must not wait 40 ms for an acknowledgement: asyncio sees to that only on sockets it made itself.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
