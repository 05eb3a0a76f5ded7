"""A radio without Bluetooth: batteries that fare through their days, heard and read like real ones.

A feature, not a test double: `hawk demo` shows with it what the program does. The monitors speak
their real wire format, and all that is heard of them is marked as simulated.
"""

import enum
import heapq
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import trio

from hawk.ble import refusal
from hawk.ble.battery_model import USES, Battery
from hawk.ble.radio import Conversation, Limits, Told, to_nobody
from hawk.ble.simulated_memory import Memory
from hawk.ble.simulated_monitor import FAMILIES, Monitor
from hawk.ble.stackless import Stackless
from hawk.drivers.api import Gatt
from hawk.errors import Busy, Invalid, SilentDevice, Undecodable
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState

ADAPTER = "simulated"
_GAPS = (1.0, 6.0)  # [s] between two adverts of a device
_LINK_UP = (0.4, 1.2)  # [s]
_LINK_DOWN = 0.2  # [s]
_ANSWER, _NEXT_ANSWER = 0.05, 0.005  # [s] before the first notification of an answer, and each further one
_RECORDS = 2000  # made at a time: some 10 ms
_SLOW_LINK, _SLOW_FRAME = 8.0, 2.0  # [s] a slow device needs more


class Fault(enum.StrEnum):
    SILENT = "silent"  # links up, then says nothing
    SLOW = "slow"
    DROP = "drop"  # loses the link before it has said anything
    GARBAGE = "garbage"  # frames that nothing decodes


class Simulation(Protocol):
    """The settings of that name."""

    @property
    def devices(self) -> int: ...
    @property
    def models(self) -> Sequence[str]: ...  # families, given to the devices in turn
    @property
    def seed(self) -> int: ...
    @property
    def speed(self) -> float: ...  # seconds that pass for the batteries in one of ours
    @property
    def history_days(self) -> float: ...  # that they remember from before the start
    @property
    def faults(self) -> Sequence[str]: ...  # each in turn has a device of its own, after one that is well


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    address: Address
    device_type: str
    name: str  # a suggestion for people: "Car", "Boat", "Camper", "Car 2" ...
    rssi: int  # [dBm] about
    fault: Fault | None


@dataclass(slots=True)
class _Link:
    """What one link has yet to say."""

    streaming: bool
    answers: deque[bytes] = field(default_factory=deque)
    pause: float = _ANSWER  # [s] before the next of them


class SimulatedRadio(Stackless):
    simulated = True

    def __init__(self, simulation: Simulation, start: float | None = None) -> None:
        """`start` is the batteries' time at the beginning, in seconds since the epoch by the clock
        on the wall; None is now. Raises Invalid for a model or fault that does not exist.
        """
        self._speed = simulation.speed
        self._chance = random.Random(simulation.seed)  # noqa: S311  # timing, not a secret
        self._start = _wall_clock() if start is None else start
        self._began: float | None = None  # [s] of Trio's clock, when somebody first asked for the time
        self.fleet = tuple(_fleet(simulation, self._chance))
        self._devices = {device.address: device for device in self.fleet}
        self._monitors = {
            device.address: self._monitor(device, number, simulation)
            for number, device in enumerate(self.fleet)
        }
        self._held: set[Address] = set()
        self._linked: set[Address] = set()

    def _monitor(self, device: SimulatedDevice, number: int, simulation: Simulation) -> Monitor:
        use, seed = USES[number % len(USES)], simulation.seed * 10_007 + number
        return Monitor(
            FAMILIES[device.device_type],
            device.address,
            Battery(use, seed, self._start),
            Memory(use, seed, self._start, simulation.history_days),
        )

    async def run(self) -> None:
        await trio.sleep_forever()

    # -- hearing -----------------------------------------------------------------------------

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        """One heap of who is next, so that a thousand devices need no thousand tasks."""
        told(ADAPTER, None)
        now = trio.current_time()
        due = [(now + self._chance.uniform(0, 1), device.address) for device in self.fleet]
        heapq.heapify(due)
        while due:
            at, address = due[0]
            await trio.sleep_until(at)
            if address not in self._linked:  # a connected monitor does not advertise
                heard(self._advertisement(self._devices[address]))
            heapq.heapreplace(due, (at + self._chance.uniform(*_GAPS), address))
        await trio.sleep_forever()

    def _advertisement(self, device: SimulatedDevice) -> Advertisement:
        monitor = self._monitors[device.address]
        advert = monitor.advert(self._time())
        return Advertisement(
            address=device.address,
            name=monitor.family.name,
            rssi=device.rssi + self._chance.randint(-4, 4),
            adapter=ADAPTER,
            manufacturer_data=advert.manufacturer_data,
            service_uuids=advert.service_uuids,
            simulated=True,
        )

    def _time(self) -> float:
        """The batteries' own."""
        now = trio.current_time()
        if self._began is None:
            self._began = now
        return self._start + self._speed * (now - self._began)

    # -- talking -----------------------------------------------------------------------------

    async def converse(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str = "",  # noqa: ARG002  # there is only one
    ) -> None:
        if address not in self._devices:
            raise refusal.not_heard(address)
        with self._claimed(address):
            async with self._link(self._devices[address], limits, on_link):
                monitor = self._monitors[address]
                if not monitor.offers(gatt):
                    raise Undecodable(f"{address} offers no service {gatt.service[4:8]}.")
                with trio.move_on_after(limits.session) as session:
                    await self._talk(self._devices[address], monitor, conversation)
                if session.cancelled_caught:
                    raise SilentDevice(f"{address} is connected, but the conversation did not end in time.")

    @contextmanager
    def _claimed(self, address: Address) -> Iterator[None]:
        if address in self._held:
            raise Busy(f"{address} is being read just now: try again in a minute.")
        self._held.add(address)
        try:
            yield
        finally:
            self._held.discard(address)

    @asynccontextmanager
    async def _link(
        self, device: SimulatedDevice, limits: Limits, on_link: Callable[[LinkState], None]
    ) -> AsyncIterator[None]:
        on_link(LinkState.CONNECTING)
        try:
            await self._connect(device, limits)
            self._linked.add(device.address)
            on_link(LinkState.CONNECTED)
            try:
                yield
            finally:
                on_link(LinkState.DISCONNECTING)
                with trio.CancelScope(shield=True):
                    await trio.sleep(_LINK_DOWN)
                self._linked.discard(device.address)
        finally:
            on_link(LinkState.DISCONNECTED)

    async def _connect(self, device: SimulatedDevice, limits: Limits) -> None:
        needed = self._chance.uniform(*_LINK_UP) + (_SLOW_LINK if device.fault is Fault.SLOW else 0)
        await trio.sleep(min(needed, limits.connect))
        if needed > limits.connect:
            raise refusal.connect_timed_out(device.address)

    async def _talk(self, device: SimulatedDevice, monitor: Monitor, conversation: Conversation) -> None:
        link = _Link(streaming=monitor.family.old)
        await self._write(link, monitor, conversation.begin())
        while not conversation.done:
            with trio.move_on_after(conversation.quiet) as patience:
                writes = conversation.receive(await self._frame(device, monitor, link))
            if patience.cancelled_caught:
                writes = conversation.silent()
            await self._write(link, monitor, writes)

    async def _write(self, link: _Link, monitor: Monitor, frames: Sequence[bytes]) -> None:
        for frame in frames:
            while monitor.recalls(frame) and not monitor.memory.reach(self._time(), _RECORDS):
                await trio.lowlevel.checkpoint()  # weeks of records take a while
            link.pause = _ANSWER
            link.answers.extend(monitor.answers(frame, self._time()))
            link.streaming |= monitor.starts_stream(frame)

    async def _frame(self, device: SimulatedDevice, monitor: Monitor, link: _Link) -> bytes:
        """The next notification, when it comes."""
        if device.fault is Fault.DROP:
            await trio.sleep(0.3)
            raise refusal.link_lost(device.address, "the device ended it")
        if device.fault is Fault.SILENT or not (link.answers or link.streaming):
            await trio.sleep_forever()
        await trio.sleep(link.pause if link.answers else 1.0)
        if device.fault is Fault.SLOW:
            await trio.sleep(_SLOW_FRAME)
        link.pause = _NEXT_ANSWER
        frame = link.answers.popleft() if link.answers else monitor.live(self._time())
        return self._chance.randbytes(16) if device.fault is Fault.GARBAGE else frame

    async def links(self) -> tuple[Address, ...]:
        return tuple(sorted(self._linked))


def _fleet(simulation: Simulation, chance: random.Random) -> Iterator[SimulatedDevice]:
    families = [_known(model.strip().upper(), FAMILIES, "/simulation/models") for model in simulation.models]
    wrongs = [None, *(_fault(fault) for fault in simulation.faults)]
    for number in range(simulation.devices):
        octets = (0x02 << 40 | number + 1).to_bytes(6, "big")
        use, turn = USES[number % len(USES)], number // len(USES)
        yield SimulatedDevice(
            address=Address(octets.hex(":").upper()),
            device_type=families[number % len(families)],
            name=use.name if turn == 0 else f"{use.name} {turn + 1}",
            rssi=-chance.randint(45, 85),
            fault=wrongs[number % len(wrongs)],
        )


def _fault(word: str) -> Fault:
    return Fault(_known(word.strip().lower(), set(Fault), "/simulation/faults"))


def _known(word: str, known: Collection[str], pointer: str) -> str:
    if word not in known:
        raise Invalid(f"there is no {word!r} to simulate: choose from {', '.join(sorted(known))}", pointer)
    return word


def _wall_clock() -> float:
    """Seconds since the epoch as if the local time were UTC: noon is when the sun is high here."""
    return datetime.now().astimezone().replace(tzinfo=UTC).timestamp()
