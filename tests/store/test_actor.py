"""The store as an actor, on a real disk.

Threads do not follow a virtual clock, so none here jumps by itself: time stands still until a
test moves it.
"""

import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import Actor, ActorCrashed, ActorRef, ActorSystem, ChildSpec, Supervisor
from actors.testing import open_test_system
from hawk.errors import HawkError, StoreUnavailable
from hawk.events import ReadingsStored, SummariesStored
from hawk.model.reading import Moment, Reading, Source
from hawk.model.summary import DAY, Resolution
from hawk.store.actor import RETRY, StoreActor
from hawk.store.messages import (
    ChooseResolution,
    CountUnsent,
    Cursor,
    Durability,
    Flush,
    GetCursor,
    GetCurve,
    GetLatest,
    GetLatestOfAll,
    GetReadings,
    GetReadingsAfter,
    GetStoreStatus,
    GetSummaries,
    GetSummariesAfter,
    HoldPurging,
    MoveCursor,
    StoreState,
    StoreStatus,
    Stream,
)
from hawk.store.readings import Log
from hawk.store.retention import Retention
from tests.store.damage import addresses, change, damaged, destroy, filled, root_of
from tests.store.samples import ADDRESS, NOW, OTHER, T0, moment, reading, undated, voltages


@dataclass
class Hands:
    """A clock that a test sets."""

    now: Moment = NOW

    def moment(self) -> Moment:
        return self.now

    def utc_ms(self) -> int:
        return self.now.utc or 0


class Listener(Actor):
    def __init__(
        self,
        heard: trio.MemorySendChannel[ReadingsStored],
        summed: trio.MemorySendChannel[SummariesStored],
    ) -> None:
        super().__init__()
        self._heard, self._summed = heard, summed

    async def setup(self) -> None:
        self.subscribe(ReadingsStored)
        self.subscribe(SummariesStored)

    def on_receive(self, message: Any) -> None:
        match message:
            case ReadingsStored():
                self._heard.send_nowait(message)
            case SummariesStored():
                self._summed.send_nowait(message)


@dataclass
class Bench:
    """A running store and what it told."""

    store: ActorRef[Any]
    stored: trio.MemoryReceiveChannel[ReadingsStored]
    summed: trio.MemoryReceiveChannel[SummariesStored]
    system: ActorSystem
    clock: Hands = field(default_factory=Hands)

    async def next_stored(self, count: int) -> tuple[Reading, ...]:
        """The next so many readings that are on the disk."""
        readings: tuple[Reading, ...] = ()
        while len(readings) < count:
            readings += (await self.stored.receive()).readings
        assert len(readings) == count
        return readings

    async def nothing_is_stored(self) -> None:
        await wait_all_tasks_blocked(0.02)
        with pytest.raises(trio.WouldBlock):
            self.stored.receive_nowait()

    async def tries_until(self, clock: MockClock, done: Callable[[], object]) -> None:
        """Time passes, try by try: the writer may be in its thread when a jump comes, and then sleep."""
        while not done():
            await wait_all_tasks_blocked(0.01)
            clock.jump(RETRY)

    async def until_degraded(self) -> StoreStatus:
        """Then the writer sleeps until its next try."""
        while (status := await self.ask(GetStoreStatus())).state is not StoreState.DEGRADED:
            await wait_all_tasks_blocked(0.01)
        assert isinstance(status, StoreStatus)
        return status

    async def ask(self, question: Any) -> Any:
        return await self.store.ask(question).within(10)


@asynccontextmanager
async def running(
    log: Log,
    durability: Durability = Durability.PROMPT,
    clock: Hands | None = None,
    retention: Retention | None = None,
) -> AsyncIterator[Bench]:
    clock, retention = clock or Hands(), retention or Retention()
    heard, stored = trio.open_memory_channel[ReadingsStored](math.inf)
    told, summed = trio.open_memory_channel[SummariesStored](math.inf)
    async with open_test_system(expected=(HawkError,)) as system:
        store = StoreActor.reserve("store")
        children = [
            ChildSpec("listener", partial(Listener.start, heard, told)),
            ChildSpec("store", partial(StoreActor.start, log, clock, durability, 30.0, retention), store),
        ]
        await system.start(ChildSpec("root", partial(Supervisor.start, children)))
        yield Bench(store, stored, summed, system, clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


# -- taking in ---------------------------------------------------------------------------------


async def test_a_reading_is_told_of_when_it_is_on_the_disk(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            await bench.store.send(reading())
            (stored,) = await bench.next_stored(1)
            assert stored.seq == 1
            assert log.after(0, 10, NOW) == (stored,)


async def test_what_many_send_at_once_is_told_in_order_and_once(path: Path, mock_clock: MockClock) -> None:
    async def send(bench: Bench, sender: int) -> None:
        for n in range(100):
            await bench.store.send(reading(sender * 1000 + n, float(sender * 1000 + n)))

    with Log.open(path, "boot-1") as log:
        async with running(log) as bench, trio.open_nursery() as nursery:
            for sender in range(20):
                nursery.start_soon(send, bench, sender)
            stored = await bench.next_stored(2000)
            await bench.nothing_is_stored()
        assert [each.seq for each in stored] == list(range(1, 2001))
        assert log.after(0, 3000, NOW) == stored
        for sender in range(20):
            own = [v for v in voltages(stored) if v is not None and v // 1000 == sender]
            assert own == sorted(own)


async def test_a_flood_waits_for_the_disk_and_loses_nothing(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            for n in range(20_000):
                await bench.store.send(reading(n))
            await bench.next_stored(20_000)
            assert (await bench.ask(GetStoreStatus())).dropped == 0


async def test_the_same_reading_again_is_not_told_again(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            await bench.store.send(reading())
            await bench.next_stored(1)
            await bench.store.send(reading())
            await bench.ask(Flush())
            await bench.nothing_is_stored()


async def test_an_sd_card_is_written_after_the_interval(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, Durability.SD) as bench:
            await bench.store.send(reading(0))
            await bench.nothing_is_stored()
            mock_clock.jump(20)
            await bench.store.send(reading(20))
            await bench.nothing_is_stored()
            mock_clock.jump(9.9)
            await bench.nothing_is_stored()
            mock_clock.jump(0.1)
            assert len(await bench.next_stored(2)) == 2


async def test_a_polled_reading_goes_to_an_sd_card_at_once_with_all_that_waited(
    path: Path, mock_clock: MockClock
) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, Durability.SD) as bench:
            await bench.store.send(reading(0, 12.1))
            await bench.nothing_is_stored()
            await bench.store.send(reading(1, 12.2, Source.GATT))
            assert voltages(await bench.next_stored(2)) == [12.1, 12.2]


async def test_a_flush_is_answered_when_all_before_it_is_on_the_disk(
    path: Path, mock_clock: MockClock
) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, Durability.SD) as bench:
            await bench.store.send(reading())
            await bench.ask(Flush())
            assert len(log.after(0, 10, NOW)) == 1


async def test_what_waits_is_written_when_the_service_stops(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, Durability.SD) as bench:
            for n in range(50):
                await bench.store.send(reading(n))
            await bench.nothing_is_stored()
        assert log.counts().readings == 50


async def test_a_crash_loses_nothing_that_was_sent(
    path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, Durability.SD) as bench:
            for n in range(10):
                await bench.store.send(reading(n))
            bench.store.tell(GetReadingsAfter(0, "nonsense"))  # type: ignore[arg-type]  # crashes it
            assert len(await bench.next_stored(10)) == 10
            for n in range(10, 20):
                await bench.store.send(reading(n))
            while bench.store.incarnation < 2:
                await wait_all_tasks_blocked(0.01)
                mock_clock.jump(1)
            await bench.ask(Flush())
            stored = await bench.next_stored(10)
            assert [each.seq for each in stored] == list(range(11, 21))
    assert "store#1 crashed" in caplog.text


async def test_a_crash_in_the_middle_of_a_flood_loses_nothing(
    path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench, trio.open_nursery() as nursery:
            for n in range(3000):
                if n == 1500:
                    bench.store.tell(GetReadingsAfter(0, "nonsense"))  # type: ignore[arg-type]  # crashes it
                nursery.start_soon(bench.store.send, reading(n))
            while bench.store.incarnation < 2:
                await wait_all_tasks_blocked(0.01)
                mock_clock.jump(1)
            stored = await bench.next_stored(3000)
        assert [each.seq for each in stored] == list(range(1, 3001))


async def test_a_question_that_was_pending_in_a_crash_is_answered(
    path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            with pytest.raises(ActorCrashed):
                await bench.ask(GetReadingsAfter(0, "nonsense"))  # type: ignore[arg-type]  # crashes it


# -- answering ---------------------------------------------------------------------------------


async def test_questions_are_answered_from_the_log(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            for n in range(5):
                await bench.store.send(reading(n, float(n)))
            await bench.store.send(reading(9, 9.0, address=OTHER))
            first, *_, last, other = await bench.next_stored(6)
            assert await bench.ask(GetLatest(ADDRESS)) == last
            assert await bench.ask(GetLatestOfAll()) == (last, other)
            page = await bench.ask(GetReadings(ADDRESS, limit=2))
            assert voltages(page.readings) == [4.0, 3.0]
            rest = await bench.ask(GetReadings(ADDRESS, limit=9, cursor=page.next))
            assert voltages(rest.readings) == [2.0, 1.0, 0.0]
            assert rest.readings[-1] == first
            assert await bench.ask(GetReadingsAfter(4, 10)) == (last, other)


async def test_a_sink_reads_on_behind_its_cursor(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            for n in range(3):
                await bench.store.send(reading(n))
            await bench.next_stored(3)
            await bench.ask(HoldPurging(frozenset({"influx"})))
            assert await bench.ask(GetCursor("influx", Stream.READING)) is None
            await bench.ask(MoveCursor("influx", Stream.READING, 2, refused=1))
            assert await bench.ask(GetCursor("influx", Stream.READING)) == Cursor(2, 1)
            assert await bench.ask(CountUnsent("influx", Stream.READING)) == 1
            assert await bench.ask(GetSummariesAfter(0)) == ()


async def test_hours_and_curves_are_asked_for_like_readings(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        log.append([reading(n * 60, 12.0 + n) for n in range(3)], NOW)
        log.summarise(None)
        async with running(log) as bench:
            page = await bench.ask(GetSummaries(ADDRESS, Resolution.HOUR))
            assert [(each.start, each.count) for each in page.summaries] == [(T0, 3)]
            assert await bench.ask(ChooseResolution(ADDRESS, T0 - 100 * DAY)) is Resolution.HOUR
            (point,) = await bench.ask(GetCurve(ADDRESS, "voltage", T0, T0 + DAY, 1))
            assert (point.min, point.mean, point.max) == (12.0, 13.0, 14.0)


async def test_the_status_counts(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, Durability.SD) as bench:
            await bench.store.send(reading(0, source=Source.GATT))
            await bench.next_stored(1)
            await bench.store.send(reading(1))
            status = await bench.ask(GetStoreStatus())
            assert status.state is StoreState.OK
            assert status.reason is None
            assert (status.seq, status.waiting, status.dropped) == (1, 1, 0)
            assert (status.counts.readings, status.counts.undated) == (1, 0)
            assert status.durability is Durability.SD
            assert status.set_aside is None


# -- a disk that refuses -------------------------------------------------------------------------


async def test_a_disk_that_refuses_is_tried_again_and_nothing_is_lost(
    path: Path, mock_clock: MockClock
) -> None:
    path = path.parent / "absent" / path.name
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            await bench.store.send(reading(0))
            status = await bench.until_degraded()
            with pytest.raises(StoreUnavailable):
                await bench.ask(GetLatest(ADDRESS))
            assert status.reason is not None
            assert "unable to open" in status.reason
            assert (status.waiting, status.seq, status.counts) == (1, None, None)

            path.parent.mkdir()
            await bench.store.send(reading(1))
            await bench.nothing_is_stored()
            await bench.tries_until(mock_clock, lambda: bench.stored.statistics().current_buffer_used)
            assert len(await bench.next_stored(2)) == 2
            assert (await bench.ask(GetStoreStatus())).state is StoreState.OK


async def test_a_flush_is_refused_when_the_disk_refuses(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path.parent / "absent" / path.name, "boot-1") as log:
        async with running(log) as bench:
            await bench.until_degraded()
            flush = bench.store.ask(Flush())
            await wait_all_tasks_blocked(0.02)
            await bench.tries_until(mock_clock, lambda: flush.settled)
            with pytest.raises(StoreUnavailable):
                await flush.within(10)


# -- a clock that is not trusted -----------------------------------------------------------------


async def test_readings_without_utc_are_told_of_when_the_clock_is_trusted(
    path: Path, mock_clock: MockClock
) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, clock=Hands(undated(0))) as bench:
            await bench.store.send(reading(voltage=12.1, when=undated(1)))
            await bench.ask(Flush())
            await bench.nothing_is_stored()
            assert (await bench.ask(GetStoreStatus())).counts.undated == 1
            bench.clock.now = moment(60)
            mock_clock.jump(5)
            (stored,) = await bench.next_stored(1)
            assert stored.moment == moment(1)
            assert (await bench.ask(GetStoreStatus())).counts.undated == 0


async def test_they_come_before_what_is_measured_after_them(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log, clock=Hands(undated(0))) as bench:
            await bench.store.send(reading(voltage=12.1, when=undated(1)))
            await bench.ask(Flush())
            bench.clock.now = moment(60)
            await bench.store.send(reading(60, voltage=12.2))
            assert voltages(await bench.next_stored(2)) == [12.1, 12.2]
            latest = await bench.ask(GetLatest(ADDRESS))
            assert latest.sample.voltage == 12.2


# -- a disk or a file that is bad ------------------------------------------------------------------


async def until(done: Callable[[], bool]) -> None:
    """What goes on in threads; all else waits for the clock."""
    while not done():
        await wait_all_tasks_blocked(0.005)


async def test_each_trouble_is_said_once_with_what_to_do(
    path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    path = path.parent / "absent" / path.name
    with Log.open(path, "boot-1") as log:
        caplog.clear()
        async with running(log) as bench:
            for n in range(4):
                await bench.store.send(reading(n))
                await bench.until_degraded()
                mock_clock.jump(RETRY)
            path.parent.mkdir()
            await bench.tries_until(mock_clock, lambda: bench.stored.statistics().current_buffer_used)
            await bench.next_stored(4)
    said = [record.message for record in caplog.records if record.name == "hawk.store.actor"]
    assert [text.partition(":")[0] for text in said] == [
        "the store cannot be used", "the store can be written again; 0 readings were lost",
    ]  # fmt: skip


async def test_after_a_kill_the_log_is_looked_through_and_a_damaged_one_replaced_and_rescued(
    path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    filled(path, 2, 3000)
    change(path, "UPDATE meta SET value = 'yes' WHERE key = 'running'")  # as a kill leaves it
    destroy(path, root_of(path, "energy"))
    caplog.set_level("INFO")
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            await until(lambda: log.doubtful is False)
            await bench.store.send(reading(1, 13.0, address=OTHER))
            await bench.next_stored(1)
            await until(lambda: log.salvaged is not None and log.salvaged.done)
            status = await bench.ask(GetStoreStatus())
            assert status.state is StoreState.OK
            assert status.set_aside is not None
            assert (status.salvage.readings, status.salvage.expected, status.salvage.done) == (
                6000,
                6000,
                True,
            )
            assert status.counts.readings == 6001
            assert len(await bench.ask(GetLatestOfAll())) == 3
    assert "did not end in order" in caplog.text
    assert "6000 readings of readings.db.corrupt-" in caplog.text


async def test_after_an_end_in_order_nobody_looks(
    path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    filled(path, 1, 10)
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            await bench.store.send(reading(5000))
            await bench.next_stored(1)
            assert log.doubtful is False
    assert "in order" not in caplog.text


async def test_a_question_that_meets_damage_has_the_file_replaced(path: Path, mock_clock: MockClock) -> None:
    filled(path, 2, 3000)
    destroy(path, root_of(path, "reading"))
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            with pytest.raises(StoreUnavailable, match="damaged"):
                await bench.ask(GetReadings(addresses(2)[0]))
            await until(lambda: log.set_aside is not None)
            await bench.store.send(reading(0))
            await bench.next_stored(1)


async def test_while_a_damaged_log_is_rescued_what_is_measured_is_stored(
    path: Path, mock_clock: MockClock
) -> None:
    filled(path, 4, 20_000)
    damaged(path, [], random.Random(1))
    with Log.open(path, "boot-1") as log:
        async with running(log) as bench:
            stored = 0
            while log.salvaged is None or not log.salvaged.done:
                await bench.store.send(reading(-1 - stored, address=OTHER))
                await bench.next_stored(1)
                stored += 1
            assert stored > 20
            assert (await bench.ask(GetStoreStatus())).counts.readings == 80_000 + stored


async def test_the_ballast_is_there_soon_after_the_start(path: Path, mock_clock: MockClock) -> None:
    with Log.open(path, "boot-1") as log:
        async with running(log):
            await until(log.ballast.path.exists)
