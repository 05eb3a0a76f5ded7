"""What the store does beside its work: hours and days are summed up, and what is old leaves.

All of it in pieces through the one writer, so that what is measured meanwhile goes between.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import trio

from hawk.clock import Clock
from hawk.errors import StoreUnavailable
from hawk.events import SummariesStored
from hawk.model.summary import DAY
from hawk.store.messages import Purged
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.retention import Confidence, Horizons, Retention, horizons

log = logging.getLogger(__name__)

EVERY = 60.0  # [s] between two looks for hours that are over
GRACE = 60_000  # [ms] after its end an hour still waits for what is on its way
PURGE_FIRST, PURGE_EVERY = 120.0, 3600.0  # [s] after the start, when sinks have said what they need; and then


class Upkeep:
    def __init__(
        self,
        readings: Log,
        clock: Clock,
        retention: Retention,
        in_writer: Callable[..., Awaitable[Any]],
        publish: Callable[[object], None],
    ) -> None:
        """`in_writer` calls a function in the thread that writes."""
        self._log, self._clock, self.retention = readings, clock, retention
        self._in_writer, self._publish = in_writer, publish
        self._confidence: Confidence | None = None
        self._remembered = 0  # [ms since the epoch] on the disk
        self._losing: frozenset[str] = frozenset()  # sinks that lost something in the last round
        self._is_at_size = False  # the last round gave up readings for its size
        self.purged = Purged()
        self._lately: Horizons | None = None  # of the last purge
        readings.on_full = self._purge_at_once

    async def run(self) -> None:
        purge_at = trio.current_time() + PURGE_FIRST
        with contextlib.suppress(StoreUnavailable):
            await self._look_at_clock()  # before anything is stored with a date that may be wrong
        while True:
            await trio.sleep(EVERY)
            try:
                await self._summarise()
                await self._look_at_clock()
                if trio.current_time() >= purge_at:
                    await self._purge()
                    purge_at = trio.current_time() + PURGE_EVERY
            except StoreUnavailable as error:
                log.debug("%s; what is to be summed up and purged waits", error)

    async def _summarise(self) -> None:
        now = self._clock.moment()
        before = None if now.utc is None else now.utc - GRACE
        seq = None
        while True:
            piece = await self._in_writer(self._log.summarise, before)
            seq = piece.given if piece.made else seq
            if not piece.more:
                break
        if seq is not None:
            self._publish(SummariesStored(seq))

    async def _look_at_clock(self) -> None:
        if self._confidence is None:
            self._confidence = Confidence(await trio.to_thread.run_sync(self._log.sure_instant))
        now = self._clock.moment()
        self._confidence = self._confidence.look(now)
        self.purged = replace(self.purged, waits=self._confidence.doubt(now))

    async def _purge(self) -> None:
        self._lately = await self._horizons()
        wanted = Round(self._lately, self.retention.max_bytes)
        while await self._in_writer(self._log.purge, wanted):
            pass
        self._tell(wanted)
        self.purged = replace(
            self.purged,
            rows=self.purged.rows + wanted.purged,
            for_size=self.purged.for_size + wanted.for_size,
            dropped=Counter(self.purged.dropped) + wanted.dropped,
            too_big=wanted.too_big,
        )
        self._losing, self._is_at_size = frozenset(wanted.dropped), wanted.for_size > 0

    def _purge_at_once(self) -> None:
        """On a full disk, in the thread that writes: what is old goes before anything waits or is lost."""
        wanted = Round(self._lately, self.retention.max_bytes)
        while self._log.purge(wanted):
            pass

    async def _horizons(self) -> Horizons | None:
        """None while nobody can tell how old anything is: then only its size is looked at."""
        now = self._clock.moment().utc
        if now is None or self.purged.waits is not None:
            return None
        if now - self._remembered > DAY:
            await self._in_writer(self._log.remember_instant, now)
            self._remembered = now
        return horizons(self.retention, now)

    def _tell(self, done: Round) -> None:
        """Once for each change, not for each round."""
        for sink in sorted(set(done.dropped) - self._losing):
            log.error(
                "%s has been away for too long: the log gave up %d rows that it had not got, as "
                "store.max_unsent_days or store.max_mb demands; hours and days of them stay",
                sink,
                done.dropped[sink],
            )
        for sink in sorted(self._losing - set(done.dropped)):
            log.warning("the log no longer gives up what %s has not got", sink)
        if done.for_size and not self._is_at_size and not done.too_big:
            log.warning(
                "the log has grown to store.max_mb (%d): %d readings went before their time, the oldest first, and more"
                " will; hours and days of them stay. Allow more, or keep readings for fewer days",
                self.retention.max_mb,
                done.for_size,
            )
        if done.too_big and not self.purged.too_big:
            log.error(
                "the log is larger than store.max_mb (%d) with its summaries alone: allow more, or keep "
                "them for fewer days",
                self.retention.max_mb,
            )
