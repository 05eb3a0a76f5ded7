"""Devices, vehicles and readings as JSON: the contract's names, null where nothing was measured. Pure."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hawk.devices.messages import Connection, Trial
from hawk.directory.messages import VehicleView
from hawk.drivers.explain import explained
from hawk.events import CrankingStored, DeviceDiscovered, HistoryProgress
from hawk.jobs.messages import Found, Job, ReadOf
from hawk.model.address import Address
from hawk.model.attributes import (
    device_attributes,
    instant,
    outcome_attributes,
    quality_attributes,
    reading_attributes,
    summary_attributes,
    timestamp,
)
from hawk.model.cranking import Cranking
from hawk.model.device import Device, DeviceView
from hawk.model.reading import QUANTITIES, Moment, Reading
from hawk.model.rules import Rejection, to_json
from hawk.model.summary import Summary
from hawk.store.messages import Imported, LastStart
from hawk.web.jsonapi import Json, resource, to_one

if TYPE_CHECKING:
    from hawk.web.shapes import (
        ConnectionAttributes,
        CrankingAttributes,
        DiscoveryAttributes,
        HistoryAttributes,
        JobAttributes,
        JobResult,
        Places,
        ReadOfShape,
        RejectionShape,
        ReleaseAttributes,
        ToDevices,
        ToVehicle,
        TrialMeta,
        VehicleAttributes,
    )

PARTS = ("count", "min", "max", "mean", "last")  # of what an hour or a day says of a quantity

# -- readings --------------------------------------------------------------------------------


def reading_id(reading: Reading) -> str:
    """One that waits for its date has no other than `undated`; it is not in the log yet."""
    return f"{reading.device_id}@{timestamp(reading.moment) or 'undated'}"


def reading_resource(reading: Reading) -> dict[str, Any]:
    device = {"device": to_one("devices", reading.device_id)}
    return resource("readings", reading_id(reading), reading_attributes(reading), device)


def summary_resource(summary: Summary) -> dict[str, Any]:
    device = {"device": to_one("devices", summary.device_id)}
    name = f"{summary.device_id}@{instant(summary.start)}@{summary.resolution.value}"
    return resource("reading-summaries", name, reading_summary_attributes(summary), device)


def reading_summary_attributes(summary: Summary) -> Json:
    return {
        "device_id": summary.device_id,
        "timestamp": instant(summary.start),
        "resolution": summary.resolution.value,
        "count": summary.count,
        **{
            f"{quantity}_{part}": getattr(summary.values.get(quantity), part, None)
            for quantity in QUANTITIES
            for part in PARTS
        },
        "device_type": summary.device_type,
        "device_name": summary.device_name,
        "vehicle_id": summary.vehicle_id,
        "vehicle_name": summary.vehicle_name,
        "simulated": summary.simulated,
        "gateway_id": summary.gateway_id,
        "seq": summary.seq,
    }


# -- devices ---------------------------------------------------------------------------------


def device_resource(
    view: DeviceView, default_interval: float, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`default_interval` [s]: what holds for a device without an interval of its own. `config`: what is shown
    of it, without its secrets.
    """
    address = view.device.address
    return resource(
        "devices",
        address,
        device_attributes(view, default_interval, config or {}),
        {
            "vehicle": vehicle_of_device(view.device),
            "readings": {"links": {"related": f"/api/readings/{address}"}},
            "connection": {"links": {"related": f"/api/devices/{address}/connection"}},
        },
        f"/api/devices/{address}",
    )


def vehicle_of_device(device: Device) -> "ToVehicle":
    """The relationship."""
    here, vehicle_id = f"/api/devices/{device.address}", device.vehicle_id
    links: Places = {"self": f"{here}/relationships/vehicle", "related": f"{here}/vehicle"}
    return {"data": None if vehicle_id is None else {"type": "vehicles", "id": vehicle_id}, "links": links}


def connection_resource(connection: Connection) -> dict[str, Any]:
    view = connection.view
    counters = view.counters
    attributes: ConnectionAttributes = {
        "link": view.link,
        "last_outcome": outcome_attributes(view),
        "transitions": [
            {"state": each.state, "timestamp": timestamp(each.moment), "reason": each.reason}
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
        "link_quality": quality_attributes(view),
        "limits": to_json(connection.limits),
        "rejected": [_rejection(each) for each in view.rejections],
    }
    device = {"device": to_one("devices", view.device.address)}
    return resource("connections", view.device.address, attributes, device)


def trial_meta(trial: Trial) -> "TrialMeta":
    """What a device said before it was registered."""
    return {
        "reading": reading_attributes(trial.reading),
        "fields": [
            {
                "key": each.key,
                "value": each.value,
                "unit": each.unit,
                "raw": each.raw,
                "origin": each.origin,
                "quantity": each.quantity,
            }
            for each in explained(trial.shows, trial.reading.sample)
        ],
    }


def _rejection(rejection: Rejection) -> "RejectionShape":
    last = rejection.last
    return {
        "quantity": last.quantity,
        "reason": last.reason,
        "count": rejection.count,
        "value": last.value,
        "limit": last.limit,
        "timestamp": timestamp(rejection.moment),
    }


def release_resource(released: str, until: Moment) -> dict[str, Any]:
    """`released` is an address, or "all"."""
    attributes: ReleaseAttributes = {"until": timestamp(until)}
    return resource("releases", released, attributes)


def job_resource(job: Job) -> dict[str, Any]:
    attributes: JobAttributes = {
        "kind": job.kind,
        "state": job.state,
        "progress": round(job.progress, 3),
        "result": _result(job.result),
        "error": None if job.code is None else {"code": job.code, "detail": job.detail or ""},
    }
    links = None if job.address is None else {"device": to_one("devices", job.address)}
    return resource("jobs", job.id, attributes, links, f"/api/jobs/{job.id}")


def _result(result: Imported | LastStart | Found | None) -> "JobResult | None":
    match result:
        case Imported():
            return {
                "records": result.records,
                "stored": result.stored,
                "from": instant(result.since),
                "to": instant(result.until),
                "rejected": result.rejected,
            }
        case LastStart(cranking, stored):
            return {"event": cranking and cranking_id(cranking), "stored": stored}
        case Found(addresses, new, read):
            return {"found": list(addresses), "new": list(new), "read": [_read_of(each) for each in read]}
        case None:
            return None


def _read_of(read: ReadOf) -> "ReadOfShape":
    return {
        "id": read.address,
        "reading": read.reading and reading_attributes(read.reading),
        "error": None if read.code is None else {"code": read.code, "detail": read.detail or ""},
    }


def cranking_id(cranking: Cranking) -> str:
    return f"{cranking.by.device_id}@{timestamp(cranking.by.moment)}"


def cranking_resource(cranking: Cranking) -> dict[str, Any]:
    by, event = cranking.by, cranking.event
    attributes: CrankingAttributes = {
        "device_id": by.device_id,
        "timestamp": timestamp(by.moment),
        "timestamp_uncertain": cranking.uncertain,
        "minimum_voltage": event.minimum_voltage,
        "voltage_before": event.voltage_before,
        "voltage": event.voltage,
        "duration": event.duration,
        "status_code": event.status_code,
        "sample_interval": event.sample_interval,
        "samples": list(event.samples),
        "device_type": by.device_type,
        "device_name": by.device_name,
        "vehicle_id": by.vehicle_id,
        "vehicle_name": by.vehicle_name,
        "simulated": by.simulated,
        "gateway_id": by.gateway_id,
    }
    links = {"device": to_one("devices", by.device_id)}
    return resource("cranking-events", cranking_id(cranking), attributes, links)


def remembered_resource(fact: HistoryProgress | CrankingStored) -> dict[str, Any]:
    if isinstance(fact, CrankingStored):
        return cranking_resource(fact.cranking)
    attributes: HistoryAttributes = {
        "records": fact.records,
        "most": fact.most,
        "imported": fact.imported,
        "error": fact.error,
    }
    return resource("history", fact.address, attributes, {"device": to_one("devices", fact.address)})


def discovery_resource(fact: DeviceDiscovered) -> dict[str, Any]:
    attributes: DiscoveryAttributes = {
        "mac_address": fact.device.address,
        "device_type": fact.device.device_type,
        "name": fact.name,
        "rssi": fact.rssi,
        "reason": fact.reason,
        "first_seen": timestamp(fact.moment),
        "last_seen": timestamp(fact.moment),
    }
    return resource("discoveries", fact.device.address, attributes)


def discovered_resource(view: DeviceView) -> dict[str, Any]:
    device = view.device
    attributes: DiscoveryAttributes = {
        "mac_address": device.address,
        "device_type": device.device_type,
        "name": view.name,
        "rssi": view.rssi,
        "reason": view.found_by,
        "first_seen": instant(device.discovered_at),
        "last_seen": timestamp(view.last_seen),
    }
    links = {"device": to_one("devices", device.address)}
    return resource("discoveries", device.address, attributes, links)


# -- vehicles --------------------------------------------------------------------------------


def vehicle_resource(view: VehicleView) -> dict[str, Any]:
    vehicle = view.vehicle
    attributes: VehicleAttributes = {
        "name": vehicle.name,
        "created_at": instant(vehicle.created_at),
        "automatic": vehicle.automatic,
        "device_count": len(view.devices),
        "summary": view.summary and summary_attributes(view.summary),
    }
    devices = {"devices": devices_of_vehicle(vehicle.id, view.devices)}
    return resource("vehicles", vehicle.id, attributes, devices, f"/api/vehicles/{vehicle.id}")


def devices_of_vehicle(vehicle_id: str, devices: Iterable[Address]) -> "ToDevices":
    """The relationship."""
    here = f"/api/vehicles/{vehicle_id}"
    links: Places = {"self": f"{here}/relationships/devices", "related": f"{here}/devices"}
    return {"data": [{"type": "devices", "id": each} for each in devices], "links": links}
