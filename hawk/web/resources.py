"""Devices, vehicles and readings as JSON: the contract's names, null where nothing was measured. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hawk.devices.messages import Connection, Trial
from hawk.directory.messages import VehicleView
from hawk.drivers.explain import explained
from hawk.events import DeviceDiscovered, HistoryProgress
from hawk.jobs.messages import Job
from hawk.model.attributes import instant, reading_attributes, summary_attributes, timestamp
from hawk.model.device import DeviceView, Lifecycle, Retry
from hawk.model.reading import QUANTITIES, Moment, Reading
from hawk.model.rules import Rejection, to_json
from hawk.web.jsonapi import Json, resource, to_many, to_one

# -- readings --------------------------------------------------------------------------------


def reading_id(reading: Reading) -> str:
    """One that waits for its date has no other than `undated`; it is not in the log yet."""
    return f"{reading.device_id}@{timestamp(reading.moment) or 'undated'}"


def reading_resource(reading: Reading) -> dict[str, Any]:
    device = {"device": to_one("devices", reading.device_id)}
    return resource("readings", reading_id(reading), reading_attributes(reading), device)


# -- devices ---------------------------------------------------------------------------------


def device_resource(
    view: DeviceView, default_interval: float, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`default_interval` [s]: what holds for a device without an interval of its own. `config`: what is shown
    of it, without its secrets.
    """
    address, configured = view.device.address, view.device.lifecycle is Lifecycle.CONFIGURED
    return resource(
        "devices",
        address,
        device_attributes(view, default_interval, config or {}),
        {
            "vehicle": to_one("vehicles", view.device.vehicle_id),
            "readings": {"links": {"related": f"/api/readings/{address}"}},
            "connection": {
                **to_one("connections", address if configured else None),
                "links": {"related": f"/api/devices/{address}/connection"},
            },
        },
        f"/api/devices/{address}",
    )


def device_attributes(view: DeviceView, default_interval: float, config: Mapping[str, Any]) -> Json:
    device, live = view.device, view.live
    values = {quantity: live.values.get(quantity) for quantity in QUANTITIES}
    return {
        "mac_address": device.address,
        "device_type": device.device_type,
        "friendly_name": device.friendly_name,
        "vehicle_id": device.vehicle_id,
        "vehicle_name": view.vehicle_name,
        "status": view.status,
        "lifecycle": device.lifecycle.value,
        "link": view.link.value,
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
        **{quantity: measured and measured.value for quantity, measured in values.items()},
        "battery_status": live.status,
        "status_code": live.status_code,
        "latest_reading": _latest(view),
        "last_outcome": _outcome(view),
    }


def _outcome(view: DeviceView) -> Json | None:
    if (outcome := view.outcome) is None:
        return None
    return {"code": outcome.code, "detail": outcome.detail, "timestamp": timestamp(outcome.moment)}


def _latest(view: DeviceView) -> Json | None:
    """Each value with the time it was measured: they come from different frames."""
    live = view.live
    if live.newest is None:
        return None
    return {
        "timestamp": timestamp(live.newest),
        **{quantity: (m := live.values.get(quantity)) and m.value for quantity in QUANTITIES},
        "status": live.status,
        "status_code": live.status_code,
        "measured_at": {quantity: timestamp(measured.moment) for quantity, measured in live.values.items()},
        "stale": sorted(view.stale),
        "extra": dict(live.extra),
    }


def retry_attributes(retry: Retry) -> Json:
    return {
        "retry_attempts": retry.attempts,
        "retry_interval": retry.interval,
        "reconnection_delay": retry.reconnection_delay,
    }


def connection_resource(connection: Connection) -> dict[str, Any]:
    view, counters = connection.view, connection.counters
    return resource(
        "connections",
        view.device.address,
        {
            "link": view.link.value,
            "last_outcome": _outcome(view),
            "transitions": [
                {"state": each.state.value, "timestamp": timestamp(each.moment), "reason": each.reason}
                for each in connection.transitions
            ],
            "polls": counters.polls,
            "polls_ok": counters.ok,
            "polls_failed": counters.failed,
            "failed_by": dict(counters.failed_by),
            "polls_skipped": counters.skipped,
            "mean_duration": counters.mean_duration,
            "last_duration": counters.last_duration,
            "last_success": timestamp(counters.last_success),
            "next_poll_in": connection.next_poll,
            "rssi": view.rssi,
            "link_quality": {
                "attempts": connection.quality.attempts,
                "ok": connection.quality.ok,
                "percent": connection.quality.percent,
                "verdict": connection.quality.verdict,
            },
            "limits": to_json(connection.limits),
            "rejected": [_rejection(each) for each in connection.rejections],
        },
        {"device": to_one("devices", view.device.address)},
    )


def trial_meta(trial: Trial) -> Json:
    """What a device said before it was registered."""
    return {
        "reading": reading_attributes(trial.reading),
        "fields": [asdict(each) for each in explained(trial.shows, trial.reading.sample)],
    }


def _rejection(rejection: Rejection) -> Json:
    last = rejection.last
    return {
        "quantity": last.quantity,
        "reason": last.reason.value,
        "count": rejection.count,
        "value": last.value,
        "limit": last.limit,
        "timestamp": timestamp(rejection.moment),
    }


def release_resource(released: str, until: Moment) -> dict[str, Any]:
    """`released` is an address, or "all"."""
    return resource("releases", released, {"until": timestamp(until)})


def job_resource(job: Job) -> dict[str, Any]:
    result = job.result and {
        "records": job.result.records,
        "stored": job.result.stored,
        "from": instant(job.result.since),
        "to": instant(job.result.until),
    }
    attributes = {
        "kind": job.kind,
        "state": job.state.value,
        "progress": round(job.progress, 3),
        "result": result,
        "error": None if job.code is None else {"code": job.code, "detail": job.detail},
    }
    links = {"device": to_one("devices", job.address)}
    return resource("jobs", job.id, attributes, links, f"/api/jobs/{job.id}")


def history_resource(fact: HistoryProgress) -> dict[str, Any]:
    attributes = {
        "records": fact.records,
        "most": fact.most,
        "imported": fact.imported,
        "error": fact.error,
    }
    return resource("history", fact.address, attributes, {"device": to_one("devices", fact.address)})


def discovery_resource(fact: DeviceDiscovered) -> dict[str, Any]:
    attributes = {
        "mac_address": fact.device.address,
        "device_type": fact.device.device_type,
        "name": fact.name,
        "rssi": fact.rssi,
        "reason": fact.reason,
        "first_seen": timestamp(fact.moment),
    }
    return resource("discoveries", fact.device.address, attributes)


# -- vehicles --------------------------------------------------------------------------------


def vehicle_resource(view: VehicleView) -> dict[str, Any]:
    vehicle = view.vehicle
    return resource(
        "vehicles",
        vehicle.id,
        {
            "name": vehicle.name,
            "created_at": instant(vehicle.created_at),
            "automatic": vehicle.automatic,
            "device_count": len(view.devices),
            "summary": view.summary and summary_attributes(view.summary),
        },
        {"devices": to_many("devices", view.devices)},
        f"/api/vehicles/{vehicle.id}",
    )
