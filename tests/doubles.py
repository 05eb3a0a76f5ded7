"""A radio, a clock and a registry whose world the test writes, and a family of devices that speaks text."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import trio

from actors import Actor
from hawk.ble.radio import Conversation, Limits, Told, to_nobody
from hawk.drivers.api import Config, Driver, Gatt, Heard, Library, Write
from hawk.drivers.catalogue import Catalogue
from hawk.errors import BluetoothError, Busy, Invalid, LinkLost, NoAdapter, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import Device, Lifecycle, LinkState, Retry
from hawk.model.reading import Moment, Sample
from hawk.registry.changes import differences, discover
from hawk.registry.messages import Discover, GetRegistry, Snapshot

NOON = 1_795_000_000_000  # [ms since the epoch] when virtual time begins


class VirtualClock:
    """Trio's clock, as time of the wall and of the machine."""

    trusted = True

    def moment(self) -> Moment:
        return Moment(self.utc_ms() if self.trusted else None, trio.current_time())

    def utc_ms(self) -> int:
        return NOON + round(trio.current_time() * 1000)


# -- a family of devices -----------------------------------------------------------------------

COMPANY, BEACON, WHISPERED = 0x0701, 0x0702, 0x0703


class ToyCodec:
    """Frames are text: `12.60`, `12.60 low`, or `ok`, which is an acknowledgement."""

    def begin(self) -> tuple[Write, ...]:
        return (Write(b"?"),)

    def receive_data(self, data: bytes) -> Sample | None:
        return None if data == b"ok" else toy_sample(data)

    def wants(self) -> tuple[Write, ...]:
        return ()


def toy_sample(data: bytes) -> Sample:
    try:
        voltage, status = [*data.decode("ascii").split(), "normal"][:2]
        return Sample(voltage=float(voltage), status=status)
    except ValueError as error:
        raise ProtocolError("not_a_reading", f"{data!r} is no toy frame") from error


def toy_hear(advertisement: Advertisement) -> Heard | None:
    if (data := advertisement.manufacturer_data.get(COMPANY)) is not None:
        return Heard(toy_sample(data), proven=True, recordable=True)
    if (data := advertisement.manufacturer_data.get(BEACON)) is not None:
        return Heard(Sample(state_of_charge=float(data)), proven=False, recordable=False)
    return None


def _toy(device_type: str, hear: Callable[[Advertisement], Heard | None]) -> Driver:
    return Driver(
        device_type=device_type,
        description="a toy",
        names=frozenset({device_type.lower()}),
        gatt=Gatt("service", "write", "notify"),
        codec=ToyCodec,
        measures=("voltage",),
        hear=hear,
    )


TOY = _toy("TOY", toy_hear)
MUTE = _toy("MUTE", lambda _: None)  # known by its name alone


def whisper_hear(key: str | None, advertisement: Advertisement) -> Heard | None:
    """`KEY 12.60`: sealed, as it were."""
    if (data := advertisement.manufacturer_data.get(WHISPERED)) is None:
        return None
    if key is None:
        return Heard(Sample(), proven=False, recordable=False, reason="sealed")
    said, _, text = data.partition(b" ")
    if said.decode() != key:
        raise ProtocolError("wrong_key", "its key is not this one")
    return Heard(toy_sample(text), proven=False, recordable=True)


def whisper_configured(driver: Driver, config: Config) -> Driver:
    if "key" not in config:
        raise Invalid("its key is needed", "/key")
    return replace(driver, hear=partial(whisper_hear, config["key"]))


WHISPER = Driver(
    device_type="WHISPER",
    description="a toy that is only heard",
    names=frozenset(),
    measures=(),
    hear=partial(whisper_hear, None),
    configure=whisper_configured,
    secrets=frozenset({"key"}),
)


def toys() -> Catalogue:
    return Catalogue((TOY, MUTE, WHISPER))


def address(number: int) -> Address:
    return Address(f"02:00:00:00:00:{number:02X}")


def device(number: int = 1, **fields: Any) -> Device:
    standard = Device(
        address=address(number),
        device_type="TOY",
        friendly_name=f"Toy {number}",
        vehicle_id="vehicle_1",
        lifecycle=Lifecycle.CONFIGURED,
        discovered_at=None,
        retry=Retry(),
    )
    return replace(standard, **fields)


def advert(
    number: int = 1, said: str | None = None, *, beacon: float | None = None, **fields: Any
) -> Advertisement:
    data = {}
    if said is not None:
        data[COMPANY] = said.encode()
    if beacon is not None:
        data[BEACON] = str(beacon).encode()
    standard = Advertisement(address(number), "TOY", -60, "hci0", manufacturer_data=data)
    return replace(standard, **fields)


# -- the radio ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Session:
    """What happens when somebody connects."""

    frames: tuple[bytes, ...] = (b"12.60",)
    linking: float = 0.5  # [s]
    refuse: BluetoothError | None = None  # instead of a link
    lose: BluetoothError | None = None  # once the frames are said
    parting: float = 2.0  # [s] BlueZ lets a link linger
    part: BluetoothError | None = None  # when all is said
    ends: bool = False  # with the frames, whatever they said
    hang: bool = False  # for ever, also against cancellation: only `drop` ends it


@dataclass(slots=True)
class ScriptedRadio:
    """Devices answer as their `sessions` say, one after the other, the last one for ever."""

    simulated: bool = False
    sessions: dict[Address, deque[Session]] = field(default_factory=lambda: defaultdict(deque))
    calls: list[tuple[float, Address]] = field(default_factory=list)  # of converse: when, to whom
    linked: set[Address] = field(default_factory=set)
    establishing: set[Address] = field(default_factory=set)
    most_linked: int = 0
    most_establishing: int = 0
    dropped: list[Address] = field(default_factory=list)
    dropping: float = 0.1  # [s]
    refuse_drop: BluetoothError | None = None
    refuse_links: BluetoothError | None = None
    scans: int = 0
    tell: Told = to_nobody  # what the scan was given
    adapters: list[str] = field(default_factory=list)  # of converse: through which
    left: set[Address] = field(default_factory=set)  # links of a killed process
    steps: list[str] = field(default_factory=list)  # of recovery
    outage: NoAdapter | None = None
    _listeners: list[Callable[[Advertisement], None]] = field(default_factory=list)
    _lost: trio.Event = field(default_factory=trio.Event)
    _drops: dict[Address, trio.Event] = field(default_factory=lambda: defaultdict(trio.Event))

    # what a test does

    def script(self, number: int, *sessions: Session) -> None:
        self.sessions[address(number)] = deque(sessions)

    def hear(self, advertisement: Advertisement) -> bool:
        """False if nobody listens."""
        for heard in tuple(self._listeners):
            heard(advertisement)
        return bool(self._listeners)

    def fail(self, error: NoAdapter) -> None:
        self.outage = error
        lost, self._lost = self._lost, trio.Event()
        lost.set()

    def recover(self) -> None:
        self.outage = None

    async def chatter(self, *adverts: Advertisement, every: float = 1.0) -> None:
        """These, again and again."""
        while True:
            for each in adverts:
                self.hear(each)
            await trio.sleep(every)

    def listens(self) -> bool:
        return bool(self._listeners)

    # the port

    async def run(self) -> None:
        await trio.sleep_forever()

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        self.scans, self.tell = self.scans + 1, told
        if self.outage is not None:
            await trio.lowlevel.checkpoint()
            raise self.outage
        self._listeners.append(heard)
        try:
            await self._lost.wait()
            assert self.outage is not None
            raise self.outage
        finally:
            self._listeners.remove(heard)

    async def converse(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str = "",
    ) -> None:
        self.adapters.append(adapter)
        if address in self.linked | self.establishing:
            raise Busy(f"{address} is being read already")
        self.calls.append((trio.current_time(), address))
        script = self.sessions[address]
        session = Session() if not script else script[0] if len(script) == 1 else script.popleft()
        on_link(LinkState.CONNECTING)
        try:
            await self._connect(address, session)
            with self._link(address):
                on_link(LinkState.CONNECTED)
                try:
                    await self._talk(address, session, conversation)
                finally:
                    on_link(LinkState.DISCONNECTING)
                    with trio.CancelScope(shield=True):
                        await trio.sleep(session.parting)
        finally:
            on_link(LinkState.DISCONNECTED)

    async def read_by_library(
        self,
        address: Address,
        library: Callable[[Any, Any], Library],
        limits: Limits,
        on_link: Callable[[LinkState], None],
        on_sample: Callable[[Sample], None],
        adapter: str = "",
    ) -> None:
        self.calls.append((trio.current_time(), address))
        session = library(None, None)
        on_link(LinkState.CONNECTING)
        try:
            await session.connect()
            on_link(LinkState.CONNECTED)
            on_sample(await session.read())
        finally:
            await session.disconnect()
            on_link(LinkState.DISCONNECTED)

    async def _connect(self, address: Address, session: Session) -> None:
        self.establishing.add(address)
        self.most_establishing = max(self.most_establishing, len(self.establishing))
        try:
            await trio.sleep(session.linking)
            if session.refuse is not None:
                raise session.refuse
        finally:
            self.establishing.discard(address)

    @contextmanager
    def _link(self, address: Address) -> Iterator[None]:
        self.linked.add(address)
        self.most_linked = max(self.most_linked, len(self.linked))
        try:
            yield
        finally:
            self.linked.discard(address)

    async def _talk(self, address: Address, session: Session, conversation: Conversation) -> None:
        if session.hang:
            with trio.CancelScope(shield=True):
                await self._drops[address].wait()
            raise LinkLost(f"the link to {address} was dropped")
        conversation.begin()
        for frame in session.frames:
            await trio.sleep(0.1)
            conversation.receive(frame)
        if session.lose is not None and not conversation.done:
            raise session.lose
        while not conversation.done and not session.ends:
            await trio.sleep(conversation.quiet)
            conversation.silent()
        if session.part is not None:
            raise session.part

    async def drop(self, address: Address) -> None:
        await trio.sleep(self.dropping)
        if self.refuse_drop is not None:
            raise self.refuse_drop
        self.dropped.append(address)
        self._drops.pop(address, trio.Event()).set()

    async def links(self) -> tuple[Address, ...]:
        if self.refuse_links is not None:
            raise self.refuse_links
        return tuple(sorted(self.linked | self.left))

    async def clear(self, addresses: Collection[Address]) -> tuple[Address, ...]:
        cleared = self.left & set(addresses)
        self.left -= cleared
        return tuple(sorted(cleared))

    async def renew(self) -> None:
        self.steps.append("renew")

    def rescan(self, adapter: str) -> None:
        self.steps.append(f"rescan {adapter}")

    async def power_cycle(self, adapters: Collection[str] = ()) -> None:
        self.steps.append(" ".join(("power_cycle", *adapters)))


# -- the registry ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Put:
    device: Device


@dataclass(frozen=True, slots=True)
class Remove:
    address: Address


class Records(Actor):
    """Answers like the registry, but has no disk. Its records outlive it, as those on a disk do."""

    def __init__(self, shelf: "Shelf") -> None:
        super().__init__()
        self._shelf = shelf

    def on_receive(self, message: Any) -> Any:
        old = self._shelf.snapshot
        match message:
            case GetRegistry():
                return old
            case Discover():
                self._shelf.asked.append(message)
                if self._shelf.refuse is not None:
                    raise self._shelf.refuse
                self._keep(discover(old, message, None, configure=False))
                return self._shelf.snapshot.devices[message.address]
            case Put(device):
                self._keep(replace(old, devices={**old.devices, device.address: device}))
            case Remove(address):
                self._keep(replace(old, devices={a: d for a, d in old.devices.items() if a != address}))
        return None

    def _keep(self, new: Snapshot) -> None:
        old, self._shelf.snapshot = self._shelf.snapshot, new
        for event in differences(old, new):
            self.publish(event)


@dataclass(slots=True)
class Shelf:
    snapshot: Snapshot = field(default_factory=Snapshot)
    asked: list[Discover] = field(default_factory=list)
    refuse: Exception | None = None


def shelf(devices: Iterable[Device] = ()) -> Shelf:
    return Shelf(Snapshot(devices={each.address: each for each in devices}))
