"""/api/vehicles: what the batteries are in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from quart import Blueprint, Response, request

from hawk.directory.messages import ListDevices, ListVehicles, VehicleView
from hawk.errors import Invalid, NotFound
from hawk.registry.messages import ChangeVehicle, CreateVehicle, GetRegistry, RemoveVehicle
from hawk.registry.tags import vehicle_tag
from hawk.web import bodies
from hawk.web.attributes import DEVICES_LINK, new_vehicle, vehicle_changes
from hawk.web.etag import etag
from hawk.web.http import answer, endpoint, meant, no_content, services
from hawk.web.jsonapi import ApiError, parse_document
from hawk.web.kinds import VEHICLES
from hawk.web.operation import NOTHING, one, page
from hawk.web.paging import cut, page_links
from hawk.web.query import Asked, Parameter, Parameters
from hawk.web.resources import vehicle_resource
from hawk.web.services import LONG_DEADLINE, ask, show_device

routes = Blueprint("vehicles", __name__, url_prefix="/api/vehicles")

_KINDS = ("vehicles", "devices")
_AUTOMATIC = Parameter(
    "filter[automatic]",
    "Also those that were made with a device that nobody configured yet.",
    ("true", "false"),
)
_MOVE_TO = Parameter("move_to", "The id of the vehicle that its devices move to.")
_LIST = Parameters((_AUTOMATIC,), kinds=_KINDS, includes=("devices",), paged=True)


@routes.get("")
@endpoint("all vehicles", page(VEHICLES), parameters=_LIST)
async def list_vehicles(asked: Asked) -> Response:
    """Automatic ones none of whose devices is configured only with `filter[automatic]=true`."""
    automatic = asked.values.get("filter[automatic]") == "true"
    views = await ask(services().directory, ListVehicles())
    listed = [view for view in views if view.listed or automatic]
    page = cut(asked, listed, lambda view: _place(view.vehicle.id), _place)
    document = {
        "data": [asked.sparse(vehicle_resource(view)) for view in page.items],
        "links": page_links(asked, request.path, page, lambda view: view.vehicle.id),
        "meta": {"total": len(listed)},
    }
    return answer(document | await _included(asked, page.items))


@routes.get("/<vehicle_id>")
@endpoint(
    "one vehicle",
    one(VEHICLES, headers=("ETag",)),
    parameters=Parameters(kinds=_KINDS, includes=("devices",)),
)
async def get_vehicle(asked: Asked, vehicle_id: str) -> Response:
    view = await view_of(vehicle_id)
    document = {"data": asked.sparse(vehicle_resource(view))} | await _included(asked, [view])
    return answer(document, headers=_etag(view))


@routes.post("")
@endpoint(
    "make one",
    one(VEHICLES, 201, headers=("Location", "ETag")),
    body=bodies.VEHICLE,
    refuses=frozenset({403, 404}),
)
async def create_vehicle(asked: Asked) -> Response:
    name, devices = new_vehicle(parse_document(asked.body, "vehicles"))
    with _related():
        vehicle = await ask(services().registry, CreateVehicle(name, devices), LONG_DEADLINE)
    made = VehicleView(vehicle, tuple(sorted(devices)), None, listed=True)
    headers = {"Location": f"/api/vehicles/{vehicle.id}", **_etag(made)}
    return answer({"data": vehicle_resource(made)}, 201, headers)


@routes.patch("/<vehicle_id>")
@endpoint("rename it", one(VEHICLES, headers=("ETag",)), body=bodies.VEHICLE_CHANGES, headers=("If-Match",))
async def change_vehicle(asked: Asked, vehicle_id: str) -> Response:
    changes = vehicle_changes(parse_document(asked.body, "vehicles"), vehicle_id)
    with _related():
        await ask(services().registry, ChangeVehicle(vehicle_id, changes, meant()), LONG_DEADLINE)
    view = await view_of(vehicle_id)
    return answer({"data": vehicle_resource(view)}, headers=_etag(view))


@routes.delete("/<vehicle_id>")
@endpoint(
    "remove it", NOTHING, headers=("If-Match",), parameters=Parameters((_MOVE_TO,)), refuses=frozenset({409})
)
async def remove_vehicle(asked: Asked, vehicle_id: str) -> Response:
    wanted = RemoveVehicle(vehicle_id, asked.values.get("move_to"), meant())
    await ask(services().registry, wanted, LONG_DEADLINE)
    return no_content()


# --------------------------------------------------------------------------------------------


def _place(vehicle_id: str) -> tuple[int, str]:
    """In the directory's order: vehicle_2 before vehicle_10."""
    number = vehicle_id.removeprefix("vehicle_")
    counted = number.isascii() and number.isdecimal() and len(number) < 10
    return (int(number) if counted else 0, vehicle_id)


async def view_of(vehicle_id: str) -> VehicleView:
    """What it is called and which devices are in it is the registry's word; the rest is what the directory saw
    last.
    """
    snapshot = await ask(services().registry, GetRegistry())
    if (vehicle := snapshot.vehicles.get(vehicle_id)) is None:
        raise NotFound(f"there is no vehicle {vehicle_id!r}")
    devices = snapshot.devices_in(vehicle_id)
    for view in await ask(services().directory, ListVehicles()):
        if view.vehicle.id == vehicle_id:
            return VehicleView(vehicle, devices, view.summary, view.listed)
    return VehicleView(vehicle, devices, None, listed=True)


def _etag(view: VehicleView) -> dict[str, str]:
    return etag(vehicle_tag(view.vehicle, view.devices))


@contextmanager
def _related() -> Iterator[None]:
    """What is related to nothing is 404, by JSON:API."""
    try:
        yield
    except Invalid as error:
        if error.pointer == DEVICES_LINK:
            raise ApiError(404, NotFound.code, str(error), pointer=DEVICES_LINK) from None
        raise


async def _included(asked: Asked, page: Sequence[VehicleView]) -> dict[str, Any]:
    if not asked.include:
        return {}
    wanted = {address for view in page for address in view.devices}
    views = await ask(services().directory, ListDevices())
    found = [show_device(services(), view) for view in views if view.device.address in wanted]
    return {"included": [asked.sparse(each) for each in found]}
