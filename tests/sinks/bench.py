"""Deliveries over a real store, to a sink whose answers the test writes."""

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import Actor, ActorRef, ActorSystem, ChildSpec, Supervisor
from actors.testing import open_test_system
from hawk.config.schema import Settings
from hawk.errors import ConfigurationError, HawkError
from hawk.model.reading import Moment, Reading
from hawk.model.summary import Summary
from hawk.sinks.api import SinkType, Wanted
from hawk.sinks.catalogue import Catalogue
from hawk.sinks.messages import GetSinks, SinkStatus
from hawk.sinks.supervisor import SinksGroup
from hawk.store.actor import StoreActor
from hawk.store.messages import Cursor, Durability, GetCursor, Stream
from hawk.store.readings import Log
from tests.sinks.rows import T0

T = TypeVar("T")


class WallClock:
    def moment(self) -> Moment:
        return Moment(self.utc_ms(), trio.current_time())

    def utc_ms(self) -> int:
        return T0 + 10**9 + round(trio.current_time() * 1000)


@dataclass
class Place:
    """A database that keeps what it is given. Its sinks come and go."""

    name: str = "here"
    answers: deque[Exception | None] = field(default_factory=deque)  # to the next calls; then all is well
    always: Exception | None = None  # instead of that
    bad: Callable[[Reading], bool] = lambda _: False
    refusal: type[Exception] | None = None  # of a batch with a bad row
    hang: threading.Event | None = None  # calls wait for it
    kept: dict[tuple[str, int], float | None] = field(default_factory=dict)
    came: list[int] = field(default_factory=list)  # each reading that was kept, by its second
    batches: list[int] = field(default_factory=list)  # readings in each call that succeeded
    summaries: list[Summary] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)  # [s of monotonic time]
    life: int | None = None  # the number of it, where it may lose what it took last
    made: int = 0
    open: int = 0

    def make(self) -> "KeepingSink":
        self.made += 1
        return KeepingSink(self)

    async def until_closed(self) -> None:
        """Threads that nobody waits for see to it."""
        end = time.monotonic() + 10
        while self.open:
            assert time.monotonic() < end, "a sink was left open"
            await trio.to_thread.run_sync(time.sleep, 0.005)


class KeepingSink:
    def __init__(self, place: Place) -> None:
        self._place, self._connected = place, False

    def connect(self) -> str:
        self._answer()
        self._connected = True
        self._place.open += 1
        return "a place that keeps"

    def deliver_readings(self, readings: Sequence[Reading]) -> None:
        place = self._place
        self._answer()
        if place.refusal is not None and any(map(place.bad, readings)):
            raise place.refusal("refused")
        place.batches.append(len(readings))
        for each in readings:
            assert each.moment.utc is not None
            place.kept[each.device_id, each.moment.utc] = each.sample.voltage
            place.came.append((each.moment.utc - T0) // 1000)

    def deliver_summaries(self, summaries: Sequence[Summary]) -> None:
        self._answer()
        self._place.summaries += summaries

    def life(self) -> int | None:
        return self._place.life

    def close(self) -> None:
        self._place.open -= self._connected
        self._connected = False

    def _answer(self) -> None:
        place = self._place
        place.calls.append(time.monotonic())
        if place.hang is not None:
            place.hang.wait()
        answer = place.answers.popleft() if place.answers else place.always
        if answer is not None:
            raise answer


@dataclass
class Bench:
    system: ActorSystem
    store: ActorRef[Any]
    sinks: ActorRef[Any]
    log: Log
    place: Place
    clock: MockClock

    async def until(self, condition: Callable[[], T], within: float = 20.0) -> T:
        """In real time, for threads are at work; virtual time stands still."""
        end = time.monotonic() + within
        while not (said := condition()):
            assert time.monotonic() < end, "it did not happen"
            await wait_all_tasks_blocked(0.005)
        return said

    async def in_time(self, condition: Callable[[], T], within: float = 60.0) -> T:
        """The same, while virtual time goes by: half a second whenever everything has come to its next wait."""
        end = time.monotonic() + within
        while not (said := condition()):
            assert time.monotonic() < end, "it did not happen"
            await self.later(0.5)
        return said

    async def until_state(self, state: str) -> SinkStatus:
        """What it says when nothing is under way any more: it may be up while a batch is still on its way."""
        await self.rest()
        while (status := await self.status()).state != state:
            await self.rest()
        return status

    async def rest(self) -> None:
        """Whatever is under way comes to its next wait, also in threads that do not hang on purpose."""
        await wait_all_tasks_blocked(0.05)
        while self.threads() and self.place.hang is None:
            await wait_all_tasks_blocked(0.02)

    def threads(self) -> int:
        """That the store and the delivery wait for."""
        store, toy = self.find("store"), self.find("sinks", "toy")
        limiters = [store and store._writer, store and store._readers, toy and toy._threads]
        return sum(each.borrowed_tokens for each in limiters if each is not None)

    async def later(self, seconds: float) -> None:
        await self.rest()
        self.clock.jump(seconds)
        await self.rest()

    async def status(self) -> SinkStatus:
        (status,) = await self.sinks.ask(GetSinks()).within(10)
        assert isinstance(status, SinkStatus)
        return status

    async def cursor(self, place: Place, stream: Stream = Stream.READING) -> Cursor | None:
        found: Cursor | None = await self.store.ask(GetCursor(f"toy {place.name}", stream)).within(10)
        return found

    def actor(self, *path: str) -> Actor:
        found = self.find(*path)
        assert isinstance(found, Actor)
        return found

    def find(self, *path: str) -> Any:
        """None while it is being started anew."""
        found: Any = self.system._tops["root"][2]
        for name in path:
            child = found and found._children.get(name)
            found = child and child.actor
        return found


def catalogue(place: Place, *, explicit: bool = True) -> Catalogue:
    def wanted(settings: Settings) -> Wanted | None:
        if not settings.influxdb.enabled:
            return None
        if settings.influxdb.url:
            raise ConfigurationError("influxdb.url is wrong")
        name = settings.influxdb.database
        place.name = name
        return Wanted(name, explicit, settings.influxdb, place.make)

    return Catalogue((SinkType("toy", wanted),))


@asynccontextmanager
async def delivering(
    log: Log, place: Place, clock: MockClock, *, explicit: bool = True, settings: Settings | None = None
) -> AsyncIterator[Bench]:
    async with open_test_system(expected=(HawkError,)) as system:
        store, sinks = StoreActor.reserve("store"), SinksGroup.reserve("sinks")
        keep = partial(StoreActor.start, log, WallClock(), Durability.PROMPT, 30.0)
        group = partial(SinksGroup.start, settings or Settings(), catalogue(place, explicit=explicit), store)
        children = [ChildSpec("store", keep, store), ChildSpec("sinks", group, sinks)]
        await system.start(ChildSpec("root", partial(Supervisor.start, children)))
        yield Bench(system, store, sinks, log, place, clock)
