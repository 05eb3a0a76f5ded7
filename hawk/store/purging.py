"""What is older than its horizon leaves the log: readings by whole hours, summaries by whole days.

Nothing goes that is still to be made into a summary, that a sink has not got (unless it waits for too
long), or that holds the newest reading of a device, however old that is. Space that becomes free is used
again; the file does not shrink.
"""

import heapq
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hawk.model.summary import DAY, HOUR, start_of
from hawk.store import cursors
from hawk.store.messages import Stream
from hawk.store.retention import Horizons
from hawk.store.rollups import SHARE

EVER = 2**62  # [ms since the epoch] later than anything

_SETTLED = """
SELECT (unmarked IS NULL OR unmarked >= :end)
AND NOT EXISTS (
    SELECT 1 FROM rollup_dirty WHERE device_id = :device AND hour >= :start / 3600000 AND hour < :end / 3600000
)
AND NOT EXISTS (SELECT 1 FROM reading WHERE seq = latest_seq AND ts >= :start AND ts < :end)"""

_NO_READINGS = (
    "AND NOT EXISTS (SELECT 1 FROM reading WHERE device_id = :device AND ts >= :start AND ts < :end)"
)

_NO_HOURS = """
AND NOT EXISTS (SELECT 1 FROM rollup WHERE step = 3600 AND device_id = :device AND ts >= :start AND ts < :end)"""

_FEWER = "UPDATE device SET readings = readings - ? WHERE id = ?"

_REMEMBER_SEQ = """
INSERT INTO meta (key, value) VALUES ('seq', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"""


@dataclass(frozen=True, slots=True)
class Layer:
    """One resolution. `rows` ends with the device."""

    rows: str
    span: int  # [ms] what goes together
    stream: Stream
    made_of: str = ""  # of which nothing may be left

    def next_start(self, connection: sqlite3.Connection, device: int, since: int, until: int) -> int | None:
        """Of the oldest span in which there is anything."""
        sql = f"SELECT ts {self.rows} AND ts >= ? AND ts < ? ORDER BY ts LIMIT 1"
        row = connection.execute(sql, (device, since, until)).fetchone()
        return start_of(row[0], self.span) if row else None

    def may_go(self, connection: sqlite3.Connection, device: int, start: int) -> bool:
        """It was made into the next layer, what it is made of went before, and nothing in it is the newest."""
        names = {"device": device, "start": start, "end": start + self.span}
        sql = f"{_SETTLED} {self.made_of} FROM device WHERE id = :device"
        return bool(connection.execute(sql, names).fetchone()[0])

    def newest_seq(self, connection: sqlite3.Connection, device: int, start: int) -> int:
        sql = f"SELECT max(seq) {self.rows} AND ts >= ? AND ts < ?"
        return int(connection.execute(sql, (device, start, start + self.span)).fetchone()[0])

    def count_after(self, connection: sqlite3.Connection, device: int, start: int, seq: int) -> int:
        sql = f"SELECT count(*) {self.rows} AND ts >= ? AND ts < ? AND seq > ?"
        return int(connection.execute(sql, (device, start, start + self.span, seq)).fetchone()[0])

    def delete(self, connection: sqlite3.Connection, device: int, start: int) -> int:
        sql = f"DELETE {self.rows} AND ts >= ? AND ts < ?"
        return connection.execute(sql, (device, start, start + self.span)).rowcount


RAW = Layer("FROM reading WHERE device_id = ?", HOUR, Stream.READING)
HOURS = Layer("FROM rollup WHERE step = 3600 AND device_id = ?", DAY, Stream.ROLLUP, _NO_READINGS)
DAYS = Layer("FROM rollup WHERE step = 86400 AND device_id = ?", DAY, Stream.ROLLUP, _NO_READINGS + _NO_HOURS)
LAYERS = (RAW, HOURS, DAYS)

Due = tuple[
    int, int, int
]  # layer, start, device: in this order they go, which spares the index of all by seq


@dataclass(slots=True)
class Round:
    """Once through everything that may go, in pieces."""

    horizons: Horizons | None  # None while nobody can tell how old anything is
    max_bytes: int
    purged: int = 0  # rows so far
    for_size: int = 0  # readings among them that would have stayed, had there been room
    dropped: Counter[str] = field(default_factory=Counter)  # rows among them that these sinks had not got
    too_big: bool = False  # it is larger than it may be, and there is nothing left to give up
    _old: list[Due] | None = None  # a heap, of the next of each device
    _oldest: list[Due] | None = None

    def go_on(self, connection: sqlite3.Connection, sinks: frozenset[str] | None, given: int) -> bool:
        """In a transaction, for a moment; whether there is more to do. `given` is the last seq."""
        piece = Piece(
            self, connection, {stream: cursors.held(connection, stream, sinks) for stream in Stream}
        )
        purged = self.purged
        more = self._by_age(piece) or self._by_size(piece)
        piece.skip_what_is_gone(given)
        if self.purged > purged:
            connection.execute(_REMEMBER_SEQ, (str(given),))
        return more

    def _by_age(self, piece: "Piece") -> bool:
        if self.horizons is None:
            return False
        until = (self.horizons.raw, self.horizons.hours, self.horizons.days)
        if self._old is None:
            self._old = piece.first_of_all(until)
        while self._old:
            index, start, device = heapq.heappop(self._old)
            piece.let_go(LAYERS[index], device, start, self.horizons.unsent)
            piece.push_next(self._old, index, start, device, until[index])
            if piece.is_over:
                return True
        return False

    def _by_size(self, piece: "Piece") -> bool:
        """The oldest readings of all devices, whoever has not got them."""
        if piece.bytes_used() <= self.max_bytes:
            return False
        if self._oldest is None:
            self._oldest = piece.first_of_all((EVER,))
        while self._oldest:
            index, start, device = heapq.heappop(self._oldest)
            self.for_size += piece.let_go(LAYERS[index], device, start, EVER)
            piece.push_next(self._oldest, index, start, device, EVER)
            if piece.bytes_used() <= self.max_bytes:
                return False
            if piece.is_over:
                return True
        self.too_big = True
        return False


class Piece:
    """What one transaction does of a round."""

    def __init__(
        self, whole: Round, connection: sqlite3.Connection, held: Mapping[Stream, dict[str, int]]
    ) -> None:
        """`held`: how far the sinks that purging waits for have read."""
        self._round, self._connection, self._held = whole, connection, held
        self._until = time.monotonic() + SHARE
        self._gaps: set[tuple[str, Stream]] = set()

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._until

    def bytes_used(self) -> int:
        """Of the file; what is free in it does not count."""
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def first_of_all(self, until: Sequence[int | None]) -> list[Due]:
        """A heap of the oldest of each device, in each layer up to its horizon."""
        devices = [device for (device,) in self._connection.execute("SELECT id FROM device")]
        heap: list[Due] = []
        for index, horizon in enumerate(until):
            for device in devices:
                self.push_next(heap, index, -EVER, device, horizon)
        return heap

    def push_next(self, heap: list[Due], index: int, start: int, device: int, until: int | None) -> None:
        """Of a device, after the one at `start`."""
        layer = LAYERS[index]
        following = layer.next_start(self._connection, device, start + layer.span, until or -EVER)
        if following is not None:
            heapq.heappush(heap, (index, following, device))

    def let_go(self, layer: Layer, device: int, start: int, unsent: int | None) -> int:
        """Rows that went; none when a sink has not got them, unless they are older than `unsent`."""
        if not layer.may_go(self._connection, device, start):
            return 0
        newest = layer.newest_seq(self._connection, device, start)
        behind = {sink: at for sink, at in self._held[layer.stream].items() if at < newest}
        if behind and (unsent is None or start + layer.span > unsent):
            return 0
        for sink, at in behind.items():
            self._drop(sink, layer.stream, layer.count_after(self._connection, device, start, at))
        rows = layer.delete(self._connection, device, start)
        if layer is RAW:
            self._connection.execute(_FEWER, (rows, device))
        self._round.purged += rows
        return rows

    def skip_what_is_gone(self, given: int) -> None:
        """Cursors move to where the log goes on."""
        for sink, stream in self._gaps:
            cursors.skip_gap(self._connection, sink, stream, given)

    def _drop(self, sink: str, stream: Stream, rows: int) -> None:
        cursors.move(self._connection, sink, stream, 0, rows)
        self._round.dropped[sink] += rows
        self._gaps.add((sink, stream))
