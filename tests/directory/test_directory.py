"""The directory: records from the registry, what is live from the bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock

from actors import Actor, ActorRef, ActorSystem, ChildSpec, Later, Supervisor
from actors.testing import Probe, open_test_system, wait_until
from hawk.devices.policy import Freshness
from hawk.directory.actor import DirectoryActor
from hawk.directory.messages import ListDevices, ListVehicles, LookUpDevice
from hawk.drivers.api import Heard
from hawk.events import (
    DeviceChanged,
    DeviceRemoved,
    DeviceSeen,
    DeviceUpdated,
    VehicleChanged,
    VehicleRemoved,
)
from hawk.model.advertisement import Advertisement
from hawk.model.device import Lifecycle
from hawk.model.reading import Moment, Sample
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import GetRegistry, Snapshot
from tests.cast import NOW, A, B, device, view
from tests.doubles import VirtualClock

BOAT = Vehicle("vehicle_1", "Boat", NOW)
STRANGER = device(B, "vehicle_2", lifecycle=Lifecycle.DISCOVERED)
OWN = Vehicle("vehicle_2", "Vehicle 2", NOW, automatic=True)
RECORDS = Snapshot({A: device(A), B: STRANGER}, {BOAT.id: BOAT, OWN.id: OWN})


class Registry(Probe):
    def on_receive(self, message: Any) -> Any:
        return self._messages[0] if isinstance(message, GetRegistry) else None


@asynccontextmanager
async def running() -> AsyncIterator[tuple[ActorSystem, ActorRef[Any]]]:
    async with open_test_system() as system:
        registry = await system.start(ChildSpec("registry", partial(Registry.start, [RECORDS])))
        directory = await system.start(
            ChildSpec(
                "directory", partial(DirectoryActor.start, registry, VirtualClock(), Freshness().longest_age)
            )
        )
        actor = directory._actor_weakref()
        await wait_until(lambda: len(actor._views) == 2)
        yield system, directory


def heard(volts: float) -> DeviceSeen:
    advertisement = Advertisement(B, "BM6", -70, "hci0")
    sample = Heard(Sample(voltage=volts), proven=True, recordable=True)
    return DeviceSeen(advertisement, Moment(NOW, 1.0), "BM6", sample)


async def test_it_lists_all_records_after_a_start(autojump_clock: MockClock) -> None:
    async with running() as (_, directory):
        views = await directory.ask(ListDevices()).within(1)
        assert [(each.device.address, each.vehicle_name) for each in views] == [(A, "Boat"), (B, "Vehicle 2")]
        listed = await directory.ask(ListVehicles()).within(1)
        assert [(each.vehicle.id, each.devices, each.listed) for each in listed] == [
            ("vehicle_1", (A,), True), ("vehicle_2", (B,), False),
        ]  # fmt: skip


async def test_of_a_discovered_device_the_adverts_tell(autojump_clock: MockClock) -> None:
    async with running() as (system, directory):
        system.bus.publish(heard(12.34))
        found = await directory.ask(LookUpDevice(B)).within(1)
        assert (found.live.values["voltage"].value, found.rssi, found.name) == (12.34, -70, "BM6")


async def test_a_value_of_a_discovered_device_gets_old(autojump_clock: MockClock) -> None:
    async with running() as (system, directory):
        system.bus.publish(heard(12.34))
        await trio.sleep(300)
        found = await directory.ask(LookUpDevice(B)).within(1)
        assert (found.available, found.stale) == (True, frozenset())
        await trio.sleep(2)
        (_, listed) = await directory.ask(ListDevices()).within(1)
        assert (listed.available, listed.stale) == (False, frozenset({"voltage"}))


async def test_of_a_configured_device_its_actor_tells(autojump_clock: MockClock) -> None:
    async with running() as (system, directory):
        system.bus.publish(replace(heard(9.99), advertisement=Advertisement(A, None, -70, "hci0")))
        system.bus.publish(DeviceUpdated(view(A, 12.6)))
        found = await directory.ask(LookUpDevice(A)).within(1)
        assert found.live.values["voltage"].value == 12.6


async def test_a_value_of_a_configured_device_gets_old_though_its_actor_says_nothing_any_more(
    autojump_clock: MockClock,
) -> None:
    """As that of a device whose driver was taken away."""
    async with running() as (system, directory):
        system.bus.publish(DeviceUpdated(view(A, 12.6, interval=3600.0)))
        await trio.sleep(8999)
        found = await directory.ask(LookUpDevice(A)).within(1)
        assert (found.available, found.stale) == (True, frozenset())
        await trio.sleep(2)
        found = await directory.ask(LookUpDevice(A)).within(1)
        assert (found.available, found.stale) == (False, frozenset({"voltage"}))


async def test_a_removed_device_does_not_come_back_with_its_last_word(autojump_clock: MockClock) -> None:
    async with running() as (system, directory):
        system.bus.publish(DeviceRemoved(A))
        system.bus.publish(DeviceUpdated(view(A, 12.6)))
        assert await directory.ask(LookUpDevice(A)).within(1) is None


async def test_names_follow_the_registry(autojump_clock: MockClock) -> None:
    async with running() as (system, directory):
        system.bus.publish(VehicleChanged(replace(BOAT, name="Ship")))
        system.bus.publish(DeviceChanged(device(A, friendly_name="House bank")))
        found = await directory.ask(LookUpDevice(A)).within(1)
        assert (found.vehicle_name, found.device.friendly_name) == ("Ship", "House bank")
        system.bus.publish(VehicleRemoved("vehicle_2"))
        assert len(await directory.ask(ListVehicles()).within(1)) == 1


class SlowRegistry(Actor):
    """Tells of changes while its answer to an older question is on the way."""

    def __init__(self, answer: Later[Any], facts: list[Any]) -> None:
        super().__init__()
        self._answer, self._facts = answer, facts

    def on_receive(self, message: Any) -> Any:
        for fact in self._facts:
            self.publish(fact)
        return self._answer


async def test_a_snapshot_that_was_overtaken_brings_nothing_old_back(autojump_clock: MockClock) -> None:
    answer: Later[Any] = Later()
    ship = replace(BOAT, name="Ship")
    facts = [VehicleChanged(ship), DeviceRemoved(B), VehicleRemoved(OWN.id)]
    async with open_test_system() as system:
        registry = await system.start(ChildSpec("registry", partial(SlowRegistry.start, answer, facts)))
        start = partial(DirectoryActor.start, registry, VirtualClock(), Freshness().longest_age)
        directory = await system.start(ChildSpec("directory", start))
        await wait_until(lambda: directory._actor_weakref()._vehicles)
        answer.resolve(RECORDS)
        await wait_until(lambda: directory._actor_weakref()._views)
        views = await directory.ask(ListDevices()).within(1)
        assert [(each.device.address, each.vehicle_name) for each in views] == [(A, "Ship")]
        assert [each.vehicle for each in await directory.ask(ListVehicles()).within(1)] == [ship]


class FaultyRegistry(Registry):
    """Its first incarnation crashes when it is asked."""

    def on_receive(self, message: Any) -> Any:
        if self.incarnation == 1:
            raise ValueError("a bug")
        return super().on_receive(message)


async def test_it_outlives_a_registry_that_crashes_with_its_question(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        registry = FaultyRegistry.reserve("registry")
        children = [ChildSpec("registry", partial(FaultyRegistry.start, [RECORDS]), registry)]
        await system.start(ChildSpec("root", partial(Supervisor.start, children)))
        start = partial(DirectoryActor.start, registry, VirtualClock(), Freshness().longest_age)
        directory = await system.start(ChildSpec("directory", start))
        await wait_until(lambda: directory._actor_weakref()._views)
        assert directory.incarnation == 1
        assert len(await directory.ask(ListDevices()).within(1)) == 2
