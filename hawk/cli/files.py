"""Devices and vehicles in the files of a data folder that no service has."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from hawk.cli.drivers import drop_ins, installed
from hawk.clock import SystemClock
from hawk.config.load import load
from hawk.config.schema import Settings
from hawk.datafolder import DataFolder
from hawk.devices.policy import Freshness, polling_interval
from hawk.directory.listing import vehicle_views
from hawk.directory.messages import VehicleView
from hawk.drivers.api import Driver
from hawk.drivers.catalogue import Catalogue
from hawk.errors import Invalid, NotFound, StoreUnavailable
from hawk.model.address import Address
from hawk.model.device import Device, DeviceView, Lifecycle
from hawk.model.live import Live
from hawk.model.reading import Moment, Reading
from hawk.model.vehicle import Member, summarise
from hawk.registry import changes
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import Snapshot, VehicleChanges
from hawk.store.outside import Outside
from hawk.web.attributes import device_changes
from hawk.web.jsonapi import Sent
from hawk.web.resources import device_resource, vehicle_resource

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InFiles:
    """Values are those of the newest reading in the log."""

    files: RegistryFiles
    settings: Settings
    drivers: Catalogue
    now: Moment
    latest: Mapping[Address, Reading]

    @classmethod
    def on(cls, folder: DataFolder) -> "InFiles":
        """Raises ConfigurationError."""
        settings = load(folder.system_json, os.environ).settings
        now = SystemClock(settings.clock.trust).moment()
        files = RegistryFiles(folder.devices_json, folder.vehicles_json)
        drivers = installed(drop_ins(folder.path, settings))
        return cls(files, settings, drivers, now, _latest(folder.readings_db, now))

    @property
    def _fleet(self) -> Snapshot:
        return self.files.snapshot

    # -- devices -----------------------------------------------------------------------------

    def devices(self) -> Json:
        return _list([self._shown(view) for view in self._views()])

    def device(self, address: Address) -> Json:
        return {"data": self._shown(self._view(changes.device_of(self._fleet, address)))}

    def change_device(self, address: Address, attributes: Json) -> Json:
        wanted = device_changes(address, Sent(address, attributes, {}, {}))
        known = self.drivers.canonical_type
        self.files.write(changes.change(self._fleet, address, wanted, self.now.utc, known))
        return self.device(address)

    def remove_device(self, address: Address) -> None:
        self.files.write(changes.remove_device(self._fleet, address))

    def _shown(self, view: DeviceView) -> Json:
        config = self.drivers.shown(view.device.device_type, view.device.config)
        return device_resource(view, self.settings.polling.interval, config)

    def _views(self) -> list[DeviceView]:
        return [self._view(device) for _, device in sorted(self._fleet.devices.items())]

    def _view(self, device: Device) -> DeviceView:
        vehicle = self._fleet.vehicle_of(device)
        view = DeviceView(device, vehicle.name if vehicle else None)
        if device.lifecycle is Lifecycle.CONFIGURED:
            view = seen_last(view, self.latest.get(device.address))
            view = polled(view, self._driver(device), self.settings.polling.interval)
        return view.at(self.now.boot_time, Freshness().longest_age(view.interval))

    def _driver(self, device: Device) -> Driver | None:
        try:
            return self.drivers.driver(device.device_type).configured(device.config)
        except (NotFound, Invalid):
            return None

    # -- vehicles ----------------------------------------------------------------------------

    def vehicles(self, *, automatic: bool) -> Json:
        listed = [each for each in self._vehicle_views() if each.listed or automatic]
        return _list([vehicle_resource(each) for each in listed])

    def vehicle(self, vehicle_id: str) -> Json:
        changes.vehicle_of(self._fleet, vehicle_id)
        (found,) = (each for each in self._vehicle_views() if each.vehicle.id == vehicle_id)
        return {"data": vehicle_resource(found)}

    def add_vehicle(self, name: str) -> Json:
        self.files.write(changes.create_vehicle(self._fleet, name, self.now.utc))
        return self.vehicle(f"vehicle_{self._fleet.last_vehicle}")

    def rename_vehicle(self, vehicle_id: str, name: str) -> Json:
        self.files.write(changes.change_vehicle(self._fleet, vehicle_id, VehicleChanges(name)))
        return self.vehicle(vehicle_id)

    def remove_vehicle(self, vehicle_id: str, move_to: str | None) -> None:
        self.files.write(changes.remove_vehicle(self._fleet, vehicle_id, move_to))

    def _vehicle_views(self) -> tuple[VehicleView, ...]:
        views = self._views()
        summaries = {
            vehicle.id: summarise(vehicle, members, self.now)
            for vehicle in self._fleet.vehicles.values()
            if (
                members := [
                    Member.of(view)
                    for view in views
                    if view.device.vehicle_id == vehicle.id and view.live.values
                ]
            )
        }
        return vehicle_views(self._fleet.vehicles, views, summaries)


def seen_last(view: DeviceView, reading: Reading | None) -> DeviceView:
    if reading is None:
        return view
    return replace(
        view,
        live=Live().with_sample(reading.sample, reading.moment),
        rssi=reading.rssi,
        adapter=reading.adapter,
        last_seen=reading.moment,
        simulated=reading.simulated,
    )


def polled(view: DeviceView, driver: Driver | None, setting: float) -> DeviceView:
    """With the interval that holds for it [s]; a type that is not installed nobody polls."""
    if driver is None or driver.heard_only:
        return replace(view, heard_only=driver is not None)
    return replace(view, interval=polling_interval(view.device, driver, setting))


def _latest(log: Path, now: Moment) -> Mapping[Address, Reading]:
    """Nothing when there is no log; that one cannot be read is said on stderr, the records are shown all the same."""
    try:
        with Outside.open(log) as readings:
            return {reading.device_id: reading for reading in readings.latest(now)}
    except NotFound:
        return {}
    except StoreUnavailable as error:
        click.echo(f"hawk: no values are shown: {error}", err=True)
        return {}


def _list(resources: list[Json]) -> Json:
    return {"data": resources, "links": {"next": None}, "meta": {"total": len(resources)}}
