"""The tables of readings.db, and how an older file becomes today's.

`device.latest_seq` points to the newest reading that is not history, `device.readings` counts
its rows in `reading`: so neither the latest value nor a count ever scans that table. Whoever
inserts or deletes readings keeps both right, in the same transaction.

`series` holds what a reading is tagged with, as of that reading: names of today never touch
the past. Whoever changes readings marks their hours in `rollup_dirty` (hawk/store/rollups.py).
`meta` keeps `seq`, the last one given when something was purged, and `purge_utc`, an instant that is
certainly over (hawk/store/retention.py). `history_tail` and `energy` belong to the parts that fill them.
"""

import sqlite3
from collections.abc import Iterator

from hawk.errors import ConfigurationError
from hawk.store import cranking

VERSION = 4
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables

_QUANTITIES = ("voltage", "current", "soc", "temperature", "power")

_VALUES = """
    voltage REAL,
    current REAL,
    soc REAL,
    temperature REAL,
    power REAL,
    status TEXT,
    status_code INTEGER,
    rssi INTEGER,
    adapter TEXT,
    extra TEXT  -- JSON object
"""

_ROLLUP_VALUES = ",\n    ".join(
    f"{name}_n INTEGER NOT NULL, {name}_min REAL, {name}_max REAL, {name}_sum REAL, {name}_last REAL"
    for name in _QUANTITIES
)

TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    mac TEXT NOT NULL UNIQUE,
    latest_seq INTEGER,
    readings INTEGER NOT NULL DEFAULT 0,
    history_count INTEGER NOT NULL DEFAULT 0,  -- records imported without a gap; the last are in history_tail
    history_since INTEGER,  -- UTC in ms, of the oldest of them
    unmarked INTEGER  -- UTC in ms: from here on hours are still to be marked in rollup_dirty; NULL: none
) STRICT""",
    """
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES device (id),
    device_name TEXT NOT NULL,
    vehicle_id TEXT,
    vehicle_name TEXT,
    device_type TEXT NOT NULL,
    gateway_id TEXT NOT NULL,
    simulated INTEGER NOT NULL
) STRICT""",
    """
CREATE UNIQUE INDEX series_tags ON series (
    device_id, device_name, ifnull(vehicle_id, ''), ifnull(vehicle_name, ''), device_type, gateway_id,
    simulated
)""",
    f"""
CREATE TABLE reading (
    device_id INTEGER NOT NULL,
    ts INTEGER NOT NULL,  -- UTC in ms
    seq INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
    source INTEGER NOT NULL,  -- 1 history, 2 advertisement, 3 gatt
    stored_at INTEGER NOT NULL,  -- UTC in ms
    {_VALUES},
    PRIMARY KEY (device_id, ts)
) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX reading_seq ON reading (seq)",
    f"""
CREATE TABLE undated (
    id INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL,
    boot_time REAL NOT NULL,  -- s of CLOCK_BOOTTIME
    device_id INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
    source INTEGER NOT NULL,
    {_VALUES}
) STRICT""",
    f"""
CREATE TABLE rollup (
    step INTEGER NOT NULL,  -- s: 3600 or 86400
    device_id INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    {_ROLLUP_VALUES},
    PRIMARY KEY (step, device_id, ts)
) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX rollup_seq ON rollup (seq)",
    """
CREATE TABLE rollup_dirty (
    device_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    PRIMARY KEY (device_id, hour)
) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE sink_cursor (
    sink TEXT NOT NULL,
    stream TEXT NOT NULL,  -- reading or rollup
    seq INTEGER NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sink, stream)
) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE history_tail (
    device_id INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (device_id, ts)
) STRICT, WITHOUT ROWID""",
    """
CREATE TABLE energy (
    device_id INTEGER PRIMARY KEY,
    charged_wh REAL NOT NULL,
    discharged_wh REAL NOT NULL,
    ts INTEGER NOT NULL
) STRICT""",
    *cranking.TABLE,
)

UPGRADES = {
    1: (
        "ALTER TABLE device ADD COLUMN history_count INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE device ADD COLUMN history_since INTEGER",
    ),
    2: (
        "ALTER TABLE device ADD COLUMN unmarked INTEGER",
        "UPDATE device SET unmarked = (SELECT min(ts) FROM reading WHERE reading.device_id = device.id)",
    ),
    3: cranking.TABLE,
}  # from a version to the next


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raises ConfigurationError when the SQLite of this Python is too old."""
    if version < OLDEST_SQLITE:
        raise ConfigurationError(
            f"SQLite {'.'.join(map(str, version))} is too old: Battery Hawk needs "
            f"{'.'.join(map(str, OLDEST_SQLITE))}, which Debian 12 and its like have"
        )


def check_version(connection: sqlite3.Connection) -> int:
    """That of the file. Raises ConfigurationError when a newer program wrote it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ConfigurationError(
            f"the store has format {version}, this program knows {VERSION}: "
            "a newer Battery Hawk wrote it; start that one, or use another data folder"
        )
    return int(version)


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables to VERSION. Raises ConfigurationError for a file of a newer program."""
    version = check_version(connection)
    if version < VERSION:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _statements(version):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _statements(version: int) -> Iterator[str]:
    """From a version to today's; 0 is an empty file."""
    if version == 0:
        yield from TABLES
        return
    for each in range(version, VERSION):
        yield from UPGRADES[each]
