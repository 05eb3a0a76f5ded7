"""One client's stream of events: what it is told, and when it has fallen too far behind.

Each stream has a queue of its own; a client that does not keep up gets `gap` and is closed, and
asks again with Last-Event-ID. Nobody waits for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio

from actors import Channel
from hawk import __version__
from hawk.config.changes import shown
from hawk.directory.messages import ListVehicles, LookUpDevice
from hawk.errors import StoreUnavailable
from hawk.events import (
    BluetoothChanged,
    CrankingStored,
    DeviceChanged,
    DeviceDiscovered,
    DeviceRemoved,
    DeviceUpdated,
    HistoryProgress,
    ReadingsStored,
    ReadingTaken,
    RungTaken,
    SettingsChanged,
    VehicleChanged,
    VehicleRemoved,
    VehicleSummarised,
)
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.reading import Reading
from hawk.store.messages import GetReadingsAfter, GetStoreStatus
from hawk.web.jsonapi import ApiError, dumps, resource
from hawk.web.proxy import with_base
from hawk.web.resources import (
    discovery_resource,
    reading_resource,
    remembered_resource,
    vehicle_resource,
)
from hawk.web.services import LONG_DEADLINE, AccessChanged, Services, StreamsEnd, ask, show_device

if TYPE_CHECKING:
    from hawk.web.shapes import HelloShape, StatusPart

QUEUE = 256  # facts that a slow client may be behind
REPLAY = 1000  # readings that Last-Event-ID can bring back
PULSE = 15.0  # [s] between comments that keep proxies from closing the stream
TYPES = ("reading", "live", "device", "vehicle", "discovery", "alert", "history", "system", "settings")

_HEARD = (
    ReadingsStored, ReadingTaken, DeviceUpdated, DeviceChanged, DeviceRemoved, DeviceDiscovered,
    VehicleChanged, VehicleRemoved, VehicleSummarised, BluetoothChanged, RungTaken, HistoryProgress,
    CrankingStored, SettingsChanged, StreamsEnd, AccessChanged,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    types: frozenset[str] = frozenset(TYPES)
    device: Address | None = None

    def fits(self, name: str, device: Address | None = None) -> bool:
        """What concerns no device in particular comes to all."""
        return name in self.types and (self.device is None or device is None or device == self.device)


@contextmanager
def open_stream(
    ours: Services, wanted: Wanted, admitted: Callable[[], bool] = lambda: True
) -> "Iterator[Stream]":
    """It hears from now on: what it looks up afterwards cannot have a hole before the first event."""
    with ours.system.bus.channel(*_HEARD, size=QUEUE) as channel, ours.streams.counted():
        yield Stream(ours, wanted, channel, admitted)


class Stream:
    def __init__(
        self, ours: Services, wanted: Wanted, channel: Channel, admitted: Callable[[], bool]
    ) -> None:
        self._ours, self._wanted, self._facts, self._admitted = ours, wanted, channel.events, admitted
        self._told = 0  # readings up to this seq are the client's already, or can be fetched
        self._changed = _Changed()
        self.over = not admitted()

    async def begin(self, since: int | None) -> bytes:
        """`since`: the last reading the client knows; it gets those it missed, and `gap` for the rest."""
        seq = await self._last_seq()
        hello: HelloShape = {"gateway_id": self._ours.gateway_id, "version": __version__, "seq": seq}
        said = [b"retry: 3000\n", self._event("hello", hello)]
        if since is not None and self._wanted.fits("reading"):
            said += await self._missed(since, seq)
        if seq is not None:
            self._told = seq
        return b"".join(said)

    async def wait_more(self) -> bytes:
        """The next events, a comment after a while without any, or the last words."""
        pulse = trio.current_time() + PULSE
        said: list[bytes] = []
        while not said:
            fact = None
            try:
                with trio.move_on_at(pulse):
                    fact = await self._facts.receive()
            except trio.EndOfChannel:
                self.over = True
                return self._event("gap", {"from": self._told + 1, "to": None})
            said = [b": \n\n"] if fact is None else await self._events(fact)
        return b"".join(said)

    async def _events(self, fact: object) -> list[bytes]:
        match fact:
            case StreamsEnd() | AccessChanged():
                self.over = isinstance(fact, StreamsEnd) or not self._admitted()
                return [self._event("bye", {})] if self.over else []
            case ReadingsStored(readings):
                said = [said for reading in readings for said in self._stored(reading)]
            case DeviceChanged() | VehicleChanged() | VehicleSummarised():
                self._note(fact)
                said = []
            case _:
                said = list(self._plain(fact))
        if self._changed and not self._facts.statistics().current_buffer_used:
            said += await self._looked_up()
        return said

    def _event(self, name: str, data: object, seq: int | None = None) -> bytes:
        return event(name, with_base(data, self._ours.settings.api.base_path), seq)

    # -- readings ----------------------------------------------------------------------------

    def _stored(self, reading: Reading) -> Iterator[bytes]:
        if (seq := reading.seq or 0) > self._told:
            self._told = seq
            if self._wanted.fits("reading", reading.device_id):
                yield self._event("reading", reading_resource(reading), seq)

    async def _last_seq(self) -> int | None:
        with suppress(ApiError, StoreUnavailable):
            return (await ask(self._ours.store, GetStoreStatus())).seq
        return None

    async def _missed(self, since: int, until: int | None) -> list[bytes]:
        if until is not None and since > until:  # of another log than this
            return [self._event("gap", {"from": 1, "to": until})]
        said: list[bytes] = []
        self._told = since
        with suppress(ApiError, StoreUnavailable):
            readings = await ask(self._ours.store, GetReadingsAfter(since, REPLAY), LONG_DEADLINE)
            for reading in readings:
                if until is None or (reading.seq or 0) <= until:
                    said += self._stored(reading)
            if len(readings) < REPLAY or self._told == until:
                return said
        return [*said, self._event("gap", {"from": self._told + 1, "to": until})]

    # -- what has to be looked up --------------------------------------------------------------

    def _note(self, fact: DeviceChanged | VehicleChanged | VehicleSummarised) -> None:
        if isinstance(fact, DeviceChanged):
            if self._wanted.fits("device", fact.key):
                self._changed.devices.add(fact.key)
        elif self._wanted.fits("vehicle"):
            self._changed.vehicles.add(fact.key)

    async def _looked_up(self) -> list[bytes]:
        """The directory knows already: the same bus told it before."""
        changed, self._changed = self._changed, _Changed()
        said: list[bytes] = []
        with suppress(ApiError):
            for address in sorted(changed.devices):
                said += self._view(await ask(self._ours.directory, LookUpDevice(address)))
            if changed.vehicles:
                views = await ask(self._ours.directory, ListVehicles())
                found = (view for view in views if view.listed and view.vehicle.id in changed.vehicles)
                said += [self._event("vehicle", vehicle_resource(view)) for view in found]
        return said

    # -- what says all itself ------------------------------------------------------------------

    def _view(self, view: DeviceView | None) -> Iterator[bytes]:
        if view is not None and self._wanted.fits("device", view.device.address):
            yield self._event("device", show_device(self._ours, view))

    def _plain(self, fact: object) -> Iterator[bytes]:
        fits = self._wanted.fits
        match fact:
            case ReadingTaken(reading):
                if fits("live", reading.device_id):
                    yield self._event("live", reading_resource(reading))
            case DeviceUpdated(view):
                yield from self._view(view)
            case DeviceRemoved(address):
                if fits("device", address):
                    yield self._event("device", _deleted("devices", address))
            case VehicleRemoved(vehicle_id):
                if fits("vehicle"):
                    yield self._event("vehicle", _deleted("vehicles", vehicle_id))
            case DeviceDiscovered():
                if fits("discovery", fact.key):
                    yield self._event("discovery", discovery_resource(fact))
            case HistoryProgress() | CrankingStored():
                if fits("history", fact.key):
                    yield self._event("history", remembered_resource(fact))
            case BluetoothChanged() | RungTaken():
                if fits("system"):
                    yield self._event("system", resource("system-status", "system", _bluetooth(fact)))
            case SettingsChanged(settings):
                if fits("settings"):
                    yield self._event("settings", resource("system-config", "system", shown(settings)))


def _bluetooth(fact: BluetoothChanged | RungTaken) -> "StatusPart":
    """The part of the status that it is about."""
    if isinstance(fact, RungTaken):
        return {"bluetooth": {"recovery": {fact.rung: fact.times}}}
    return {"bluetooth": {"listening": fact.listening, "reason": fact.reason}}


@dataclass(slots=True)
class _Changed:
    """Records to look up: one that changes often is told once, when there is time for it."""

    devices: set[Address] = field(default_factory=set)
    vehicles: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.devices or self.vehicles)


def _deleted(kind: str, id_: str) -> dict[str, Any]:
    return {"type": kind, "id": id_, "meta": {"deleted": True}}


def event(name: str, data: object, seq: int | None = None) -> bytes:
    """As it goes over the wire; `seq` comes back as Last-Event-ID."""
    head = b"" if seq is None else b"id: %d\n" % seq
    return head + b"event: " + name.encode() + b"\ndata: " + dumps(data) + b"\n\n"
