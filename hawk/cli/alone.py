"""What a command does by itself when no service runs: reads a device, writes the registry."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from hawk.ble import refusal
from hawk.ble.open import open_radio
from hawk.ble.radio import Limits, Radio
from hawk.cli import interruptible
from hawk.clock import SystemClock
from hawk.config.load import load
from hawk.config.schema import Settings
from hawk.datafolder import DataFolder
from hawk.devices import session
from hawk.devices.messages import Trial
from hawk.drivers.api import Driver
from hawk.drivers.catalogue import Catalogue
from hawk.errors import HawkError, HeardOnly
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.reading import Reading, Sample, Source
from hawk.registry import changes
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import DeviceChanges
from hawk.web.resources import device_resource, trial_meta

HEARD_WITHIN = 60.0  # [s] a BM6 may pause for 38


@dataclass(frozen=True, slots=True)
class Alone:
    """On a data folder whose service does not run."""

    data: Path
    settings: Settings
    drivers: Catalogue

    @classmethod
    def on(cls, data: Path, drivers: Catalogue) -> "Alone":
        """Raises ConfigurationError."""
        return cls(data, load(data / "system.json", os.environ).settings, drivers)

    def read(self, address: Address, driver: Driver, name: str | None) -> Mapping[str, Any]:
        """What the service answers as `meta`. Raises BluetoothError."""
        radio = open_radio(self.settings)
        limits = Limits(session=self.settings.bluetooth.session_timeout)
        sample = interruptible.run(read_once, radio, address, driver, limits)
        reading = Reading(
            device_id=address,
            moment=SystemClock(self.settings.clock.trust).moment(),
            sample=sample,
            source=Source.GATT,
            device_type=driver.device_type,
            device_name=name or driver.device_type,
            vehicle_id=None,
            vehicle_name=None,
            gateway_id="",  # of the service
            simulated=radio.simulated,
        )
        return trial_meta(Trial(reading, driver.shows))

    def register(self, address: Address, wanted: DeviceChanges) -> dict[str, Any]:
        """The resource. Raises Invalid, Conflict, StartError or CannotWrite."""
        now = SystemClock(self.settings.clock.trust).moment().utc
        with DataFolder.open(self.data) as folder:
            files = RegistryFiles(folder.devices_json, folder.vehicles_json)
            known = self.drivers.canonical_type
            files.write(changes.configure(files.snapshot, address, wanted, now, known))
            device = files.snapshot.devices[address]
        shown = self.drivers.shown(device.device_type, device.config)
        return device_resource(DeviceView(device), self.settings.polling.interval, shown)


async def read_once(radio: Radio, address: Address, driver: Driver, limits: Limits) -> Sample:
    """Raises what the radio raises, NotHeard and HeardOnly."""
    if driver.heard_only:
        raise HeardOnly(driver.device_type)
    there, failures, samples = trio.Event(), list[HawkError](), list[Sample]()

    async def hear() -> None:
        try:
            await radio.scan(lambda advert: there.set() if advert.address == address else None)
        except HawkError as error:
            failures.append(error)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.run)
        nursery.start_soon(hear)
        try:
            await _wait_for(there, address)
            await session.read(radio, address, driver, limits, lambda _: None, samples.append)
        except HawkError as error:  # through the nursery it would come as a group
            failures.append(error)
        nursery.cancel_scope.cancel()
    if not samples:
        raise failures[0]
    return samples[0]


async def _wait_for(there: trio.Event, address: Address) -> None:
    with trio.move_on_after(HEARD_WITHIN):
        await there.wait()
        return
    raise refusal.not_heard(address)
