"""The questions to the log, as SQL. None of them reads `reading` from end to end."""

import sqlite3
from typing import Any

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading, Source
from hawk.store.messages import GetReadings, Page
from hawk.store.remembered import NOTHING, Known
from hawk.store.rows import COLUMNS, reading_of

_SERIES = "CROSS JOIN series ON series.id = reading.series_id"

_LATEST = f"""
SELECT {COLUMNS} FROM device CROSS JOIN reading ON reading.seq = device.latest_seq {_SERIES}"""

_OF_DEVICE = f"""
SELECT {COLUMNS} FROM device CROSS JOIN reading ON reading.device_id = device.id {_SERIES}
WHERE device.mac = ?"""

_AFTER = f"""
SELECT {COLUMNS} FROM reading CROSS JOIN device ON device.id = reading.device_id {_SERIES}
WHERE reading.seq > ? ORDER BY reading.seq LIMIT ?"""

# The greatest number ever given, not only the greatest still there: numbers of purged rows
# would be used again, and rows with them would lie behind the cursors, never to be sent.
_LAST_SEQ = """
SELECT max(
    ifnull((SELECT max(seq) FROM reading), 0),
    ifnull((SELECT max(seq) FROM rollup), 0),
    ifnull((SELECT max(seq) FROM sink_cursor), 0),
    ifnull((SELECT max(latest_seq) FROM device), 0),
    ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'seq'), 0)
)"""


def latest(connection: sqlite3.Connection, address: Address, now: Moment) -> Reading | None:
    row = connection.execute(f"{_LATEST} WHERE device.mac = ?", (address,)).fetchone()
    return reading_of(row, now) if row else None


def latest_of_all(connection: sqlite3.Connection, now: Moment) -> tuple[Reading, ...]:
    """By address."""
    return tuple(reading_of(row, now) for row in connection.execute(f"{_LATEST} ORDER BY device.mac"))


def latest_places(connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    """UTC and `seq` of the newest reading that is not history, by device."""
    sql = "SELECT device.id, ts, seq FROM device CROSS JOIN reading ON reading.seq = device.latest_seq"
    return {device: (ts, seq) for device, ts, seq in connection.execute(sql)}


def page(connection: sqlite3.Connection, wanted: GetReadings, now: Moment) -> Page:
    sql, parameters = _page_sql(wanted)
    readings = [reading_of(row, now) for row in connection.execute(sql, parameters)]
    if len(readings) <= wanted.limit:
        return Page(tuple(readings), None)
    del readings[wanted.limit :]
    return Page(tuple(readings), readings[-1].moment.utc)


def after(connection: sqlite3.Connection, seq: int, limit: int, now: Moment) -> tuple[Reading, ...]:
    return tuple(reading_of(row, now) for row in connection.execute(_AFTER, (seq, limit)))


def live_instants(connection: sqlite3.Connection, device: int, since: int, until: int) -> list[int]:
    """[ms since the epoch] of the readings that are not history, in order."""
    sql = "SELECT ts FROM reading WHERE device_id = ? AND ts BETWEEN ? AND ? AND source != ? ORDER BY ts"
    return [ts for (ts,) in connection.execute(sql, (device, since, until, Source.HISTORY))]


def known_history(connection: sqlite3.Connection, device: int) -> Known:
    sql = "SELECT ts, raw FROM history_tail WHERE device_id = ? ORDER BY ts DESC"
    tail = connection.execute(sql, (device,)).fetchall()
    if not tail:
        return NOTHING
    sql = "SELECT history_count, history_since FROM device WHERE id = ?"
    count, since = connection.execute(sql, (device,)).fetchone()
    return Known(count, since, tail[0][0], tuple(raw for _, raw in tail))


def last_seq(connection: sqlite3.Connection) -> int:
    """0 when no number was given yet."""
    (seq,) = connection.execute(_LAST_SEQ).fetchone()
    return int(seq)


def summary_columns(connection: sqlite3.Connection) -> list[str]:
    """What a summary is made of: neither whose it is nor its number."""
    rows = connection.execute("PRAGMA table_info(rollup)")
    return [row[1] for row in rows if row[1] not in {"step", "device_id", "ts", "seq", "series_id"}]


def newest_stored_at(connection: sqlite3.Connection) -> int | None:
    row = connection.execute("SELECT stored_at FROM reading ORDER BY seq DESC LIMIT 1").fetchone()
    return int(row[0]) if row else None


def sure_instant(connection: sqlite3.Connection) -> int | None:
    """[ms since the epoch] Certainly over: when it was last purged, or else the newest reading came."""
    row = connection.execute("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'purge_utc'").fetchone()
    return int(row[0]) if row else newest_stored_at(connection)


def count_readings(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT ifnull(sum(readings), 0) FROM device").fetchone()
    return int(count)


def count_undated(connection: sqlite3.Connection, boot_id: str | None = None) -> int:
    """Of one boot, or of all."""
    sql = "SELECT count(*) FROM undated WHERE boot_id = ifnull(?, boot_id)"
    (count,) = connection.execute(sql, (boot_id,)).fetchone()
    return int(count)


def _page_sql(wanted: GetReadings) -> tuple[str, tuple[Any, ...]]:
    """The primary key gives the order; one row more than the page tells whether there is a next."""
    beyond, direction = ("<", "DESC") if wanted.newest_first else (">", "ASC")
    conditions = {
        "reading.ts >= ?": wanted.since,
        "reading.ts <= ?": wanted.until,
        f"reading.ts {beyond} ?": wanted.cursor,
        "reading.source = ?": wanted.source,
    }
    asked = {sql: value for sql, value in conditions.items() if value is not None}
    where = "".join(f" AND {condition}" for condition in asked)
    sql = f"{_OF_DEVICE}{where} ORDER BY reading.ts {direction} LIMIT ?"
    return sql, (wanted.address, *asked.values(), wanted.limit + 1)
