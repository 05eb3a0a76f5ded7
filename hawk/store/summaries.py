"""Summaries as rows of `rollup`, and the questions to that table."""

import sqlite3
from typing import Any

from hawk.model.address import Address
from hawk.model.reading import QUANTITIES
from hawk.model.summary import Aggregate, Resolution, Summary
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


def after(connection: sqlite3.Connection, seq: int, limit: int) -> tuple[Summary, ...]:
    """The next of all devices, in order of `seq`."""
    return tuple(_summary(row) for row in connection.execute(_AFTER, (seq, limit)))


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
