"""What can still be read of a damaged log. It is opened for reading only: what it was stays as it was.

A row is lost when the page that it is on is damaged, or one above that. So a range is read as far as it goes;
where it breaks off it is halved, until what is left is shorter than a page can be.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hawk.store.rows import VALUES, Tags

Row = tuple[Any, ...]
Read = Callable[[int, int, bool], tuple[list[Row], bool]]

BATCH = 1000  # rows read, and written into the new log, at once
EARLIEST = 1_577_836_800_000  # 2020-01-01: before it nothing is looked for behind a damaged page
LEAST_ON_PAGE = 4  # rows: the longest have their own pages beside
_SHORTEST, _LONGEST = 1000, 86_400_000  # [ms] what is too short to be halved, at least and at most

_END = 2**53  # [ms]

READING = ("ts", "seq", "source", "stored_at", "series_id", *VALUES)
UNDATED = ("boot_id", "boot_time", "source", "device_id", "series_id", *VALUES)


@dataclass(frozen=True, slots=True)
class OldDevice:
    id: int
    mac: Any  # a damaged page says what it likes
    latest_seq: Any
    readings: Any
    history_count: Any
    history_since: Any


class DamagedLog:
    """None of its methods raises sqlite3 errors, but `open`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises sqlite3.DatabaseError where nothing of it can be read."""
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA writable_schema = ON")  # or a file cut short would not open at all
            connection.execute("PRAGMA cache_size = -2000")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return cls(connection)

    def close(self) -> None:
        self._connection.close()

    # -- small tables --------------------------------------------------------------------------

    def devices(self) -> list[OldDevice]:
        """Where the table is damaged, its index still has the addresses."""
        names = ("id", "mac", "latest_seq", "readings", "history_count", "history_since")
        found = {row[0]: OldDevice(*row) for row in self.table("device", names, "id")}
        for id_, mac in self._read("SELECT id, mac FROM device INDEXED BY sqlite_autoindex_device_1")[0]:
            found.setdefault(id_, OldDevice(id_, mac, None, None, None, None))
        return sorted(found.values(), key=lambda device: device.id)

    def series(self) -> dict[int, tuple[int, Tags]]:
        """Its device and tags, by id."""
        rows = self.table("series", ("id", "device_id", *Tags._fields), "id")
        return {id_: (device, Tags(*tags)) for id_, device, *tags in rows if _are_tags(tags)}

    def table(self, name: str, columns: Sequence[str], order: str) -> list[Row]:
        """All of it that can be read from either end; NULL for a column that it has not."""
        there = {row[1] for row in self._read(f"PRAGMA table_info({name})")[0]}
        chosen = ", ".join(each if each in there else f"NULL AS {each}" for each in columns)
        rows, whole = self._read(f"SELECT {chosen} FROM {name} ORDER BY {order}")
        if not whole:
            backwards, _ = self._read(f"SELECT {chosen} FROM {name} ORDER BY {_backwards(order)}")
            rows += [row for row in reversed(backwards) if row not in set(rows)]
        return rows

    def delivered(self) -> dict[str, dict[str, int]] | None:
        """Stream -> sink -> its cursor; None if it cannot be told of all."""
        rows, whole = self._read("SELECT stream, sink, seq FROM sink_cursor")
        streams: dict[str, dict[str, int]] = {}
        for stream, sink, seq in rows:
            streams.setdefault(stream, {})[sink] = seq
        return streams if whole else None

    def reading(self, seq: int) -> Row | None:
        """Its device, then READING."""
        found, _ = self._read(f"SELECT device_id, {', '.join(READING)} FROM reading WHERE seq = ?", seq)
        return found[0] if found else None

    def greatest(self, table: str, column: str) -> int:
        """0 where it cannot be read, or nothing is there."""
        found, _ = self._read(f"SELECT max({column}) FROM {table}")
        return int(found[0][0] or 0) if found else 0

    # -- large tables --------------------------------------------------------------------------

    def readings(self, device: int, since: int, latest: int) -> Iterator[list[Row]]:
        """Rows of READING in order of time; an empty list each time that a while passed without any."""
        sql = f"SELECT {', '.join(READING)} FROM reading WHERE device_id = {device}"
        return recovered(self._ranges(sql), since, latest)

    def summaries(
        self, step: int, device: int, columns: Sequence[str], since: int, latest: int
    ) -> Iterator[list[Row]]:
        """The first of `columns` has to be `ts`."""
        sql = f"SELECT {', '.join(columns)} FROM rollup WHERE step = {step} AND device_id = {device}"
        return recovered(self._ranges(sql), since, latest)

    def _ranges(self, sql: str) -> Read:
        def read(low: int, high: int, backwards: bool) -> tuple[list[Row], bool]:
            order = "DESC" if backwards else "ASC"
            return self._read(f"{sql} AND ts BETWEEN ? AND ? ORDER BY ts {order} LIMIT {BATCH}", low, high)

        return read

    def _read(self, sql: str, *values: int) -> tuple[list[Row], bool]:
        """The rows before it broke off, and False if it did."""
        rows: list[Row] = []
        with contextlib.suppress(sqlite3.DatabaseError):
            rows.extend(self._connection.execute(sql, values))
            return rows, True
        return rows, False


def recovered(read: Read, since: int, latest: int) -> Iterator[list[Row]]:
    """In order of their first column, which is a time in ms. `latest`: none is later, as far as is known."""
    todo, finest = [(since, _END)], _LONGEST
    while todo:
        low, high = todo.pop()
        rows, whole = read(low, high, False)
        sound = [row for row in rows if _within(row, low, high)]  # a damaged page may also say nonsense
        yield sound
        if sound:
            low, finest = sound[-1][0] + 1, _finest(sound, finest)
        if whole and len(rows) < BATCH:
            continue
        if whole and sound:
            todo.append((low, high))
            continue
        low, high = max(low, EARLIEST), _until(read, low, high, latest)
        if high - low > finest:
            middle = (low + high) // 2
            todo += [(middle + 1, high), (low, middle)]
        elif low <= high:
            yield from _from_the_end(read, low, high)


def _from_the_end(read: Read, low: int, high: int) -> Iterator[list[Row]]:
    found: list[Row] = []
    while True:
        rows, whole = read(low, high, True)
        sound = [row for row in rows if _within(row, low, high)]
        found += sound
        if not whole or len(rows) < BATCH or not sound:
            break
        high = sound[-1][0] - 1
    found.reverse()
    for start in range(0, len(found), BATCH):
        yield found[start : start + BATCH]


def _until(read: Read, low: int, high: int, latest: int) -> int:
    """To look for more behind the newest one that can be read would take for ever."""
    if high < _END:
        return high
    newest = [row[0] for row in read(low, high, True)[0] if _within(row, low, high)]
    return max(newest) if newest else max(latest, low + _LONGEST)


def _within(row: Row, low: int, high: int) -> bool:
    return type(row[0]) is int and low <= row[0] <= high


def _finest(rows: Sequence[Row], until_now: int) -> int:
    """[ms] A damaged page has held more than that."""
    if len(rows) < LEAST_ON_PAGE:
        return until_now
    span = (rows[-1][0] - rows[0][0]) // (len(rows) - 1) * LEAST_ON_PAGE
    return int(min(max(span, _SHORTEST), _LONGEST))


def _are_tags(tags: Sequence[Any]) -> bool:
    name, vehicle_id, vehicle_name, device_type, gateway_id, simulated = tags
    texts = all(type(each) is str for each in (name, device_type, gateway_id))
    return (
        texts
        and all(type(each) in {str, type(None)} for each in (vehicle_id, vehicle_name))
        and simulated in {0, 1}
    )


def _backwards(order: str) -> str:
    return ", ".join(f"{column} DESC" for column in order.split(", "))
