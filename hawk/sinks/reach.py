"""How far a sink has one stream of the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from hawk.model.reading import Reading
from hawk.model.summary import Summary
from hawk.sinks.policy import Parts
from hawk.store.messages import Cursor, GetReadingsAfter, GetSummariesAfter, MoveCursor, Stream

Row = Reading | Summary


@dataclass(slots=True)
class Reach:
    """In memory it runs ahead of the cursor in the store, which is moved now and then: each time is a write to the
    disk. What was delivered after the last one comes again when the process is killed.
    """

    sink: str
    stream: Stream
    limit: int  # of the next page
    seq: int = 0
    saved: int = 0
    dropped: int = 0  # rows, as saved
    dropping: int = 0  # and those since

    def begin(self, cursor: Cursor | None) -> None:
        self.seq = self.saved = cursor.seq if cursor else 0
        self.dropped, self.dropping = cursor.dropped if cursor else 0, 0

    def agrees(self, cursor: Cursor | None) -> bool:
        """False when that of the store is behind what was saved. It may be further: the store gives up what waits
        for too long, and counts it."""
        self.dropped = cursor.dropped if cursor else 0
        return (cursor.seq if cursor else 0) >= self.saved

    @property
    def next_page(self) -> GetReadingsAfter | GetSummariesAfter:
        if self.stream is Stream.READING:
            return GetReadingsAfter(self.seq, self.limit)
        return GetSummariesAfter(self.seq, self.limit)

    def follow(self, before: Parts[Row], after: Parts[Row]) -> int:
        """How many rows were delivered between the two."""
        if after.settled is before.settled:
            return 0
        refused = after.refused - before.refused
        self.advance(after.settled, refused)
        return max(0, len(after.settled) - refused)

    def advance(self, rows: Sequence[Row], dropped: int) -> None:
        self.seq = rows[-1].seq or self.seq
        self.dropping += dropped

    @property
    def mark(self) -> tuple[int, int]:
        return self.seq, self.dropping

    @mark.setter
    def mark(self, mark: tuple[int, int]) -> None:
        """Back to there."""
        self.seq, self.dropping = mark

    @property
    def unsaved(self) -> bool:
        return self.seq > self.saved or self.dropping > 0

    @property
    def move(self) -> MoveCursor:
        return MoveCursor(self.sink, self.stream, self.seq, self.dropping)

    def moved(self, move: MoveCursor) -> None:
        self.saved = move.seq
        self.dropped += move.refused
        self.dropping -= move.refused
