"""The broker inside: amqtt's, which nothing else imports, behind a door of ours. All of it runs in an asyncio loop.

What amqtt 0.12 leaves open, and is closed here: whatever it raises over somebody's bytes ends its loop (one
CONNECT of MQTT 5 was enough); a session is taken over, and a will said, before or without asking who it is; each
client is sent the retained messages of everybody's subscriptions; connections without a word, without a sign
of life or with packets of any length stay for ever.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from amqtt.adapters import ReaderAdapter, StreamReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker, Server
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from hawk.mqtt.rights import Rights

log = logging.getLogger(__name__)

LISTENER = "default"
MOST_CLIENTS = 200
LONGEST = 2 * 2**20  # bytes of a packet
FIRST_WORD = 10.0  # [s] until CONNECT is complete
FORGOTTEN = 3600  # [s] after which a session without a connection is
MOST_KEPT = 1000  # messages for such a session
LAST_WORDS = 0.5  # [s]
FAREWELL = 2.0  # [s]

# Its words are for who mends it, one for each connection; what matters is said by us.
logging.getLogger("amqtt").setLevel(logging.CRITICAL)
logging.getLogger("transitions").setLevel(logging.CRITICAL)


class TooLong(Exception):
    """A packet that nobody needs."""


class _Bounded(StreamReaderAdapter):
    async def read(self, n: int = -1) -> bytes:
        if n > LONGEST:
            raise TooLong(f"a packet of {n} bytes")
        return await super().read(n)


class _Handler(BrokerProtocolHandler):
    def handle_read_timeout(self) -> None:
        """No sign of life for as long as the client promised, and half of that."""
        if self.reader is not None:
            self.reader.feed_eof()


class EmbeddedBroker(Broker):
    def __init__(self, listener: socket.socket, rights: Rights) -> None:
        config = BrokerConfig(
            listeners={LISTENER: ListenerConfig(bind=None)}, plugins={}, session_expiry_interval=FORGOTTEN
        )
        super().__init__(config)
        self._listener, self._rights = listener, rights
        self._guests: set[asyncio.Task[Any]] = set()
        self._leaving = False
        self.refused = 0

    @property
    def clients(self) -> int:
        return sum(session.transitions.state == "connected" for session, _ in self._sessions.values())

    async def serve(self, up: Callable[[], None]) -> None:
        """Until `leave`. Raises BrokerError when amqtt gave up by itself."""
        await self.start()
        up()
        tasks = [task for task in (self._broadcast_task, self._session_monitor_task) if task]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not self._leaving:
            raise BrokerError(f"amqtt ended by itself: {done}")

    async def leave(self) -> None:
        self._leaving = True
        for server in self._servers.values():
            server.instance.close()
        try:
            await asyncio.wait_for(self._last_words(), LAST_WORDS)
        except TimeoutError:
            log.debug("some of the last messages were not taken")
        for guest in self._guests:
            guest.cancel()
        try:
            await asyncio.wait_for(self.shutdown(), FAREWELL)
        except TimeoutError:
            log.debug("the broker did not end in time")

    async def _last_words(self) -> None:
        """What was acknowledged is on its way to those who listen: that the service stops, for one."""
        await asyncio.sleep(0.05)
        while not self._broadcast_queue.empty() or any(not task.done() for task in self._tasks_queue):  # noqa: ASYNC110  # amqtt has no event for it
            await asyncio.sleep(0.01)

    async def _start_listeners(self) -> None:
        welcome = partial(self.stream_connected, listener_name=LISTENER)
        instance = await asyncio.start_server(welcome, sock=self._listener)
        self._servers[LISTENER] = Server(LISTENER, instance)

    # -- who comes in --------------------------------------------------------------------------

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        task = asyncio.current_task()
        if task is None or len(self._guests) >= MOST_CLIENTS:
            self.refused += 1
            writer.close()
            return
        self._guests.add(task)
        try:
            await self._client_connected(listener_name, _Bounded(reader), StreamWriterAdapter(writer))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  # of amqtt, over anybody's bytes
            log.debug("a connection to the broker ended: %r", error)
        finally:
            self._guests.discard(task)
            writer.close()

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, *_: object
    ) -> tuple[BrokerProtocolHandler, Session]:
        self.refused += 1
        first = _Handler.init_from_connect(reader, writer, self.plugins_manager)
        handler, session = await asyncio.wait_for(first, FIRST_WORD)
        if not self._is_welcome(session):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            raise BrokerError("not known, or with a will that it may not say")
        self.refused -= 1
        return handler, await self._session_for(session)

    def _is_welcome(self, session: Session) -> bool:
        lets_in = self._rights.lets_in(session.username, session.password)
        return lets_in and (
            not session.will_flag or self._rights.may_publish(session.username, session.will_topic or "")
        )

    async def _session_for(self, session: Session) -> Session:
        """Its old one, if it is the same user's and wanted; whoever holds that is sent away."""
        session.is_anonymous = not session.username
        session.keep_alive = round(session.keep_alive * 1.5)
        old, holder = self._sessions.get(session.client_id or "", (None, None))
        if old is None or holder is None:
            return session
        if old.transitions.state == "connected":
            await holder.handle_connection_closed()
            await holder.stop()
            await self._gone(old)
        if session.clean_session or old.username != session.username:
            await self._delete_session(session.client_id or "")
            return session
        for name in ("will_flag", "will_message", "will_topic", "will_qos", "will_retain", "keep_alive"):
            setattr(old, name, getattr(session, name))
        old.parent = 1
        return old

    async def _gone(self, session: Session) -> None:
        """Its own task notes that, and says its will."""
        async with asyncio.timeout(FAREWELL):
            while session.transitions.state == "connected":  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        return self._rights.lets_in(session.username, session.password)

    # -- who may what --------------------------------------------------------------------------

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        match action:
            case Action.SUBSCRIBE:
                return self._rights.may_subscribe(session.username, topic)
            case Action.PUBLISH:
                return self._rights.may_publish(session.username, topic)
            case _:  # receives what it subscribed to
                return True

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        if any(one is session for one, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _retain_broadcast_message(
        self, broadcast: dict[str, Any], qos: int, target_session: Session
    ) -> None:
        while target_session.retained_messages.qsize() >= MOST_KEPT:
            target_session.retained_messages.get_nowait()
        await super()._retain_broadcast_message(broadcast, qos, target_session)
