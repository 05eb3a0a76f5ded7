"""What is said on each topic. Pure.

A reading lacks what was not measured; status and summary have every key, null where nothing is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hawk.events import DeviceDiscovered
from hawk.model.attributes import Json, reading_attributes, summary_attributes, timestamp
from hawk.model.device import DeviceView
from hawk.model.reading import QUANTITIES, Moment, Reading, Scalar
from hawk.model.vehicle import VehicleSummary

_OF_THE_BATTERY = {  # by the names that families have for it
    "capacity": "capacity", "capacity_ah": "capacity", "design_capacity": "capacity",
    "cycles": "cycles", "cycle_count": "cycles",
}  # fmt: skip
_CHARGING = frozenset({
    "charging", "floating",  # of batteries
    "mppt", "equalizing", "boost", "float", "current_limiting", "alternator_direct", "constant_current",
    "constant_voltage",  # of Renogy
    "bulk", "absorption", "storage", "equalize", "repeated_absorption",  # of Victron
})  # fmt: skip
_PROBLEMS = frozenset({"low", "critical", "fault"})


@dataclass(frozen=True, slots=True)
class Gateway:
    """Who speaks. `moment` is now."""

    gateway_id: str
    moment: Moment

    def says(self, payload: Mapping[str, object]) -> Json:
        return {**payload, "gateway_id": self.gateway_id, "timestamp": timestamp(self.moment)}


def reading(taken: Reading) -> Json:
    said = {**reading_attributes(taken), **_of_the_battery(taken.sample.extra)}
    return {key: value for key, value in said.items() if value is not None and value != {}}


def state(view: DeviceView, gateway: Gateway) -> Json:
    """The newest value of each quantity, as long as it holds; `timestamp` is that of the youngest."""
    live = view.live
    values = {
        quantity: measured.value
        for quantity in QUANTITIES
        if (measured := live.values.get(quantity)) and quantity not in view.stale
    }
    said = {
        "device_id": view.device.address,
        **values,
        **_of_the_battery(live.extra),
        "status": live.status,
        "status_code": live.status_code,
        "charging": None if live.status is None else live.status in _CHARGING,
        "problem": None if live.status is None else live.status in _PROBLEMS,
        "rssi": view.rssi,
        "extra": dict(live.extra) or None,
        "simulated": view.simulated or None,
        "last_seen": timestamp(live.newest),
        "timestamp": timestamp(live.newest),
        "gateway_id": gateway.gateway_id,
    }
    return {key: value for key, value in said.items() if value is not None}


def status(view: DeviceView, gateway: Gateway) -> Json:
    """`connected`: its data are young enough; a link is held only while it is read."""
    failed = view.outcome if view.outcome and view.outcome.code != "ok" else None
    quality, polls = view.quality, view.counters
    return gateway.says(
        {
            "device_id": view.device.address,
            "device_type": view.device.device_type,
            "connected": view.available,
            "status": view.status,
            "protocol_version": None,  # none of these monitors tells one
            "last_command": "poll" if view.outcome else None,
            "error_code": failed and failed.code,
            "error_message": failed and failed.detail,
            "extra": {
                "signal_strength": view.rssi,
                "link": view.link.value,
                "last_seen": timestamp(view.last_seen),
                "released_until": timestamp(view.released_until),
                "link_quality": quality and quality.percent,
                "link_verdict": quality and quality.verdict,
                "polls": {
                    "total": polls.polls,
                    "ok": polls.ok,
                    "failed": polls.failed,
                    "skipped": polls.skipped,
                    "mean_duration": _rounded(polls.mean_duration),
                },
            },
        }
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def config(view: DeviceView, gateway: Gateway) -> Json:
    """The settings in force."""
    device = view.device
    return gateway.says(
        {
            "device_id": device.address,
            "device_type": device.device_type,
            "friendly_name": device.friendly_name,
            "polling_interval": None if view.heard_only else device.polling_interval or view.interval,
            "vehicle_id": device.vehicle_id,
        }
    )


def summary(said: VehicleSummary, gateway: Gateway) -> Json:
    return {**summary_attributes(said), "gateway_id": gateway.gateway_id}


def associated(view: DeviceView, gateway: Gateway) -> Json:
    return gateway.says(
        {
            "device_id": view.device.address,
            "device_name": view.device.friendly_name,
            "vehicle_id": view.device.vehicle_id,
            "vehicle_name": view.vehicle_name,
        }
    )


def found(fact: DeviceDiscovered, gateway: Gateway) -> Json:
    return gateway.says(
        {
            "mac_address": fact.device.address,
            "device_type": fact.device.device_type,
            "name": fact.name,
            "rssi": fact.rssi,
            "reason": fact.reason,
            "first_seen": timestamp(fact.moment),
        }
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """Of the service, as far as it is known: None where a part did not answer in time."""

    version: str
    uptime: float  # [s]
    influxdb_connected: bool | None  # None also when it is off
    disk_usage: float | None  # [%]
    bluetooth: str | None  # active or down
    total: int | None  # devices
    connected: int | None
    discovered: int | None


def system_status(condition: Condition, gateway: Gateway) -> Json:
    return gateway.says(
        {
            "core": {
                "running": True,
                "uptime_seconds": round(condition.uptime, 3),
                "version": condition.version,
            },
            "storage": {
                "influxdb_connected": condition.influxdb_connected,
                "disk_usage_percent": condition.disk_usage,
            },
            "components": {"mqtt": "connected", "bluetooth": condition.bluetooth, "api": "running"},
            "devices": {
                "total": condition.total,
                "connected": condition.connected,
                "discovered": condition.discovered,
            },
        }
    )


def shutdown(gateway: Gateway) -> Json:
    return gateway.says({"reason": "stopped"})


def _of_the_battery(extra: Mapping[str, Scalar]) -> Json:
    return {name: extra[key] for key, name in _OF_THE_BATTERY.items() if extra.get(key) is not None}
