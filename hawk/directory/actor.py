"""The directory: all devices and vehicles as they are now, for lists.

It holds no truth: records come from the registry, what is live from the bus. Of configured
devices their actors tell; of discovered ones the scanner's adverts do.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from actors import Actor, ActorCrashed, ActorRef, AskTimeout
from hawk.clock import Clock
from hawk.directory.listing import vehicle_views
from hawk.directory.messages import ListDevices, ListVehicles, LookUpDevice
from hawk.events import (
    DeviceChanged,
    DeviceDiscovered,
    DeviceRemoved,
    DeviceSeen,
    DeviceUpdated,
    VehicleChanged,
    VehicleRemoved,
    VehicleSummarised,
)
from hawk.model.address import Address
from hawk.model.device import Device, DeviceView, Lifecycle
from hawk.model.vehicle import Vehicle, VehicleSummary
from hawk.registry.messages import GetRegistry, Snapshot

_SNAPSHOT_DEADLINE = 5.0  # [s]

RecordEvent = DeviceChanged | DeviceRemoved | VehicleChanged | VehicleRemoved


class DirectoryActor(Actor):
    def __init__(
        self, registry: ActorRef[Any], clock: Clock, longest_age: Callable[[float | None], float]
    ) -> None:
        super().__init__()
        self._registry, self._clock, self._longest_age = registry, clock, longest_age
        self._views: dict[Address, DeviceView] = {}
        self._vehicles: dict[str, Vehicle] = {}
        self._summaries: dict[str, VehicleSummary] = {}
        self._early: list[RecordEvent] | None = []  # heard before the snapshot came

    async def setup(self) -> None:
        self.subscribe(
            DeviceChanged, DeviceDiscovered, DeviceRemoved, DeviceSeen, DeviceUpdated, VehicleChanged,
            VehicleRemoved, VehicleSummarised,
        )  # fmt: skip
        self.spawn(self._fetch_records)

    def on_receive(self, message: Any) -> Any:
        match message:
            case ListDevices():
                now = self._clock.moment().boot_time
                return tuple(self._as_of(now, self._views[address]) for address in sorted(self._views))
            case LookUpDevice(address):
                view = self._views.get(address)
                return view and self._as_of(self._clock.moment().boot_time, view)
            case ListVehicles():
                views = (self._views[address] for address in sorted(self._views))
                return vehicle_views(self._vehicles, views, self._summaries)
            case DeviceSeen():
                self._seen(message)
            case DeviceDiscovered():
                self._discovered(message)
            case DeviceUpdated(view):
                if view.device.address in self._views:
                    self._views[view.device.address] = view
            case DeviceChanged() | DeviceRemoved() | VehicleChanged() | VehicleRemoved():
                self._follow(message)
                if self._early is not None:
                    self._early.append(message)
            case VehicleSummarised(summary):
                self._summaries[summary.vehicle_id] = summary
            case Snapshot():
                self._begin_with(message)
            case _:
                return super().on_receive(message)
        return None

    async def _fetch_records(self) -> None:
        while True:
            try:
                self.ref.tell(await self._registry.ask(GetRegistry()).within(_SNAPSHOT_DEADLINE))
            except (AskTimeout, ActorCrashed):
                continue  # the registry is just being restarted
            return

    def _begin_with(self, snapshot: Snapshot) -> None:
        """It may have been overtaken by what the bus told while it was on its way."""
        self._vehicles.update(snapshot.vehicles)
        for device in snapshot.devices.values():
            self._put(device)
        early, self._early = self._early or [], None
        for event in early:
            self._follow(event)

    def _follow(self, event: RecordEvent) -> None:
        match event:
            case DeviceChanged(device):
                self._put(device)
            case DeviceRemoved(address):
                self._views.pop(address, None)
            case VehicleChanged(vehicle):
                self._vehicles[vehicle.id] = vehicle
                self._name_again(vehicle)
            case VehicleRemoved(vehicle_id):
                self._vehicles.pop(vehicle_id, None)
                self._summaries.pop(vehicle_id, None)

    def _as_of(self, boot_time: float, view: DeviceView) -> DeviceView:
        """Also of a configured device: its actor may be gone, and what it said last gets old."""
        return view.at(boot_time, self._longest_age(view.interval))

    def _put(self, device: Device) -> None:
        vehicle = self._vehicles.get(device.vehicle_id) if device.vehicle_id else None
        view = self._views.get(device.address, DeviceView(device))
        self._views[device.address] = replace(
            view, device=device, vehicle_name=vehicle.name if vehicle else None
        )

    def _name_again(self, vehicle: Vehicle) -> None:
        for address, view in self._views.items():
            if view.device.vehicle_id == vehicle.id:
                self._views[address] = replace(view, vehicle_name=vehicle.name)

    def _discovered(self, event: DeviceDiscovered) -> None:
        if (view := self._views.get(event.key)) is not None:
            self._views[event.key] = replace(
                view,
                name=event.name or view.name,
                rssi=event.rssi,
                found_by=event.reason,
                last_seen=event.moment,
            )

    def _seen(self, event: DeviceSeen) -> None:
        advertisement = event.advertisement
        view = self._views.get(advertisement.address)
        if view is None or view.device.lifecycle is Lifecycle.CONFIGURED:
            return
        live = view.live.with_sample(event.heard.sample, event.moment) if event.heard else view.live
        self._views[advertisement.address] = replace(
            view,
            live=live,
            name=advertisement.name or view.name,
            rssi=advertisement.rssi,
            adapter=advertisement.adapter,
            last_seen=event.moment,
            simulated=advertisement.simulated,
        )
