"""Hours and days made of readings: in SQL, in pieces that hold the writer for a moment each.

Every transaction that changes readings marks the hours it touched in `rollup_dirty`. An hour that is
over is made of its readings and its day of its hours: an average is never made of averages. Readings are
purged by whole hours and hours by whole days, so one that has a summary and nothing left that it was made of
is closed: what comes late would make half a summary of a whole one.
"""

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from hawk.model.summary import DAY, HOUR, start_of
from hawk.store.summaries import COLUMN, PARTS

SHARE = 0.01  # [s] of the one writer at a time: what is measured meanwhile goes between
AT_A_TIME = 500  # hours looked for in one piece

_VALUES = ", ".join(f"{column}_{part}" for column in COLUMN.values() for part in PARTS)


def _last(table: str, column: str) -> str:
    """The newest one of a quantity."""
    there = f"{column} IS NOT NULL" if table == "reading" else f"step = 3600 AND {column}_n > 0"
    value = column if table == "reading" else f"{column}_last"
    return (
        f"(SELECT {value} FROM {table} WHERE device_id = :device AND ts >= :start AND ts < :end AND {there}"
        " ORDER BY ts DESC LIMIT 1)"
    )


def _of_readings(column: str) -> str:
    return f"count({column}), min({column}), max({column}), sum({column}), {_last('reading', column)}"


def _of_hours(column: str) -> str:
    return (
        f"sum({column}_n), min({column}_min), max({column}_max), sum({column}_sum), {_last('rollup', column)}"
    )


def _make(step: int, table: str, which: str, count: str, values: Iterable[str]) -> str:
    """Its series is that of the first, and stays: with other tags a sink would keep both."""
    return f"""
INSERT INTO rollup (step, device_id, ts, seq, series_id, n, {_VALUES})
SELECT {step}, device_id, :start, :seq, (
    SELECT series_id FROM {table} WHERE {which} AND device_id = :device AND ts >= :start AND ts < :end
    ORDER BY ts LIMIT 1
), {count}, {", ".join(values)}
FROM {table} WHERE {which} AND device_id = :device AND ts >= :start AND ts < :end GROUP BY device_id
ON CONFLICT (step, device_id, ts) DO UPDATE
SET (seq, n, {_VALUES}) = (excluded.seq, excluded.n, {_prefixed("excluded")})
WHERE excluded.n >= rollup.n AND (excluded.n, {_prefixed("excluded")}) IS NOT (rollup.n, {_prefixed("rollup")})"""


def _prefixed(table: str) -> str:
    return ", ".join(f"{table}.{name.strip()}" for name in _VALUES.split(","))


_MAKE_HOUR = _make(3600, "reading", "TRUE", "count(*)", map(_of_readings, COLUMN.values()))
_MAKE_DAY = _make(86400, "rollup", "step = 3600", "sum(n)", map(_of_hours, COLUMN.values()))

_CLOSED = """
SELECT EXISTS (SELECT 1 FROM rollup WHERE step = 3600 AND device_id = :device AND ts = :hour)
AND NOT EXISTS (
    SELECT 1 FROM reading WHERE device_id = :device AND ts >= :hour AND ts < :hour + 3600000
)
OR EXISTS (SELECT 1 FROM rollup WHERE step = 86400 AND device_id = :device AND ts = :day)
AND NOT EXISTS (
    SELECT 1 FROM rollup WHERE step = 3600 AND device_id = :device AND ts >= :day AND ts < :day + 86400000
)"""

_MARK = "INSERT INTO rollup_dirty (device_id, hour) VALUES (?, ?) ON CONFLICT DO NOTHING"

# What an older file has was never marked. `device.unmarked` tells from where on [UTC in ms].
_UNMARKED = "SELECT id, unmarked FROM device WHERE unmarked IS NOT NULL LIMIT 1"
_NEXT = "SELECT ts FROM reading WHERE device_id = ? AND ts >= ? ORDER BY ts LIMIT 1"


class Touched:
    """The hours that one transaction changes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._closed: dict[tuple[int, int], bool] = {}
        self._hours: set[tuple[int, int]] = set()

    def is_closed(self, device: int, utc: int) -> bool:
        """Whether the readings of that hour were purged after it was made."""
        place = device, utc // HOUR
        if place not in self._closed:
            names = {"device": device, "hour": start_of(utc, HOUR), "day": start_of(utc, DAY)}
            self._closed[place] = bool(self._connection.execute(_CLOSED, names).fetchone()[0])
        return self._closed[place]

    def add(self, device: int, utc: int) -> None:
        self._hours.add((device, utc // HOUR))

    def mark(self) -> None:
        self._connection.executemany(_MARK, sorted(self._hours))


@dataclass(frozen=True, slots=True)
class Piece:
    given: int  # the last seq given then
    made: int  # summaries that changed
    more: bool  # there is more to do


def make_due(connection: sqlite3.Connection, given: int, before: int | None) -> Piece:
    """Some of the marked hours that ended `before` [ms since the epoch], and their days. None is for all."""
    until = time.monotonic() + SHARE
    due = _due(connection, before)
    done: list[tuple[int, int]] = []
    made = 0
    for device, hour in due:
        made += _make_one(connection, _MAKE_HOUR, device, hour * HOUR, HOUR, given + made + 1)
        done.append((device, hour))
        if time.monotonic() > until:
            break
    connection.executemany("DELETE FROM rollup_dirty WHERE device_id = ? AND hour = ?", done)
    for device, day in sorted({(device, start_of(hour * HOUR, DAY)) for device, hour in done}):
        made += _make_one(connection, _MAKE_DAY, device, day, DAY, given + made + 1)
    return Piece(given + made, made, len(done) < len(due) or len(due) == AT_A_TIME)


def count_due(connection: sqlite3.Connection) -> int:
    """Hours that are marked; those that run are among them."""
    (count,) = connection.execute("SELECT count(*) FROM rollup_dirty").fetchone()
    return int(count)


def mark_unmarked(connection: sqlite3.Connection) -> bool:
    """Some hours of a log that knew no summaries; whether there are more."""
    until = time.monotonic() + SHARE
    while time.monotonic() < until:
        row = connection.execute(_UNMARKED).fetchone()
        if row is None:
            return False
        _mark_next(connection, *row)
    return True


def mark_all(connection: sqlite3.Connection) -> None:
    """Nothing is marked yet; `mark_unmarked` goes through it."""
    connection.execute(
        "UPDATE device SET unmarked = (SELECT min(ts) FROM reading WHERE reading.device_id = device.id)"
    )


def _mark_next(connection: sqlite3.Connection, device: int, since: int) -> None:
    row = connection.execute(_NEXT, (device, since)).fetchone()
    if row:
        connection.execute(_MARK, (device, row[0] // HOUR))
    following = start_of(row[0], HOUR) + HOUR if row else None
    connection.execute("UPDATE device SET unmarked = ? WHERE id = ?", (following, device))


def _due(connection: sqlite3.Connection, before: int | None) -> list[tuple[int, int]]:
    sql = "SELECT device_id, hour FROM rollup_dirty"
    if before is None:
        return connection.execute(f"{sql} LIMIT ?", (AT_A_TIME,)).fetchall()
    return connection.execute(f"{sql} WHERE hour < ? LIMIT ?", (before // HOUR, AT_A_TIME)).fetchall()


def _make_one(connection: sqlite3.Connection, sql: str, device: int, start: int, span: int, seq: int) -> int:
    """1 when it changed, and so took the number."""
    names = {"device": device, "start": start, "end": start + span, "seq": seq}
    return connection.execute(sql, names).rowcount
