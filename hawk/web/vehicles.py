"""/api/vehicles: what the batteries are in."""

from typing import Any

from quart import Blueprint, Response, request

from hawk.directory.messages import ListDevices, ListVehicles, VehicleView
from hawk.errors import NotFound
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import CreateVehicle, GetRegistry, RemoveVehicle, RenameVehicle
from hawk.web.attributes import vehicle_name
from hawk.web.http import answer, arguments, body, negotiated, no_content, services
from hawk.web.jsonapi import Asked, bad_parameter, next_link, parse_body, parse_query
from hawk.web.resources import device_resource, vehicle_resource
from hawk.web.services import LONG_DEADLINE, ask

routes = Blueprint("vehicles", __name__, url_prefix="/api/vehicles")


@routes.get("")
@negotiated
async def list_vehicles() -> Response:
    """Automatic ones none of whose devices is configured only with `filter[automatic]=true`."""
    asked = parse_query(arguments(), paged=True, includes=("devices",), known=("filter[automatic]",))
    automatic = asked.values.get("filter[automatic]", "false")
    if automatic not in {"true", "false"}:
        raise bad_parameter("filter[automatic]", "is true or false")
    views = await ask(services().directory, ListVehicles())
    listed = [view for view in views if view.listed or automatic == "true"]
    ids = [view.vehicle.id for view in listed]
    start = ids.index(asked.after) + 1 if asked.after in ids else 0
    page = listed[start : start + asked.size]
    after = page[-1].vehicle.id if start + len(page) < len(listed) else None
    document: dict[str, Any] = {
        "data": [asked.sparse(vehicle_resource(view)) for view in page],
        "links": {"next": next_link(request.path, asked, after)},
        "meta": {"total": len(listed)},
    }
    return answer(document | await _included(asked, page))


@routes.get("/<vehicle_id>")
@negotiated
async def get_vehicle(vehicle_id: str) -> Response:
    asked = parse_query(arguments(), includes=("devices",))
    view = await _view(vehicle_id)
    return answer({"data": asked.sparse(vehicle_resource(view))} | await _included(asked, [view]))


@routes.post("")
@negotiated
async def create_vehicle() -> Response:
    _, attributes, _ = parse_body(await body(), "vehicles")
    vehicle = await ask(services().registry, CreateVehicle(vehicle_name(attributes)), LONG_DEADLINE)
    return answer({"data": _fresh(vehicle)}, 201, {"Location": f"/api/vehicles/{vehicle.id}"})


@routes.patch("/<vehicle_id>")
@negotiated
async def rename_vehicle(vehicle_id: str) -> Response:
    _, attributes, _ = parse_body(await body(), "vehicles")
    name = vehicle_name(attributes)
    await ask(services().registry, RenameVehicle(vehicle_id, name), LONG_DEADLINE)
    return answer({"data": vehicle_resource(await _view(vehicle_id))})


@routes.delete("/<vehicle_id>")
@negotiated
async def remove_vehicle(vehicle_id: str) -> Response:
    asked = parse_query(arguments(), known=("move_to",))
    await ask(services().registry, RemoveVehicle(vehicle_id, asked.values.get("move_to")), LONG_DEADLINE)
    return no_content()


# --------------------------------------------------------------------------------------------


async def _view(vehicle_id: str) -> VehicleView:
    """What it is called is the registry's word; the rest is what the directory saw last."""
    snapshot = await ask(services().registry, GetRegistry())
    if (vehicle := snapshot.vehicles.get(vehicle_id)) is None:
        raise NotFound(f"there is no vehicle {vehicle_id!r}")
    for view in await ask(services().directory, ListVehicles()):
        if view.vehicle.id == vehicle_id:
            return VehicleView(vehicle, view.devices, view.summary, view.listed)
    return VehicleView(vehicle, (), None, listed=True)


async def _included(asked: Asked, page: list[VehicleView]) -> dict[str, Any]:
    if not asked.include:
        return {}
    wanted = {address for view in page for address in view.devices}
    default = services().settings.polling.interval
    views = await ask(services().directory, ListDevices())
    found = [device_resource(view, default) for view in views if view.device.address in wanted]
    return {"included": [asked.sparse(each) for each in found]}


def _fresh(vehicle: Vehicle) -> dict[str, Any]:
    return vehicle_resource(VehicleView(vehicle, (), None, listed=True))
