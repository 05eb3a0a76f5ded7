"""Says by MQTT what happens: the board first and whole, then what is new, then what was missed.

A broker may be away for as long as it likes: the board is made anew, and readings wait in the log.
"""

import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from actors import Actor, ActorRef, MailboxSpec, Overflow
from hawk.clock import Clock
from hawk.directory.messages import ListDevices, ListVehicles
from hawk.errors import BrokerDown, BrokerRefuses
from hawk.events import (
    BluetoothChanged,
    DeviceChanged,
    DeviceDiscovered,
    DeviceRemoved,
    DeviceUpdated,
    ReadingsStored,
    VehicleRemoved,
    VehicleSummarised,
)
from hawk.mqtt import payloads, topics
from hawk.mqtt.asking import NO_ANSWER, answered
from hawk.mqtt.line import Line
from hawk.mqtt.messages import GetMqttStatus, MqttState, MqttStatus, Say, Show
from hawk.mqtt.notices import Fact, Known, Notices
from hawk.mqtt.payloads import Condition, Gateway
from hawk.mqtt.relay import Relay
from hawk.mqtt.session import Session
from hawk.mqtt.terms import Terms

log = logging.getLogger(__name__)

STATUS_EVERY = 60.0  # [s]
SETTLE = 0.5  # [s] for whatever changes with it
FAREWELL = 2.0  # [s]


class PublisherActor(Actor):
    mailbox = MailboxSpec(size=5000, overflow=Overflow.DROP_OLDEST)  # the next connect makes all of it good
    stop_grace = FAREWELL + 1.0

    def __init__(
        self,
        terms: Terms,
        directory: ActorRef[Any],
        store: ActorRef[Any],
        desk: ActorRef[Any] | None,
        clock: Clock,
        condition: Callable[[], Awaitable[Condition]],
    ) -> None:
        super().__init__()
        self._terms, self._directory, self._clock, self._condition = terms, directory, clock, condition
        self._line, self._notices = Line(), Notices(terms)
        self._relay = Relay(terms, self._line, store, clock)
        self._session = Session(terms, self._line, self._notices, self._relay, desk)
        self._complete = trio.Event()  # the board has all that the directory knows
        self._look = trio.Event()
        self._state = MqttState.CONNECTING
        self._reason: str | None = None
        self._failures, self._next_try = 0, 0.0
        self._away_since: float | None = None  # [s] of Trio's clock

    async def setup(self) -> None:
        self.subscribe(
            DeviceUpdated, DeviceChanged, DeviceRemoved, DeviceDiscovered, VehicleSummarised, VehicleRemoved,
            ReadingsStored, BluetoothChanged,
        )  # fmt: skip
        self.spawn(self._line.run)
        self.spawn(self._learn)
        self.spawn(self._tell_condition)
        self.spawn(self._stay_connected)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        with trio.move_on_after(FAREWELL), contextlib.suppress(BrokerDown, *NO_ANSWER):
            if self._state is MqttState.CONNECTED:
                gone = self._terms.topics.message(topics.SHUTDOWN, payloads.shutdown(self._gateway))
                await self._line.send([gone, self._terms.will])
            await self._relay.save()

    def on_receive(self, message: Any) -> Any:
        match message:
            case ReadingsStored(readings):
                self._relay.stored(max((reading.seq or 0 for reading in readings), default=0))
            case GetMqttStatus():
                return self._status()
            case Known() | Show() | Say():
                self._take(message)
            case (
                DeviceUpdated() | DeviceChanged() | DeviceRemoved() | DeviceDiscovered() | VehicleSummarised()
                | VehicleRemoved() | BluetoothChanged() | Condition()
            ):  # fmt: skip
                self._note_fact(message)
            case _:
                return super().on_receive(message)
        return None

    def _note_fact(self, fact: Fact) -> None:
        if self._notices.note(fact, self._gateway):
            self._look.set()
        self._session.wake()

    def _take(self, message: Known | Show | Say) -> None:
        match message:
            case Known():
                self._notices.begin_with(message, self._gateway)
                self._complete.set()
            case Show(messages):
                self._notices.show(messages)
            case Say(messages):
                self._notices.say(messages)
        self._session.wake()

    @property
    def _gateway(self) -> Gateway:
        return Gateway(self._terms.gateway_id, self._clock.moment())

    async def _learn(self) -> None:
        views = await answered(self._directory, ListDevices())
        self.ref.tell(Known(views, await answered(self._directory, ListVehicles())))

    async def _tell_condition(self) -> None:
        while True:
            self._look = trio.Event()
            self.ref.tell(await self._condition())
            with trio.move_on_after(STATUS_EVERY):
                await self._look.wait()
                await trio.sleep(SETTLE)

    async def _stay_connected(self) -> None:
        await self._complete.wait()
        while True:
            error = await self._session.hold(self._is_connected)
            self._failures += 1
            refused = isinstance(error, BrokerRefuses)
            self._note(MqttState.REFUSED if refused else MqttState.DOWN, str(error))
            chance = random.random()  # noqa: S311  # against coincidence, not against people
            seconds = self._terms.patience.wait(self._failures, chance, refused=refused)
            self._next_try = trio.current_time() + seconds
            await trio.sleep_until(self._next_try)

    # -- how it does -------------------------------------------------------------------------

    def _is_connected(self) -> None:
        self._failures = 0
        self._note(MqttState.CONNECTED, None)

    def _note(self, state: MqttState, reason: str | None) -> None:
        """Only a change is news."""
        news = state is not self._state or (state is MqttState.REFUSED and reason != self._reason)
        self._state, self._reason = state, reason
        absence, now = "", trio.current_time()
        if reason is not None:
            self._away_since = self._away_since or now
        elif self._away_since is not None:  # the same line twice in a minute would be held back
            absence, self._away_since = f", after {now - self._away_since:.0f} s without it", None
        if news and reason is None:
            log.info("MQTT: connected to %s%s", self._terms.server, absence)
        elif news:
            log.warning("MQTT: %s; it is tried again", reason)

    def _status(self) -> MqttStatus:
        waits = self._state in (MqttState.DOWN, MqttState.REFUSED)
        return MqttStatus(
            state=self._state,
            broker=str(self._terms.server),
            reason=self._reason,
            next_try=max(0.0, self._next_try - trio.current_time()) if waits else None,
            published=self._line.sent,
            readings=self._relay.published,
            behind=self._relay.behind,
        )
