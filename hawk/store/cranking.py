"""Starts of the engine in the log: few and precious, never purged with the readings.

A device remembers its last start, and tells it again each time it is asked, with an age in steps of two minutes
by a clock that drifts. Which of them are the same start:

- The samples are, to the last one. Two starts with as many different values as a real one do not have the same
  noise: then the time does not matter, also where the age has reached its greatest value or began anew.
- Few different values may come again (a bench supply; a BM2, which keeps the lowest voltage alone): then the
  times must be near, too.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from struct import pack, unpack
from typing import Any

from hawk.model.cranking import Cranking, CrankingEvent
from hawk.model.reading import Moment
from hawk.store.messages import CrankingPage, GetCranking, LastStart
from hawk.store.rows import TAGS, boot_time_of, tagged

STEP = 120_000  # [ms] of the age
DRIFT = 0.02  # of the age: an RC oscillator's
DISTINCT = 32  # different values in a waveform that does not come twice; captured ones have 66 and 74

_NAMES = "status_code, voltage, minimum_voltage, duration, sample_interval, samples, uncertain"

TABLE = (
    """
CREATE TABLE cranking (
    device_id INTEGER NOT NULL,
    ts INTEGER NOT NULL,  -- UTC in ms
    series_id INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,  -- UTC in ms
    status_code INTEGER,
    voltage REAL,
    minimum_voltage REAL NOT NULL,
    duration REAL,  -- s
    sample_interval REAL,  -- s
    samples BLOB NOT NULL,  -- 0.01 V, two bytes each, the greater one first
    uncertain INTEGER NOT NULL,  -- whether ts is a guess
    PRIMARY KEY (device_id, ts)
) STRICT, WITHOUT ROWID""",
)

_INSERT = f"""
INSERT INTO cranking (device_id, ts, series_id, stored_at, {_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_ALIKE = "SELECT ts FROM cranking WHERE device_id = ? AND minimum_voltage = ? AND samples = ?"

_OF_DEVICE = f"""
SELECT ts, {", ".join(f"cranking.{name}" for name in _NAMES.split(", "))}, {TAGS}
FROM device CROSS JOIN cranking ON cranking.device_id = device.id
CROSS JOIN series ON series.id = cranking.series_id
WHERE device.mac = ?"""

_NEWEST_FIRST = f"{_OF_DEVICE} AND ts < ifnull(?, 9223372036854775807) ORDER BY ts DESC LIMIT ?"
_OLDEST_FIRST = f"{_OF_DEVICE} AND ts > ifnull(?, -9223372036854775808) ORDER BY ts LIMIT ?"


def same(event: CrankingEvent, utc: int, known: Iterable[int]) -> int | None:
    """Of the instants of known starts with the same samples, that of this one, which was at `utc`; None if it
    is another start. All in ms since the epoch.
    """
    distinct = len(set(event.samples)) >= DISTINCT
    near = 2 * STEP + DRIFT * 1000 * (event.age or 0)
    return next((ts for ts in known if distinct or abs(ts - utc) <= near), None)


def keep(
    connection: sqlite3.Connection, device: int, series: int, cranking: Cranking, stored_at: int
) -> LastStart:
    """In a transaction of the caller's. What comes back has the instant that it has in the log."""
    event, utc = cranking.event, cranking.by.moment.utc or 0
    samples = packed(event.samples)
    alike = connection.execute(_ALIKE, (device, event.minimum_voltage, samples)).fetchall()
    if (known := same(event, utc, (ts for (ts,) in alike))) is not None:
        return LastStart(_at(cranking, known), stored=False)
    taken = {ts for (ts,) in connection.execute("SELECT ts FROM cranking WHERE device_id = ?", (device,))}
    while utc in taken:
        utc += 1
    connection.execute(
        _INSERT,
        (
            device, utc, series, stored_at, event.status_code, event.voltage, event.minimum_voltage,
            event.duration, event.sample_interval, samples, cranking.uncertain,
        ),
    )  # fmt: skip
    return LastStart(_at(cranking, utc), stored=True)


def _at(cranking: Cranking, utc: int) -> Cranking:
    return replace(cranking, by=replace(cranking.by, moment=replace(cranking.by.moment, utc=utc)))


def page(connection: sqlite3.Connection, wanted: GetCranking, now: Moment) -> CrankingPage:
    sql = _NEWEST_FIRST if wanted.newest_first else _OLDEST_FIRST
    rows = connection.execute(sql, (wanted.address, wanted.cursor, wanted.limit + 1)).fetchall()
    found = tuple(_cranking(row, now) for row in rows[: wanted.limit])
    return CrankingPage(found, found[-1].by.moment.utc if len(rows) > wanted.limit else None)


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT count(*) FROM cranking").fetchone()
    return int(found)


def packed(samples: tuple[float, ...]) -> bytes:
    return pack(f">{len(samples)}H", *(round(volts * 100) for volts in samples))


def _cranking(row: tuple[Any, ...], now: Moment) -> Cranking:
    ts, status_code, voltage, minimum, duration, interval, samples, uncertain, *tags = row
    event = CrankingEvent(
        minimum_voltage=minimum,
        status_code=status_code,
        voltage=voltage,
        duration=duration,
        samples=tuple(each / 100 for each in unpack(f">{len(samples) // 2}H", samples)),
        sample_interval=interval,
    )
    return Cranking(tagged(tuple(tags), Moment(ts, boot_time_of(ts, now))), event, bool(uncertain))
