"""What the endpoints need of the rest: refs and a few values."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import trio

from actors import ActorCrashed, ActorDeadError, ActorRef, ActorSystem, AskTimeout, MailboxFull, Query
from hawk.ble.tape import Tape
from hawk.clock import Clock
from hawk.config.schema import Settings
from hawk.drivers.catalogue import Catalogue
from hawk.model.device import DeviceView
from hawk.web.auth import Grant, Sessions, Throttle
from hawk.web.entrance import Entrance
from hawk.web.jsonapi import ApiError
from hawk.web.resources import device_resource
from hawk.web.tokens import Tokens

R = TypeVar("R")

DEADLINE = 2.0  # [s] for an answer from memory
LONG_DEADLINE = 10.0  # [s] for one from the disk


@dataclass(frozen=True, slots=True)
class StreamsEnd:
    """On the bus: the server is about to stop."""


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """On the bus: somebody who was let in may be so no more."""


@dataclass(slots=True)
class Streams:
    """The event streams that are open."""

    open: int = 0

    def check_room(self, most: int) -> None:
        """Raises ApiError 503."""
        if self.open >= most:
            detail = f"{most} streams are open already: see api.max_streams"
            raise ApiError(503, "too_many_streams", detail, headers={"Retry-After": "10"})

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


@dataclass(frozen=True, slots=True)
class Services:
    registry: ActorRef[Any]
    directory: ActorRef[Any]
    devices: ActorRef[Any]  # the group
    trials: ActorRef[Any]  # reads what is not registered
    store: ActorRef[Any]
    sinks: ActorRef[Any]  # the group
    scanner: ActorRef[Any]
    arbiter: ActorRef[Any]
    jobs: ActorRef[Any]
    system: ActorSystem
    clock: Clock
    gateway_id: str
    tokens: Tokens
    configuration: ActorRef[Any]  # the owner of the settings
    current: Callable[[], Settings]
    catalogue: Catalogue
    mqtt: ActorRef[Any] | None = None  # who publishes; nobody is there while MQTT is off
    broker: ActorRef[Any] | None = None  # the one inside; None when that is off
    entrance: Entrance | None = None  # None where nobody listens
    warnings: tuple[str, ...] = ()  # of the start
    tape: Tape = field(default_factory=Tape)
    simulated: bool = False
    host_name: str = field(default_factory=socket.gethostname)
    throttle: Throttle = field(default_factory=Throttle)
    sessions: Sessions = field(default_factory=Sessions)
    streams: Streams = field(default_factory=Streams)
    started: float = field(default_factory=trio.current_time)  # [s] of Trio's clock

    @property
    def settings(self) -> Settings:
        """Those that hold now."""
        return self.current()

    def admits(self, grant: Grant | None) -> bool:
        """Without one: where nobody needs it."""
        if self.settings.api.auth == "none":
            return True
        return grant is not None and self.tokens.holds(grant)

    @property
    def publisher(self) -> ActorRef[Any] | None:
        return self.mqtt if self.settings.speaks_mqtt else None


def show_device(ours: Services, view: DeviceView) -> dict[str, Any]:
    """As JSON:API has it."""
    device = view.device
    config = ours.catalogue.shown(device.device_type, device.config)
    return device_resource(view, ours.settings.polling.interval, config)


class Restarting(ApiError):
    """Who was asked is not there just now."""


async def ask(ref: ActorRef[Any], query: Query[R], deadline: float = DEADLINE) -> R:
    """The answer, or what to tell the client when there is none."""
    try:
        return await ref.ask(query).within(deadline)
    except AskTimeout:
        raise ApiError(504, "timeout", f"{ref.name} did not answer in {deadline:g} s: try again") from None
    except (ActorCrashed, ActorDeadError):
        raise Restarting(503, "restarting", f"{ref.name} is being restarted: try again") from None
    except MailboxFull:
        raise ApiError(503, "overloaded", f"{ref.name} has too much to do: try again") from None
