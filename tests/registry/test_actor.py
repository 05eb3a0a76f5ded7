"""The registry actor: answered and announced when it is on the disk."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import ActorRef, ChildSpec, Supervisor
from actors.testing import Probe, open_test_system, wait_until
from hawk.errors import CannotWrite, ChangedMeanwhile, HawkError, Invalid, NotFound
from hawk.events import DeviceChanged, DeviceDiscovered, DeviceRemoved, VehicleChanged, VehicleRemoved
from hawk.model.device import Lifecycle
from hawk.registry.actor import RegistryActor
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import (
    ConfigureDevice,
    CreateVehicle,
    DeviceChanges,
    Discover,
    GetProblems,
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


DEVICE = {"device_type": "BM6", "vehicle_id": "boat", "friendly_name": "Starter"}


def edit(folder: Path, **devices: object) -> None:
    document = {"devices": {A: DEVICE | devices}}
    (folder / "devices.json").write_text(json.dumps(document))


async def until(condition: Callable[[], object]) -> None:
    """What threads do takes its time, which no clock of ours shortens."""
    while not condition():
        await trio.to_thread.run_sync(lambda: None)


async def test_an_edit_is_announced_at_the_next_look(tmp_path: Path, mock_clock: MockClock) -> None:
    async with running(files_in(tmp_path)) as (registry, facts):
        await registry.ask(CreateVehicle("Car")).within(5)  # the look at the start is over
        edit(tmp_path)
        mock_clock.jump(1.0)
        await until(lambda: len(facts) == 3)
        assert [type(fact) for fact in facts[1:]] == [VehicleChanged, DeviceChanged]
        (tmp_path / "devices.json").write_text("{}")
        mock_clock.jump(1.0)
        await until(lambda: len(facts) == 5)
        assert [type(fact) for fact in facts[3:]] == [DeviceRemoved, VehicleRemoved]


async def test_a_change_that_meets_an_edit_is_refused_and_accepted_at_the_second_try(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with running(files_in(tmp_path)) as (registry, _):
        await registry.ask(CreateVehicle("Car")).within(
            5
        )  # the look at the start is over, and no other is due
        edit(tmp_path)
        with pytest.raises(ChangedMeanwhile):
            await registry.ask(CreateVehicle("Camper")).within(5)
        vehicle = await registry.ask(CreateVehicle("Camper")).within(5)
        snapshot = await registry.ask(GetRegistry()).within(5)
        assert (vehicle.name, snapshot.devices[A].friendly_name) == ("Camper", "Starter")


async def test_a_wrong_edit_changes_nothing_and_is_told_to_whoever_asks(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    files = files_in(tmp_path)
    async with running(files) as (registry, facts):
        await registry.ask(FOUND).within(5)
        await until(lambda: len(facts) == 3)
        before = await registry.ask(GetRegistry()).within(5)
        edit(tmp_path, polling_interval="often")
        while not (said := await registry.ask(GetProblems()).within(5)):
            mock_clock.jump(1.0)
            await trio.to_thread.run_sync(lambda: None)
        assert "polling_interval: 'often'" in said[0]
        assert await registry.ask(GetRegistry()).within(5) == before
        assert len(facts) == 3
