"""The scanner: hears all devices, tells everybody, and has the registry note those nobody knew."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trio

from actors import Actor, ActorCrashed, ActorRef, AskTimeout, Later
from hawk.ble.leftovers import Leftovers
from hawk.ble.listening import Listening
from hawk.ble.messages import Doubted, GetScannerStatus, LookAround, ScannerStatus, Seek, Sighted, Tried
from hawk.ble.radio import Radio
from hawk.ble.recovery import Recovery
from hawk.ble.sightings import Sightings
from hawk.ble.understanding import Understanding, Understood
from hawk.clock import Clock
from hawk.drivers.catalogue import Catalogue
from hawk.errors import BluetoothError, HawkError
from hawk.events import BluetoothChanged, DeviceChanged, DeviceRemoved, DeviceSeen, RungTaken
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Moment
from hawk.model.rung import Rung
from hawk.registry.messages import Discover, GetRegistry, Snapshot

BUFFER = 1_000  # adverts between the radio and this actor; the oldest give way
BATCH = 50  # adverts at a time, so that questions wait for milliseconds only
LINGER = 30.0  # [s] a scan goes on after a device was sought: bleak connects only to what a scan that runs has heard
FRESH = 20.0  # [s] a device heard so lately is there: BlueZ forgets it after 30
REGISTRY_WITHIN = 10.0  # [s]
_KILLED = (
    "%s was connected when this service began, and the one before it was killed: the link was taken for"
    " one it left, and ended"
)
_STAYED = "the link to %s had stayed when Bluetooth failed in a session: it was ended"
ASK_AGAIN = 60.0  # [s] after the registry could not note a device

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Discovery:
    """When to scan if nobody listens all the time."""

    initial_scan: bool = True
    periodic_interval: float = 43_200.0  # [s]; 0 = never
    scan_duration: float = 10.0  # [s]


@dataclass(frozen=True, slots=True)
class _AdvertsCame:
    pass


@dataclass(frozen=True, slots=True)
class _WindowOpens:
    pass


@dataclass(frozen=True, slots=True)
class _WindowCloses:
    pass


@dataclass(frozen=True, slots=True)
class _LingerEnds:
    pass


@dataclass(frozen=True, slots=True)
class _SeekGivenUp:
    address: Address


@dataclass(frozen=True, slots=True)
class _Noted:
    """The registry knows that device now, or could not take it."""

    address: Address
    failed: bool


class ScannerActor(Actor):
    def __init__(
        self,
        radio: Radio,
        catalogue: Catalogue,
        registry: ActorRef[Any],
        clock: Clock,
        *,
        discovery: Discovery,
        listen: bool,
        recovery: Recovery,
        leftovers: Leftovers,
        give_up: Callable[[str], None],
    ) -> None:
        """Without `listen` it scans only to discover devices and while somebody seeks one.
        `give_up` ends the process.
        """
        super().__init__()
        self._registry, self._clock = registry, clock
        self._discovery, self._listen = discovery, listen
        self._radio, self._recovery, self._leftovers = radio, recovery, leftovers
        self._listening = Listening(radio, recovery, self._buffer, self._changed, self._climbed, give_up)
        self._understanding = Understanding(catalogue)
        self._sightings = Sightings()
        self._came: deque[tuple[Advertisement, Moment]] = deque(maxlen=BUFFER)
        self._nudged = False
        self._seekers: dict[Address, list[Later[Sighted]]] = {}
        self._window = False
        self._linger_until = 0.0  # [s] of Trio's clock
        self._looks = 0  # that somebody asked for, now
        self._adverts = self._dropped = 0

    async def setup(self) -> None:
        self.subscribe(DeviceChanged, DeviceRemoved)
        self.spawn(self._fetch_types)
        self.spawn(self._listening.run)
        self.spawn(self._listening.watch)
        if not self._listen and self._discovery.initial_scan:
            self._open_window()
        if not self._listen and self._discovery.periodic_interval:
            self.every(self._discovery.periodic_interval, _WindowOpens())
        self._want()

    def on_receive(self, message: Any) -> Any:
        match message:
            case Seek(address):
                return self._seek(address)
            case LookAround(seconds):
                return self._look_around(self._discovery.scan_duration if seconds is None else seconds)
            case GetScannerStatus():
                return self._status()
            case Tried(address, linked):
                self._tried(address, linked=linked)
            case Doubted():
                self._listening.doubt()
            case _AdvertsCame():
                self._hear_some()
            case DeviceChanged(device):
                self._understanding.change(device)
            case DeviceRemoved(address):
                self._understanding.remove(address)
                self._sightings.forget(address)
            case Snapshot(devices):
                self._understanding.learn(devices.values())
            case _Noted(address, failed=False):
                self._sightings.settle(address)
            case _Noted(address):
                self._sightings.put_off(address, self._clock.moment().boot_time + ASK_AGAIN)
            case _SeekGivenUp(address):
                self._tidy(address)
            case _LingerEnds():
                self._want()
            case _WindowOpens():
                self._open_window()
            case _WindowCloses():
                self._close_window()
            case _:
                return super().on_receive(message)
        return None

    def _status(self) -> ScannerStatus:
        down_since = self._listening.down_since
        return ScannerStatus(
            listening=self._listening.hearing,
            reason=None if self._listening.outage is None else str(self._listening.outage),
            adverts=self._adverts,
            devices=self._sightings.lately(self._clock.moment().boot_time),
            restarts=self._recovery.taken[Rung.RESTART_SCAN],
            recovery=dict(self._recovery.taken),
            down_for=None if down_since is None else trio.current_time() - down_since,
            dropped=self._dropped,
            damaged=self._understanding.damaged,
            adapters=self._listening.adapters.status(trio.current_time()),
        )

    # -- hearing -----------------------------------------------------------------------------

    def _buffer(self, advertisement: Advertisement) -> None:
        """In the radio's callback: however many come, one message of them waits."""
        if len(self._came) == BUFFER:
            self._dropped += 1
        self._came.append((advertisement, self._clock.moment()))
        self._nudge()

    def _nudge(self) -> None:
        if self._came and not self._nudged:
            self._nudged = True
            self.ref.tell(_AdvertsCame())

    def _hear_some(self) -> None:
        self._nudged = False
        for _ in range(min(BATCH, len(self._came))):
            self._hear(*self._came.popleft())
        self._nudge()

    def _hear(self, advertisement: Advertisement, moment: Moment) -> None:
        self._adverts += 1
        address = advertisement.address
        understood = self._understanding.of(advertisement)
        self._sightings.heard(address, moment, advertisement.adapter, advertisement.rssi, advertisement.name)
        said = DeviceSeen(
            advertisement,
            moment,
            understood.device_type,
            understood.heard,
            understood.proven_type,
            understood.damage,
        )
        self.publish(said)
        if address in self._seekers:
            self._linger()
        for later in self._seekers.pop(address, ()):
            later.resolve(self._sighted(address, moment))
        self._want()
        self._consider(advertisement, understood)

    def _changed(self, outage: BluetoothError | None) -> None:
        if outage is None:
            self.publish(BluetoothChanged(listening=True))
            self.spawn(self._clear_leftovers)
        else:
            self.publish(BluetoothChanged(listening=False, reason=str(outage)))
            self._fail_seekers(outage)

    # -- recovering --------------------------------------------------------------------------

    def _climbed(self, rung: Rung) -> None:
        self.publish(RungTaken(rung, self._recovery.taken[rung]))

    def _tried(self, address: Address, *, linked: bool) -> None:
        adapter = self._sightings.adapter(address, self._clock.moment().boot_time)
        if linked:
            self._recovery.linked(adapter)
        elif (rung := self._recovery.not_linked(address, trio.current_time(), adapter)) is not None:
            self._listening.take(rung, (adapter,) if adapter else ())

    # -- seeking -----------------------------------------------------------------------------

    def _sighted(self, address: Address, moment: Moment) -> Sighted:
        adapter = self._sightings.adapter(address, moment.boot_time)
        return Sighted(moment, adapter, self._sightings.name(address))

    def _seek(self, address: Address) -> Sighted | Later[Sighted]:
        if self._listening.outage is not None:
            raise self._listening.outage.with_traceback(None)  # else it grew with every asker
        if (trouble := self._listening.adapters.trouble_of(self._sightings.heard_by(address))) is not None:
            raise trouble.with_traceback(None)
        last = self._sightings.last(address)
        scans = self._listen or self._listening.hearing
        if scans and last is not None and self._clock.moment().boot_time - last.boot_time <= FRESH:
            self._linger()
            return self._sighted(address, last)
        later: Later[Sighted] = Later(on_given_up=lambda: self.ref.tell(_SeekGivenUp(address)))
        self._seekers.setdefault(address, []).append(later)
        self._want()
        return later

    def _linger(self) -> None:
        if not self._listen:
            self._linger_until = trio.current_time() + LINGER
            self.after(LINGER, _LingerEnds())

    def _tidy(self, address: Address) -> None:
        waiting = [later for later in self._seekers.pop(address, ()) if not later.given_up]
        if waiting:
            self._seekers[address] = waiting
        self._want()

    def _fail_seekers(self, error: BluetoothError) -> None:
        seekers, self._seekers = self._seekers, {}
        for later in (each for waiting in seekers.values() for each in waiting):
            later.fail(error)
        self._want()

    # -- leftovers ---------------------------------------------------------------------------

    async def _clear_leftovers(self) -> None:
        """A device whose link nobody uses any more neither advertises nor answers anybody. Only
        links of our own are ended: of a process that was killed, and of sessions that nobody saw end.
        """
        try:
            known = (await self._registry.ask(GetRegistry()).within(REGISTRY_WITHIN)).devices
            suspects = self._leftovers.suspects(known.values())
            for address in await self._radio.clear(suspects):
                log.warning(_KILLED if address in suspects else _STAYED, address)
            self._leftovers.ended()
        except (BluetoothError, AskTimeout, ActorCrashed) as error:
            log.warning("links that were left behind could not be looked for: %s", error)

    # -- discovering -------------------------------------------------------------------------

    def _want(self) -> None:
        lingers = trio.current_time() < self._linger_until
        self._listening.want(
            self._listen or self._window or lingers or self._looks > 0 or bool(self._seekers)
        )

    def _look_around(self, seconds: float) -> Later[None]:
        if self._listening.outage is not None:
            raise self._listening.outage
        later: Later[None] = Later()
        self.spawn(self._look, seconds, later)
        return later

    async def _look(self, seconds: float, later: Later[None]) -> None:
        self._looks += 1
        self._want()
        await trio.sleep(seconds)
        self._looks -= 1
        self._want()
        later.resolve(None)

    def _open_window(self) -> None:
        if not self._window:
            self._window = True
            self.after(self._discovery.scan_duration, _WindowCloses())
            self._want()

    def _close_window(self) -> None:
        """Not while nothing can be heard: an adapter that comes late is no reason to find nothing."""
        if self._listening.outage is not None:
            self.after(self._discovery.scan_duration, _WindowCloses())
            return
        self._window = False
        self._want()

    def _consider(self, advertisement: Advertisement, understood: Understood) -> None:
        if understood.reason is None or understood.device_type is None:
            return
        proven = understood.heard is not None and understood.heard.proven
        if self._sightings.identified(advertisement.address, understood.device_type, proven=proven):
            found = Discover(
                address=advertisement.address,
                device_type=understood.device_type,
                name=advertisement.name,
                rssi=advertisement.rssi,
                reason=understood.reason,
                proven=proven,
            )
            self.spawn(self._have_noted, found)

    async def _have_noted(self, found: Discover) -> None:
        try:
            await self._registry.ask(found).within(REGISTRY_WITHIN)
        except (HawkError, AskTimeout, ActorCrashed) as error:
            log.warning("%s was found, but could not be noted: %s", found.address, error)
            self.ref.tell(_Noted(found.address, failed=True))
        else:
            self.ref.tell(_Noted(found.address, failed=False))

    async def _fetch_types(self) -> None:
        while True:
            try:
                self.ref.tell(await self._registry.ask(GetRegistry()).within(REGISTRY_WITHIN))
            except (AskTimeout, ActorCrashed):
                continue  # it is just being restarted
            return
