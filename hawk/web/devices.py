"""/api/devices: the batteries' monitors."""

from typing import Any

from quart import Blueprint, Response, request

from actors import ActorRef, FindChild
from hawk.devices.messages import GetConnection, GetView, PollNow
from hawk.directory.messages import ListDevices, ListVehicles, LookUpDevice
from hawk.errors import NotFound
from hawk.model.address import Address, parse_address
from hawk.model.device import DeviceView, Lifecycle
from hawk.registry.messages import (
    ChangeDevice,
    ConfigureDevice,
    GetRegistry,
    RemoveDevice,
)
from hawk.web.attributes import device_changes
from hawk.web.http import answer, arguments, body, negotiated, no_content, services
from hawk.web.jsonapi import ApiError, next_link, parse_body, parse_query
from hawk.web.resources import connection_resource, device_resource, reading_resource, vehicle_resource
from hawk.web.services import LONG_DEADLINE, ask

routes = Blueprint("devices", __name__, url_prefix="/api/devices")

POLL_DEADLINE = 150.0  # [s] waiting to be heard, for a slot, to connect and to read


@routes.get("")
@negotiated
async def list_devices() -> Response:
    asked = parse_query(arguments(), paged=True, includes=("vehicle",), known=("filter[status]",))
    views = await ask(services().directory, ListDevices())
    if (status := asked.values.get("filter[status]")) is not None:
        views = tuple(view for view in views if view.status == status)
    rest = [view for view in views if asked.after is None or view.device.address > asked.after]
    page = rest[: asked.size]
    after = page[-1].device.address if len(rest) > len(page) else None
    default = services().settings.polling.interval
    document: dict[str, Any] = {
        "data": [asked.sparse(device_resource(view, default)) for view in page],
        "links": {"next": next_link(request.path, asked, after)},
        "meta": {"total": len(views)},
    }
    if asked.include:
        wanted = {view.device.vehicle_id for view in page}
        vehicles = await ask(services().directory, ListVehicles())
        document["included"] = [asked.sparse(vehicle_resource(v)) for v in vehicles if v.vehicle.id in wanted]
    return answer(document)


@routes.get("/<mac>")
@negotiated
async def get_device(mac: str) -> Response:
    asked = parse_query(arguments(), includes=("vehicle",))
    view = await _view(parse_address(mac))
    document: dict[str, Any] = {"data": asked.sparse(_resource(view))}
    if asked.include:
        vehicles = await ask(services().directory, ListVehicles())
        document["included"] = [
            asked.sparse(vehicle_resource(v)) for v in vehicles if v.vehicle.id == view.device.vehicle_id
        ]
    return answer(document)


@routes.post("")
@negotiated
async def create_device() -> Response:
    """The id is in the body, or `mac_address` among the attributes."""
    id_, attributes, _ = parse_body(await body(), "devices")
    mac = id_ or attributes.get("mac_address")
    if not isinstance(mac, str):
        raise ApiError(422, "invalid", "say which device: its address is the id", pointer="/data/id")
    return await _configure(parse_address(mac))


@routes.post("/<mac>")
@negotiated
async def configure_device(mac: str) -> Response:
    return await _configure(parse_address(mac))


@routes.patch("/<mac>")
@negotiated
async def change_device(mac: str) -> Response:
    address = parse_address(mac)
    changes = device_changes(address, *parse_body(await body(), "devices"))
    await ask(services().registry, ChangeDevice(address, changes), LONG_DEADLINE)
    return answer({"data": _resource(await _view(address))})


@routes.delete("/<mac>")
@negotiated
async def remove_device(mac: str) -> Response:
    await ask(services().registry, RemoveDevice(parse_address(mac)), LONG_DEADLINE)
    return no_content()


@routes.post("/<mac>/readings")
@negotiated
async def poll_device(mac: str) -> Response:
    """Connects and reads now; the answer is the reading."""
    ref = await _actor(parse_address(mac))
    return answer({"data": reading_resource(await ask(ref, PollNow(), POLL_DEADLINE))})


@routes.get("/<mac>/connection")
@negotiated
async def get_connection(mac: str) -> Response:
    parse_query(arguments())
    ref = await _actor(parse_address(mac))
    return answer({"data": connection_resource(await ask(ref, GetConnection()))})


# --------------------------------------------------------------------------------------------


async def _configure(address: Address) -> Response:
    changes = device_changes(address, *parse_body(await body(), "devices"))
    configured = await ask(services().registry, ConfigureDevice(address, changes), LONG_DEADLINE)
    document = {"data": _resource(await _view(address))}
    return answer(document, 201 if configured.created else 200, {"Location": f"/api/devices/{address}"})


async def _view(address: Address) -> DeviceView:
    """From its actor; of one that has none, from the directory. The record is the registry's."""
    snapshot = await ask(services().registry, GetRegistry())
    if (device := snapshot.devices.get(address)) is None:
        raise NotFound(f"no device {address} is known")
    ref = await ask(services().devices, FindChild(address))
    if device.lifecycle is Lifecycle.CONFIGURED and ref is not None:
        view = await ask(ref, GetView())
        if view.device == device:
            return view
    found = await ask(services().directory, LookUpDevice(address))
    return found if found is not None and found.device == device else DeviceView(device)


async def _actor(address: Address) -> ActorRef[Any]:
    ref = await ask(services().devices, FindChild(address))
    if ref is None:
        raise NotFound(f"{address} is not configured: nothing is read of it")
    return ref


def _resource(view: DeviceView) -> dict[str, Any]:
    return device_resource(view, services().settings.polling.interval)
