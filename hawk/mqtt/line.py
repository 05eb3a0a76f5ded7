"""The line to a broker, over aiomqtt, which nothing else imports.

aiomqtt speaks asyncio: what begins with an underscore runs in a loop of its own, behind `actors.Bridge`.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import trio

from actors.bridge import Bridge, LoopGone
from hawk.errors import BrokerDown, BrokerRefuses
from hawk.mqtt.messages import Message

if TYPE_CHECKING:
    import aiomqtt
    from aiomqtt.exceptions import MqttError

BATCH = 100  # messages that are sent before their acknowledgements are waited for
AGAIN = 0.5  # [s] for a cancellation, then it is repeated
MOST_PENDING = 300  # that wait for theirs, of several senders; aiomqtt complains of more

_REFUSALS = {  # the codes of MQTT 3.1.1 and of 5
    **dict.fromkeys((4, 134), "it does not know this user or password: mqtt.username, mqtt.password"),
    **dict.fromkeys((5, 135), "this user may not: mqtt.username, mqtt.password, or the rights there"),
    **dict.fromkeys((1, 132), "it does not speak this version: mqtt.version"),
}

_CERTIFICATES = {  # words of OpenSSL
    "has expired": "has expired: renew it at the broker, or set the clock of this machine",
    "not yet valid": "is not valid yet: set the clock of this machine",
    "mismatch": "is for another host: mqtt.broker must be a name or an address that stands in it",
}
_UNKNOWN = "is signed by nobody that is trusted here: mqtt.ca_file must be the authority's own certificate"


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    client_id: str
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: str = ""
    version: str = "3.1.1"
    keepalive: float = 60.0  # [s]
    timeout: float = 10.0  # [s] for an answer

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Arrived:
    topic: str
    payload: bytes
    retained: bool  # it was said before we listened


class Line:
    """One session with one broker at a time."""

    def __init__(self) -> None:
        self._bridge = Bridge("mqtt")
        self._client: aiomqtt.Client | None = None  # while there is a session
        self.sent = 0  # messages that a broker acknowledged

    async def run(self) -> None:
        """The loop. Raises LoopGone when it dies."""
        await trio.to_thread.run_sync(import_module, "aiomqtt")  # 0.1 s, in which the rest can start
        await self._bridge.run()

    async def session(
        self,
        server: Server,
        will: Message,
        filters: Sequence[str],
        up: Callable[[], None],
        arrived: Callable[[Arrived], None],
    ) -> None:
        """Until it is cancelled; `up` is called once, when messages can be sent. Raises BrokerDown."""
        await self._bridge.wait_open()
        await self._call(_until_heard, self._session, server, will, filters, up, arrived)

    async def send(self, messages: Sequence[Message]) -> None:
        """In this order; returns when the broker has acknowledged all. Raises BrokerDown; then nobody knows
        which of them arrived.
        """
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            await self._call(self._send, batch)
            self.sent += len(batch)

    async def listen(self, filter_: str) -> None:
        """Raises BrokerDown."""
        await self._call(self._subscribe, filter_)

    async def stop_listening(self, filter_: str) -> None:
        """Raises BrokerDown."""
        await self._call(self._unsubscribe, filter_)

    async def _call(self, fn: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        try:
            await self._bridge.call(fn, *args)
        except LoopGone as error:
            raise BrokerDown("the MQTT part of the program ended; it starts again by itself") from error

    # -- in the loop -------------------------------------------------------------------------

    async def _session(
        self,
        server: Server,
        will: Message,
        filters: Sequence[str],
        up: Callable[[], None],
        arrived: Callable[[Arrived], None],
    ) -> None:
        with _translated(str(server)):
            async with _client(server, will) as client:
                client.pending_calls_threshold = MOST_PENDING
                if filters:
                    await client.subscribe([(each, 1) for each in filters])
                self._client = client
                up()
                try:
                    async for message in client.messages:
                        arrived(Arrived(str(message.topic), message.payload, message.retain))
                finally:
                    self._client = None

    async def _send(self, messages: Sequence[Message]) -> None:
        client = self._needed()
        with _translated("the broker"):
            await asyncio.gather(
                *(client.publish(each.topic, each.payload, each.qos, each.retain) for each in messages)
            )

    async def _subscribe(self, filter_: str) -> None:
        client = self._needed()
        with _translated("the broker"):
            await client.subscribe(filter_, 1)

    async def _unsubscribe(self, filter_: str) -> None:
        client = self._needed()
        with _translated("the broker"):
            await client.unsubscribe(filter_)

    def _needed(self) -> "aiomqtt.Client":
        if self._client is None:
            raise BrokerDown("there is no session with a broker")
        return self._client


async def _until_heard(fn: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
    """Cancels `fn` again and again until it ends: aiomqtt hears nothing while a thread of it connects, and in
    Python 3.11 `asyncio.wait_for` loses a cancellation that comes together with its result.
    """
    task = asyncio.create_task(fn(*args))
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        while not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=AGAIN)
        task.cancelled() or task.exception()  # asyncio complains of one that nobody looked at
        raise
    task.result()


def _client(server: Server, will: Message) -> "aiomqtt.Client":
    import aiomqtt

    return aiomqtt.Client(
        server.host,
        server.port,
        username=server.username or None,
        password=server.password or None,
        identifier=server.client_id,
        protocol=aiomqtt.ProtocolVersion.V5 if server.version == "5" else aiomqtt.ProtocolVersion.V311,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        keepalive=round(server.keepalive),
        timeout=server.timeout,
        tls_context=_trusting(server.ca_file) if server.tls else None,
        max_queued_incoming_messages=1000,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # else a lone message waits 40 ms
    )


class _Tidy(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        """paho leaves a socket open whose handshake fails."""
        try:
            super().do_handshake(block)
        except ConnectionError as error:
            self.close()
            raise ConnectionError(f"{error}; is TLS spoken there? mqtt.tls, mqtt.port") from error
        except OSError:
            self.close()
            raise


def _trusting(ca_file: str) -> ssl.SSLContext:
    """Raises BrokerRefuses for a file that is none."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        reason = error.strerror or error
        raise BrokerRefuses(
            f"mqtt.ca_file {ca_file} has no certificate of an authority ({reason})"
        ) from error
    context.sslsocket_class = _Tidy
    return context


@contextmanager
def _translated(who: str) -> Iterator[None]:
    """Raises BrokerDown, or BrokerRefuses where a setting is wrong."""
    from aiomqtt.exceptions import MqttCodeError, MqttConnectError, MqttError

    try:
        yield
    except MqttConnectError as error:
        code = error.rc if isinstance(error.rc, int | None) else error.rc.value
        if reason := _REFUSALS.get(code or 0):
            raise BrokerRefuses(f"{who} refuses: {reason}") from error
        raise BrokerDown(f"{who} refuses the connection ({error})") from error
    except MqttCodeError as error:
        raise BrokerDown(f"the connection to {who} was lost ({error})") from error
    except MqttError as error:
        raise _told(who, error) from error


def _told(who: str, error: "MqttError") -> BrokerDown:
    """aiomqtt keeps but the words of what the socket said."""
    from aiomqtt.exceptions import MqttCodeError

    if isinstance(error.__cause__, MqttCodeError):
        return BrokerDown(f"the connection to {who} was lost ({error.__cause__})")
    words = str(error)
    if "CERTIFICATE" in words.upper():
        what = next((said for part, said in _CERTIFICATES.items() if part in words), _UNKNOWN)
        return BrokerRefuses(f"the certificate of {who} {what} ({words})")
    if "SSL" in words.upper():
        return BrokerRefuses(f"{who} does not speak TLS as wanted ({words}): mqtt.tls, mqtt.port")
    if "timed out" in words:
        return BrokerDown(f"{who} does not answer ({words}); one that wants TLS needs mqtt.tls")
    return BrokerDown(f"{who} cannot be reached: {words}")
