"""Readings, devices and summaries as JSON, with the names of the contract: the same on every way out. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hawk.model.device import DeviceView, Retry
from hawk.model.instant import rfc3339
from hawk.model.live import Live
from hawk.model.reading import Moment, Reading
from hawk.model.rules import to_json
from hawk.model.vehicle import VehicleSummary

if TYPE_CHECKING:
    from hawk.model.shapes import (
        ConnectionConfig,
        DeviceAttributes,
        LatestReading,
        OutcomeShape,
        QualityShape,
        Quantities,
        ReadingAttributes,
        SummaryAttributes,
    )

Json = dict[str, Any]


def timestamp(moment: Moment | None) -> str | None:
    """None also while the clock was not trusted."""
    return None if moment is None else instant(moment.utc)


@lru_cache(maxsize=4096)  # lists say the same instants again and again
def instant(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def reading_attributes(reading: Reading) -> "ReadingAttributes":
    sample = reading.sample
    return {
        "device_id": reading.device_id,
        "timestamp": timestamp(reading.moment),
        "voltage": sample.voltage,
        "current": sample.current,
        "temperature": sample.temperature,
        "state_of_charge": sample.state_of_charge,
        "power": sample.power,
        "status": sample.status,
        "status_code": sample.status_code,
        "source": reading.source.word,
        "device_type": reading.device_type,
        "device_name": reading.device_name,
        "vehicle_id": reading.vehicle_id,
        "vehicle_name": reading.vehicle_name,
        "rssi": reading.rssi,
        "simulated": reading.simulated,
        "gateway_id": reading.gateway_id,
        "seq": reading.seq,
        "extra": dict(sample.extra),
    }


def device_attributes(
    view: DeviceView, default_interval: float, config: Mapping[str, Any]
) -> "DeviceAttributes":
    device, live = view.device, view.live
    return {
        "mac_address": device.address,
        "device_type": device.device_type,
        "friendly_name": device.friendly_name,
        "vehicle_id": device.vehicle_id,
        "vehicle_name": view.vehicle_name,
        "status": view.status,
        "lifecycle": device.lifecycle,
        "link": view.link,
        "discovered_at": instant(device.discovered_at),
        "configured_at": instant(device.configured_at),
        "polling_interval": None
        if view.heard_only
        else device.polling_interval or view.interval or default_interval,
        "connection_config": retry_attributes(device.retry),
        "config": dict(config),
        "calibration": to_json(device.calibration),
        "plausibility": to_json(device.plausibility),
        "advertised_name": view.name,
        "rssi": view.rssi,
        "adapter": view.adapter,
        "last_seen": timestamp(view.last_seen),
        "available": view.available,
        "stale": bool(live.values) and not view.available,
        "simulated": view.simulated,
        "proven_type": view.proven_type,
        "released_until": timestamp(view.released_until),
        **_values(live),
        "battery_status": live.status,
        "status_code": live.status_code,
        "latest_reading": _latest(view),
        "last_outcome": outcome_attributes(view),
        "link_quality": quality_attributes(view),
    }


def outcome_attributes(view: DeviceView) -> "OutcomeShape | None":
    if (outcome := view.outcome) is None:
        return None
    return {"code": outcome.code, "detail": outcome.detail, "timestamp": timestamp(outcome.moment)}


def quality_attributes(view: DeviceView) -> "QualityShape | None":
    if (quality := view.quality) is None:
        return None
    return {
        "attempts": quality.attempts,
        "ok": quality.ok,
        "percent": quality.percent,
        "verdict": quality.verdict,
    }


def _values(live: Live) -> "Quantities":
    values = {name: measured.value for name, measured in live.values.items()}
    return {
        "voltage": values.get("voltage"),
        "current": values.get("current"),
        "temperature": values.get("temperature"),
        "state_of_charge": values.get("state_of_charge"),
        "power": values.get("power"),
    }


def _latest(view: DeviceView) -> "LatestReading | None":
    """Each value with the time it was measured: they come from different frames."""
    live = view.live
    if live.newest is None:
        return None
    return {
        "timestamp": timestamp(live.newest),
        **_values(live),
        "status": live.status,
        "status_code": live.status_code,
        "measured_at": {quantity: timestamp(measured.moment) for quantity, measured in live.values.items()},
        "stale": sorted(view.stale),
        "extra": dict(live.extra),
    }


def retry_attributes(retry: Retry) -> "ConnectionConfig":
    return {
        "retry_attempts": retry.attempts,
        "retry_interval": retry.interval,
        "reconnection_delay": retry.reconnection_delay,
    }


def summary_attributes(summary: VehicleSummary) -> "SummaryAttributes":
    return {
        "vehicle_id": summary.vehicle_id,
        "timestamp": timestamp(summary.moment),
        "total_devices": len(summary.members),
        "connected_devices": summary.connected,
        "average_voltage": summary.average_voltage,
        "total_capacity": None,  # none of these monitors knows it
        "overall_health": summary.health,
        "health_score": summary.health_score,
        "devices": [
            {
                "id": member.address,
                "friendly_name": member.name,
                "status": member.status,
                "voltage": member.voltage,
            }
            for member in summary.members
        ],
    }
