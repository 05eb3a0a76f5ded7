"""Where messages wait: bounded or not, and with a rule for when it is full."""

from __future__ import annotations

import enum
import math
from collections import deque
from dataclasses import dataclass
from typing import Any, final

import trio
from pykka._envelope import Envelope

from actors.messages import MailboxFull


class Overflow(enum.Enum):
    REFUSE = "the sender is told: MailboxFull"
    DROP_OLDEST = "the oldest message is dropped and counted"
    DROP_NEWEST = "the new message is dropped and counted"


@dataclass(frozen=True, slots=True)
class MailboxSpec:
    size: float = math.inf
    overflow: Overflow = Overflow.REFUSE


@final
@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    waiting: int
    dropped: int


class Mailbox:
    """Belongs to a ref, not to an incarnation: what waits survives a restart."""

    def __init__(self, spec: MailboxSpec) -> None:
        self._spec = spec
        self._queue: deque[Envelope[Any]] = deque()
        self._token = trio.lowlevel.current_trio_token()
        self._reader: trio.lowlevel.Task | None = None
        self._room = trio.lowlevel.ParkingLot()
        self._dropped = 0

    def put(self, envelope: Envelope[Any], /) -> None:
        """In the Trio thread at once, or MailboxFull. In others: waits for room where senders are refused."""
        if trio.lowlevel.in_trio_run():
            self._put(envelope)
        elif math.isfinite(self._spec.size) and self._spec.overflow is Overflow.REFUSE:
            trio.from_thread.run(self.wait_put, envelope, trio_token=self._token)
        else:
            self._token.run_sync_soon(self._put, envelope)

    async def wait_put(self, envelope: Envelope[Any]) -> None:
        await trio.lowlevel.checkpoint()
        while len(self._queue) >= self._spec.size and self._spec.overflow is Overflow.REFUSE:
            await self._room.park()
        self._put(envelope)

    async def get(self) -> Envelope[Any]:
        """One reader at a time: the living incarnation."""
        if self._queue:
            await trio.lowlevel.checkpoint()
        while not self._queue:
            self._reader = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        envelope = self._queue.popleft()
        if self._room:
            self._room.unpark()
        return envelope

    def drain(self) -> list[Envelope[Any]]:
        """All that waits, when nobody will read it any more."""
        envelopes = list(self._queue)
        self._queue.clear()
        self._room.unpark_all()
        return envelopes

    def holds(self, message: object) -> bool:
        return any(envelope.message is message for envelope in self._queue)

    def empty(self) -> bool:
        return not self._queue

    def statistics(self) -> MailboxStatistics:
        return MailboxStatistics(len(self._queue), self._dropped)

    def _put(self, envelope: Envelope[Any]) -> None:
        if len(self._queue) >= self._spec.size:
            match self._spec.overflow:
                case Overflow.REFUSE:
                    raise MailboxFull
                case Overflow.DROP_OLDEST:
                    self._drop(self._queue.popleft())
                case Overflow.DROP_NEWEST:
                    self._drop(envelope)
                    return
        self._queue.append(envelope)
        if (reader := self._reader) is not None:
            self._reader = None
            trio.lowlevel.reschedule(reader)

    def _drop(self, envelope: Envelope[Any]) -> None:
        """An ask that is dropped is answered, so that nobody waits for ever."""
        self._dropped += 1
        if envelope.reply_to is not None:
            error = MailboxFull("the question was dropped")
            envelope.reply_to.set_exception((MailboxFull, error, None))

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._reader = None
        return trio.lowlevel.Abort.SUCCEEDED
