"""What a damaged log still had, as statements to the new one.

What is there already stays: it was measured since. A row that every sink has keeps its number; any other gets a
new one, for by now a cursor may be past the old one. So each sink gets what it has not, and a sink that gets a
row again replaces it by the same.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from hawk.model.address import Address
from hawk.model.reading import Source
from hawk.store import meta
from hawk.store.damaged import READING, UNDATED, DamagedLog, OldDevice, Row
from hawk.store.rows import VALUES, Tags
from hawk.store.soundness import is_count, is_sound

_ENERGIES = ("device_id", "charged_wh", "discharged_wh", "ts")
STARTS = (
    "device_id", "ts", "series_id", "stored_at", "status_code", "voltage", "minimum_voltage", "duration",
    "sample_interval", "samples", "uncertain",
)  # fmt: skip
_CURSORS = ("sink", "stream", "seq", "dropped")
_HOUR = 3_600_000  # [ms]
_OWN_NOTES = (meta.SEQ, meta.RUNNING)  # of one file; others are about what is in it

_PUT_CURSOR = (
    "INSERT INTO sink_cursor (sink, stream, seq, dropped) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_PUT_ENERGY = (
    "INSERT INTO energy (device_id, charged_wh, discharged_wh, ts) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_TAIL = "INSERT INTO history_tail (device_id, ts, raw) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_HISTORY = "UPDATE device SET history_count = ?, history_since = ? WHERE id = ? AND history_count = 0"
_DIRTY = "INSERT INTO rollup_dirty (device_id, hour) VALUES (?, ?) ON CONFLICT DO NOTHING"
_NOTE = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_LATEST = "UPDATE device SET latest_seq = ifnull(latest_seq, ?) WHERE id = ?"
_READINGS = "UPDATE device SET readings = readings + ? WHERE id = ?"
_NEWEST = f"""
UPDATE device SET latest_seq = (
    SELECT seq FROM reading WHERE device_id = device.id AND source != {Source.HISTORY:d} ORDER BY ts DESC LIMIT 1
) WHERE id = ?"""


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Names:
    """Who is who in the damaged log, and what the sinks had of it."""

    addresses: Mapping[int, Address]  # by the id that a device had
    series: Mapping[int, tuple[int, Tags]]  # its device and tags, by the id that it had
    blind: frozenset[int]  # devices whose newest reading cannot be told
    delivered: (
        Mapping[str, Mapping[str, int]] | None
    )  # stream -> sink -> cursor; None if they are not all known
    below: int  # its numbers are

    def tags(self, device: int, series: int) -> Tags:
        """Where they are lost, others of that device."""
        if series in self.series and self.series[series][0] == device:
            return self.series[series][1]
        own = [tags for owner, tags in self.series.values() if owner == device]
        gateway = next((tags.gateway_id for _, tags in self.series.values()), "")
        return (
            own[-1] if own else Tags(self.addresses[device], None, None, "unknown", gateway, simulated=False)
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The new log in a transaction."""

    connection: sqlite3.Connection
    device: Callable[[Address], int]
    series: Callable[[int, Tags], int]
    numbers: Callable[[int], int]  # takes so many; the first of them

    def kept(self, stream: str, names: Names) -> int:
        """Rows up to this number keep it."""
        rows = self.connection.execute("SELECT sink FROM sink_cursor WHERE stream = ?", (stream,))
        now = {sink for (sink,) in rows}
        if names.delivered is None:
            return 0
        then = names.delivered.get(stream, {})
        if now - then.keys():  # one that had nothing of it
            return 0
        return min((*then.values(), names.below))

    def renumbered(self, rows: Sequence[Row], at: int, kept: int) -> list[Row]:
        """Column `at` is the number."""
        new = sum(row[at] > kept for row in rows)
        numbers = iter(range(first := self.numbers(new), first + new))
        return [row if row[at] <= kept else (*row[:at], next(numbers), *row[at + 1 :]) for row in rows]


class Part(Protocol):
    """Of a damaged log."""

    def write(self, ledger: Ledger) -> None: ...


@dataclass(frozen=True, slots=True)
class Readings:
    device: int
    rows: Sequence[Row]  # of READING
    names: Names

    def write(self, ledger: Ledger) -> None:
        _write_readings(ledger, self.device, self.rows, self.names)
        if self.device in self.names.blind:
            ledger.connection.execute(_NEWEST, (ledger.device(self.names.addresses[self.device]),))


@dataclass(frozen=True, slots=True)
class Summaries:
    step: int  # [s]
    device: int
    columns: Sequence[str]
    rows: Sequence[Row]
    names: Names

    def write(self, ledger: Ledger) -> None:
        device = ledger.device(self.names.addresses[self.device])
        seq, series = self.columns.index("seq"), self.columns.index("series_id")
        rows = [
            (
                self.step, device, *row[:series],
                ledger.series(device, self.names.tags(self.device, row[series])),
                *row[series + 1 :],
            )
            for row in ledger.renumbered(self.rows, seq, ledger.kept("rollup", self.names))
        ]  # fmt: skip
        ledger.connection.executemany(_insert("rollup", ("step", "device_id", *self.columns)), rows)


@dataclass(frozen=True, slots=True)
class Foundation:
    """What is small, and what makes it a log that can be used."""

    names: Names
    devices: Sequence[OldDevice]
    latest: Sequence[Row]  # device, then READING
    tails: Sequence[Row]
    energy: Sequence[Row]
    undated: Sequence[Row]
    starts: Sequence[Row]  # of engines, STARTS
    dirty: Sequence[Row]
    cursors: Sequence[Row]
    notes: Sequence[Row]

    @classmethod
    def of(cls, old: DamagedLog, devices: Sequence[OldDevice], names: Names) -> Self:
        known = [each for each in devices if each.id in names.addresses]
        latest = (old.reading(each.latest_seq) for each in known if is_count(each.latest_seq))
        return cls(
            names=names,
            devices=known,
            latest=[
                row for row in latest if row and row[0] in names.addresses and is_sound(READING, row[1:])
            ],
            tails=_of(
                old.table("history_tail", ("device_id", "ts", "raw"), "device_id, ts"), int, int, bytes
            ),
            energy=_of(old.table("energy", _ENERGIES, "device_id"), int, float, float, int),
            undated=[row for row in old.table("undated", UNDATED, "id") if _is_undated(row)],
            starts=[row for row in old.table("cranking", STARTS, "device_id, ts") if _is_start(row)],
            dirty=_of(old.table("rollup_dirty", ("device_id", "hour"), "device_id, hour"), int, int),
            cursors=_of(old.table("sink_cursor", _CURSORS, "sink, stream"), str, str, int, int),
            notes=_of(old.table("meta", ("key", "value"), "key"), str, str),
        )

    def write(self, ledger: Ledger) -> None:
        connection = ledger.connection
        new = {old: ledger.device(address) for old, address in self.names.addresses.items()}
        for row in self.latest:
            _write_readings(ledger, row[0], [row[1:]], self.names)
            connection.execute(_LATEST, (_seq_at(connection, new[row[0]], row[1]), new[row[0]]))
        for device in self.devices:
            self._write_history(connection, device, new[device.id])
        connection.executemany(_PUT_ENERGY, _moved(self.energy, new))
        connection.executemany(_DIRTY, _moved(self.dirty, new))
        connection.executemany(_PUT_CURSOR, [row for row in self.cursors if 0 <= row[2] <= self.names.below])
        own = [row for row in self.notes if row[0] not in _OWN_NOTES and not row[0].startswith("salvage:")]
        connection.executemany(_NOTE, own)
        self._write_undated(ledger, new)
        self._write_starts(ledger, new)

    def _write_history(self, connection: sqlite3.Connection, device: OldDevice, new: int) -> None:
        tail = [(new, *row[1:]) for row in self.tails if row[0] == device.id]
        if tail and is_count(device.history_count) and is_count(device.history_since):
            change = (device.history_count, device.history_since, new)
            if connection.execute(_HISTORY, change).rowcount:
                connection.executemany(_TAIL, tail)

    def _write_undated(self, ledger: Ledger, new: Mapping[int, int]) -> None:
        rows = [
            (
                boot_id,
                at,
                source,
                new[device],
                ledger.series(new[device], self.names.tags(device, series)),
                *values,
            )
            for boot_id, at, source, device, series, *values in self.undated
            if device in new
        ]
        ledger.connection.executemany(_insert("undated", UNDATED), rows)

    def _write_starts(self, ledger: Ledger, new: Mapping[int, int]) -> None:
        rows = [
            (new[device], at, ledger.series(new[device], self.names.tags(device, series)), *values)
            for device, at, series, *values in self.starts
            if device in new
        ]
        ledger.connection.executemany(_insert("cranking", STARTS), rows)


def _write_readings(ledger: Ledger, device: int, rows: Sequence[Row], names: Names) -> None:
    new, connection = ledger.device(names.addresses[device]), ledger.connection
    series, numbered = READING.index("series_id"), READING.index("seq")
    there = [
        (new, *row[:series], ledger.series(new, names.tags(device, row[series])), *row[series + 1 :])
        for row in ledger.renumbered(rows, numbered, ledger.kept("reading", names))
    ]
    written = connection.executemany(_insert("reading", ("device_id", *READING)), there).rowcount
    connection.execute(_READINGS, (written, new))
    connection.executemany(_DIRTY, sorted({(new, row[0] // _HOUR) for row in rows}))


def _seq_at(connection: sqlite3.Connection, device: int, ts: int) -> int | None:
    sql = "SELECT seq FROM reading WHERE device_id = ? AND ts = ?"
    row = connection.execute(sql, (device, ts)).fetchone()
    return None if row is None else int(row[0])


def _moved(rows: Sequence[Row], devices: Mapping[int, int]) -> list[Row]:
    """Their first column is a device."""
    return [(devices[row[0]], *row[1:]) for row in rows if row[0] in devices]


def _of(rows: Sequence[Row], *types: type) -> list[Row]:
    return [row for row in rows if tuple(map(type, row)) == types]


def _is_undated(row: Row) -> bool:
    boot_id, boot_time, source, device, series, *values = row  # of UNDATED
    start = (type(boot_id), type(boot_time), type(device), type(series))
    return start == (str, float, int, int) and is_sound(("source", *VALUES), (source, *values))


def _is_start(row: Row) -> bool:
    device, at, series, stored_at, status, voltage, least, duration, interval, samples, uncertain = row
    whole = all(type(each) is int for each in (device, at, series, stored_at, uncertain))
    rest = is_sound(
        ("status_code", "voltage", "duration", "sample_interval"), (status, voltage, duration, interval)
    )
    return whole and rest and type(least) is float and type(samples) is bytes
