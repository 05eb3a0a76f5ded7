"""Delivers the log to one sink, for ever: reads a page behind its cursor, hands it over, moves the cursor.

A place that may lose what it took last when it is killed gets that again (docs/decisions/0009-settling.md).

New readings do not wait behind a long replay. While there is more than a page to deliver, those that are
just stored are handed over beside it; the cursor passes them again later (docs/decisions/0006-live-first.md).
"""

import contextlib
import logging
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import trio

from actors import (
    Actor,
    ActorCrashed,
    ActorDeadError,
    ActorRef,
    AskTimeout,
    Later,
    MailboxSpec,
    Overflow,
    Query,
)
from hawk.errors import (
    BatchPartlyRefused,
    BatchRefused,
    BatchTooLarge,
    SinkDenied,
    SinkError,
    StoreUnavailable,
)
from hawk.events import ReadingsStored, SummariesStored
from hawk.model.reading import Reading
from hawk.sinks.api import Wanted
from hawk.sinks.line import MOST as MOST_THREADS
from hawk.sinks.line import Line, opened
from hawk.sinks.messages import Awaited, GetSinkStatus, SinkState, SinkStatus, Unsent
from hawk.sinks.policy import Pace, Parts, Patience, next_limit, rest_after, verdict
from hawk.sinks.reach import Reach, Row
from hawk.sinks.settling import Settling
from hawk.sinks.standing import Standing
from hawk.store.messages import CountUnsent, GetCursor, Stream

log = logging.getLogger(__name__)

LOOK = 30.0  # [s] without news; then the cursor is saved, and what came without being told is looked for
STORE = 30.0  # [s] for an answer of the store
STORE_AGAIN = 5.0  # [s] after it could not answer
FAREWELL = 1.0  # [s] to save the cursor at the end
COUNTING = 1.0  # [s] for the status
NEWEST = 500  # readings that may overtake a replay; of more the oldest come with the cursor alone


@dataclass(frozen=True, slots=True)
class Terms:
    """How it is delivered."""

    drop: bool  # what comes while the sink is down is given up, not kept for it
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)


class DeliveryActor(Actor):
    mailbox = MailboxSpec(size=1000, overflow=Overflow.DROP_OLDEST)  # the cursor knows all of it

    def __init__(
        self, name: str, wanted: Wanted, terms: Terms, store: ActorRef[Any], group: ActorRef[Any]
    ) -> None:
        super().__init__()
        self._name, self._wanted, self._terms = name, wanted, terms
        self._store, self._group = store, group
        self._reaches = [Reach(cursor_of(name, wanted), each, terms.pace.batch) for each in Stream]
        self._newest: deque[Reading] = deque(maxlen=NEWEST)
        self._settling = Settling(self._reaches)
        self._news = trio.Event()
        self._threads = trio.CapacityLimiter(MOST_THREADS)
        self._awaited = wanted.explicit
        self._standing = Standing(name, wanted.place, terms.drop)
        self._failures = 0  # in a row
        self._caught_up = False  # it has all that was there at the last look
        self._in_vain = 0  # rows refused one by one, since the last that was taken
        self._saved_at = -LOOK

    async def setup(self) -> None:
        self.subscribe(ReadingsStored, SummariesStored)
        self.spawn(self._keep_delivering)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        """What was delivered since the cursor was saved would only come once more."""
        with trio.move_on_after(FAREWELL), contextlib.suppress(*_NO_ANSWER):
            for reach in self._reaches:
                if reach.unsaved:
                    await self._store.ask(reach.move)

    def on_receive(self, message: Any) -> Any:
        match message:
            case ReadingsStored(readings):
                self._newest.extend(readings)
                self._news.set()
            case SummariesStored():
                self._news.set()
            case GetSinkStatus():
                return self._tell_status()
            case _:
                return super().on_receive(message)
        return None

    # -- delivering --------------------------------------------------------------------------

    async def _keep_delivering(self) -> None:
        await self._begin()
        while True:
            try:
                with opened(self._wanted.make, self._threads) as line:
                    self._standing.server = await line.call(line.sink.connect)
                    self._settling.life = await line.call(line.sink.life)
                    await self._announce()
                    while True:
                        await self._turn(line)
            except SinkError as error:
                await self._bear(error)

    async def _begin(self) -> None:
        for reach in self._reaches:
            cursor = await self._ask(GetCursor(reach.sink, reach.stream))
            self._awaited = self._awaited or (cursor is not None and cursor.seq > 0)
            reach.begin(cursor)
        self._group.tell(Awaited(self._name, self._awaited))

    async def _announce(self) -> None:
        """A cursor before the first row is read: what is rescued of a damaged log goes behind those that there are."""
        for reach in self._reaches:
            if reach.saved is None:
                await self._move(reach)

    async def _turn(self, line: Line) -> None:
        self._news = trio.Event()
        began, rows, behind = trio.current_time(), 0, False
        for reach in self._reaches:
            came = await self._deliver_page(line, reach)
            rows, behind = rows + came, behind or came >= reach.limit
            reach.limit = next_limit(reach.limit, came, self._terms.pace)
        if behind:
            await self._overtake(line)
        else:
            self._newest.clear()
        self._caught_up, self._failures = not behind, 0
        self._standing.is_up()
        await self._save_in_time(line, behind=behind)
        if rows:
            took = trio.current_time() - began
            await trio.sleep(rest_after(rows, took, behind=behind, pace=self._terms.pace))
        else:
            await self._wait_for_news(line)

    async def _deliver_page(self, line: Line, reach: Reach) -> int:
        rows: Sequence[Row] = await self._ask(reach.next_page)
        parts, before_all = Parts[Row].of(rows), reach.delivered
        try:
            while parts.waiting:
                before, parts = parts, await self._deliver_part(line, reach.stream, parts)
                self._standing.delivered += reach.follow(before, parts)
        except SinkDenied:
            reach.delivered = before_all  # it may be that none of the refused rows was bad
            raise
        self._settling.came(reach, trio.current_time())
        if parts.refused:
            self._standing.refused(parts.refused, parts.causes[-1], trio.current_time())
        return len(rows)

    async def _deliver_part(self, line: Line, stream: Stream, parts: Parts[Row]) -> Parts[Row]:
        deliver = line.sink.deliver_readings if stream is Stream.READING else line.sink.deliver_summaries
        try:
            await line.call(deliver, parts.waiting[0])
        except (BatchTooLarge, BatchRefused) as error:
            self._in_vain += parts.is_one_row and not isinstance(error, BatchPartlyRefused)
            if self._in_vain >= self._terms.patience.most_in_vain:
                self._in_vain = 0
                raise SinkDenied(f"{self._wanted.place} refuses every row: {error}") from error
            return parts.answered(error)
        self._in_vain = 0
        return parts.taken()

    async def _overtake(self, line: Line) -> None:
        """What the sink refuses of them is counted when the cursor gets there."""
        if newest := tuple(self._newest):
            self._newest.clear()
            with contextlib.suppress(BatchTooLarge, BatchRefused):
                await line.call(line.sink.deliver_readings, newest)

    async def _wait_for_news(self, line: Line) -> None:
        with trio.move_on_after(LOOK):
            await self._news.wait()
            return
        await self._settle(line)
        await self._save()

    async def _settle(self, line: Line) -> None:
        if not self._settling.is_over:
            asked = trio.current_time()
            self._settling.looked(await line.call(line.sink.life), asked)

    # -- the cursor --------------------------------------------------------------------------

    async def _save_in_time(self, line: Line, *, behind: bool) -> None:
        if behind or trio.current_time() - self._saved_at >= LOOK:
            await self._settle(line)
            await self._save()

    async def _save(self) -> None:
        self._saved_at = trio.current_time()
        for reach in self._reaches:
            cursor = await self._ask(GetCursor(reach.sink, reach.stream))
            if not reach.agrees(cursor):
                log.warning("The log was replaced: %s gets all of it from the beginning", self._name)
                reach.begin(cursor)
            if reach.unsaved:
                await self._move(reach)

    async def _move(self, reach: Reach) -> None:
        move = reach.move
        await self._ask(move)
        reach.moved(move)
        if move.seq and not self._awaited:
            self._awaited = True
            self._group.tell(Awaited(self._name, True))

    async def _give_up_all(self) -> None:
        """What it has not got so far is not kept for it."""
        for reach in self._reaches:
            while rows := await self._ask(reach.next_page):
                reach.advance(rows, len(rows))
                reach.limit = next_limit(reach.limit, len(rows), self._terms.pace)
            reach.settle_all()
        await self._save()

    async def _ask(self, query: Query[Any]) -> Any:
        """A disk that refuses is no fault of the sink: the store is asked until it answers."""
        while True:
            try:
                return await self._store.ask(query).within(STORE)
            except _NO_ANSWER:
                await trio.sleep(STORE_AGAIN)

    # -- how it does -------------------------------------------------------------------------

    async def _bear(self, error: SinkError) -> None:
        self._failures += 1
        self._caught_up = False
        chance = random.random()  # noqa: S311  # against coincidence, not against people
        said = verdict(
            error, self._failures, awaited=self._awaited, chance=chance, patience=self._terms.patience
        )
        self._standing.is_not(said.state, str(error), awaited=self._awaited)
        self._standing.next_try = trio.current_time() + said.wait
        if self._terms.drop and said.state is SinkState.DOWN:
            await self._give_up_all()
        else:
            self._settling.broke_off()
            await self._save()
        await trio.sleep_until(self._standing.next_try)

    def _tell_status(self) -> Later[SinkStatus]:
        later: Later[SinkStatus] = Later()
        self.spawn(self._answer_status, later)
        return later

    async def _answer_status(self, later: Later[SinkStatus]) -> None:
        standing, unsent = self._standing, await self._count_unsent()
        later.resolve(
            SinkStatus(
                name=standing.name,
                state=standing.state,
                place=standing.place,
                server=standing.server,
                reason=standing.reason,
                next_try=max(0.0, standing.next_try - trio.current_time()) if standing.waits else None,
                delivered=standing.delivered,
                dropped=sum(reach.all_dropped for reach in self._reaches),
                refusal=standing.refusal,
                unsent=unsent,
            )
        )

    async def _count_unsent(self) -> Unsent | None:
        """By the cursor as it is saved, which is old where all was delivered."""
        if self._caught_up:
            return Unsent(0, 0)
        readings, summaries = (CountUnsent(reach.sink, reach.stream) for reach in self._reaches)
        with trio.move_on_after(COUNTING), contextlib.suppress(*_NO_ANSWER):
            return Unsent(await self._store.ask(readings), await self._store.ask(summaries))
        return None


_NO_ANSWER = (StoreUnavailable, AskTimeout, ActorCrashed, ActorDeadError)


def cursor_of(name: str, wanted: Wanted) -> str:
    """Under which name the store keeps how far it is."""
    return f"{name} {wanted.place}"
