"""/api/events: what happens, as it happens (server-sent events).

Each stream has a queue of its own; a client that does not keep up gets `gap` and is closed, and
asks again with Last-Event-ID. Nobody waits for it.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import trio
from quart import Blueprint, Response, request

from actors import Channel
from hawk import __version__
from hawk.directory.messages import ListVehicles
from hawk.errors import StoreUnavailable
from hawk.events import (
    BluetoothChanged,
    DeviceDiscovered,
    DeviceRemoved,
    DeviceUpdated,
    ReadingsStored,
    ReadingTaken,
    VehicleChanged,
    VehicleRemoved,
    VehicleSummarised,
)
from hawk.model.address import Address, parse_address
from hawk.store.messages import GetReadingsAfter, GetStoreStatus
from hawk.web.http import arguments, services
from hawk.web.jsonapi import ApiError, bad_parameter, dumps, parse_query, resource
from hawk.web.resources import device_resource, reading_resource, timestamp, vehicle_resource
from hawk.web.services import LONG_DEADLINE, Services, ask

routes = Blueprint("events", __name__)

QUEUE = 256  # events that a slow client may be behind
REPLAY = 1000  # readings that Last-Event-ID can bring back
PULSE = 15.0  # [s] between comments that keep proxies from closing the stream
TYPES = ("reading", "live", "device", "vehicle", "discovery", "alert", "history", "system", "settings")
_HEARD = (
    ReadingsStored, ReadingTaken, DeviceUpdated, DeviceRemoved, DeviceDiscovered, VehicleChanged,
    VehicleRemoved, VehicleSummarised, BluetoothChanged,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    types: frozenset[str]
    device: Address | None

    def fits(self, name: str, device: Address | None = None) -> bool:
        return name in self.types and (self.device is None or device is None or device == self.device)


@routes.get("/api/events")
async def get_events() -> Response:
    asked = parse_query(arguments(), known=("types", "device"))
    types = frozenset(filter(None, asked.values.get("types", ",".join(TYPES)).split(",")))
    if types - set(TYPES):
        raise bad_parameter("types", f"can name {', '.join(TYPES)}")
    device = asked.values.get("device")
    wanted = Wanted(types, None if device is None else parse_address(device))
    ours = services()
    if ours.streams.open >= ours.settings.api.max_streams:
        raise ApiError(
            503, "too_many_streams", f"{ours.streams.open} event streams are open: api.max_streams"
        )
    since = _last_event_id(request.headers.get("Last-Event-ID"))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(_stream(ours, wanted, since), 200, headers, content_type="text/event-stream")
    response.timeout = None  # Quart ends a response after a minute otherwise
    return response


def _last_event_id(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else None


async def _stream(ours: Services, wanted: Wanted, since: int | None) -> AsyncIterator[bytes]:
    """Subscribes before it replays, so that nothing falls between the two."""
    with ours.system.bus.channel(*_HEARD, size=QUEUE) as channel, ours.streams.counted():
        seq = await _seq(ours)
        hello = {"gateway_id": ours.gateway_id, "version": __version__, "seq": seq}
        yield b"retry: 3000\n" + _event("hello", hello)
        if since is not None and wanted.fits("reading"):
            async for event in _replayed(ours, wanted, since, seq or 0):
                yield event
        async for event in _live(ours, wanted, channel, seq or 0):
            yield event


async def _live(ours: Services, wanted: Wanted, channel: Channel, told: int) -> AsyncIterator[bytes]:
    """`told`: readings up to this seq were there before the stream."""
    while not ours.streams.closing.is_set():
        try:
            fact = await _next(ours, channel)
        except trio.EndOfChannel:
            yield _event("gap", {"from": told + 1, "to": None})
            return
        if fact is None:
            yield b": \n\n"
            continue
        if isinstance(fact, ReadingsStored):
            told = max(told, fact.readings[-1].seq or 0)
        async for event in _said(ours, wanted, fact):
            yield event
    yield _event("bye", {})


async def _next(ours: Services, channel: Channel) -> object | None:
    """None after a while of silence, and when the server is about to stop."""
    fact = None
    with trio.move_on_after(PULSE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when, ours.streams.closing, nursery.cancel_scope)
            try:
                fact = await channel.events.receive()
            except trio.EndOfChannel:
                ended = True
            else:
                ended = False
            nursery.cancel_scope.cancel()
        if not ours.streams.closing.is_set() and fact is None and ended:
            raise trio.EndOfChannel
    return fact


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _replayed(ours: Services, wanted: Wanted, since: int, until: int) -> AsyncIterator[bytes]:
    if until - since > REPLAY:
        yield _event("gap", {"from": since + 1, "to": until - REPLAY})
        since = until - REPLAY
    with contextlib.suppress(ApiError, StoreUnavailable):
        readings = await ask(ours.store, GetReadingsAfter(since, REPLAY), LONG_DEADLINE)
        for reading in readings:
            if reading.seq is not None and reading.seq <= until and wanted.fits("reading", reading.device_id):
                yield _event("reading", reading_resource(reading), reading.seq)


async def _said(ours: Services, wanted: Wanted, fact: object) -> AsyncIterator[bytes]:
    match fact:
        case VehicleChanged() | VehicleSummarised():
            if wanted.fits("vehicle"):
                for view in await ask(ours.directory, ListVehicles()):
                    if view.vehicle.id == fact.key:
                        yield _event("vehicle", vehicle_resource(view))
        case _:
            for event in _plain(ours, wanted, fact):
                yield event


def _plain(ours: Services, wanted: Wanted, fact: object) -> Iterator[bytes]:
    match fact:
        case ReadingsStored(readings):
            for reading in readings:
                if wanted.fits("reading", reading.device_id):
                    yield _event("reading", reading_resource(reading), reading.seq)
        case ReadingTaken(reading):
            if wanted.fits("live", reading.device_id):
                yield _event("live", reading_resource(reading))
        case DeviceUpdated(view):
            if wanted.fits("device", view.device.address):
                yield _event("device", device_resource(view, ours.settings.polling.interval))
        case DeviceRemoved(address):
            if wanted.fits("device", address):
                yield _event("device", _deleted("devices", address))
        case VehicleRemoved(vehicle_id):
            if wanted.fits("vehicle"):
                yield _event("vehicle", _deleted("vehicles", vehicle_id))
        case DeviceDiscovered():
            if wanted.fits("discovery", fact.device.address):
                yield _event("discovery", discovery_resource(fact))
        case BluetoothChanged(listening, reason):
            if wanted.fits("system"):
                attributes = {"bluetooth": {"listening": listening, "reason": reason}}
                yield _event("system", resource("system-status", "system", attributes))


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


def _deleted(kind: str, id_: str) -> dict[str, Any]:
    return {"type": kind, "id": id_, "meta": {"deleted": True}}


def _event(name: str, data: object, seq: int | None = None) -> bytes:
    head = b"" if seq is None else b"id: %d\n" % seq
    return head + b"event: " + name.encode() + b"\ndata: " + dumps(data) + b"\n\n"


async def _seq(ours: Services) -> int | None:
    with contextlib.suppress(ApiError, StoreUnavailable):
        return (await ask(ours.store, GetStoreStatus())).seq
    return None
