"""The registry actor: answered and announced when it is on the disk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors import ActorRef, ChildSpec, Supervisor
from actors.testing import Probe, open_test_system, wait_until
from hawk.errors import CannotWrite, HawkError, Invalid, NotFound
from hawk.events import DeviceChanged, DeviceDiscovered, DeviceRemoved, VehicleChanged, VehicleRemoved
from hawk.model.device import Lifecycle
from hawk.registry.actor import RegistryActor
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import (
    ConfigureDevice,
    CreateVehicle,
    DeviceChanges,
    Discover,
    GetRegistry,
    RemoveDevice,
)
from tests.cast import NOW, A, B, TrioClock

FACTS = (DeviceChanged, DeviceDiscovered, DeviceRemoved, VehicleChanged, VehicleRemoved)
FOUND = Discover(A, "BM6", "BM6", -60, "decrypted advertisement", proven=True)


def files_in(folder: Path) -> RegistryFiles:
    return RegistryFiles(folder / "devices.json", folder / "vehicles.json")


@asynccontextmanager
async def running(files: RegistryFiles) -> AsyncIterator[tuple[ActorRef[Any], list[Any]]]:
    facts: list[Any] = []
    ref = RegistryActor.reserve("registry")
    start = partial(RegistryActor.start, files, TrioClock(), lambda device_type, _: device_type, False)
    async with open_test_system(expected=(HawkError,)) as system:
        await system.start(ChildSpec("probe", partial(Probe.start, facts, *FACTS)))
        await system.start(ChildSpec("root", partial(Supervisor.start, [ChildSpec("registry", start, ref)])))
        yield ref, facts


async def test_what_was_answered_is_on_the_disk_and_announced(tmp_path: Path) -> None:
    async with running(files_in(tmp_path)) as (registry, facts):
        device = await registry.ask(FOUND).within(5)
        assert device.lifecycle is Lifecycle.DISCOVERED
        assert files_in(tmp_path).snapshot.devices == {A: device}
        assert await registry.ask(FOUND).within(5) is None
        await wait_until(lambda: len(facts) == 3)
        assert [type(fact) for fact in facts] == [VehicleChanged, DeviceChanged, DeviceDiscovered]
        assert facts[2].moment.utc >= NOW


async def test_it_goes_on_after_a_restart_of_the_process(tmp_path: Path) -> None:
    async with running(files_in(tmp_path)) as (registry, _):
        await registry.ask(FOUND).within(5)
        configured = await registry.ask(ConfigureDevice(A, DeviceChanges(friendly_name="Starter"))).within(5)
        assert not configured.created
    async with running(files_in(tmp_path)) as (registry, _):
        snapshot = await registry.ask(GetRegistry()).within(5)
        assert snapshot.devices[A] == configured.device


async def test_changes_that_come_during_a_write_are_all_kept(tmp_path: Path) -> None:
    async with running(files_in(tmp_path)) as (registry, _):
        asked = [registry.ask(CreateVehicle(f"Boat {i}")) for i in range(30)]
        made = [await each.within(10) for each in asked]
        assert len({vehicle.id for vehicle in made}) == 30
    assert set(files_in(tmp_path).snapshot.vehicles) == {vehicle.id for vehicle in made}


async def test_a_refusal_goes_to_the_asker_and_changes_nothing(tmp_path: Path) -> None:
    async with running(files_in(tmp_path)) as (registry, facts):
        with pytest.raises(NotFound):
            await registry.ask(RemoveDevice(A)).within(5)
        with pytest.raises(Invalid):
            await registry.ask(ConfigureDevice(B, DeviceChanges())).within(5)
        assert facts == []


async def test_when_the_disk_refuses_the_state_is_what_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    async with running(files_in(folder)) as (registry, facts):
        await registry.ask(FOUND).within(5)
        await wait_until(lambda: len(facts) == 3)
        before = (await registry.ask(GetRegistry()).within(5), list(facts))
        folder.rename(tmp_path / "gone")
        with pytest.raises(CannotWrite):
            await registry.ask(CreateVehicle("Boat")).within(5)
        assert (await registry.ask(GetRegistry()).within(5), facts) == before
        (tmp_path / "gone").rename(folder)
        assert (await registry.ask(CreateVehicle("Boat")).within(5)).name == "Boat"


async def test_a_restarted_registry_announces_what_its_predecessor_wrote(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    async with running(files_in(tmp_path)) as (registry, _):
        await registry.ask(FOUND).within(5)
    files.snapshot = files_in(tmp_path).snapshot  # written, but the bus was never told
    async with running(files) as (registry, facts):
        await registry.ask(GetRegistry()).within(5)
        await wait_until(lambda: len(facts) == 2)
        assert [type(fact) for fact in facts] == [VehicleChanged, DeviceChanged]
