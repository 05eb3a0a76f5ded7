"""A vehicle's summary: of its configured batteries, from young data alone, told when it changes."""

from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import ChildSpec, Supervisor, WhichChildren
from actors.testing import Probe, open_test_system, wait_until
from hawk.directory.messages import ListDevices
from hawk.events import DeviceUpdated, VehicleSummarised
from hawk.model.device import DeviceView
from hawk.model.reading import Moment
from hawk.model.vehicle import Member, Vehicle, summarise
from hawk.registry.messages import GetRegistry, Snapshot
from hawk.vehicles.messages import Crew
from hawk.vehicles.supervisor import VehiclesGroup, crews
from hawk.vehicles.vehicle import VehicleActor
from tests.cast import NOW, A, B, TrioClock, device, view

BOAT = Vehicle("vehicle_1", "Boat", NOW)
NOWHERE = Moment(NOW, 0.0)


@pytest.mark.parametrize(
    ("views", "average", "health", "score", "connected"),
    [
        ([], None, "unknown", None, 0),
        ([view(A)], None, "unknown", None, 0),
        ([view(A, 12.6), view(B, 12.2)], 12.4, "good", 100, 2),
        ([view(A, 12.6), view(B, 11.5, "low")], 12.05, "fair", 40, 2),
        ([view(A, 12.6), view(B, 10.0, "critical")], 11.3, "poor", 10, 2),
        ([view(A, 12.6), view(B, 25.4)], None, "good", 100, 2),
        ([view(A, 12.6), view(B, 15.2)], 13.9, "good", 100, 2),
        ([view(A, 12.6, "unknown")], 12.6, "unknown", None, 1),
        ([view(A, 12.6), view(B)], 12.6, "good", 100, 1),
    ],
)
def test_a_summary_counts_what_is_known(
    views: list[DeviceView], average: float | None, health: str, score: int | None, connected: int
) -> None:
    summary = summarise(BOAT, map(Member.of, views), NOWHERE)
    assert (summary.average_voltage, summary.health, summary.health_score, summary.connected) == (
        average, health, score, connected,
    )  # fmt: skip
    assert len(summary.members) == len(views)


def test_only_configured_devices_are_of_the_crew() -> None:
    stranger = device(B, lifecycle="discovered")
    snapshot = Snapshot({A: device(A), B: stranger}, {BOAT.id: BOAT})
    assert crews(snapshot) == {BOAT.id: Crew(BOAT, frozenset({A}))}


class Directory(Probe):
    """Answers with what it was given."""

    def on_receive(self, message: Any) -> Any:
        return tuple(self._messages) if isinstance(message, ListDevices) else None


async def test_it_tells_of_changes_and_not_of_repetitions(autojump_clock: MockClock) -> None:
    told: list[Any] = []
    async with open_test_system() as system:
        await system.start(ChildSpec("probe", partial(Probe.start, told, VehicleSummarised)))
        directory = await system.start(ChildSpec("directory", partial(Directory.start, [view(A, 12.6)])))
        crew = Crew(BOAT, frozenset({A, B}))
        await system.start(ChildSpec("boat", partial(VehicleActor.start, crew, directory, TrioClock())))
        await wait_until(lambda: told)
        assert told[-1].summary.average_voltage == 12.6
        for _ in range(3):
            system.bus.publish(DeviceUpdated(view(B, 12.2)))
        await wait_until(lambda: len(told) == 2)
        assert told[-1].summary.average_voltage == 12.4


async def test_a_battery_that_moved_away_counts_no_more(autojump_clock: MockClock) -> None:
    told: list[Any] = []
    async with open_test_system() as system:
        await system.start(ChildSpec("probe", partial(Probe.start, told, VehicleSummarised)))
        views = [view(A, 12.6), view(B, 12.2)]
        directory = await system.start(ChildSpec("directory", partial(Directory.start, views)))
        start = partial(VehicleActor.start, Crew(BOAT, frozenset({A, B})), directory, TrioClock())
        boat = await system.start(ChildSpec("boat", start))
        await wait_until(lambda: told)
        boat.tell(Crew(BOAT, frozenset({B})))
        await wait_until(lambda: len(told) == 2)
        assert [member.address for member in told[-1].summary.members] == [B]


class FaultyDirectory(Directory):
    """Its first incarnation crashes when it is asked."""

    def on_receive(self, message: Any) -> Any:
        if self.incarnation == 1:
            raise ValueError("a bug")
        return super().on_receive(message)


async def test_it_outlives_a_directory_that_crashes_with_its_question(autojump_clock: MockClock) -> None:
    told: list[Any] = []
    async with open_test_system() as system:
        await system.start(ChildSpec("probe", partial(Probe.start, told, VehicleSummarised)))
        directory = FaultyDirectory.reserve("directory")
        children = [ChildSpec("directory", partial(FaultyDirectory.start, [view(A, 12.6)]), directory)]
        await system.start(ChildSpec("root", partial(Supervisor.start, children)))
        start = partial(VehicleActor.start, Crew(BOAT, frozenset({A})), directory, TrioClock())
        boat = await system.start(ChildSpec("boat", start))
        await wait_until(lambda: told)
        assert (boat.incarnation, told[-1].summary.average_voltage) == (1, 12.6)


class FaultyRegistry(Probe):
    """Its first incarnation crashes when it is asked."""

    def on_receive(self, message: Any) -> Any:
        if self.incarnation == 1:
            raise ValueError("a bug")
        return self._messages[0] if isinstance(message, GetRegistry) else None


async def test_the_group_outlives_a_registry_that_crashes_with_its_question(
    autojump_clock: MockClock,
) -> None:
    records = Snapshot({A: device(A)}, {BOAT.id: BOAT})
    async with open_test_system() as system:
        registry = FaultyRegistry.reserve("registry")
        children = [ChildSpec("registry", partial(FaultyRegistry.start, [records]), registry)]
        await system.start(ChildSpec("root", partial(Supervisor.start, children)))
        directory = await system.start(ChildSpec("directory", partial(Directory.start, [])))
        start = partial(VehiclesGroup.start, registry, directory, TrioClock())
        group = await system.start(ChildSpec("vehicles", start))
        await wait_until(lambda: registry.incarnation == 2)
        await trio.sleep(10)
        assert [child.name for child in await group.ask(WhichChildren()).within(1)] == [BOAT.id]
        assert group.incarnation == 1
