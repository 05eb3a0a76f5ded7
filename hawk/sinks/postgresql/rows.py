"""A reading or a summary as a row of its table: JSON, whose keys are the columns.

PostgreSQL takes no NUL and no half of a surrogate pair, neither in text nor in JSON, and would refuse the
reading for it. JSON has no NaN: what is no number was not measured.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from hawk.model.instant import rfc3339
from hawk.model.reading import QUANTITIES, Reading
from hawk.model.summary import Aggregate, Summary

Row = dict[str, object]
T = TypeVar("T", Reading, Summary)

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def batch(row_of: Callable[[T], Row], given: Iterable[T]) -> str:
    """A JSON array. Of two for the same row the last one: one statement writes each row once."""
    rows = {(row["device_id"], row["time"], row["gateway_id"]): row for row in map(row_of, given)}
    return json.dumps(list(rows.values()), allow_nan=False, separators=(",", ":"))


def reading_row(reading: Reading) -> Row:
    sample = reading.sample
    return {
        **_who(reading),
        "time": rfc3339(reading.moment.utc or 0),  # the log gives none without
        **{quantity: _number(getattr(sample, quantity)) for quantity in QUANTITIES},
        "status": _clean(sample.status),
        "status_code": sample.status_code,
        "source": reading.source.word,
        "rssi": reading.rssi,
        "adapter": _clean(reading.adapter),
        "extra": _clean(sample.extra) if sample.extra else None,
    }


def summary_row(summary: Summary) -> Row:
    row = {**_who(summary), "time": rfc3339(summary.start), "count": summary.count}
    for quantity, aggregate in summary.values.items():
        row.update(_parts(quantity, aggregate))
    return row


def _who(given: Reading | Summary) -> Row:
    return {
        "device_id": str(given.device_id),
        "device_name": _clean(given.device_name),
        "vehicle_id": _clean(given.vehicle_id),
        "vehicle_name": _clean(given.vehicle_name),
        "device_type": _clean(given.device_type),
        "gateway_id": _clean(given.gateway_id),
        "simulated": given.simulated,
        "seq": given.seq,
    }


def _parts(quantity: str, aggregate: Aggregate) -> Row:
    return {
        f"{quantity}_count": aggregate.count,
        f"{quantity}_min": _number(aggregate.min),
        f"{quantity}_max": _number(aggregate.max),
        f"{quantity}_mean": _number(aggregate.mean),
        f"{quantity}_sum": _number(aggregate.sum),
        f"{quantity}_last": _number(aggregate.last),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _clean(value: object) -> object:
    match value:
        case str():
            return _UNWRITABLE.sub(_REPLACEMENT, value)
        case float():
            return _number(value)
        case Mapping():
            return {_clean(str(key)): _clean(each) for key, each in value.items()}
        case Sequence():
            return [_clean(each) for each in value]
    return value
