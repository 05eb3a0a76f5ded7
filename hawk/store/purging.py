"""What is older than its horizon leaves the log: readings by whole hours, summaries by whole days.

Nothing goes that is still to be made into a summary, that a sink has not got (unless it waits for too
long), or that holds the newest reading of a device, however old that is. Space that becomes free is used
again; the file does not shrink.
"""

import heapq
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hawk.model.summary import DAY, HOUR, start_of
from hawk.store import cursors
from hawk.store.messages import Stream
from hawk.store.retention import Horizons

SHARE = 0.02  # [s] of the one writer at a time
EVER = 2**62  # [ms] beyond all times


@dataclass(frozen=True, slots=True)
class Layer:
    """One resolution. `rows` ends with the device; `span` goes together."""

    rows: str
    span: int  # [ms]
    stream: Stream

    def starts(self, connection: sqlite3.Connection, device: int, since: int, until: int) -> Iterator[int]:
        """Of the spans in which there is anything, the oldest first."""
        sql = f"SELECT ts {self.rows} AND ts >= ? AND ts < ? ORDER BY ts LIMIT 1"
        while row := connection.execute(sql, (device, since, until)).fetchone():
            start = start_of(row[0], self.span)
            yield start
            since = start + self.span

    def oldest(self, connection: sqlite3.Connection, device: int) -> int:
        return next(self.starts(connection, device, -EVER, EVER), EVER)

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
HOURS = Layer("FROM rollup WHERE step = 3600 AND device_id = ?", DAY, Stream.ROLLUP)
DAYS = Layer("FROM rollup WHERE step = 86400 AND device_id = ?", DAY, Stream.ROLLUP)
LAYERS = (RAW, HOURS, DAYS)  # each is made of the one before

_UNMADE = """
SELECT min(
    ifnull((SELECT min(hour) * 3600000 FROM rollup_dirty WHERE device_id = device.id), :ever),
    ifnull(unmarked, :ever)
) FROM device WHERE id = :device"""

_NEWEST = """
SELECT reading.ts FROM device CROSS JOIN reading ON reading.seq = device.latest_seq WHERE device.id = ?"""

_FEWER = "UPDATE device SET readings = readings - ? WHERE id = ?"

_REMEMBER_SEQ = """
INSERT INTO meta (key, value) VALUES ('seq', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"""


@dataclass(slots=True)
class Round:
    """Once through everything that may go, in pieces."""

    horizons: Horizons | None  # None while nobody can tell how old anything is
    max_bytes: int
    purged: int = 0  # rows so far
    for_size: int = 0  # readings among them that would have stayed, had there been room
    dropped: Counter[str] = field(default_factory=Counter)  # rows among them that these sinks had not got
    too_big: bool = False  # it is larger than it may be, and there is nothing left to give up
    _todo: deque[tuple[Layer, int, int]] | None = None  # device, and from where on [ms since the epoch]

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
        if self._todo is None:
            self._todo = deque((layer, device, -EVER) for layer in LAYERS for device in piece.devices())
        while self._todo:
            layer, device, since = self._todo.popleft()
            for start in piece.old(layer, device, since, self.horizons):
                piece.let_go(layer, device, start, self.horizons.unsent)
                if piece.is_over:
                    self._todo.appendleft((layer, device, start + layer.span))
                    return True
            if piece.is_over:
                return True
        return False

    def _by_size(self, piece: "Piece") -> bool:
        """The oldest readings of all devices, whoever has not got them."""
        if piece.bytes_used() <= self.max_bytes:
            return False
        for start, device in piece.oldest_of_all():
            self.for_size += piece.let_go(RAW, device, start, EVER)
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

    def devices(self) -> list[int]:
        return [device for (device,) in self._connection.execute("SELECT id FROM device ORDER BY id")]

    def bytes_used(self) -> int:
        """Of the file; what is free in it does not count."""
        pages, free, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def old(self, layer: Layer, device: int, since: int, horizons: Horizons) -> Iterator[int]:
        """Starts of what is older than its horizon and was made into the next layer."""
        horizon = {RAW: horizons.raw, HOURS: horizons.hours, DAYS: horizons.days}[layer]
        if horizon is None:
            return
        finer = LAYERS[: LAYERS.index(layer)]
        needed = [self._unmade(device), *(each.oldest(self._connection, device) for each in finer)]
        until = min(horizon, *(start_of(instant, layer.span) for instant in needed))
        yield from self._starts(layer, device, since, until)

    def oldest_of_all(self) -> Iterator[tuple[int, int]]:
        """Hours of readings with their device, the oldest first."""
        return heapq.merge(*(self._hours_of(device) for device in self.devices()))

    def let_go(self, layer: Layer, device: int, start: int, unsent: int | None) -> int:
        """Rows that went; none when a sink has not got them, unless they are older than `unsent`."""
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

    def _hours_of(self, device: int) -> Iterator[tuple[int, int]]:
        until = start_of(self._unmade(device), HOUR)
        return ((start, device) for start in self._starts(RAW, device, -EVER, until))

    def _starts(self, layer: Layer, device: int, since: int, until: int) -> Iterator[int]:
        newest = self._connection.execute(_NEWEST, (device,)).fetchone() if layer is RAW else None
        stays = start_of(newest[0], HOUR) if newest else None
        return (s for s in layer.starts(self._connection, device, since, until) if s != stays)

    def _unmade(self, device: int) -> int:
        """[ms since the epoch] From here on there may be hours without a summary."""
        names = {"device": device, "ever": EVER}
        return int(self._connection.execute(_UNMADE, names).fetchone()[0])
