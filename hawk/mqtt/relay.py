"""Readings on their way from the log to the broker: what is live first, then what was missed.

The log is the only place they come from. That something was stored is a hint to look there, and a hint may be lost.
"""

from collections.abc import Sequence
from typing import Any

import trio

from actors import ActorRef
from hawk.clock import Clock
from hawk.model.reading import Reading
from hawk.mqtt import payloads, topics
from hawk.mqtt.asking import answered
from hawk.mqtt.line import Line
from hawk.mqtt.messages import Message
from hawk.mqtt.progress import LIVE_AGE, Progress, worth_saying
from hawk.mqtt.terms import Terms
from hawk.store.messages import GetCursor, GetReadingsAfter, GetStoreStatus, MoveCursor, Stream

SINK = "mqtt"
PAGE = 100  # readings; what is live waits for no more of what was missed
SAVE_EVERY = 5.0  # [s] the cursor; after a crash so much is said again
LAST_SAVE = 1.0  # [s] a disk that hangs holds up no new session
_STORE_AGAIN = 1.0  # [s] while the log is not open


class Relay:
    def __init__(self, terms: Terms, line: Line, store: ActorRef[Any], clock: Clock) -> None:
        self._terms, self._line, self._store, self._clock = terms, line, store, clock
        self._told, self._news = 0, trio.Event()
        self._progress: Progress | None = None  # while there is a session
        self._saved: int | None = None
        self._saved_at = 0.0
        self.published = 0  # readings

    @property
    def behind(self) -> int:
        """Readings in the log that are still to be said again; 0 while there is no session."""
        return 0 if self._progress is None else self._progress.behind

    def stored(self, seq: int) -> None:
        """The log has readings up to this."""
        self._told = max(self._told, seq)
        self._news.set()

    async def run(self, go: trio.Event) -> None:
        """For a session. What is stored from now on is live; nothing is said before `go`. Raises BrokerDown."""
        self._progress = progress = await self._begin()
        await go.wait()
        while True:
            self._news = trio.Event()
            self._progress = progress = await self._go_on(progress)
            if trio.current_time() - self._saved_at >= SAVE_EVERY:
                await self.save()

    async def end(self) -> None:
        """After a session: what the broker acknowledged in it is not said again in the next."""
        with trio.move_on_after(LAST_SAVE):
            await self.save()
        self._progress = None

    async def save(self) -> None:
        if self._progress is None or self._progress.cursor == self._saved:
            return
        seq, self._saved_at = self._progress.cursor, trio.current_time()
        await answered(self._store, MoveCursor(SINK, Stream.READING, seq))
        self._saved = seq

    async def _begin(self) -> Progress:
        cursor = await answered(self._store, GetCursor(SINK, Stream.READING))
        self._saved = cursor.seq if cursor else None
        return Progress.begin(self._saved, await self._last_stored())

    async def _last_stored(self) -> int:
        """Waits until the log is open."""
        while True:
            status = await answered(self._store, GetStoreStatus())
            if status.seq is not None:
                return status.seq
            await trio.sleep(_STORE_AGAIN)

    async def _go_on(self, progress: Progress) -> Progress:
        if self._told > progress.live:
            return await self._say_live(progress)
        if not progress.caught_up:
            return await self._say_again(progress)
        unsaved = progress.cursor != self._saved
        with trio.move_on_after(SAVE_EVERY if unsaved else self._terms.look):
            await self._news.wait()
            return progress
        return progress if unsaved else await self._say_live(progress)

    async def _say_live(self, progress: Progress) -> Progress:
        told = self._told
        page = await answered(self._store, GetReadingsAfter(progress.live, PAGE))
        await self._say(page, max(LIVE_AGE, self._terms.replay_max_age))
        return progress.said_live(page, told if len(page) < PAGE else 0)

    async def _say_again(self, progress: Progress) -> Progress:
        page = await answered(self._store, GetReadingsAfter(progress.replayed, PAGE))
        page = tuple(reading for reading in page if (reading.seq or 0) <= progress.until)
        await self._say(page, self._terms.replay_max_age)
        return progress.said_again(page)

    async def _say(self, page: Sequence[Reading], oldest: float) -> None:
        """[s]"""
        now = self._clock.moment().utc
        readings = [reading for reading in page if worth_saying(reading, now, oldest)]
        await self._line.send([message for reading in readings for message in self._messages(reading)])
        self.published += len(readings)

    def _messages(self, reading: Reading) -> tuple[Message, ...]:
        return self._terms.topics.messages(topics.READING, payloads.reading(reading), reading.device_id)
