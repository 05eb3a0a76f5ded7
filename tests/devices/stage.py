"""The radio side of the service as it really is, over a scripted radio, in virtual time."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import trio

from actors import Actor, ActorRef, ActorSystem, ChildSpec, FindChild, MailboxSpec, Strategy, Supervisor
from actors.testing import open_test_system
from hawk.ble.arbiter import ArbiterActor
from hawk.ble.leftovers import Leftovers
from hawk.ble.messages import ArbiterStatus, GetArbiterStatus
from hawk.ble.recovery import Recovery
from hawk.ble.scanner import Discovery, ScannerActor
from hawk.devices.messages import Connection, GetConnection, GetView
from hawk.devices.station import Station
from hawk.devices.supervisor import DevicesGroup
from hawk.errors import HawkError
from hawk.events import DeviceUpdated, ReadingTaken
from hawk.model.device import Device, DeviceView
from hawk.model.reading import Reading, Source
from hawk.store.messages import GetLatest, GetReadings, Page
from tests.doubles import Records, ScriptedRadio, Shelf, VirtualClock, address, shelf, toys

E = TypeVar("E")


class Store(Actor):
    """Keeps the readings it is sent; a number makes it stall for so many seconds."""

    mailbox = MailboxSpec(size=4)

    def __init__(self, readings: list[Reading]) -> None:
        super().__init__()
        self._readings = readings

    async def on_receive(self, message: Any) -> Any:
        match message:
            case Reading():
                self._readings.append(message)
            case GetLatest(address):
                return next((r for r in reversed(self._readings) if r.device_id == address), None)
            case GetReadings(address, source=source):
                found = [r for r in self._readings if r.device_id == address and r.source is source]
                return Page(tuple(found[-1:]), None)
            case _:
                await trio.sleep(message)
        return None


class Ears(Actor):
    def __init__(self, events: list[Any]) -> None:
        super().__init__()
        self._events = events

    async def setup(self) -> None:
        self.subscribe(DeviceUpdated, ReadingTaken)

    def on_receive(self, message: Any) -> None:
        self._events.append(message)


@dataclass(slots=True)
class Stage:
    system: ActorSystem
    radio: ScriptedRadio
    shelf: Shelf
    clock: VirtualClock
    records: ActorRef[Any]
    store: ActorRef[Any]
    arbiter: ActorRef[Any]
    scanner: ActorRef[Any]
    devices: ActorRef[Any]
    station: Station
    stored: list[Reading] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def device(self, number: int = 1) -> ActorRef[Any]:
        ref = await self.devices.ask(FindChild(address(number))).within(1)
        assert ref is not None, f"no actor for {number}"
        return ref

    async def view(self, number: int = 1) -> DeviceView:
        return await (await self.device(number)).ask(GetView()).within(1)

    async def connection(self, number: int = 1) -> Connection:
        return await (await self.device(number)).ask(GetConnection()).within(1)

    async def slots(self) -> ArbiterStatus:
        return await self.arbiter.ask(GetArbiterStatus()).within(1)

    def said(self, *sources: Source) -> list[tuple[float, float | None]]:
        """When which voltage came into the store."""
        return [
            (round(reading.moment.boot_time, 1), reading.sample.voltage)
            for reading in self.stored
            if not sources or reading.source in sources
        ]

    def polls(self, number: int = 1) -> list[int]:
        """When it was connected to, in whole seconds."""
        return [int(at) for at, whom in self.radio.calls if whom == address(number)]


@asynccontextmanager
async def open_stage(
    *devices: Device,
    max_links: int = 1,
    radio: ScriptedRadio | None = None,
    adapt: Callable[[Station], Station] = lambda station: station,
) -> AsyncIterator[Stage]:
    radio, kept, clock = radio or ScriptedRadio(), shelf(devices), VirtualClock()
    records, store = Records.reserve("registry"), Store.reserve("store")
    arbiter, scanner = ArbiterActor.reserve("arbiter"), ScannerActor.reserve("scanner")
    group = DevicesGroup.reserve("devices")
    station = adapt(Station("00000000abcd", radio, arbiter, scanner, store, clock))
    stored: list[Reading] = []
    events: list[Any] = []
    gave_up: list[str] = []
    scan = partial(
        ScannerActor.start, radio, toys(), records, clock, discovery=Discovery(), listen=True,
        recovery=Recovery(),
        leftovers=Leftovers(killed=False, released=lambda _: False), give_up=gave_up.append,
    )  # fmt: skip
    work = [
        ChildSpec("scanner", scan, scanner),
        ChildSpec("devices", partial(DevicesGroup.start, records, toys(), station), group, shutdown=25),
    ]
    bluetooth = [
        ChildSpec("arbiter", partial(ArbiterActor.start, radio, max_links), arbiter),
        ChildSpec("work", partial(Supervisor.start, work), shutdown=25),
    ]
    root = [
        ChildSpec("registry", partial(Records.start, kept), records),
        ChildSpec("ears", partial(Ears.start, events)),
        ChildSpec("store", partial(Store.start, stored), store),
        ChildSpec("bluetooth", partial(Supervisor.start, bluetooth, Strategy.REST_FOR_ONE), shutdown=30),
    ]
    async with open_test_system(expected=(HawkError,)) as system:
        await system.start(ChildSpec("root", lambda: Supervisor.start(root), shutdown=60))
        await trio.sleep(0.1)
        yield Stage(
            system, radio, kept, clock, records, store, arbiter, scanner, group, station, stored, events
        )
