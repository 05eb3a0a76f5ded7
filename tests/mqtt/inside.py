"""The broker inside as an actor, and raw connections to it."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from actors import Actor, ActorSystem, ChildSpec, Supervisor, open_system
from hawk.config.schema import Broker
from hawk.mqtt.broker import BrokerActor
from hawk.mqtt.doorway import Doorway
from hawk.mqtt.messages import BrokerState, BrokerStatus, GetBrokerStatus

LOGIN = ("boss", "secret of boss")


class Inside:
    def __init__(self, system: ActorSystem, doorway: Doorway, ref: Any) -> None:
        self.system, self.doorway, self.ref = system, doorway, ref

    @property
    def port(self) -> int:
        return self.doorway.port

    @property
    def actor(self) -> Actor:
        root: Any = self.system._tops["root"][2]
        return root._children["broker"].actor

    async def status(self) -> BrokerStatus:
        return await self.ref.ask(GetBrokerStatus()).within(5)

    async def wait(self, state: BrokerState = BrokerState.RUNNING) -> BrokerStatus:
        with trio.fail_after(20):
            while (said := await self.status()).state is not state:
                await trio.sleep(0.02)
        return said


@asynccontextmanager
async def inside(**settings: Any) -> AsyncIterator[Inside]:
    doorway = Doorway(Broker.model_validate({"enabled": True, "port": 0, **settings}))
    with doorway:
        ref = Actor.reserve("broker")
        children = [ChildSpec("broker", lambda: BrokerActor.start(doorway), ref)]
        async with open_system() as system:
            await system.start(ChildSpec("root", lambda: Supervisor.start(children)))
            yield Inside(system, doorway, ref)


def connect_packet(
    client_id: str = "raw", level: int = 4, flags: int = 2, keepalive: int = 60, rest: tuple[str, ...] = ()
) -> bytes:
    """CONNECT of MQTT 3.1.1, section 3.1; of 5 it has properties (none) before the payload."""
    header = _text("MQTT") + bytes([level, flags]) + struct.pack("!H", keepalive)
    body = header + (b"\0" if level == 5 else b"") + b"".join(map(_text, (client_id, *rest)))
    return bytes([0x10, len(body)]) + body


def login_packet(client_id: str, name: str, password: str) -> bytes:
    return connect_packet(client_id, flags=0xC2, rest=(name, password))


def answered(port: int, sent: bytes, *, wait: float = 5.0) -> bytes:
    """What comes back until the broker closes or says something."""
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(sent)
        raw.settimeout(wait)
        return raw.recv(100)


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()
