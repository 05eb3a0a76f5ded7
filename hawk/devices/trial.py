"""Reads devices that need not be registered, once each: whether a record is right shows before it is kept."""

from typing import Any

import trio

from actors import Actor, Later
from hawk.devices.messages import ReadOnce, Trial
from hawk.devices.poll import Poller
from hawk.devices.station import Station
from hawk.devices.visit import Visitor
from hawk.drivers.api import Driver
from hawk.drivers.catalogue import Catalogue
from hawk.errors import HeardOnly, Paused
from hawk.model.reading import Reading, Sample, Source


class TrialActor(Actor):
    """An actor of its own: a driver that crashes here takes no device along."""

    def __init__(self, catalogue: Catalogue, station: Station) -> None:
        super().__init__()
        self._catalogue, self._station = catalogue, station

    def on_receive(self, message: Any) -> Any:
        match message:
            case ReadOnce():
                return self._read_once(message)
            case _:
                return super().on_receive(message)

    def _read_once(self, asked: ReadOnce) -> Later[Trial]:
        device = asked.device
        driver = self._catalogue.driver(device.device_type).configured(device.config)
        if driver.heard_only:
            raise HeardOnly(driver.device_type)
        if self._station.releases.until(device.address, trio.current_time()) is not None:
            raise Paused(f"{device.address} is left to others: 'hawk devices release --end' ends that.")
        later: Later[Trial] = Later(on_given_up=lambda: task.cancel())  # noqa: PLW0108  # made after it
        task = self.spawn(self._read, asked, driver, later)
        return later

    async def _read(self, asked: ReadOnce, driver: Driver, later: Later[Trial]) -> None:
        taken: list[Reading] = []
        visitor = Visitor(
            address=asked.device.address,
            station=self._station,
            holder=self.ref,
            urgent=True,
            on_link=lambda _: None,
        )
        poller = Poller(visitor, driver, on_sample=lambda sample: taken.append(self._reading(asked, sample)))
        polled = await poller.poll()
        if polled.error is not None:
            later.fail(polled.error)
        else:
            later.resolve(Trial(taken[0], driver.shows))

    def _reading(self, asked: ReadOnce, sample: Sample) -> Reading:
        device, station = asked.device, self._station
        return Reading(
            device_id=device.address,
            moment=station.clock.moment(),
            sample=sample,
            source=Source.GATT,
            device_type=device.device_type,
            device_name=device.friendly_name,
            vehicle_id=device.vehicle_id,
            vehicle_name=asked.vehicle_name,
            gateway_id=station.gateway_id,
            simulated=station.radio.simulated,
        )
