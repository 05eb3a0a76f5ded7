"""Where the broker inside listens, and how our own client gets in."""

import secrets
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hawk.config.schema import Broker, is_loopback
from hawk.listening import open_socket
from hawk.mqtt.rights import Rights, User

_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # how we reach it then


@dataclass(slots=True)
class Doorway:
    """It belongs to the process, as the port must outlive the actor: its clients know no other."""

    settings: Broker
    our_name: str = field(default_factory=lambda: f"hawk-{secrets.token_hex(8)}")
    our_password: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _listener: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.close()

    def listen(self) -> socket.socket:
        """The same each time. Raises PortTaken, or ConfigurationError for an address that is not ours."""
        if self._listener is None:
            self._listener = open_socket(self.settings.host, self.settings.port, "broker")
        return self._listener

    @property
    def host(self) -> str:
        """By which this machine reaches it."""
        return _EVERYWHERE.get(self.settings.host, self.settings.host)

    @property
    def port(self) -> int:
        if self._listener is None:
            return self.settings.port
        return int(self._listener.getsockname()[1])

    def __str__(self) -> str:
        return f"{self.settings.host}:{self.port}"

    @property
    def rights(self) -> Rights:
        """Nobody is let in without a name where there are names, or where others could come from afar."""
        settings = self.settings
        users = {
            name: User(user.password.get_secret_value(), user.subscribe, user.publish)
            for name, user in settings.users.items()
        }
        if settings.username:
            users[settings.username] = User(settings.password.get_secret_value())
        anonymous = is_loopback(settings.host) and not users
        return Rights({**users, self.our_name: User(self.our_password)}, anonymous)
