"""The database of BMGateway, runtime/gateway.db: its table of samples, which only is read.

`source` is `live` (polled) or `device_archive` (the monitor's history). Rows with an error have 0 V or old values;
those of the profile `legacy_bm2_history` are records of a BM6 decoded as those of a BM2. Its word for the state of
a battery is its own idea and left out. Source: marcomc/BMGateway, docs/architecture/2026-05-16-unified-history-
storage.md and python/src/bm_gateway/state_store.py; no file of a user was at hand.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hawk.archive.api import Assumed, Entry, Format, Refused, Source
from hawk.errors import Invalid
from hawk.model.reading_json import reading_of

_SQLITE = b"SQLite format 3\0"
_PAGE = 1000
_SAMPLES = """
SELECT id, mac, sample_ts, source, device_type, name, voltage, soc, temperature, rssi FROM device_samples
WHERE id > ? AND error_code IS NULL AND connected = 1 AND voltage > 0 AND source_profile != 'legacy_bm2_history'
ORDER BY id LIMIT ?"""

_SOURCES = {"live": "gatt", "device_archive": "history"}
_TYPES = {
    **dict.fromkeys(("bm200", "bm6", "bm900", "bm900pro"), "BM6"),
    **dict.fromkeys(("bm300", "bm300pro", "bm7"), "BM7"),
}


def _read(source: Source, assumed: Assumed) -> Iterator[Entry]:
    if source.path is None:
        raise Invalid("a database cannot be read from a pipe")
    try:
        with contextlib.closing(_opened(source.path)) as connection:
            for row in _rows(connection):
                yield _entry(row, assumed)
    except sqlite3.Error as error:
        raise Invalid(f"it is no database of BMGateway that can be read: {error}") from error


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Page by page: BMGateway may be writing meanwhile."""
    last = -1
    while rows := connection.execute(_SAMPLES, (last, _PAGE)).fetchall():
        yield from rows
        last = rows[-1][0]


def _entry(row: tuple[Any, ...], assumed: Assumed) -> Entry:
    number, mac, timestamp, source, device_type, name, voltage, soc, temperature, rssi = row
    said = {
        "device_id": mac,
        "timestamp": timestamp,
        "source": _SOURCES.get(source, source),
        "device_type": _TYPES.get(device_type),
        "device_name": name,
        "voltage": voltage,
        "state_of_charge": soc,
        "temperature": temperature,
        "rssi": rssi,
    }
    try:
        return reading_of(said, assumed.now, assumed.zone)
    except Invalid as error:
        return Refused(number, str(error))


BMGATEWAY = Format("bmgateway", "database of BMGateway", lambda head: head.startswith(_SQLITE), _read)
