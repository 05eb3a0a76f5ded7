"""What is in which vehicle, from either side: relationships and what they lead to, each at an address of its own."""

from typing import Any

from quart import Blueprint, Response

from actors import Query
from hawk.directory.messages import ListDevices
from hawk.errors import Invalid, NotFound
from hawk.model.address import Address, parse_address
from hawk.registry.changes import device_of, vehicle_of
from hawk.registry.messages import (
    ChangeDevice,
    ChangeVehicle,
    DeviceChanges,
    GetRegistry,
    Snapshot,
    VehicleChanges,
)
from hawk.registry.tags import device_tag, vehicle_tag
from hawk.web import bodies
from hawk.web.attributes import linked_devices, linked_vehicle
from hawk.web.etag import etag
from hawk.web.http import answer, endpoint, meant, services
from hawk.web.jsonapi import ApiError
from hawk.web.kinds import DEVICES, VEHICLES
from hawk.web.operation import Answer
from hawk.web.query import Asked, Parameters
from hawk.web.resources import devices_of_vehicle, vehicle_of_device, vehicle_resource
from hawk.web.services import LONG_DEADLINE, ask, show_device
from hawk.web.shapes import ToDevices, ToVehicle
from hawk.web.vehicles import view_of

routes = Blueprint("relationships", __name__, url_prefix="/api")

_VEHICLE_LINK = Answer(document=ToVehicle, headers=("ETag",))
_DEVICE_LINKS = Answer(document=ToDevices, headers=("ETag",))


@routes.get("/devices/<mac>/vehicle")
@endpoint(
    "what the device is in",
    Answer(kinds=(VEHICLES,), nullable=True, placed=True),
    parameters=Parameters(kinds=("vehicles",)),
)
async def get_vehicle_of_device(asked: Asked, mac: str) -> Response:
    """Null for a device that is in none."""
    address = parse_address(mac)
    vehicle_id = device_of(await _snapshot(), address).vehicle_id
    found = None if vehicle_id is None else asked.sparse(vehicle_resource(await view_of(vehicle_id)))
    return answer({"data": found, "links": {"self": f"/api/devices/{address}/vehicle"}})


@routes.get("/devices/<mac>/relationships/vehicle")
@endpoint("which that is", _VEHICLE_LINK)
async def get_vehicle_link(_: Asked, mac: str) -> Response:
    return await _vehicle_link(parse_address(mac))


@routes.patch("/devices/<mac>/relationships/vehicle")
@endpoint("another one", _VEHICLE_LINK, body=bodies.VEHICLE_LINK, headers=("If-Match",))
async def change_vehicle_link(asked: Asked, mac: str) -> Response:
    address, vehicle_id = parse_address(mac), linked_vehicle(asked.body)
    changes = DeviceChanges(vehicle_id=vehicle_id, no_vehicle=vehicle_id is None)
    await _change(ChangeDevice(address, changes, meant()))
    return await _vehicle_link(address)


@routes.get("/vehicles/<vehicle_id>/devices")
@endpoint(
    "its devices", Answer(kinds=(DEVICES,), many=True, placed=True), parameters=Parameters(kinds=("devices",))
)
async def get_devices_of_vehicle(asked: Asked, vehicle_id: str) -> Response:
    snapshot = await _snapshot()
    vehicle_of(snapshot, vehicle_id)
    ours = set(snapshot.devices_in(vehicle_id))
    views = [view for view in await ask(services().directory, ListDevices()) if view.device.address in ours]
    found = [asked.sparse(show_device(services(), view)) for view in views]
    return answer({"data": found, "links": {"self": f"/api/vehicles/{vehicle_id}/devices"}})


@routes.get("/vehicles/<vehicle_id>/relationships/devices")
@endpoint("which they are", _DEVICE_LINKS)
async def get_device_links(_: Asked, vehicle_id: str) -> Response:
    return await _device_links(vehicle_id)


@routes.patch("/vehicles/<vehicle_id>/relationships/devices")
@endpoint("these and no others", _DEVICE_LINKS, body=bodies.DEVICE_LINKS, headers=("If-Match",))
async def change_device_links(asked: Asked, vehicle_id: str) -> Response:
    """These and no others."""
    return await _with_crew(vehicle_id, VehicleChanges(devices=linked_devices(asked.body)))


@routes.post("/vehicles/<vehicle_id>/relationships/devices")
@endpoint("these, too", _DEVICE_LINKS, body=bodies.DEVICE_LINKS, headers=("If-Match",))
async def add_device_links(asked: Asked, vehicle_id: str) -> Response:
    return await _with_crew(vehicle_id, VehicleChanges(joining=linked_devices(asked.body)))


@routes.delete("/vehicles/<vehicle_id>/relationships/devices")
@endpoint("these no longer", _DEVICE_LINKS, body=bodies.DEVICE_LINKS, headers=("If-Match",))
async def remove_device_links(asked: Asked, vehicle_id: str) -> Response:
    return await _with_crew(vehicle_id, VehicleChanges(leaving=linked_devices(asked.body)))


# --------------------------------------------------------------------------------------------


async def _snapshot() -> Snapshot:
    return await ask(services().registry, GetRegistry())


async def _with_crew(vehicle_id: str, changes: VehicleChanges) -> Response:
    await _change(ChangeVehicle(vehicle_id, changes, meant()))
    return await _device_links(vehicle_id)


async def _change(query: Query[Any]) -> None:
    """What is related to nothing is 404, by JSON:API; here the whole document is the relationship."""
    try:
        await ask(services().registry, query, LONG_DEADLINE)
    except Invalid as error:
        raise ApiError(404, NotFound.code, str(error), pointer="/data") from None


async def _vehicle_link(address: Address) -> Response:
    device = device_of(await _snapshot(), address)
    return answer(vehicle_of_device(device), headers=etag(device_tag(device)))


async def _device_links(vehicle_id: str) -> Response:
    snapshot = await _snapshot()
    vehicle, devices = vehicle_of(snapshot, vehicle_id), snapshot.devices_in(vehicle_id)
    tag = vehicle_tag(vehicle, devices)
    return answer(devices_of_vehicle(vehicle_id, devices), headers=etag(tag))
