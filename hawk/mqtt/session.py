"""A session with the broker: who else speaks there, then the whole board, then what is new."""

import logging
import random
from collections.abc import Callable, Sequence
from typing import Any

import trio

from actors import ActorRef
from hawk.errors import BrokerDown, BrokerRefuses
from hawk.mqtt.line import Arrived, Line
from hawk.mqtt.messages import Message
from hawk.mqtt.notices import Notices
from hawk.mqtt.relay import Relay
from hawk.mqtt.remains import other_gateway
from hawk.mqtt.terms import Terms
from hawk.mqtt.topics import ONLINE

log = logging.getLogger(__name__)

AT_ONCE = 100  # messages
SETTLE = 0.5  # [s] for what a broker keeps to come
WELCOME = (0.5, 5.0)  # [s] after Home Assistant said that it is there


class Session:
    """One at a time. `notices` outlive it: what was not said in one is said in the next."""

    def __init__(
        self, terms: Terms, line: Line, notices: Notices, relay: Relay, desk: ActorRef[Any] | None
    ) -> None:
        self._terms, self._line, self._notices, self._relay, self._desk = terms, line, notices, relay, desk
        self._news = trio.Event()
        self._tries = 0  # of the first of what is said once
        self._kept: dict[str, str] = {}  # what the broker keeps, while it is looked at
        self._tasks: trio.Nursery | None = None

    def wake(self) -> None:
        """There are new notices."""
        self._news.set()

    async def hold(self, connected: Callable[[], None]) -> BrokerDown:
        """Why it ended; `connected` is called once the broker has the whole board."""
        ends: list[BrokerDown] = []
        self._kept = {}
        try:
            async with trio.open_nursery() as self._tasks:
                entered = trio.Event()
                await self._tasks.start(self._hold_line)
                self._tasks.start_soon(self._relay.run, entered)
                await self._enter()
                entered.set()
                connected()
                await self._keep_saying()
        except* BrokerDown as group:
            ends += _leaves(group)
        await self._relay.end()
        return ends[0]

    async def _hold_line(self, task_status: trio.TaskStatus[None]) -> None:
        terms = self._terms
        await self._line.session(terms.server, terms.will, terms.filters, task_status.started, self._arrived)

    def _arrived(self, said: Arrived) -> None:
        home = self._terms.home_assistant
        if self._terms.asks(said.topic):
            if self._desk is not None:
                self._desk.tell(said)
        elif home is not None and said.topic == home.announcer.birth:
            if said.payload == ONLINE.encode() and not said.retained and self._tasks is not None:
                self._tasks.start_soon(self._welcome)
        elif said.retained:
            self._kept[said.topic] = said.payload.decode(errors="replace")

    async def _welcome(self) -> None:
        """Home Assistant is there again: it may have missed what a broker forgot. Not all gateways at once."""
        await trio.sleep(random.uniform(*WELCOME))  # noqa: S311  # against coincidence, not against people
        self._notices.repeat()
        self.wake()

    # -- entering ----------------------------------------------------------------------------

    async def _enter(self) -> None:
        """Nothing is said before it is known that nobody else speaks here."""
        await trio.sleep(SETTLE)
        self._check_alone()
        await self._collect()
        amends, self._kept = self._notices.amends(self._kept), {}
        await self._line.send(amends)
        await self._line.send(self._notices.whole())

    def _check_alone(self) -> None:
        """Raises BrokerRefuses while another gateway that lives speaks under the same prefix."""
        topics = self._terms.topics
        if other := other_gateway(self._kept, topics, self._terms.gateway_id):
            raise BrokerRefuses(
                f"gateway {other} publishes under {topics.prefix} at {self._terms.server} already: "
                "give each gateway a mqtt.topic_prefix of its own"
            )

    async def _collect(self) -> None:
        """What the broker keeps."""
        for filter_ in self._terms.kept:
            await self._line.listen(filter_)
        await trio.sleep(SETTLE)
        for filter_ in self._terms.kept:
            await self._line.stop_listening(filter_)

    # -- saying ------------------------------------------------------------------------------

    async def _keep_saying(self) -> None:
        while True:
            self._news = trio.Event()
            if once := self._notices.once(1 if self._tries else AT_ONCE):
                await self._say_once(once)
            elif changed := self._notices.changed():
                await self._line.send(changed)
            else:
                await self._news.wait()

    async def _say_once(self, messages: Sequence[Message]) -> None:
        """They are kept until a broker has them, but for one at which the connection ends again and again."""
        if self._tries > self._terms.retries:
            log.warning(
                "MQTT: %s is given up: it was tried %d times, and each time the connection was lost",
                messages[0].topic, self._tries,
            )  # fmt: skip
        else:
            self._tries += 1
            await self._line.send(messages)
        self._tries = 0
        self._notices.said_once(messages)


def _leaves(group: BaseExceptionGroup[BrokerDown]) -> list[BrokerDown]:
    found: list[BrokerDown] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
