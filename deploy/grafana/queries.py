"""The queries, once for each kind of data source. Names are those that the sinks write and /metrics tells.

$device, $vehicle and $fresh [s] are variables of the dashboards; what begins with $__, $timeFilter and v.
are Grafana's own.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

Target = dict[str, Any]

PARTS = ("min", "mean", "max")  # of a summary
UNASSIGNED = "unassigned"  # a vehicle's name where there is none


@dataclass(frozen=True)
class Quantity:
    name: str  # in the databases
    metric: str  # in Prometheus


VOLTAGE = Quantity("voltage", "battery_hawk_voltage_volts")
CURRENT = Quantity("current", "battery_hawk_current_amperes")
POWER = Quantity("power", "battery_hawk_power_watts")
CHARGE = Quantity("state_of_charge", "battery_hawk_state_of_charge_ratio")
TEMPERATURE = Quantity("temperature", "battery_hawk_temperature_celsius")


class Source(ABC):
    name: str  # of its folder
    title: str
    plugin: str  # Grafana's name of the kind of data source
    percent: float  # how it says 100 % charge
    resolutions: tuple[str, ...]  # of summaries: 1h, 1d
    devices: str  # for the variable
    devices_regex = ""
    vehicles: str
    _these: str  # the condition for batteries of $vehicle
    _this: str  # for $device

    @abstractmethod
    def fleet(self, quantity: Quantity) -> Target:
        """A series for each battery."""

    @abstractmethod
    def fleet_now(self, quantity: Quantity) -> Target:
        """The newest value of each battery, unless it is too old."""

    def newest(self) -> Target:
        """A row for each battery: who it is, and when it last said something."""
        return self._newest(self._these)

    def newest_of_device(self) -> Target:
        """The same for one."""
        return self._newest(self._this)

    @abstractmethod
    def _newest(self, which: str) -> Target: ...

    @abstractmethod
    def device(self, quantity: Quantity) -> Target:
        """One series."""

    @abstractmethod
    def device_now(self, quantity: Quantity) -> Target:
        """Its newest value, unless it is too old."""

    @abstractmethod
    def device_band(self, quantity: Quantity, resolution: str) -> list[Target]:
        """Three series, by the names of `band`."""

    def band(self, quantity: Quantity) -> tuple[str, str, str]:  # noqa: ARG002  # not every source needs it
        """What the series of lowest, mean and highest values are called."""
        return PARTS


class Database(Source):
    """Knows the readings, and nothing of the service."""

    percent = 100.0
    resolutions = ("1h", "1d")

    @abstractmethod
    def per_hour(self) -> Target:
        """Readings of each battery in each hour."""

    @abstractmethod
    def total(self) -> Target:
        """Readings in the range of time."""

    @abstractmethod
    def delivering(self) -> Target:
        """How many batteries said something lately."""


class InfluxQl(Database):
    name = "influxql"
    title = "InfluxDB 1.x"
    plugin = "influxdb"
    devices = 'SHOW TAG VALUES FROM "battery_reading" WITH KEY = "device_id"'
    vehicles = 'SHOW TAG VALUES FROM "battery_reading" WITH KEY = "vehicle_name"'
    _who = '"device_id", "device_name"'
    _these = '"vehicle_name" =~ /^$vehicle$/'
    _this = "\"device_id\" = '$device'"

    def fleet(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT mean("{quantity.name}") AS "{quantity.name}" FROM "battery_reading"'
            f" WHERE $timeFilter AND {self._these} GROUP BY time($__interval), {self._who} fill(none)"
        )

    def fleet_now(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT last("{quantity.name}") AS "{quantity.name}" FROM "battery_reading"'
            f" WHERE time > now() - ${{fresh}}s AND {self._these} GROUP BY {self._who}"
        )

    def _newest(self, which: str) -> Target:
        return self._table(
            'SELECT last("voltage") AS "voltage" FROM "battery_reading"'
            f' WHERE $timeFilter AND {which} GROUP BY {self._who}, "vehicle_name", "device_type", "simulated"'
        )

    def device(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT mean("{quantity.name}") AS "{quantity.name}" FROM "battery_reading"'
            f" WHERE $timeFilter AND {self._this} GROUP BY time($__interval) fill(none)"
        )

    def device_now(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT last("{quantity.name}") AS "{quantity.name}" FROM "battery_reading"'
            f" WHERE time > now() - ${{fresh}}s AND {self._this}"
        )

    def device_band(self, quantity: Quantity, resolution: str) -> list[Target]:
        """As they are: who averages averages gets something else."""
        parts = ", ".join(f'"{quantity.name}_{part}" AS "{part}"' for part in PARTS)
        query = f'SELECT {parts} FROM "battery_reading_{resolution}" WHERE $timeFilter AND {self._this}'
        return [self._series(query)]

    def per_hour(self) -> Target:
        return self._series(
            'SELECT count("voltage") AS "readings" FROM "battery_reading"'
            f" WHERE $timeFilter GROUP BY time(1h), {self._who} fill(0)"
        )

    def total(self) -> Target:
        return self._series('SELECT count("voltage") AS "readings" FROM "battery_reading" WHERE $timeFilter')

    def delivering(self) -> Target:
        return self._series(
            'SELECT count("newest") AS "batteries" FROM (SELECT last("voltage") AS "newest" FROM "battery_reading"'
            ' WHERE time > now() - ${fresh}s GROUP BY "device_id") WHERE time > now() - ${fresh}s'
        )

    def _series(self, query: str) -> Target:
        return {"rawQuery": True, "query": query, "resultFormat": "time_series", "alias": "$col"}

    def _table(self, query: str) -> Target:
        return {"rawQuery": True, "query": query, "resultFormat": "table"}


class Flux(Database):
    name = "flux"
    title = "InfluxDB 2.x"
    plugin = "influxdb"
    devices = (
        'import "influxdata/influxdb/schema"\n'
        'schema.measurementTagValues(bucket: v.defaultBucket, measurement: "battery_reading", tag: "device_id")'
    )
    vehicles = devices.replace("device_id", "vehicle_name")
    _these = "r.vehicle_name =~ /^${vehicle:regex}$/"
    _this = 'r.device_id == "${device}"'
    _in_range = "start: v.timeRangeStart, stop: v.timeRangeStop"
    _fresh = "start: -${fresh}s"

    def fleet(self, quantity: Quantity) -> Target:
        return self._read(self._in_range, quantity.name, self._these, self._means)

    def fleet_now(self, quantity: Quantity) -> Target:
        return self._read(self._fresh, quantity.name, self._these, "last()")

    def _newest(self, which: str) -> Target:
        columns = '"_time", "device_id", "device_name", "vehicle_name", "device_type", "simulated", "_value"'
        return self._read(
            self._in_range, "voltage", which, "last()", "group()", f"keep(columns: [{columns}])"
        )

    def device(self, quantity: Quantity) -> Target:
        return self._read(self._in_range, quantity.name, self._this, self._means)

    def device_now(self, quantity: Quantity) -> Target:
        return self._read(self._fresh, quantity.name, self._this, "last()")

    def device_band(self, quantity: Quantity, resolution: str) -> list[Target]:
        return [
            self._read(
                self._in_range,
                f"{quantity.name}_{part}",
                self._this,
                measurement=f"battery_reading_{resolution}",
            )
            for part in PARTS
        ]

    def band(self, quantity: Quantity) -> tuple[str, str, str]:
        """Of the fields."""
        lowest, mean, highest = (f"{quantity.name}_{part}" for part in PARTS)
        return lowest, mean, highest

    def per_hour(self) -> Target:
        return self._read(
            self._in_range, "voltage", "true", "aggregateWindow(every: 1h, fn: count, createEmpty: true)"
        )

    def total(self) -> Target:
        return self._read(self._in_range, "voltage", "true", "group()", "count()")

    def delivering(self) -> Target:
        return self._read(self._fresh, "voltage", "true", "last()", "group()", "count()")

    _means = "aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)"

    def _read(
        self, when: str, field: str, which: str, *steps: str, measurement: str = "battery_reading"
    ) -> Target:
        chosen = f'r._measurement == "{measurement}" and r._field == "{field}"'
        chosen += "" if which == "true" else f" and {which}"
        pipe = [f"range({when})", f"filter(fn: (r) => {chosen})", *steps]
        return {"query": "\n  |> ".join(["from(bucket: v.defaultBucket)", *pipe])}


class PostgreSql(Database):
    name = "postgresql"
    title = "PostgreSQL"
    plugin = "grafana-postgresql-datasource"
    # Readings of the last day, because days are summed up when they are over; not all, for they are many.
    _known = (
        '(SELECT device_id, device_name, vehicle_name, "time" FROM battery_reading_1d UNION ALL'
        ' SELECT device_id, device_name, vehicle_name, "time" FROM battery_reading'
        " WHERE \"time\" > now() - interval '1 day') AS known"
    )
    devices = (
        "SELECT DISTINCT ON (device_id) device_name || ' (' || device_id || ')' AS __text, device_id AS __value"
        f' FROM {_known} ORDER BY device_id, "time" DESC'
    )
    vehicles = f"SELECT DISTINCT coalesce(vehicle_name, '{UNASSIGNED}') FROM {_known} ORDER BY 1"
    _these = f"coalesce(vehicle_name, '{UNASSIGNED}') IN ($vehicle)"
    _this = "device_id = '$device'"
    _fresh = "\"time\" > now() - interval '$fresh seconds'"

    def fleet(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT $__timeGroupAlias("time", $__interval), device_id, device_name, avg({quantity.name}) AS'
            f' {quantity.name} FROM battery_reading WHERE $__timeFilter("time") AND {quantity.name} IS NOT NULL'
            f" AND {self._these} GROUP BY 1, 2, 3 ORDER BY 1"
        )

    def fleet_now(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT * FROM (SELECT DISTINCT ON (device_id) "time", device_id, device_name, {quantity.name}'
            f" FROM battery_reading WHERE {self._fresh} AND {quantity.name} IS NOT NULL AND {self._these}"
            ' ORDER BY device_id, "time" DESC) AS newest ORDER BY "time"'
        )

    def _newest(self, which: str) -> Target:
        return self._table(
            "SELECT * FROM (SELECT DISTINCT ON (device_id) device_id, device_name, vehicle_name, device_type,"
            ' simulated, "time", extract(epoch FROM now() - "time")::float8 AS age, voltage FROM battery_reading'
            f' WHERE $__timeFilter("time") AND {which} ORDER BY device_id, "time" DESC) AS newest'
            " ORDER BY age DESC"
        )

    def device(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT $__timeGroupAlias("time", $__interval), avg({quantity.name}) AS {quantity.name}'
            f' FROM battery_reading WHERE $__timeFilter("time") AND {quantity.name} IS NOT NULL AND {self._this}'
            " GROUP BY 1 ORDER BY 1"
        )

    def device_now(self, quantity: Quantity) -> Target:
        return self._series(
            f'SELECT "time", {quantity.name} FROM battery_reading WHERE {self._fresh}'
            f' AND {quantity.name} IS NOT NULL AND {self._this} ORDER BY "time" DESC LIMIT 1'
        )

    def device_band(self, quantity: Quantity, resolution: str) -> list[Target]:
        parts = ", ".join(f'{quantity.name}_{part} AS "{part}"' for part in PARTS)
        return [
            self._series(
                f'SELECT "time", {parts} FROM battery_reading_{resolution}'
                f' WHERE $__timeFilter("time") AND {self._this} ORDER BY 1'
            )
        ]

    def per_hour(self) -> Target:
        return self._series(
            "SELECT $__timeGroupAlias(\"time\", '1h'), device_id, device_name, count(*) AS readings"
            ' FROM battery_reading WHERE $__timeFilter("time") GROUP BY 1, 2, 3 ORDER BY 1'
        )

    def total(self) -> Target:
        return self._table('SELECT count(*) AS readings FROM battery_reading WHERE $__timeFilter("time")')

    def delivering(self) -> Target:
        return self._table(
            f"SELECT count(DISTINCT device_id) AS batteries FROM battery_reading WHERE {self._fresh}"
        )

    def by_source(self) -> Target:
        return self._series(
            "SELECT $__timeGroupAlias(\"time\", '1h'), source, count(*) AS readings"
            ' FROM battery_reading WHERE $__timeFilter("time") GROUP BY 1, 2 ORDER BY 1'
        )

    def signal(self) -> Target:
        return self._series(
            'SELECT $__timeGroupAlias("time", $__interval), device_id, device_name, avg(rssi)::float8 AS rssi'
            ' FROM battery_reading WHERE $__timeFilter("time") AND rssi IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1'
        )

    def _series(self, query: str) -> Target:
        return {"rawQuery": True, "editorMode": "code", "rawSql": query, "format": "time_series"}

    def _table(self, query: str) -> Target:
        return {"rawQuery": True, "editorMode": "code", "rawSql": query, "format": "table"}


class Prometheus(Source):
    """What is too old is absent there already."""

    name = "prometheus"
    title = "Prometheus"
    plugin = "prometheus"
    percent = 1.0
    resolutions = ("",)
    devices = "query_result(battery_hawk_available)"
    devices_regex = '/device_id="(?<value>[^"]+)".*device_name="(?<text>[^"]+)"/'
    vehicles = "label_values(battery_hawk_available, vehicle_name)"
    _these = 'vehicle_name=~"$vehicle"'
    _this = 'device_id="$device"'

    def fleet(self, quantity: Quantity) -> Target:
        return over_time(f"{quantity.metric}{{{self._these}}}", "{{device_name}}")

    def fleet_now(self, quantity: Quantity) -> Target:
        return now(f"{quantity.metric}{{{self._these}}}", "{{device_name}}")

    def _newest(self, which: str) -> Target:
        return {**now(f"sort_desc(battery_hawk_data_age_seconds{{{which}}})"), "format": "table"}

    def device(self, quantity: Quantity) -> Target:
        return over_time(f"{quantity.metric}{{{self._this}}}", quantity.name)

    def device_now(self, quantity: Quantity) -> Target:
        return now(f"{quantity.metric}{{{self._this}}}", quantity.name)

    def device_band(self, quantity: Quantity, resolution: str) -> list[Target]:  # noqa: ARG002  # it has none
        return [
            over_time(f"{function}_over_time({quantity.metric}{{{self._this}}}[$__rate_interval])", name)
            for function, name in zip(("min", "avg", "max"), PARTS, strict=True)
        ]


def over_time(expression: str, legend: str = "") -> Target:
    return {"expr": expression, "legendFormat": legend, "range": True, "instant": False}


def now(expression: str, legend: str = "") -> Target:
    return {"expr": expression, "legendFormat": legend, "range": False, "instant": True}


PROMETHEUS = Prometheus()
SOURCES: tuple[Source, ...] = (InfluxQl(), Flux(), PostgreSql(), PROMETHEUS)
