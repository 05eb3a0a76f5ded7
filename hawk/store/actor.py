"""The store: takes readings in, writes them in groups, answers from the log.

Readings wait in the backlog of the `Log`, which belongs to the process: none is lost with this
actor. One spawned task writes; questions are answered by threads of their own, so the mailbox
never waits for the disk. A disk that refuses is a state: it is tried again for ever.
"""

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

from actors import Actor, Later, MailboxSpec, Overflow
from hawk.clock import Clock
from hawk.config.messages import Follow
from hawk.errors import ConfigurationError, DriverFailed, StoreUnavailable
from hawk.events import CrankingStored, ReadingsStored
from hawk.model.cranking import Cranking
from hawk.model.reading import Moment, Reading
from hawk.store.care import Care
from hawk.store.durability import wait_before_commit
from hawk.store.messages import (
    ChooseResolution,
    Counts,
    CountUnsent,
    Durability,
    Flush,
    GetCranking,
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
    Imported,
    ImportHistory,
    ImportReadings,
    KeepCranking,
    LastStart,
    MoveCursor,
    StoreState,
    StoreStatus,
)
from hawk.store.readings import BATCH, Log
from hawk.store.remembered import batches
from hawk.store.retention import Retention
from hawk.store.upkeep import Upkeep

log = logging.getLogger(__name__)

RETRY = 5.0  # [s] between tries while the disk refuses
LOOK_AT_CLOCK = 5.0  # [s] while readings wait for it to be trusted
CROWDED = 5000  # readings in the backlog; half of it is kept for a disk that refuses
PATIENCE = 0.1  # [s] no handler waits longer

T = TypeVar("T")


class StoreActor(Actor):
    mailbox = MailboxSpec(size=1000, overflow=Overflow.REFUSE)

    def __init__(
        self,
        readings: Log,
        clock: Clock,
        durability: Durability,
        commit_interval: float,
        retention: Retention = Retention(),  # noqa: B008  # frozen
    ) -> None:
        """`commit_interval` [s]: how long Durability.SD gathers."""
        super().__init__()
        self._log, self._clock = readings, clock
        self._durability, self._commit_interval = durability, commit_interval
        self._trouble: StoreUnavailable | None = None  # as it was said last
        self._refused: StoreUnavailable | None = None  # the last commit
        self._said_dropped, self._dropped_before = False, readings.backlog.dropped
        self._seen_aside = readings.set_aside
        self._times_are_missing = False
        self._care = Care(readings, self._in_writer, self._reconsider)
        self._flushes: list[Later[None]] = []
        self._news, self._written = trio.Event(), trio.Event()
        self._writing = trio.Lock()  # a teardown waits for the write that is under way
        self._writer = trio.CapacityLimiter(1)
        self._readers = trio.CapacityLimiter(2)
        self._upkeep = Upkeep(readings, clock, retention, self._in_writer, self.publish)

    async def setup(self) -> None:
        self.spawn(self._keep_writing)
        self.spawn(self._upkeep.run)
        self.spawn(self._care.run)

    async def teardown(self, error: Exception | None) -> None:
        await self._write_what_waits()
        await super().teardown(error)

    async def on_receive(self, message: Any) -> Any:
        match message:
            case Reading():
                return await self._take_in(message)
            case Follow(settings):
                self._upkeep.retention = Retention.of(settings.store)
                return None
            case Flush():
                return self._flush()
            case ImportHistory():
                return self._import_history(message)
            case MoveCursor():
                return self._write(self._log.move_cursor, message)
            case HoldPurging(sinks):
                return self._log.hold_purging(sinks)
            case KeepCranking(cranking):
                return self._keep_cranking(cranking)
            case ImportReadings(readings):
                return self._write(self._log.append_imported, readings, self._clock.moment())
            case _:
                question = self._question(message)
                return self._read(question) if question else super().on_receive(message)

    def _question(self, message: Any) -> Callable[[], object] | None:
        """What answers it; called in a thread."""
        match message:
            case GetLatest(address):
                return partial(self._log.latest, address, self._clock.moment())
            case GetLatestOfAll():
                return partial(self._log.latest_of_all, self._clock.moment())
            case GetReadings():
                return partial(self._log.page, message, self._clock.moment())
            case GetReadingsAfter(seq, limit):
                return partial(self._log.after, seq, limit, self._clock.moment())
            case GetSummaries():
                return partial(self._log.summary_page, message)
            case GetSummariesAfter(seq, limit):
                return partial(self._log.summaries_after, seq, limit)
            case ChooseResolution():
                return partial(self._log.choose_resolution, message, self._clock.utc_ms())
            case GetCurve():
                return partial(self._log.curve, message)
            case GetCranking():
                return partial(self._log.cranking, message, self._clock.moment())
            case GetCursor(sink, stream):
                return partial(self._log.cursor, sink, stream)
            case CountUnsent(sink, stream):
                return partial(self._log.unsent, sink, stream)
            case GetStoreStatus():
                return self._status
            case _:
                return None

    # -- writing -----------------------------------------------------------------------------

    async def _take_in(self, reading: Reading) -> None:
        """Slower while the disk cannot keep up, so that those who send wait; never while it refuses."""
        self._log.backlog.add(reading, trio.current_time())
        self._news.set()
        if len(self._log.backlog) > CROWDED and not self._trouble:
            with trio.move_on_after(PATIENCE):
                await self._written.wait()

    def _flush(self) -> Later[None]:
        later: Later[None] = Later()
        self._flushes.append(later)
        self._news.set()
        return later

    async def _keep_writing(self) -> None:
        while True:
            await self._wait_until_due()
            if not await self._write_what_waits():
                await trio.sleep(RETRY)

    async def _wait_until_due(self) -> None:
        while (seconds := self._due_in()) > 0.0:
            self._news = trio.Event()
            with trio.move_on_after(seconds):
                await self._news.wait()

    def _due_in(self) -> float:
        """[s]; 0 when something is to be written now."""
        if self._flushes or not self._log.is_open:
            return 0.0
        gathering = wait_before_commit(
            self._log.backlog.waiting(), self._durability, self._commit_interval, trio.current_time()
        )
        if not self._log.undated:
            return gathering
        return 0.0 if self._clock.moment().utc is not None else min(gathering, LOOK_AT_CLOCK)

    async def _write_what_waits(self) -> bool:
        """False when the disk refused; then all is still there."""
        async with self._writing:
            flushes, self._flushes = self._flushes, []
            try:
                while self._log.has_work(now := self._clock.moment()):
                    await self._commit(now)
            except (StoreUnavailable, ConfigurationError) as error:
                self._refused = error if isinstance(error, StoreUnavailable) else StoreUnavailable(str(error))
                self._reconsider()
                for flush in flushes:
                    flush.fail(error)
                return False
            self._refused = None
            self._reconsider()
            for flush in flushes:
                flush.resolve(None)
            return True

    async def _commit(self, now: Moment) -> None:
        """A thread cannot be cancelled: what it wrote is always told, also by an actor that ends."""
        stored = await trio.to_thread.run_sync(self._log.commit, now, limiter=self._writer)
        self._written.set()
        self._written = trio.Event()
        if stored:
            self.publish(ReadingsStored(stored))
        self._say_if_times_are_missing()

    def _say_if_times_are_missing(self) -> None:
        before, self._times_are_missing = self._times_are_missing, self._log.undated > 0
        if self._times_are_missing and not before:
            log.warning(
                "the clock cannot be trusted: readings are kept, and get their time as soon as it can"
            )
        elif before and not self._times_are_missing:
            log.info("the clock is trusted: the readings that waited for it have their time")

    def _import_history(self, wanted: ImportHistory) -> Later[Imported]:
        later: Later[Imported] = Later()
        self.spawn(self._import, wanted, later)
        return later

    async def _import(self, wanted: ImportHistory, later: Later[Imported]) -> None:
        """Between two batches what was measured meanwhile is written."""
        try:
            plan = await self._in_writer(self._log.plan_history, wanted)
            stored = 0
            for placed, then in batches(plan, BATCH):
                if later.given_up:
                    return
                now = self._clock.moment()
                stored += await self._in_writer(self._log.append_history, wanted, placed, then, now)
        except (StoreUnavailable, DriverFailed) as error:  # the driver says what is in a record
            later.fail(error)
            return
        later.resolve(_imported(wanted, stored))

    def _write(self, work: Callable[..., T], *args: object) -> Later[T]:
        later: Later[T] = Later()
        self.spawn(self._do, later, work, *args)
        return later

    async def _do(self, later: Later[T], work: Callable[..., T], *args: object) -> None:
        try:
            later.resolve(await self._in_writer(work, *args))
        except StoreUnavailable as error:
            later.fail(error)

    def _keep_cranking(self, cranking: Cranking) -> Later[LastStart]:
        later: Later[LastStart] = Later()
        self.spawn(self._append_cranking, cranking, later)
        return later

    async def _append_cranking(self, cranking: Cranking, later: Later[LastStart]) -> None:
        try:
            kept = await self._in_writer(self._log.append_cranking, cranking, self._clock.moment())
        except StoreUnavailable as error:
            later.fail(error)
            return
        if kept.stored and kept.cranking is not None:
            self.publish(CrankingStored(kept.cranking))
        later.resolve(kept)

    async def _in_writer(self, work: Callable[..., T], *args: object) -> T:
        async with self._writing:
            return await trio.to_thread.run_sync(work, *args, limiter=self._writer)

    def _reconsider(self) -> None:
        """Says each change of the state once."""
        before, self._trouble = self._trouble, self._refused or self._log.shortage
        if self._log.set_aside != self._seen_aside:
            self._seen_aside = self._log.set_aside
            self._care.want()
        self._say_what_is_lost()
        if str(before) == str(self._trouble):
            return
        if self._refused:
            log.error("%s. Readings wait in memory; it is tried again every %.0f s", self._refused, RETRY)
        elif self._trouble:
            log.warning("%s. Until then readings are stored as long as there is room", self._trouble)
        else:
            log.warning("the store can be written again; %d readings were lost", self._log.backlog.dropped)

    def _say_what_is_lost(self) -> None:
        losing = self._refused is not None and self._log.backlog.dropped > self._dropped_before
        if losing and not self._said_dropped:
            log.error("too many readings wait for the disk: each new one now costs the oldest")
        if self._refused is None:
            self._dropped_before = self._log.backlog.dropped
        self._said_dropped = losing

    # -- answering ---------------------------------------------------------------------------

    def _read(self, question: Callable[[], T]) -> Later[T]:
        later: Later[T] = Later()
        self.spawn(self._answer, later, question)
        return later

    async def _answer(self, later: Later[T], question: Callable[[], T]) -> None:
        async with self._readers:
            if later.given_up:
                return
            try:
                later.resolve(await trio.to_thread.run_sync(question, abandon_on_cancel=True))
            except StoreUnavailable as error:
                self._news.set()  # what is damaged is replaced by whoever writes
                later.fail(error)

    def _status(self) -> StoreStatus:
        """Called in a thread: it only looks."""
        counts: Counts | None = None
        with contextlib.suppress(StoreUnavailable):
            counts = self._log.counts()
        return StoreStatus(
            state=StoreState.DEGRADED if self._trouble else StoreState.OK,
            reason=self._trouble.reason if self._trouble else None,
            fix=self._trouble.fix if self._trouble else None,
            durability=self._durability,
            counts=counts,
            seq=self._log.seq,
            waiting=len(self._log.backlog),
            dropped=self._log.backlog.dropped,
            set_aside=self._log.set_aside.name if self._log.set_aside else None,
            late=self._log.late,
            purged=self._upkeep.purged,
            salvage=self._log.salvaged,
        )


def _imported(wanted: ImportHistory, stored: int) -> Imported:
    until = wanted.newest.moment.utc if wanted.records else None
    span = round(max(0, len(wanted.records) - 1) * wanted.interval * 1000)
    return Imported(len(wanted.records), stored, None if until is None else until - span, until)
