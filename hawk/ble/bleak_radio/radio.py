"""The radio that bleak makes.

bleak speaks asyncio, so everything here with a leading underscore runs in an asyncio loop of its
own, behind `actors.Bridge`. A session is one coroutine there, so that a cancelled one still lets
its link go. What BlueZ does in each case was measured: docs/bluetooth.md.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import trio
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from actors.bridge import Bridge, LoopGone
from hawk.ble import refusal
from hawk.ble.bleak_radio.conversing import clear, converse, disconnect
from hawk.ble.bleak_radio.errors import translated
from hawk.ble.bleak_radio.hearing import EVERY_ADVERT, Heard, hear, is_connected
from hawk.ble.bluez import Bluez, KnownDevice, Moved, adapter_of, chosen, idle
from hawk.ble.claim import claimed
from hawk.ble.ears import Ears
from hawk.ble.fresh import Fresh
from hawk.ble.radio import Conversation, Limits, Told, held_by_another, to_nobody
from hawk.ble.talk import News, bounded, finished
from hawk.drivers.api import Gatt, Library
from hawk.drivers.guard import failing, sane
from hawk.errors import BluetoothError, Busy, NoAdapter
from hawk.model.address import Address, parse_address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Sample

_OPENING = 2.0  # [s] for the loop to open; it needs 0.01
_START = 20.0  # [s] for BlueZ to start a scan; it needs 0.1
_STOP = 3.0  # [s] for BlueZ to stop a scan
_GIVE_UP = 3.0  # [s] for a library to end its reading when it may not go on
_POWER = 15.0  # [s] to switch an adapter off
_POWER_ON = 40.0  # [s] to switch it on again, with all attempts
_PAUSE = 2.0  # [s] between off and on, and between attempts
_ATTEMPTS = 5  # to switch it on
_ENDED = "The Bluetooth part of the program ended; it starts again by itself."

R = TypeVar("R")


class BleakRadio:
    simulated = False

    def __init__(self, adapters: Sequence[str] = (), *, exclusive: bool = False) -> None:
        """Listens with all of these adapters that work; with none named, with the first that works;
        with "all", with all that work. `exclusive`: keeps other programs of ours off them.
        """
        self._adapters, self._exclusive = tuple(adapters), exclusive
        self._bridge = Bridge("bluetooth")
        self._running = trio.CancelScope()  # around the loop, until it is renewed
        self._renewed = trio.Event()
        self._bluez: Bluez | None = None  # while a scan runs
        self._ears: Ears | None = None  # the same
        self._scanners: tuple[BleakScanner, ...] = ()
        self._held: set[Address] = set()
        self._ours: set[Address] = set()  # links that we asked for and did not see go
        self._talking: dict[News, str] = {}  # through which adapter

    async def run(self) -> None:
        while True:
            self._bluez = self._ears = None  # of a loop that ended
            self._scanners, self._talking = (), {}
            self._renewed.set()
            with trio.CancelScope() as self._running:
                await self._bridge.run()

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        with _loop_needed():
            await self._call(self._listen, heard, told)

    def rescan(self, adapter: str) -> None:
        if self._ears is not None:
            self._ears.again(adapter)

    async def converse(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str = "",
    ) -> None:
        await self._in_session(address, self._session, gatt, conversation, limits, on_link, adapter)

    async def read_by_library(
        self,
        address: Address,
        library: Callable[[Any, Any], Library],
        limits: Limits,
        on_link: Callable[[LinkState], None],
        on_sample: Callable[[Sample], None],
        adapter: str = "",
    ) -> None:
        await self._in_session(address, self._library_session, library, limits, on_link, on_sample, adapter)

    async def drop(self, address: Address) -> None:
        with _loop_needed():
            if address in self._held | self._ours:
                await self._call(self._drop, address)

    async def links(self) -> tuple[Address, ...]:
        with _loop_needed():
            known = await self._call(self._known)
        return tuple(sorted({device.address for device in known if device.connected}))

    async def clear(self, addresses: Collection[Address]) -> tuple[Address, ...]:
        with _loop_needed():
            return await self._call(self._clear, frozenset(self._ours.union(addresses)) - self._held)

    async def renew(self) -> None:
        self._renewed = trio.Event()
        self._running.cancel()
        await self._renewed.wait()

    async def power_cycle(self, adapters: Collection[str] = ()) -> None:
        with _loop_needed():
            await self._call(self._cycle_each, adapters)

    async def _call(self, fn: Callable[..., Coroutine[Any, Any, R]], *args: object) -> R:
        """In the loop. Who starts `run` and calls at once finds it not quite open yet."""
        with trio.move_on_after(_OPENING):
            await self._bridge.wait_open()
        return await self._bridge.call(fn, *args)

    async def _in_session(
        self, address: Address, session: Callable[..., Coroutine[Any, Any, None]], *args: object
    ) -> None:
        with self._claimed(address):
            try:
                await self._call(session, address, *args)
            except LoopGone as error:
                raise refusal.link_lost(address, "the Bluetooth part of the program ended") from error

    @contextmanager
    def _claimed(self, address: Address) -> Iterator[None]:
        """BlueZ fails both of two sessions with one device."""
        if address in self._held:
            raise Busy(f"{address} is being read just now: try again in a minute.")
        self._held.add(address)
        try:
            yield
        finally:
            self._held.discard(address)

    # -- hearing -----------------------------------------------------------------------------

    async def _listen(self, heard: Callable[[Advertisement], None], told: Told) -> None:
        queue: Heard = asyncio.Queue()
        async with Bluez.opened() as bluez:
            bus_id = await bluez.bus_id() if self._exclusive else ""
            ears = Ears(partial(self._scanning, queue, bluez, bus_id), told, queue.put_nowait)
            await bluez.watch(ears, self._adapters, partial(self._tell, queue))
            self._bluez, self._ears = bluez, ears
            try:
                await self._follow(ears, bluez, told)
                while True:
                    match await queue.get():
                        case Exception() as error:
                            raise error
                        case Moved() as moved:
                            await self._follow(ears, bluez, told, moved)
                        case Advertisement() as advert:
                            heard(advert)
            finally:
                await ears.follow(())
                self._bluez = self._ears = None

    async def _follow(self, ears: Ears, bluez: Bluez, told: Told, moved: Moved | None = None) -> None:
        """Raises NoAdapter when no adapter works. An adapter that is back at once has lost its scan."""
        used = set(ears)
        if moved is not None and not moved.there:
            used.add(moved.adapter)
            await ears.end({moved.adapter})
        there = await bluez.adapters()
        for adapter, trouble in idle(there, self._adapters, used).items():
            told(adapter, trouble)
            for session, through in self._talking.items():
                if through == adapter:
                    session.put_nowait(trouble)
        await ears.follow(chosen(there, self._adapters))

    def _tell(self, queue: Heard, news: NoAdapter | Moved) -> None:
        """Also the sessions: a client whose daemon was killed believes for ever that it is connected."""
        queue.put_nowait(news)
        if isinstance(news, NoAdapter):
            for session in self._talking:
                session.put_nowait(news)

    @asynccontextmanager
    async def _scanning(self, queue: Heard, bluez: Bluez, bus_id: str, adapter: str) -> AsyncIterator[None]:
        scanner = BleakScanner(
            partial(hear, Fresh(), queue), bluez={"adapter": adapter, "filters": EVERY_ADVERT}
        )
        with ExitStack() as claim:
            if self._exclusive:
                claim.enter_context(claimed(bus_id, adapter))
            try:
                with translated():
                    await finished(scanner.start(), _START)
                self._scanners += (scanner,)
                yield
            finally:
                self._scanners = tuple(s for s in self._scanners if s is not scanner)
                if bluez.connected:  # otherwise the bus is gone, and nobody will answer
                    with suppress(
                        BleakError, OSError, EOFError
                    ):  # "No discovery started": it ended before us
                        await finished(scanner.stop(), _STOP)

    def _device(self, address: Address, adapter: str) -> tuple[BLEDevice, AdvertisementData]:
        """As heard best, by this adapter if it has; BlueZ knows it for 30 s after its last advert.
        Raises NotHeard, or HeldByAnother: bleak would join the link, and end it in the end.
        """
        known = [
            scanner.discovered_devices_and_advertisement_data[address]
            for scanner in self._scanners
            if address in scanner.discovered_devices_and_advertisement_data
        ]
        if not known:
            raise refusal.not_heard(address)
        if address not in self._ours and any(is_connected(said) for _, said in known):
            raise held_by_another(address)
        return max(known, key=lambda found: (adapter_of(found[0].details["path"]) == adapter, found[1].rssi))

    # -- talking -----------------------------------------------------------------------------

    async def _session(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str,
    ) -> None:
        device, news = self._device(address, adapter)[0], News()
        lost = refusal.link_lost(address, "the device or the radio ended it")
        client = BleakClient(device, lambda _: news.put_nowait(lost), timeout=limits.connect)
        async with self._linked(device, client.connect, partial(disconnect, client), limits, on_link):
            if client.is_connected:
                clear(news)  # of attempts that failed: bleak repeats some by itself
            with self._listed(news, device), translated(address, linked=True):
                await converse(client, gatt, conversation, news, limits)

    async def _library_session(
        self,
        address: Address,
        library: Callable[[Any, Any], Library],
        limits: Limits,
        on_link: Callable[[LinkState], None],
        on_sample: Callable[[Sample], None],
        adapter: str,
    ) -> None:
        device, said = self._device(address, adapter)
        with failing("a library"):
            session = library(device, said)
            connect, disconnect = partial(_connect_by, session, limits.release), partial(_dismiss, session)
            async with self._linked(device, connect, disconnect, limits, on_link):
                with translated(address, linked=True):
                    sample = await bounded(session.read(), limits.session, undo=_GIVE_UP)
                on_sample(sane(sample))

    @asynccontextmanager
    async def _linked(
        self,
        device: BLEDevice,
        connect: Callable[[], Coroutine[Any, Any, None]],
        disconnect: Callable[[float], Coroutine[Any, Any, bool]],
        limits: Limits,
        on_link: Callable[[LinkState], None],
    ) -> AsyncIterator[None]:
        """`disconnect` says whether the link is gone for certain. A session that fails is the device's fault
        only if BlueZ can say afterwards that the link is gone.
        """
        address, trouble = parse_address(device.address), None
        self._ours.add(address)
        on_link(LinkState.CONNECTING)
        try:
            try:
                with translated(address):
                    await bounded(connect(), limits.connect + limits.release, undo=limits.release)
                try:
                    on_link(LinkState.CONNECTED)
                    yield
                finally:
                    on_link(LinkState.DISCONNECTING)
                    if await disconnect(limits.release):
                        self._ours.discard(address)
            finally:
                if address in self._ours:
                    trouble = await self._confirm_gone(address, device.details["path"], limits.confirm)
                on_link(LinkState.DISCONNECTED)
        except BluetoothError as error:
            if isinstance(trouble, NoAdapter) and not isinstance(error, NoAdapter):
                raise trouble from error
            raise

    @contextmanager
    def _listed(self, news: News, device: BLEDevice) -> Iterator[None]:
        self._talking[news] = adapter_of(device.details["path"])
        try:
            yield
        finally:
            self._talking.pop(news, None)

    async def _confirm_gone(self, address: Address, path: str, within: float) -> BluetoothError | None:
        """Why nobody can say that the link is gone; None if it is."""
        try:
            await finished(self._end_link(address, path), within)
        except TimeoutError:
            return refusal.daemon_silent()
        except BluetoothError as error:
            return error
        self._ours.discard(address)
        return None

    async def _end_link(self, address: Address, path: str) -> None:
        async with self._asking() as bluez:
            if await bluez.connected_to(address, path):
                await bluez.disconnect(address, path)

    async def _drop(self, address: Address) -> None:
        """Also an attempt to connect."""
        async with self._asking() as bluez:
            for device in await bluez.devices(self._adapters):
                if device.address == address and (device.connected or address in self._held):
                    await bluez.disconnect(address, device.path)
        if address not in self._held:
            self._ours.discard(address)

    async def _known(self) -> tuple[KnownDevice, ...]:
        async with self._asking() as bluez:
            return await bluez.devices(self._adapters)

    async def _clear(self, addresses: frozenset[Address]) -> tuple[Address, ...]:
        async with self._asking() as bluez:
            left = [each for each in await bluez.devices() if each.connected and each.address in addresses]
            await asyncio.gather(*(bluez.disconnect(each.address, each.path) for each in left))
        self._ours -= addresses - self._held
        return tuple(device.address for device in left)

    async def _cycle_each(self, adapters: Collection[str]) -> None:
        """Of those named only the ones that are there and on: who switched one off had a reason."""
        async with Bluez.opened() as bluez:
            for adapter in chosen(await bluez.adapters(), self._adapters):
                if not adapters or adapter in adapters:
                    await _cycle(bluez, adapter)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Bluez]:
        """The D-Bus connection of the scan while there is one: to open one takes longer than to ask."""
        if self._bluez and self._bluez.connected:
            yield self._bluez
        else:
            async with Bluez.opened() as bluez:
                yield bluez


async def _cycle(bluez: Bluez, adapter: str) -> None:
    """It is on in the end also when cancelled, and then without the pause: the process may have 12 s."""
    try:
        await finished(bluez.power(adapter, on=False), _POWER)
        await asyncio.sleep(_PAUSE)
    finally:
        await finished(_switch_on(bluez, adapter), _POWER_ON)


async def _switch_on(bluez: Bluez, adapter: str) -> None:
    """A controller may need a moment before it can."""
    for attempt in reversed(range(_ATTEMPTS)):
        try:
            await bluez.power(adapter, on=True)
        except BluetoothError:
            if not attempt:
                raise
            await asyncio.sleep(_PAUSE)
        else:
            return


@contextmanager
def _loop_needed() -> Iterator[None]:
    try:
        yield
    except LoopGone as error:
        raise NoAdapter(_ENDED) from error


async def _connect_by(session: Library, release: float) -> None:
    """What is half done is undone, too."""
    connected = False
    try:
        await session.connect()
        connected = True
    finally:
        if not connected:
            await _dismiss(session, release)


async def _dismiss(session: Library, seconds: float) -> bool:
    """Not certain: a library may keep to itself what went wrong."""
    with suppress(BleakError, OSError, EOFError, BluetoothError):
        await finished(session.disconnect(), seconds)
    return False
