"""What the publisher can be asked and told."""

import enum
from dataclasses import dataclass
from typing import final

from actors import Query


@dataclass(frozen=True, slots=True)
class Message:
    """An empty payload with `retain` makes the broker forget the topic."""

    topic: str
    payload: str
    qos: int
    retain: bool


class MqttState(enum.StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DOWN = "down"  # no broker; tried again for ever
    REFUSED = "refused"  # there is one, but somebody has to change a setting


@final
@dataclass(frozen=True, slots=True)
class MqttStatus:
    state: MqttState
    broker: str  # "localhost:1883"
    reason: str | None  # why it is not connected
    next_try: float | None  # [s]
    published: int  # messages that a broker acknowledged, since the start
    readings: int  # of those
    behind: int  # readings in the log that are still to be replayed; 0 when not connected


@dataclass(frozen=True, slots=True)
class GetMqttStatus(Query[MqttStatus]):
    pass


class BrokerState(enum.StrEnum):
    """Of the broker inside."""

    STARTING = "starting"
    RUNNING = "running"
    DOWN = "down"  # it cannot listen; tried again for ever


@final
@dataclass(frozen=True, slots=True)
class BrokerStatus:
    state: BrokerState
    address: str  # "127.0.0.1:1883"
    reason: str | None  # why it is down
    clients: int  # sessions with a connection, our own among them
    refused: int  # connections that ended before they were let in, since the start


@dataclass(frozen=True, slots=True)
class GetBrokerStatus(Query[BrokerStatus]):
    pass


@dataclass(frozen=True, slots=True)
class Say:
    """To be sent once, in this order, as soon as a broker is there."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Show:
    """To be kept by the broker."""

    messages: tuple[Message, ...]
