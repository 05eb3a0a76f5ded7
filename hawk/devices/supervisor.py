"""One device actor for each configured device of the registry."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import trio

from actors import ActorRef, ChildSpec, Group, Reconcile, RestartChild
from hawk.config.messages import Follow
from hawk.devices.device import DeviceActor
from hawk.devices.messages import Configure, EndRelease, Release, ReleasesChanged
from hawk.devices.station import Station
from hawk.drivers.api import Driver
from hawk.drivers.catalogue import Catalogue
from hawk.errors import Invalid, NotFound
from hawk.events import DeviceChanged, DeviceRemoved, VehicleChanged
from hawk.model.device import Device, Lifecycle
from hawk.model.reading import Moment
from hawk.registry.messages import GetRegistry, Snapshot

_SNAPSHOT_DEADLINE = 5.0  # [s]
_SHUTDOWN = 25.0  # [s] BlueZ may take this long to let a link go

log = logging.getLogger(__name__)


class DevicesGroup(Group[Configure]):
    def __init__(self, registry: ActorRef[Any], catalogue: Catalogue, station: Station) -> None:
        super().__init__()
        self._registry, self._catalogue, self._station = registry, catalogue, station
        self._newest: Mapping[str, Configure] = {}
        self._complained: set[tuple[str, str]] = set()  # devices without a driver, and why

    async def setup(self) -> None:
        self.subscribe(DeviceChanged, DeviceRemoved, VehicleChanged)
        await super().setup()

    def on_receive(self, message: Any) -> Any:
        match message:
            case DeviceChanged() | DeviceRemoved() | VehicleChanged():
                message = Reconcile()
            case Follow(settings):
                self._station = self._station.under(settings)
                return self._tell_all(message)
            case Release(seconds):
                return self._release_all(seconds)
            case EndRelease():
                self._station.releases.end(None)
                return self._tell_all(ReleasesChanged())
        return super().on_receive(message)

    def _release_all(self, seconds: float) -> Moment:
        self._station.releases.release(None, trio.current_time() + seconds)
        self._tell_all(ReleasesChanged())
        now = self._station.clock.moment()
        return Moment(None if now.utc is None else now.utc + round(seconds * 1000), now.boot_time + seconds)

    def _tell_all(self, message: Any) -> None:
        for child in self._children.values():
            if child.ref is not None and child.ref.is_alive():
                child.ref.tell(message)

    async def wanted(self) -> Mapping[str, Configure]:
        snapshot = await self._registry.ask(GetRegistry()).within(_SNAPSHOT_DEADLINE)
        self._newest = {
            name: record for name, record in configured(snapshot).items() if self._driver(record.device)
        }
        return self._newest

    def spec(self, name: str, record: Configure) -> ChildSpec:
        return ChildSpec(name, partial(self._start, record), shutdown=_SHUTDOWN)

    def changed(self, ref: ActorRef[Any], name: str, record: Configure) -> None:
        if _driver_of(record) != _driver_of(self._records[name]):
            self.ref.tell(RestartChild(name))
        else:
            ref.tell(record)

    def _start(self, first: Configure) -> ActorRef[Any]:
        """A later incarnation begins with the record as it is then."""
        record = self._newest.get(first.device.address, first)
        device = record.device
        driver = self._catalogue.driver(device.device_type).configured(device.config)
        return DeviceActor.start(record, driver, self._station)

    def _driver(self, device: Device) -> Driver | None:
        try:
            return self._catalogue.driver(device.device_type).configured(device.config)
        except NotFound as error:
            self._complain(device, str(error))
        except Invalid as error:
            self._complain(device, f"its config is wrong at {error.pointer or '/'}: {error}")
        return None

    def _complain(self, device: Device, why: str) -> None:
        if (device.address, why) not in self._complained:
            self._complained.add((device.address, why))
            log.warning("%s (%s) is left alone: %s", device.friendly_name, device.address, why)


def _driver_of(record: Configure) -> tuple[str, Mapping[str, Any]]:
    """What decides of it."""
    return record.device.device_type, record.device.config


def configured(snapshot: Snapshot) -> Mapping[str, Configure]:
    """By address, with the names of now."""
    return {
        address: Configure(device, vehicle.name if (vehicle := snapshot.vehicle_of(device)) else None)
        for address, device in snapshot.devices.items()
        if device.lifecycle is Lifecycle.CONFIGURED
    }
