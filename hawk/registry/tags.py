"""Tags of records: another one after each change, so that nobody changes a record that he has not seen. Pure."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

from hawk.errors import Outdated
from hawk.model.address import Address
from hawk.model.device import Device
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import Meant, Snapshot


def device_tag(device: Device) -> str:
    return _tag(asdict(device))


def vehicle_tag(vehicle: Vehicle, devices: Iterable[Address]) -> str:
    """Also another one when a device comes or goes."""
    return _tag([asdict(vehicle), sorted(devices)])


def check_device(snapshot: Snapshot, address: Address, meant: Meant) -> None:
    """Raises Outdated. A device that is not there has no tag that anybody could mean."""
    device = snapshot.devices.get(address)
    _check(None if device is None else device_tag(device), meant, str(address))


def check_vehicle(snapshot: Snapshot, vehicle_id: str, meant: Meant) -> None:
    """Raises Outdated."""
    vehicle = snapshot.vehicles.get(vehicle_id)
    tag = None if vehicle is None else vehicle_tag(vehicle, snapshot.devices_in(vehicle_id))
    _check(tag, meant, vehicle_id)


def _check(tag: str | None, meant: Meant, name: str) -> None:
    if meant is not None and tag is not None and tag not in meant:
        raise Outdated(f"{name} was changed since you read it: read it again")


def _tag(record: object) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()[:16]
