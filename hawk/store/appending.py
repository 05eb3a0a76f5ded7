"""Writing to the log, over its one connection that writes."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from hawk.model.address import Address
from hawk.model.cranking import Cranking
from hawk.model.reading import Moment, Reading, Source
from hawk.store import cranking, cursors, meta, queries, rollups, salvage
from hawk.store.connection import open_writer
from hawk.store.messages import ImportHistory, Kept, LastStart, MoveCursor
from hawk.store.purging import Round
from hawk.store.remembered import LIVE_NEAR, Known, Placed, Plan, plan
from hawk.store.rescue import Ledger
from hawk.store.rows import UNDATED, VALUES, Tags, boot_time_of, dated, tags_of, undated_of, values_of

_NAMES = ", ".join(VALUES)
_MARKS = ", ".join("?" for _ in VALUES)

_INSERT = f"""
INSERT INTO reading (device_id, ts, seq, series_id, source, stored_at, {_NAMES})
VALUES (?, ?, ?, ?, ?, ?, {_MARKS}) ON CONFLICT (device_id, ts) DO NOTHING"""

# Of two readings for one instant the better source wins. The same again changes nothing. The
# series stays: with other tags a sink would keep both instead of replacing the old one.
_CORRECT = f"""
UPDATE reading SET (seq, source, stored_at, {_NAMES}) = (?, ?, ?, {_MARKS})
WHERE device_id = ? AND ts = ? AND source <= ? AND (source, {_NAMES}) IS NOT (?, {_MARKS})"""

_INSERT_UNDATED = f"""
INSERT INTO undated (boot_id, boot_time, device_id, series_id, source, {_NAMES})
VALUES (?, ?, ?, ?, ?, {_MARKS})"""

_UNDATED = f"""
SELECT undated.id, {UNDATED} FROM undated CROSS JOIN device ON device.id = undated.device_id
CROSS JOIN series ON series.id = undated.series_id
WHERE undated.boot_id = ? ORDER BY undated.id LIMIT ?"""

_FIND_SERIES = f"""
SELECT id FROM series WHERE device_id = ? AND {" AND ".join(f"{tag} IS ?" for tag in Tags._fields)}"""

_INSERT_SERIES = f"""
INSERT INTO series (device_id, {", ".join(Tags._fields)})
VALUES (?, {", ".join("?" for _ in Tags._fields)})"""

_REMEMBER_INSTANT = """
INSERT INTO meta (key, value) VALUES ('purge_utc', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"""


class Appender:
    """After any error it is of no use any more: what it remembers may have been rolled back."""

    def __init__(self, connection: sqlite3.Connection, boot_id: str) -> None:
        self._connection, self._boot_id = connection, boot_id
        self._devices: dict[Address, int] = {}
        self._series: dict[tuple[int, Tags], int] = {}
        self._given = queries.last_seq(connection)
        self.seq = self._given  # the last one on the disk
        self.undated = queries.count_undated(connection, boot_id)  # of this boot, on the disk
        self.late = 0  # readings refused, for their hour was purged
        self.was_running = False  # whoever had it before did not end in order

    @classmethod
    def open(cls, path: Path, boot_id: str) -> Self:
        """Raises sqlite3 errors, and ConfigurationError for a file of a newer program."""
        with contextlib.ExitStack() as on_failure:
            connection = open_writer(path)
            on_failure.callback(connection.close)
            salvage.enter(connection, path)
            appender = cls(connection, boot_id)
            appender.was_running = meta.get(connection, meta.RUNNING) == "yes"
            if not appender.was_running:
                meta.put(connection, meta.RUNNING, "yes")
            on_failure.pop_all()
        return appender

    def close(self) -> None:
        self._connection.close()

    def end(self) -> None:
        """In order: the next start need not look for damage."""
        meta.put(self._connection, meta.RUNNING, "no")

    def empty_wal(self) -> None:
        """Gives its room back to the disk."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def append(self, readings: Iterable[Reading], now: Moment) -> tuple[Reading, ...]:
        """In one transaction; what changed the log comes back with its `seq`, in that order.

        Readings without UTC are dated when the clock is trusted `now`, else they wait in `undated`.
        """
        known = [dated(reading, now) for reading in readings]
        without = [reading for reading in known if reading.moment.utc is None]
        with self._transaction():
            for reading in without:
                self._keep_undated(reading)
            stored = self._keep([reading for reading in known if reading.moment.utc is not None], now)
        self.undated += len(without)
        return stored

    def append_imported(self, readings: Iterable[Reading], now: Moment) -> Kept:
        """In one transaction. Each has its UTC.

        They come late: only what was measured after a device's latest reading takes its place. For an instant
        that the log has already, they count only if their source is a better one.
        """
        with self._transaction():
            before, late = queries.latest_places(self._connection), self.late
            stored = self._keep(list(readings), now, corrections=False)
            self._keep_latest(before, stored)
        return Kept(len(stored), self.late - late)

    def date_undated(self, limit: int, now: Moment) -> tuple[Reading, ...]:
        """Readings of this boot that waited get their UTC, the oldest first; needs a trusted clock.

        To be called until none is left, and before newer ones are appended: `seq` says what is newest.
        """
        with self._transaction():
            rows = self._connection.execute(_UNDATED, (self._boot_id, limit)).fetchall()
            stored = self._keep([dated(undated_of(row[1:]), now) for row in rows], now)
            self._connection.executemany("DELETE FROM undated WHERE id = ?", [row[:1] for row in rows])
        self.undated -= len(rows)
        return stored

    def plan_history(self, wanted: ImportHistory) -> Plan:
        """What of it is missing. Its first reading has a UTC."""
        newest, interval = wanted.newest.moment.utc or 0, round(wanted.interval * 1000)
        device = self._device(wanted.newest.device_id)
        known = queries.known_history(self._connection, device)
        oldest = min(newest, known.since or newest) - len(wanted.records) * interval - LIVE_NEAR
        live = queries.live_instants(self._connection, device, oldest, newest + LIVE_NEAR)
        return plan(wanted.records, newest, interval, known, live)

    def append_history(
        self, wanted: ImportHistory, placed: Sequence[Placed], then: Known, now: Moment
    ) -> int:
        """In one transaction, with what is known `then`; how many were stored."""
        readings = [
            replace(wanted.newest, moment=Moment(each.utc, boot_time_of(each.utc, now)), sample=sample)
            for each in placed
            if each.wanted and (sample := wanted.sample(each.raw)) is not None
        ]
        with self._transaction():
            stored = self._keep(readings, now)
            self._keep_starts(wanted, placed, now)
            self._remember(self._device(wanted.newest.device_id), then, round(wanted.interval * 1000))
        return len(stored)

    def move_cursor(self, wanted: MoveCursor) -> None:
        """Not beyond what was given out: rows to come would lie behind it."""
        with self._transaction():
            seq = min(wanted.seq, self._given)
            cursors.move(self._connection, wanted.sink, wanted.stream, seq, wanted.refused)

    def summarise(self, before: int | None) -> rollups.Piece:
        """For a moment: hours that ended `before` [ms since the epoch] and are to be made; None is for all."""
        with self._transaction():
            if rollups.mark_unmarked(self._connection):
                return rollups.Piece(self._given, made=0, more=True)
            piece = rollups.make_due(self._connection, self._given, before)
            self._given = piece.given
        return piece

    def purge(self, wanted: Round, sinks: frozenset[str] | None) -> bool:
        """For a moment; whether there is more to do."""
        with self._transaction():
            return wanted.go_on(self._connection, sinks, self._given)

    def remember_instant(self, utc: int) -> None:
        """[ms since the epoch] It is certainly over."""
        with self._transaction():
            self._connection.execute(_REMEMBER_INSTANT, (str(utc),))

    def append_cranking(self, start: Cranking, now: Moment) -> LastStart:
        """In one transaction."""
        with self._transaction():
            return self._keep_start(start, now)

    # -- of a damaged log --------------------------------------------------------------------

    def begin_salvage(self, path: Path) -> salvage.Salvage:
        """Raises salvage.Unreadable."""
        columns = queries.summary_columns(self._connection)
        return salvage.Salvage(path, salvage.noted(self._connection, path), columns)

    def rescue(self, path: Path, batch: salvage.Batch) -> None:
        """In one transaction, with how far it is then."""
        with self._transaction():
            batch.part.write(Ledger(self._connection, self._device, self._series_with, self._numbers))
            salvage.note(self._connection, path, batch.then)
        self.undated = queries.count_undated(self._connection, self._boot_id)

    def _numbers(self, count: int) -> int:
        first = self._given + 1
        self._given += count
        return first

    # -- in a transaction ------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._connection:  # commits, or rolls back
            self._connection.execute("BEGIN IMMEDIATE")
            yield
        self.seq = self._given

    def _keep(
        self, readings: Sequence[Reading], now: Moment, *, corrections: bool = True
    ) -> tuple[Reading, ...]:
        """With `corrections` a reading also replaces one of its own source."""
        stored: dict[tuple[int, int], Reading] = {}
        new: Counter[int] = Counter()
        latest: dict[int, int] = {}
        touched = rollups.Touched(self._connection)
        for reading in readings:
            device, utc = self._device(reading.device_id), reading.moment.utc or 0
            if touched.is_closed(device, utc):
                self.late += 1
                continue
            inserted = self._insert(device, reading, now)
            if not inserted and not self._correct(device, reading, now, reading.source - (not corrections)):
                continue
            self._given += 1
            touched.add(device, utc)
            new[device] += inserted
            if reading.source is not Source.HISTORY:
                latest[device] = self._given
            stored.pop((device, utc), None)  # corrected at once: only the last is in the log
            stored[device, utc] = replace(reading, seq=self._given)
        self._connection.executemany(
            "UPDATE device SET latest_seq = ifnull(?, latest_seq), readings = readings + ? WHERE id = ?",
            [(latest.get(device), count, device) for device, count in new.items()],
        )
        touched.mark()
        return tuple(stored.values())

    def _keep_latest(self, before: Mapping[int, tuple[int, int]], stored: Iterable[Reading]) -> None:
        """`before`: UTC and `seq`, by device. Of a reading that was corrected just now the new `seq` counts."""
        latest: dict[int, tuple[int, int]] = {}
        for each in stored:
            if each.source is not Source.HISTORY and each.seq is not None:
                device, place = self._device(each.device_id), (each.moment.utc or 0, each.seq)
                latest[device] = max(place, latest.get(device, place), before.get(device, place))
        self._connection.executemany(
            "UPDATE device SET latest_seq = ? WHERE id = ?",
            [(seq, device) for device, (_, seq) in latest.items()],
        )

    def _insert(self, device: int, reading: Reading, now: Moment) -> bool:
        series = self._series_of(device, reading)
        place = (
            device,
            reading.moment.utc,
            self._given + 1,
            series,
            reading.source,
            _stored_at(reading, now),
        )
        return self._connection.execute(_INSERT, (*place, *values_of(reading))).rowcount == 1

    def _correct(self, device: int, reading: Reading, now: Moment, worst: int) -> bool:
        """`worst`: the source of what is replaced at most."""
        source, values = reading.source, values_of(reading)
        change = (self._given + 1, source, _stored_at(reading, now), *values)
        place = (device, reading.moment.utc, worst, source, *values)
        return self._connection.execute(_CORRECT, (*change, *place)).rowcount == 1

    def _keep_starts(self, wanted: ImportHistory, placed: Sequence[Placed], now: Moment) -> None:
        for each in placed:
            if (event := wanted.cranking(each.raw)) is not None:
                moment = Moment(each.utc, boot_time_of(each.utc, now))
                self._keep_start(
                    Cranking(replace(wanted.newest, moment=moment), event, wanted.uncertain), now
                )

    def _keep_start(self, start: Cranking, now: Moment) -> LastStart:
        device = self._device(start.by.device_id)
        series, stored_at = self._series_of(device, start.by), _stored_at(start.by, now)
        return cranking.keep(self._connection, device, series, start, stored_at or 0)

    def _remember(self, device: int, known: Known, interval: int) -> None:
        """Of the tail only the newest has a time that counts."""
        self._connection.execute("DELETE FROM history_tail WHERE device_id = ?", (device,))
        self._connection.executemany(
            "INSERT INTO history_tail (device_id, ts, raw) VALUES (?, ?, ?)",
            [(device, known.until - k * interval, raw) for k, raw in enumerate(known.tail)],
        )
        self._connection.execute(
            "UPDATE device SET history_count = ?, history_since = ? WHERE id = ?",
            (known.count, known.since, device),
        )

    def _keep_undated(self, reading: Reading) -> None:
        device = self._device(reading.device_id)
        place = (self._boot_id, reading.moment.boot_time, device, self._series_of(device, reading))
        self._connection.execute(_INSERT_UNDATED, (*place, reading.source, *values_of(reading)))

    def _device(self, address: Address) -> int:
        if address not in self._devices:
            self._connection.execute("INSERT INTO device (mac) VALUES (?) ON CONFLICT DO NOTHING", (address,))
            row = self._connection.execute("SELECT id FROM device WHERE mac = ?", (address,)).fetchone()
            self._devices[address] = row[0]
        return self._devices[address]

    def _series_of(self, device: int, reading: Reading) -> int:
        return self._series_with(device, tags_of(reading))

    def _series_with(self, device: int, tags: Tags) -> int:
        key = device, tags
        if key not in self._series:
            row = self._connection.execute(_FIND_SERIES, (device, *tags)).fetchone()
            if row is None:
                row = (self._connection.execute(_INSERT_SERIES, (device, *tags)).lastrowid,)
            self._series[key] = row[0]
        return self._series[key]


def _stored_at(reading: Reading, now: Moment) -> int | None:
    """A clock that is not trusted says nothing: then the reading's own time, which once was."""
    return reading.moment.utc if now.utc is None else now.utc
