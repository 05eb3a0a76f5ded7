"""Readings and summaries as JSON, with the names of the contract: the same on every way out. Pure."""

from functools import lru_cache
from typing import Any

from hawk.model.instant import rfc3339
from hawk.model.reading import QUANTITIES, Moment, Reading
from hawk.model.vehicle import VehicleSummary

Json = dict[str, Any]


def timestamp(moment: Moment | None) -> str | None:
    """None also while the clock was not trusted."""
    return None if moment is None else instant(moment.utc)


@lru_cache(maxsize=4096)  # lists say the same instants again and again
def instant(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def reading_attributes(reading: Reading) -> Json:
    sample = reading.sample
    return {
        "device_id": reading.device_id,
        "timestamp": timestamp(reading.moment),
        **{quantity: getattr(sample, quantity) for quantity in QUANTITIES},
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


def summary_attributes(summary: VehicleSummary) -> Json:
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
            {"id": member.address, "status": member.status, "voltage": member.voltage}
            for member in summary.members
        ],
    }
