"""Says by MQTT what happens: the board first and whole, then what is new, then what was missed.

Nothing here is the only place of anything: the board is made of what the directory knows, and readings
come from the log behind a cursor. So a broker may be away for as long as it likes.
"""

import contextlib
import json
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import trio

from actors import Actor, ActorCrashed, ActorDeadError, ActorRef, AskTimeout, MailboxSpec, Overflow, Query
from hawk.clock import Clock
from hawk.directory.messages import ListDevices, ListVehicles, VehicleView
from hawk.drivers.catalogue import Catalogue
from hawk.errors import BrokerDown, BrokerRefuses, Invalid, NotFound, StoreUnavailable
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
from hawk.model.address import Address
from hawk.model.device import DeviceView, Lifecycle
from hawk.model.reading import Reading, Source
from hawk.mqtt import payloads, topics
from hawk.mqtt.alias import Alias
from hawk.mqtt.board import Board
from hawk.mqtt.discovery import Announcer, retiring
from hawk.mqtt.line import Arrived, Line, Server
from hawk.mqtt.messages import GetMqttStatus, Message, MqttState, MqttStatus, Say, Show
from hawk.mqtt.patience import Patience
from hawk.mqtt.payloads import Condition, Gateway
from hawk.mqtt.progress import Progress, worth_saying
from hawk.mqtt.topics import OFFLINE, ONLINE, Topics
from hawk.store.messages import GetCursor, GetReadingsAfter, GetStoreStatus, MoveCursor, Stream

log = logging.getLogger(__name__)

SINK = "mqtt"
BATCH = 100  # messages that wait for their acknowledgement together
ASIDE = 20  # of the board, between readings: those wait for them
LIVE = 5000  # readings that wait to be said; beyond that the log keeps them
STATUS_EVERY = 60.0  # [s]
SAVE_EVERY = 5.0  # [s] the cursor; after a crash so much is said again
SETTLE = 0.5  # [s] for what a broker keeps to come
FAREWELL = 2.0  # [s]
ANSWER = 10.0  # [s]
WELCOME = (0.5, 5.0)  # [s] after Home Assistant said that it is there

_NO_ANSWER = (StoreUnavailable, AskTimeout, ActorCrashed, ActorDeadError)


@dataclass(frozen=True, slots=True)
class HomeAssistant:
    """It is told of each battery."""

    announcer: Announcer
    gateway_name: str
    catalogue: Catalogue
    longest_age: Callable[[float | None], float]  # [s] of data that are still good, by the polling interval

    def battery(self, view: DeviceView) -> Message | None:
        """None for a device that no driver knows; whose settings are wrong is said elsewhere."""
        device = view.device
        try:
            driver = self.catalogue.driver(device.device_type).configured(device.config)
        except (NotFound, Invalid):
            return None
        interval = None if view.heard_only else device.polling_interval or view.interval
        return self.announcer.battery(view, driver, self.longest_age(interval))


@dataclass(frozen=True, slots=True)
class Terms:
    server: Server
    topics: Topics
    gateway_id: str
    replay_max_age: float  # [s] of readings that are said after an outage
    listen_to: tuple[str, ...] = ()  # filters, for `desk`
    home_assistant: HomeAssistant | None = None
    alias: Alias | None = None
    patience: Patience = field(default_factory=Patience)
    retries: int = 3  # of what is said once; the log and the board are said again for ever


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
        self._terms, self._topics = terms, terms.topics
        self._directory, self._store, self._desk = directory, store, desk
        self._clock, self._condition = clock, condition
        self._line, self._board = Line(), Board()
        self._complete = trio.Event()  # the board has all that the directory knows
        self._news, self._look = trio.Event(), trio.Event()
        self._vehicle_of: dict[Address, str | None] = {}
        self._available: dict[Address, bool] = {}
        self._announced: dict[Address, tuple[object, ...]] = {}
        self._once: deque[Message] = deque(maxlen=1000)
        self._tries = 0  # of the first of them
        self._changed: dict[str, Message] = {}  # of the board, since it was said
        self._fresh: deque[Reading] = deque()
        self._progress: Progress | None = None  # while there is a session
        self._heard = 0  # the last `seq` that was told to be stored
        self._saved: int | None = None
        self._saved_at = 0.0
        self._kept: dict[str, str] = {}  # what the broker keeps, while it is looked at
        self._state = MqttState.CONNECTING
        self._reason: str | None = None
        self._failures, self._next_try = 0, 0.0
        self._away_since: float | None = None  # [s] of Trio's clock
        self._published = self._readings = 0

    async def setup(self) -> None:
        self.subscribe(
            DeviceUpdated, DeviceChanged, DeviceRemoved, DeviceDiscovered, VehicleSummarised, VehicleRemoved,
            ReadingsStored, BluetoothChanged,
        )  # fmt: skip
        self.spawn(self._line.run)
        self.spawn(self._fill_board)
        self.spawn(self._tell_condition)
        self.spawn(self._stay_connected)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        with trio.move_on_after(FAREWELL), contextlib.suppress(BrokerDown, *_NO_ANSWER):
            if self._state is MqttState.CONNECTED:
                gone = self._topics.message(topics.SHUTDOWN, payloads.shutdown(self._gateway))
                await self._line.send([gone, self._will])
            await self._save()

    def on_receive(self, message: Any) -> Any:
        match message:
            case DeviceUpdated(view):
                self._show(view)
            case VehicleSummarised(summary):
                said = payloads.summary(summary, self._gateway)
                self._put(self._topics.messages(topics.SUMMARY, said, summary.vehicle_id))
            case ReadingsStored(readings):
                self._take(readings)
            case DeviceChanged(device):
                if device.lifecycle is not Lifecycle.CONFIGURED:
                    self._clear(device.address)
            case DeviceRemoved(address):
                self._clear(address)
            case VehicleRemoved(vehicle_id):
                self._put(self._topics.forget(topics.SUMMARY, vehicle_id))
            case DeviceDiscovered():
                self._say(self._topics.messages(topics.FOUND, payloads.found(message, self._gateway)))
            case BluetoothChanged():
                self._look.set()
            case Condition():
                said = payloads.system_status(message, self._gateway)
                self._put(self._topics.messages(topics.SYSTEM_STATUS, said))
            case Known(views, vehicles):
                self._begin_with(views, vehicles)
            case Show(messages):
                self._put(messages)
            case Say(messages):
                self._say(messages)
            case GetMqttStatus():
                return self._status()
            case _:
                return super().on_receive(message)
        return None

    # -- the board ---------------------------------------------------------------------------

    @property
    def _gateway(self) -> Gateway:
        return Gateway(self._terms.gateway_id, self._clock.moment())

    @property
    def _will(self) -> Message:
        return self._topics.message(topics.SYSTEM_AVAILABILITY, OFFLINE)

    async def _fill_board(self) -> None:
        if (home := self._terms.home_assistant) is not None:
            self._put([home.announcer.gateway(home.gateway_name)])
        views = await self._ask(self._directory, ListDevices())
        self.ref.tell(Known(views, await self._ask(self._directory, ListVehicles())))

    def _begin_with(self, views: Sequence[DeviceView], vehicles: Sequence[VehicleView]) -> None:
        """What came meanwhile is newer."""
        for view in views:
            if self._topics.named(topics.STATE, view.device.address) not in self._board:
                self._show(view)
        for vehicle in vehicles:
            if vehicle.summary and self._topics.named(topics.SUMMARY, vehicle.vehicle.id) not in self._board:
                self.on_receive(VehicleSummarised(vehicle.summary))
        self._complete.set()

    def _show(self, view: DeviceView) -> None:
        if view.device.lifecycle is not Lifecycle.CONFIGURED:
            return
        address, gateway = view.device.address, self._gateway
        available = ONLINE if view.available else OFFLINE
        for topic, payload in (
            (topics.STATE, payloads.state(view, gateway)),
            (topics.STATUS, payloads.status(view, gateway)),
            (topics.CONFIG, payloads.config(view, gateway)),
            (topics.AVAILABILITY, available),
        ):
            self._put(self._topics.messages(topic, payload, address))
        if (alias := self._terms.alias) is not None:
            self._put([alias.state(view, gateway)])
        if view.available is not self._available.get(address):
            self._available[address] = view.available
            self._look.set()
        self._note_vehicle(view)
        self._announce(view)

    def _announce(self, view: DeviceView) -> None:
        """Only what may say something new: a device is shown at each of its adverts."""
        address, home = view.device.address, self._terms.home_assistant
        what = (view.device, view.interval, view.heard_only, frozenset(view.live.values))
        if home is None or self._announced.get(address) == what:
            return
        self._announced[address] = what
        if (said := home.battery(view)) is None:
            return
        if last := retiring(self._board.payload(said.topic), said):
            self._say([last])
        self._put([said])

    def _note_vehicle(self, view: DeviceView) -> None:
        address, vehicle = view.device.address, view.device.vehicle_id
        known = None if self._complete.is_set() else vehicle  # at the start it is no news
        before = self._vehicle_of.get(address, known)
        self._vehicle_of[address] = vehicle
        if vehicle is not None and before != vehicle:
            said = payloads.associated(view, self._gateway)
            self._say(self._topics.messages(topics.ASSOCIATED, said, vehicle))

    def _clear(self, address: Address) -> None:
        self._vehicle_of.pop(address, None)
        self._available.pop(address, None)
        self._look.set()
        home = self._terms.home_assistant
        if home is not None and self._announced.pop(address, None) is not None:
            self._put([home.announcer.forget(address)])
        if (alias := self._terms.alias) is not None:
            self._put([alias.forget(address)])
        for topic in topics.OF_A_DEVICE:
            self._put(self._topics.forget(topic, address))

    def _put(self, messages: Sequence[Message]) -> None:
        for message in self._board.put(messages):
            self._changed.pop(message.topic, None)
            self._changed[message.topic] = message
        self._news.set()

    def _say(self, messages: Sequence[Message]) -> None:
        self._once.extend(messages)
        self._news.set()

    async def _tell_condition(self) -> None:
        while True:
            self._look = trio.Event()
            self.ref.tell(await self._condition())
            with trio.move_on_after(STATUS_EVERY):
                await self._look.wait()
                await trio.sleep(SETTLE)  # whatever changes with it

    # -- a session ---------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        await self._complete.wait()
        while True:
            error = await self._session()
            self._failures += 1
            refused = isinstance(error, BrokerRefuses)
            self._note(MqttState.REFUSED if refused else MqttState.DOWN, str(error))
            chance = random.random()  # noqa: S311  # against coincidence, not against people
            seconds = self._terms.patience.wait(self._failures, chance, refused=refused)
            self._next_try = trio.current_time() + seconds
            await trio.sleep_until(self._next_try)

    async def _session(self) -> BrokerDown:
        """Why it ended. What the broker acknowledged is not said again in the next one."""
        ends: list[BrokerDown] = []
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._hold_line)
                await self._enter()
                while True:
                    await self._say_next()
        except* BrokerDown as group:
            ends += _leaves(group)
        await self._save()
        self._progress = None
        return ends[0]

    async def _hold_line(self, task_status: trio.TaskStatus[None]) -> None:
        await self._line.session(
            self._terms.server, self._will, self._filters, task_status.started, self._arrived
        )

    @property
    def _filters(self) -> Sequence[str]:
        home = self._terms.home_assistant
        birth = () if home is None else (home.announcer.birth,)
        return f"{self._topics.prefix}/system/+", *self._terms.listen_to, *birth

    async def _enter(self) -> None:
        """Nothing is said before it is known that nobody else speaks here. Then the whole board is."""
        await self._look_around()
        cursor = await self._ask(self._store, GetCursor(SINK, Stream.READING))
        status = await self._ask(self._store, GetStoreStatus())
        self._saved = cursor.seq if cursor else None
        self._progress = Progress.begin(self._saved, status.seq or 0, self._heard)
        self._fresh.clear()
        self._board.put([self._topics.message(topics.SYSTEM_AVAILABILITY, ONLINE)])
        self._changed.clear()
        await self._send(self._board.whole())
        self._failures = 0
        self._note(MqttState.CONNECTED, None)

    async def _look_around(self) -> None:
        self._kept = {}
        prefix = self._topics.prefix
        await trio.sleep(SETTLE)
        self._check_alone()
        home = self._terms.home_assistant
        announced = () if home is None else (home.announcer.announcements,)
        alias = () if self._terms.alias is None else (self._terms.alias.kept,)
        everything = (f"{prefix}/device/+/+", f"{prefix}/vehicle/+/summary", *alias, *announced)
        for filter_ in everything:
            await self._line.listen(filter_)
        await trio.sleep(SETTLE)
        for filter_ in everything:
            await self._line.stop_listening(filter_)
        ghosts = self._board.ghosts(self._kept, self._terms.gateway_id)
        orphans = self._orphans()
        self._kept = {}
        await self._send([*ghosts, *orphans])

    def _orphans(self) -> Sequence[Message]:
        """Of entities that another version announced, and this one does not."""
        if (home := self._terms.home_assistant) is None:
            return ()
        start = home.announcer.announcements.partition("+")[0]
        now = [each for each in self._board.whole() if each.topic.startswith(start)]
        return [said for each in now if (said := retiring(self._kept.get(each.topic, ""), each))]

    def _check_alone(self) -> None:
        """Raises BrokerRefuses while another gateway that lives speaks under the same prefix."""
        alive = self._kept.get(self._topics.named(topics.SYSTEM_AVAILABILITY)) == ONLINE
        other = _gateway_of(self._kept.get(self._topics.named(topics.SYSTEM_STATUS), ""))
        if alive and other not in (None, self._terms.gateway_id):
            raise BrokerRefuses(
                f"gateway {other} publishes under {self._topics.prefix} at {self._terms.server} already: "
                "give each gateway a mqtt.topic_prefix of its own"
            )

    def _arrived(self, said: Arrived) -> None:
        alias = self._terms.alias
        if self._topics.asks(said.topic) or (alias is not None and said.topic in alias.filters):
            if self._desk is not None:
                self._desk.tell(said)
        elif (home := self._terms.home_assistant) is not None and said.topic == home.announcer.birth:
            if said.payload == ONLINE.encode() and not said.retained:
                self.spawn(self._welcome)
        elif said.retained:
            self._kept[said.topic] = said.payload.decode(errors="replace")

    async def _welcome(self) -> None:
        """Home Assistant is there again: it may have missed what a broker forgot. Not all gateways at once."""
        await trio.sleep(random.uniform(*WELCOME))  # noqa: S311  # against coincidence, not against people
        for message in self._board.whole():
            self._changed[message.topic] = message
        self._news.set()

    # -- saying ------------------------------------------------------------------------------

    async def _say_next(self) -> None:
        """Some of each: neither a board that changes all the time nor a flood of readings keeps the other back."""
        self._news = trio.Event()
        if not (self._once or self._fresh or self._changed or self._is_behind):
            await self._save_in_time()
            with trio.move_on_after(SAVE_EVERY):
                await self._news.wait()
        await self._say_once()
        await self._say_live()
        await self._say_changed()
        if self._is_behind and not self._fresh:
            await self._say_again()

    @property
    def _is_behind(self) -> bool:
        return self._progress is not None and not self._progress.caught_up

    async def _say_once(self) -> None:
        """They are kept until a broker has them, but for one at which the connection ends again and again."""
        if self._tries > self._terms.retries:
            log.warning("MQTT: %s is given up: it was tried %d times, and each time the connection was lost",
                        self._once.popleft().topic, self._tries)  # fmt: skip
            self._tries = 0
        batch = list(islice(self._once, 1 if self._tries else BATCH))
        if not batch:
            return
        self._tries += 1
        await self._send(batch)
        self._tries = 0
        for _ in batch:
            self._once.popleft()

    async def _say_changed(self) -> None:
        """What changes again while it waits is said once."""
        batch = [self._changed.pop(topic) for topic in tuple(islice(self._changed, ASIDE))]
        await self._send(batch)

    def _take(self, readings: Sequence[Reading]) -> None:
        """Nothing that a device remembered. What was not told, or is too much, comes from the log."""
        told = [reading.seq for reading in readings if reading.seq is not None]
        before, self._heard = self._heard, max([self._heard, *told])
        if self._progress is None:
            return
        fresh = [r for r in readings if self._progress.is_live(r) and r.source is not Source.HISTORY]
        self._fresh.extend(fresh)
        if self._progress.misses(before, told) or len(self._fresh) > LIVE:
            self._progress = self._progress.lost_the_thread(self._heard)
            self._fresh.clear()
        self._news.set()

    async def _say_live(self) -> None:
        batch = [self._fresh.popleft() for _ in range(min(BATCH, len(self._fresh)))]
        if not batch:
            return
        await self._publish(batch)
        if self._progress is not None:
            self._progress = self._progress.said_live(max(reading.seq or 0 for reading in batch))
        await self._save_in_time()

    async def _say_again(self) -> None:
        if (progress := self._progress) is None:
            return
        page = await self._ask(self._store, GetReadingsAfter(progress.replayed, BATCH))
        page = [reading for reading in page if (reading.seq or 0) <= progress.until]
        now = self._clock.moment().utc
        await self._publish([r for r in page if worth_saying(r, now, self._terms.replay_max_age)])
        if self._progress is not None:
            self._progress = self._progress.said_again(page)
        await self._save_in_time()

    async def _publish(self, readings: Sequence[Reading]) -> None:
        words = [
            message
            for reading in readings
            for message in self._topics.messages(topics.READING, payloads.reading(reading), reading.device_id)
        ]
        await self._send(words)
        self._readings += len(readings)

    async def _send(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            await self._line.send(batch)
            self._published += len(batch)

    # -- the cursor --------------------------------------------------------------------------

    async def _save_in_time(self) -> None:
        if trio.current_time() - self._saved_at >= SAVE_EVERY:
            await self._save()

    async def _save(self) -> None:
        if self._progress is None or self._progress.cursor == self._saved:
            return
        seq, self._saved_at = self._progress.cursor, trio.current_time()
        await self._ask(self._store, MoveCursor(SINK, Stream.READING, seq))
        self._saved = seq

    # -- how it does -------------------------------------------------------------------------

    async def _ask(self, ref: ActorRef[Any], query: Query[Any]) -> Any:
        """A disk that refuses, or an actor just being started anew, is waited for."""
        while True:
            try:
                return await ref.ask(query).within(ANSWER)
            except _NO_ANSWER:
                await trio.sleep(1.0)

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
            published=self._published,
            readings=self._readings,
            behind=0 if self._progress is None else self._progress.behind,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """All that the directory knows, after a start."""

    views: tuple[DeviceView, ...]
    vehicles: tuple[VehicleView, ...]


def _gateway_of(status: str) -> str | None:
    try:
        said = json.loads(status)
    except ValueError:
        return None
    return said.get("gateway_id") if isinstance(said, dict) else None


def _leaves(group: BaseExceptionGroup[BrokerDown]) -> list[BrokerDown]:
    found: list[BrokerDown] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
