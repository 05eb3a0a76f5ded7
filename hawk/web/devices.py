"""/api/devices: the batteries' monitors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from quart import Blueprint, Response, request

from actors import ActorRef, FindChild
from hawk.devices.messages import (
    POLL_WITHIN,
    EndRelease,
    GetConnection,
    GetView,
    PollNow,
    ReadOnce,
    Release,
)
from hawk.directory.messages import ListDevices, ListVehicles, LookUpDevice
from hawk.errors import Invalid, NotConfigured, NotFound, StoreUnavailable
from hawk.jobs.messages import StartHistory
from hawk.model.address import Address, parse_address
from hawk.model.device import DeviceView, Lifecycle, LinkState
from hawk.model.reading import Reading
from hawk.registry.messages import (
    ChangeDevice,
    ConfigureDevice,
    DeviceChanges,
    GetRegistry,
    PreviewDevice,
    RemoveDevice,
)
from hawk.registry.tags import device_tag
from hawk.store.messages import Flush, GetReadings
from hawk.web import bodies
from hawk.web.attributes import (
    VEHICLE_ID,
    VEHICLE_LINK,
    Trying,
    device_address,
    device_changes,
    history_days,
    release_seconds,
    trying,
)
from hawk.web.etag import etag
from hawk.web.http import answer, endpoint, meant, no_content, services
from hawk.web.jsonapi import ApiError, Json, Sent, parse_document, to_one
from hawk.web.kinds import CONNECTIONS, DEVICES, JOBS, READINGS, RELEASES
from hawk.web.operation import NOT_OURS, NOTHING, one, page
from hawk.web.paging import cut, page_links
from hawk.web.query import Asked, Parameter, Parameters
from hawk.web.resources import (
    connection_resource,
    job_resource,
    reading_resource,
    release_resource,
    trial_meta,
    vehicle_resource,
)
from hawk.web.services import LONG_DEADLINE, Restarting, ask, show_device
from hawk.web.shapes import TrialMeta

routes = Blueprint("devices", __name__, url_prefix="/api/devices")
everything = Blueprint("release", __name__, url_prefix="/api/release")


_KINDS = ("devices", "vehicles")
_STATUS = Parameter(
    "filter[status]",
    "Only those in this state.",
    tuple(sorted({state.value for state in (*Lifecycle, *LinkState)})),
)
_LIST = Parameters((_STATUS,), kinds=_KINDS, includes=("vehicle",), paged=True)
_GET = Parameters(kinds=(*_KINDS, "connections"), includes=("vehicle", "connection"))
_CONFIGURED = (  # a trial alone has no data
    one(DEVICES, meta=TrialMeta, sure=()),
    one(DEVICES, 201, meta=TrialMeta, sure=("data",), headers=("Location", "ETag")),
)


@routes.get("")
@endpoint("all devices", page(DEVICES), parameters=_LIST)
async def list_devices(asked: Asked) -> Response:
    """By address; discovered and ignored ones are among them."""
    views = await ask(services().directory, ListDevices())
    if (status := asked.values.get("filter[status]")) is not None:
        views = tuple(view for view in views if view.status == status)
    page = cut(asked, views, _address, str)
    document = {
        "data": [asked.sparse(_resource(view)) for view in page.items],
        "links": page_links(asked, request.path, page, _address),
        "meta": {"total": len(views)},
    }
    return answer(document | await _included(asked, page.items))


@routes.get("/<mac>")
@endpoint("one device", one(DEVICES, headers=("ETag",)), parameters=_GET)
async def get_device(asked: Asked, mac: str) -> Response:
    view = await view_of(parse_address(mac))
    document = {"data": asked.sparse(_linked(asked, view))} | await _included(asked, [view])
    return answer(document, headers=etag(device_tag(view.device)))


@routes.post("")
@endpoint(
    "configure a device that is named in the body",
    *_CONFIGURED,
    body=bodies.DEVICE,
    headers=("If-Match",),
    refuses=frozenset({404}),
)
async def create_device(asked: Asked) -> Response:
    """The id is in the body, or `mac_address` among the attributes."""
    sent = parse_document(asked.body, "devices")
    return await _configure(device_address(sent), sent)


@routes.post("/<mac>")
@endpoint("configure it", *_CONFIGURED, body=bodies.DEVICE, headers=("If-Match",))
async def configure_device(asked: Asked, mac: str) -> Response:
    return await _configure(parse_address(mac), parse_document(asked.body, "devices"))


@routes.patch("/<mac>")
@endpoint("change it", one(DEVICES, headers=("ETag",)), body=bodies.DEVICE_CHANGES, headers=("If-Match",))
async def change_device(asked: Asked, mac: str) -> Response:
    address = parse_address(mac)
    sent = parse_document(asked.body, "devices")
    with _pointing(sent):
        wanted = ChangeDevice(address, device_changes(address, sent), meant())
        await ask(services().registry, wanted, LONG_DEADLINE)
    view = await view_of(address)
    return answer({"data": _resource(view)}, headers=etag(device_tag(view.device)))


@routes.delete("/<mac>")
@endpoint("forget it; its readings stay", NOTHING, headers=("If-Match",))
async def remove_device(_: Asked, mac: str) -> Response:
    await ask(services().registry, RemoveDevice(parse_address(mac), meant()), LONG_DEADLINE)
    return no_content()


@routes.post("/<mac>/readings")
@endpoint("read it now", one(READINGS), refuses=NOT_OURS)
async def poll_device(_: Asked, mac: str) -> Response:
    """Connects and reads now; the answer is the reading as it is on the disk, if it comes there in time."""
    ref = await actor_of(parse_address(mac))
    reading = await ask(ref, PollNow(), POLL_WITHIN)
    return answer({"data": reading_resource(await _as_stored(reading))})


@routes.get("/<mac>/connection")
@endpoint(
    "how its link does", one(CONNECTIONS), parameters=Parameters(kinds=("connections",)), refuses=NOT_OURS
)
async def get_connection(asked: Asked, mac: str) -> Response:
    ref = await actor_of(parse_address(mac))
    return answer({"data": asked.sparse(connection_resource(await ask(ref, GetConnection())))})


@routes.post("/<mac>/history")
@endpoint(
    "read what it remembers", one(JOBS, 202, headers=("Location",)), body=bodies.HISTORY, refuses=NOT_OURS
)
async def read_history(asked: Asked, mac: str) -> Response:
    """What the device remembers, as a job."""
    address = parse_address(mac)
    await actor_of(address)
    job = await ask(services().jobs, StartHistory(address, history_days(asked.body)))
    return answer({"data": job_resource(job)}, 202, {"Location": f"/api/jobs/{job.id}"})


@routes.post("/<mac>/release")
@endpoint("leave it to others", one(RELEASES), body=bodies.RELEASE, refuses=NOT_OURS)
async def release_device(asked: Asked, mac: str) -> Response:
    address = parse_address(mac)
    until = await ask(await actor_of(address), Release(release_seconds(asked.body)))
    return answer({"data": release_resource(address, until)})


@routes.delete("/<mac>/release")
@endpoint("read it again", NOTHING, refuses=NOT_OURS)
async def end_release(_: Asked, mac: str) -> Response:
    await ask(await actor_of(parse_address(mac)), EndRelease())
    return no_content()


@everything.post("")
@endpoint("leave all of them to others", one(RELEASES), body=bodies.RELEASE)
async def release_all(asked: Asked) -> Response:
    until = await ask(services().devices, Release(release_seconds(asked.body)))
    return answer({"data": release_resource("all", until)})


@everything.delete("")
@endpoint("read them again", NOTHING)
async def end_all_releases(_: Asked) -> Response:
    await ask(services().devices, EndRelease())
    return no_content()


# --------------------------------------------------------------------------------------------


async def _configure(address: Address, sent: Sent) -> Response:
    """Reads it first if that is wanted: then what cannot be read is not registered."""
    with _pointing(sent):
        changes, wanted = device_changes(address, sent), trying(sent)
        meta = {} if wanted is Trying.NO else {"meta": await _try(address, changes)}
        if wanted is Trying.ONLY:
            return answer(meta)
        configured = await ask(services().registry, ConfigureDevice(address, changes, meant()), LONG_DEADLINE)
    view = await view_of(address)
    headers = {"Location": f"/api/devices/{address}", **etag(device_tag(view.device))}
    return answer({"data": _resource(view), **meta}, 201 if configured.created else 200, headers)


async def _try(address: Address, changes: DeviceChanges) -> Json:
    device = (await ask(services().registry, PreviewDevice(address, changes))).device
    vehicles = (await ask(services().registry, GetRegistry())).vehicles
    vehicle = vehicles.get(device.vehicle_id or "")
    query = ReadOnce(device, vehicle.name if vehicle else None)
    return trial_meta(await ask(services().trials, query, POLL_WITHIN))


@contextmanager
def _pointing(sent: Sent) -> Iterator[None]:
    """The registry does not know whether the vehicle was named by the attribute or the relationship. What is
    related to nothing is 404, by JSON:API.
    """
    try:
        yield
    except Invalid as error:
        if error.pointer == VEHICLE_ID and "vehicle_id" not in sent.attributes:
            raise ApiError(404, NotFound.code, str(error), pointer=VEHICLE_LINK) from None
        raise


async def view_of(address: Address) -> DeviceView:
    """From its actor; of one that has none, from the directory. The record is the registry's."""
    snapshot = await ask(services().registry, GetRegistry())
    if (device := snapshot.devices.get(address)) is None:
        raise NotFound(f"no device {address} is known")
    ref = await ask(services().devices, FindChild(address))
    if device.lifecycle is Lifecycle.CONFIGURED and ref is not None:
        with suppress(Restarting):  # as it was just before
            view = await ask(ref, GetView())
            if view.device == device:
                return view
    found = await ask(services().directory, LookUpDevice(address))
    return found if found is not None and found.device == device else DeviceView(device)


async def actor_of(address: Address) -> ActorRef[Any]:
    if (ref := await ask(services().devices, FindChild(address))) is not None:
        return ref
    snapshot = await ask(services().registry, GetRegistry())
    if (device := snapshot.devices.get(address)) is None:
        raise NotFound(f"no device {address} is known")
    if device.lifecycle is Lifecycle.CONFIGURED:
        raise ApiError(503, "restarting", f"nobody reads {address} just now: try again")
    raise NotConfigured(
        f"{address} is {device.lifecycle}, not configured: POST /api/devices/{address} makes it one of ours"
    )


async def _as_stored(reading: Reading) -> Reading:
    """With its `seq`; without, while the disk refuses or the clock cannot be trusted."""
    store, at = services().store, reading.moment.utc
    if at is None:
        return reading
    same = GetReadings(reading.device_id, since=at, until=at, source=reading.source, limit=1)
    try:
        await ask(store, Flush(), LONG_DEADLINE)
        page = await ask(store, same, LONG_DEADLINE)
    except (ApiError, StoreUnavailable):
        return reading
    return next(iter(page.readings), reading)


async def _included(asked: Asked, page: Sequence[DeviceView]) -> dict[str, Any]:
    if not asked.include:
        return {}
    found: list[dict[str, Any]] = []
    if "vehicle" in asked.include:
        wanted = {view.device.vehicle_id for view in page}
        vehicles = await ask(services().directory, ListVehicles())
        found += [vehicle_resource(each) for each in vehicles if each.vehicle.id in wanted]
    if "connection" in asked.include:
        for view in page:
            if ref := await ask(services().devices, FindChild(view.device.address)):
                found.append(connection_resource(await ask(ref, GetConnection())))
    return {"included": [asked.sparse(each) for each in found]}


def _linked(asked: Asked, view: DeviceView) -> dict[str, Any]:
    """With what links it to an included connection: elsewhere that has an address, and no place among others."""
    found = _resource(view)
    if "connection" in asked.include:
        address = view.device.address if view.device.lifecycle is Lifecycle.CONFIGURED else None
        found["relationships"]["connection"] |= to_one("connections", address)
    return found


def _resource(view: DeviceView) -> dict[str, Any]:
    return show_device(services(), view)


def _address(view: DeviceView) -> str:
    return view.device.address
