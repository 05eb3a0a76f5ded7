"""The tables, how they come to be, and how rows get into them.

A row is one device at one instant, as one gateway saw it: two gateways in one database never overwrite each
other, not even the summary of an hour in which both heard the device. Names are those of the time of the reading
and no part of what tells rows apart, so that a row that comes again replaces itself whatever it is called.

Columns are only ever added, so an older Battery Hawk writes into newer tables as before.
"""

from collections.abc import Mapping

from hawk.model.reading import QUANTITIES
from hawk.model.summary import Resolution

VERSION = 1

READING = "battery_reading"
SUMMARY = {Resolution.HOUR: "battery_reading_1h", Resolution.DAY: "battery_reading_1d"}
TABLES = (READING, *SUMMARY.values())

KEY = ("device_id", "time", "gateway_id")

_WHO = {
    "time": "timestamptz NOT NULL",
    "device_id": "text NOT NULL",
    "device_name": "text NOT NULL",
    "vehicle_id": "text",
    "vehicle_name": "text",
    "device_type": "text NOT NULL",
    "gateway_id": "text NOT NULL",
    "seq": "bigint NOT NULL",
    "simulated": "boolean NOT NULL",
}
_READING_COLUMNS = {
    **_WHO,
    **dict.fromkeys(QUANTITIES, "double precision"),
    "status": "text",
    "status_code": "integer",
    "source": "text NOT NULL",
    "rssi": "integer",
    "adapter": "text",
    "extra": "jsonb",
}
_PARTS = {"count": "bigint", **dict.fromkeys(("min", "max", "mean", "sum", "last"), "double precision")}
_SUMMARY_COLUMNS = {
    **_WHO,
    "count": "bigint NOT NULL",
    **{f"{quantity}_{part}": kind for quantity in QUANTITIES for part, kind in _PARTS.items()},
}


def _create(table: str, columns: Mapping[str, str]) -> str:
    defined = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    return f"CREATE TABLE {table} ({defined}, PRIMARY KEY ({', '.join(KEY)}))"


UPGRADES: dict[int, tuple[str, ...]] = {
    0: (
        "CREATE TABLE battery_hawk_schema (version integer NOT NULL)",
        "INSERT INTO battery_hawk_schema VALUES (0)",
        _create(READING, _READING_COLUMNS),
        # For "all devices in the last day". Readings come nearly in the order of time, so it stays tiny.
        f"CREATE INDEX {READING}_time ON {READING} USING brin (time)",
        *(_create(table, _SUMMARY_COLUMNS) for table in SUMMARY.values()),
    ),
}  # from each version to the next; 0 is none

LOCK = "SELECT pg_advisory_xact_lock(4828175)"  # gateways that come at once make the tables one after another
# Not to_regclass: behind LOCK it still answers what it answered before.
ARE_THERE = (
    "SELECT count(*) > 0 FROM pg_class WHERE relname = 'battery_hawk_schema' AND pg_table_is_visible(oid)"
)
GET_VERSION = "SELECT version FROM battery_hawk_schema"
_NOTE_VERSION = f"UPDATE battery_hawk_schema SET version = {VERSION}"

# TimescaleDB's, where it can be called. The summaries are small: 9,000 rows a year for a device.
CAN_PARTITION = (
    "SELECT count(*) > 0 FROM pg_proc WHERE proname = 'create_hypertable' AND pg_function_is_visible(oid)"
)
PARTITION = f"SELECT create_hypertable('{READING}'::regclass, 'time'::name)"


def statements(version: int) -> tuple[str, ...]:
    """From the tables of this version to today's; none for those of a newer Battery Hawk."""
    steps = tuple(step for each in range(version, VERSION) for step in UPGRADES[each])
    return (*steps, _NOTE_VERSION) if steps else ()


def _upsert(table: str, columns: Mapping[str, str]) -> str:
    """A row that is there as it is costs no write."""
    rest = [column for column in columns if column not in KEY]
    there, new = (", ".join(f"{of}.{column}" for column in rest) for of in ("kept", "excluded"))
    return f"""
INSERT INTO {table} AS kept ({", ".join(columns)})
SELECT {", ".join(columns)} FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)
ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET ({", ".join(rest)}) = ROW ({new})
WHERE ({there}) IS DISTINCT FROM ({new})"""


# Each takes one parameter: the rows as a JSON array.
UPSERT_READINGS = _upsert(READING, _READING_COLUMNS)
UPSERT_SUMMARIES = {resolution: _upsert(table, _SUMMARY_COLUMNS) for resolution, table in SUMMARY.items()}
