"""Readings and summaries as points of a time series database. Pure.

Tags are of the reading's own time: with today's names a row that comes again would be another series, and
stand beside the old one instead of replacing it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hawk.model.reading import QUANTITIES, Reading
from hawk.model.summary import Resolution, Summary

MEASUREMENT = "battery_reading"
SUFFIX = {Resolution.HOUR: "1h", Resolution.DAY: "1d"}
UNASSIGNED = "unassigned"  # a tag is never empty: InfluxDB 3 fixes a table's tags by what it gets first


@dataclass(frozen=True, slots=True)
class Row:
    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, float]  # what was not measured is not in it
    utc: int  # [ms since the epoch]


def reading_row(reading: Reading) -> Row:
    measured = {name: getattr(reading.sample, name) for name in QUANTITIES}
    return Row(MEASUREMENT, _tags(reading), _numbers(measured), reading.moment.utc or 0)


def summary_row(summary: Summary) -> Row:
    fields = {"count": float(summary.count), **_numbers(dict(_aggregates(summary)))}
    return Row(f"{MEASUREMENT}_{SUFFIX[summary.resolution]}", _tags(summary), fields, summary.start)


def _aggregates(summary: Summary) -> Iterator[tuple[str, float]]:
    for name, values in summary.values.items():
        yield f"{name}_min", values.min
        yield f"{name}_max", values.max
        yield f"{name}_mean", values.mean
        yield f"{name}_last", values.last
        yield f"{name}_count", values.count


def _tags(row: Reading | Summary) -> Mapping[str, str]:
    tags = {
        "device_id": row.device_id,
        "device_name": clean(row.device_name),
        "vehicle_name": clean(row.vehicle_name),
        "device_type": clean(row.device_type),
    }
    return {**tags, "simulated": "true"} if row.simulated else tags


def _numbers(values: Mapping[str, float | None]) -> Mapping[str, float]:
    """Always with a point: whoever writes 1 as an integer once is refused every 1.5 after it."""
    return {
        name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)
    }


def clean(name: str | None) -> str:
    """As line protocol can carry it: without control characters, not empty, no backslash at its end."""
    printable = "".join(each if each.isprintable() else " " for each in name or "")
    return printable.strip(" \\") or UNASSIGNED
