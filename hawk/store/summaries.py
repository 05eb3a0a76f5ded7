"""Summaries as rows of `rollup`, and the questions to that table."""

import sqlite3
from typing import Any

from hawk.model.address import Address
from hawk.model.reading import QUANTITIES
from hawk.model.summary import Aggregate, Resolution, Summary, start_of
from hawk.store import tiers
from hawk.store.messages import ChooseResolution, GetCurve, GetSummaries, Point, SummaryPage
from hawk.store.rows import Tags

COLUMN = {quantity: "soc" if quantity == "state_of_charge" else quantity for quantity in QUANTITIES}
PARTS = ("n", "min", "max", "sum", "last")  # of each quantity, in the order of Aggregate

_RESOLUTIONS = {resolution.span // 1000: resolution for resolution in Resolution}

_COLUMNS = ", ".join(
    (
        "rollup.step, rollup.ts, rollup.seq, rollup.n, device.mac",
        *(f"series.{tag}" for tag in Tags._fields),
        *(f"rollup.{column}_{part}" for column in COLUMN.values() for part in PARTS),
    )
)

_AFTER = f"""
SELECT {_COLUMNS} FROM rollup CROSS JOIN device ON device.id = rollup.device_id
CROSS JOIN series ON series.id = rollup.series_id
WHERE rollup.seq > ? ORDER BY rollup.seq LIMIT ?"""

_OF_DEVICE = f"""
SELECT {_COLUMNS} FROM device CROSS JOIN rollup ON rollup.step = ? AND rollup.device_id = device.id
CROSS JOIN series ON series.id = rollup.series_id WHERE device.mac = ?"""

_ROWS = {
    None: "FROM reading WHERE device_id = (SELECT id FROM device WHERE mac = ?)",
    Resolution.HOUR: "FROM rollup WHERE step = 3600 AND device_id = (SELECT id FROM device WHERE mac = ?)",
    Resolution.DAY: "FROM rollup WHERE step = 86400 AND device_id = (SELECT id FROM device WHERE mac = ?)",
}  # of one device, by resolution


def after(connection: sqlite3.Connection, seq: int, limit: int) -> tuple[Summary, ...]:
    """The next of all devices, in order of `seq`."""
    return tuple(_summary(row) for row in connection.execute(_AFTER, (seq, limit)))


def page(connection: sqlite3.Connection, wanted: GetSummaries) -> SummaryPage:
    sql, parameters = _page_sql(wanted)
    found = [_summary(row) for row in connection.execute(sql, parameters)]
    if len(found) <= wanted.limit:
        return SummaryPage(tuple(found), None)
    del found[wanted.limit :]
    return SummaryPage(tuple(found), found[-1].start)


def choose(connection: sqlite3.Connection, wanted: ChooseResolution, now: int) -> Resolution | None:
    """The coarser one where the finer does not reach back as far. `now`: ms since the epoch."""
    until = now if wanted.until is None else wanted.until
    since = wanted.since
    if since is None:
        since = min(_oldest(connection, wanted.address, each, until) for each in _ROWS)
    resolution = tiers.fitting(until - since)
    for coarser in tiers.coarser_than(resolution):
        if _reaches_further(connection, wanted.address, resolution, coarser, since, until):
            resolution = coarser
    return resolution


def curve(connection: sqlite3.Connection, wanted: GetCurve) -> tuple[Point, ...]:
    step = wanted.resolution.span if wanted.resolution else 1
    since = start_of(wanted.since, step)
    width = tiers.width(wanted.until - since, wanted.points, step)
    parameters = (since, width, wanted.address, since, wanted.until)
    rows = connection.execute(_curve_sql(wanted.resolution, COLUMN[wanted.quantity]), parameters)
    return tuple(Point(since + number * width, *values) for number, *values in rows)


def _page_sql(wanted: GetSummaries) -> tuple[str, tuple[Any, ...]]:
    """The primary key gives the order; one row more than the page tells whether there is a next."""
    beyond, direction = ("<", "DESC") if wanted.newest_first else (">", "ASC")
    span = wanted.resolution.span
    conditions = {
        "rollup.ts >= ?": None if wanted.since is None else start_of(wanted.since, span),
        "rollup.ts <= ?": wanted.until,
        f"rollup.ts {beyond} ?": wanted.cursor,
    }
    asked = {sql: value for sql, value in conditions.items() if value is not None}
    where = "".join(f" AND {condition}" for condition in asked)
    sql = f"{_OF_DEVICE}{where} ORDER BY rollup.ts {direction} LIMIT ?"
    return sql, (span // 1000, wanted.address, *asked.values(), wanted.limit + 1)


def _curve_sql(resolution: Resolution | None, column: str) -> str:
    if resolution is None:
        values = f"count(*), min({column}), max({column}), avg({column})"
        there = f"{column} IS NOT NULL"
    else:
        n = f"sum({column}_n)"
        values = f"{n}, min({column}_min), max({column}_max), sum({column}_sum) / {n}"
        there = f"{column}_n > 0"
    return (
        f"SELECT (ts - ?) / ? AS number, {values} {_ROWS[resolution]} AND ts >= ? AND ts < ? AND {there}"
        " GROUP BY number ORDER BY number"
    )


def _oldest(
    connection: sqlite3.Connection, address: Address, resolution: Resolution | None, otherwise: int
) -> int:
    sql = f"SELECT ts {_ROWS[resolution]} ORDER BY ts LIMIT 1"
    row = connection.execute(sql, (address,)).fetchone()
    return int(row[0]) if row else otherwise


def _reaches_further(
    connection: sqlite3.Connection,
    address: Address,
    finer: Resolution | None,
    coarser: Resolution,
    since: int,
    until: int,
) -> bool:
    """Whether within the span the coarser begins before the finer does."""
    begin = start_of(since, coarser.span)
    end = start_of(_oldest(connection, address, finer, until + coarser.span), coarser.span)
    sql = f"SELECT 1 {_ROWS[coarser]} AND ts >= ? AND ts < ? AND ts <= ? LIMIT 1"
    return connection.execute(sql, (address, begin, end, until)).fetchone() is not None


def _summary(row: tuple[Any, ...]) -> Summary:
    """From a row of _COLUMNS."""
    step, start, seq, count, mac, *rest = row
    tags, values = Tags(*rest[: len(Tags._fields)]), rest[len(Tags._fields) :]
    return Summary(
        device_id=Address(mac),
        resolution=_RESOLUTIONS[step],
        start=start,
        count=count,
        values=_aggregates(values),
        device_type=tags.device_type,
        device_name=tags.device_name,
        vehicle_id=tags.vehicle_id,
        vehicle_name=tags.vehicle_name,
        gateway_id=tags.gateway_id,
        simulated=bool(tags.simulated),
        seq=seq,
    )


def _aggregates(values: list[Any]) -> dict[str, Aggregate]:
    groups = zip(*(iter(values),) * len(PARTS), strict=True)
    return {quantity: Aggregate(*group) for quantity, group in zip(COLUMN, groups, strict=True) if group[0]}
