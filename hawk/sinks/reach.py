"""How far a sink has one stream of the log."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hawk.model.reading import Reading
from hawk.model.summary import Summary
from hawk.sinks.policy import Parts
from hawk.store.messages import Cursor, GetReadingsAfter, GetSummariesAfter, MoveCursor, Stream

Row = Reading | Summary


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the stream."""

    seq: int = 0
    refused: int = 0  # rows on the way there, since the delivery began


@dataclass(slots=True)
class Reach:
    """Three marks, each behind the one before: what was delivered, what of it the place cannot lose any more, and the
    cursor in the store, which is moved now and then, for each time is a write to the disk. What is delivered and not
    saved comes again when the process is killed, what is not settled when the place was.
    """

    sink: str
    stream: Stream
    limit: int  # of the next page
    delivered: Mark = Mark()
    settled: Mark = Mark()
    saved: Mark | None = None  # None: the store knows of no cursor
    dropped: int = 0  # rows, as the store has it
    _pending: deque[tuple[float, Mark]] = field(default_factory=deque)  # [s] when it got so far

    def begin(self, cursor: Cursor | None) -> None:
        self.delivered = self.settled = Mark(cursor.seq if cursor else 0)
        self.saved = self.settled if cursor else None
        self.dropped = cursor.dropped if cursor else 0
        self._pending.clear()

    def agrees(self, cursor: Cursor | None) -> bool:
        """False when that of the store is behind what was saved. It may be further: the store gives up what waits
        for too long, and counts it."""
        self.dropped = cursor.dropped if cursor else 0
        return self.saved is None or (cursor is not None and cursor.seq >= self.saved.seq)

    @property
    def next_page(self) -> GetReadingsAfter | GetSummariesAfter:
        if self.stream is Stream.READING:
            return GetReadingsAfter(self.delivered.seq, self.limit)
        return GetSummariesAfter(self.delivered.seq, self.limit)

    # -- delivering ------------------------------------------------------------------------------

    def follow(self, before: Parts[Row], after: Parts[Row]) -> int:
        """How many rows were delivered between the two."""
        if after.settled is before.settled:
            return 0
        refused = after.refused - before.refused
        self.advance(after.settled, refused)
        return max(0, len(after.settled) - refused)

    def advance(self, rows: Sequence[Row], refused: int) -> None:
        self.delivered = Mark(rows[-1].seq or self.delivered.seq, self.delivered.refused + refused)

    # -- settling --------------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        return self.settled == self.delivered

    def came(self, now: float) -> None:
        """So far, at this time [s]."""
        if self.delivered != (self._pending[-1][1] if self._pending else self.settled):
            self._pending.append((now, self.delivered))

    def settle(self, until: float) -> bool:
        """What came until then [s] is kept for good. False if nothing did."""
        before = self.settled
        while self._pending and self._pending[0][0] <= until:
            _, self.settled = self._pending.popleft()
        return self.settled != before

    def settle_all(self) -> None:
        self.settled = self.delivered
        self._pending.clear()

    def go_back(self) -> None:
        """To what is settled."""
        self.delivered = self.settled
        self._pending.clear()

    # -- the cursor ------------------------------------------------------------------------------

    @property
    def all_dropped(self) -> int:
        """Rows, with those that are not saved yet."""
        return self.dropped + self.delivered.refused - (self.saved or Mark()).refused

    @property
    def unsaved(self) -> bool:
        return self.settled != self.saved

    @property
    def move(self) -> MoveCursor:
        refused = self.settled.refused - (self.saved or Mark()).refused
        return MoveCursor(self.sink, self.stream, self.settled.seq, refused)

    def moved(self, move: MoveCursor) -> None:
        before = self.saved or Mark()
        self.saved = Mark(move.seq, before.refused + move.refused)
        self.dropped += move.refused
