"""One session with a device: wait until it is heard, get a slot, talk, let go."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from actors import ActorCrashed, ActorRef, AskTimeout
from hawk.ble.messages import Doubted, LinkEstablished, ReleaseSlot, RequestSlot, Seek, Sighted, Slot, Tried
from hawk.ble.radio import Conversation, held_by_another
from hawk.devices import session
from hawk.devices.session import Afterwards, nothing_else
from hawk.devices.station import Station
from hawk.drivers.api import Driver, Gatt
from hawk.errors import BluetoothError, BluetoothStuck, Busy, ConnectFailed, NotHeard
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample

SLOT_WITHIN = 1800.0  # [s] hundreds of devices may be before this one
SLOT_WITHIN_URGENT = 60.0  # [s] a session or two may be before it; who waits is rather told soon


@dataclass(frozen=True, slots=True)
class Visitor:
    address: Address
    station: Station
    holder: ActorRef[Any]  # of the slot: its end gives the slot back
    urgent: bool  # a person waits
    on_link: Callable[[LinkState], None]

    async def wait_until_heard(self) -> Sighted:
        """Raises NoAdapter, HeldByAnother or NotHeard."""
        within = self.station.inside_poll.seek
        try:
            return await self.station.scanner.ask(Seek(self.address)).within(within)
        except (AskTimeout, ActorCrashed) as error:
            if await self._is_linked():
                raise held_by_another(self.address) from error
            raise NotHeard(
                f"{self.address} was not heard for {within:.0f} s: it is out of range or without power,"
                " or an app on a phone holds it. Go nearer, or close that app."
            ) from error

    async def _is_linked(self) -> bool:
        try:
            return self.address in await self.station.radio.links()
        except BluetoothStuck:
            self.station.scanner.tell(Doubted())
            raise

    @asynccontextmanager
    async def slot(self, adapter: str) -> AsyncIterator[Slot]:
        """Raises Busy."""
        request = RequestSlot(self.address, self.holder, self.station.limits.longest, self.urgent, adapter)
        within = SLOT_WITHIN_URGENT if self.urgent else SLOT_WITHIN
        try:
            slot = await self.station.arbiter.ask(request).within(within)
        except (AskTimeout, ActorCrashed) as error:
            raise Busy("The radio is busy with other devices: try again in a minute.") from error
        try:
            yield slot
        finally:
            self.station.arbiter.tell(ReleaseSlot(slot.number))

    async def talk(self, slot: Slot, gatt: Gatt, conversation: Conversation) -> None:
        """Raises BluetoothError, unless only the parting went wrong."""
        radio, limits = self.station.radio, self.station.limits
        with self._watched(slot, lambda: conversation.done) as on_link:
            await radio.converse(self.address, gatt, conversation, limits, on_link, slot.adapter)

    async def read(
        self,
        slot: Slot,
        driver: Driver,
        on_sample: Callable[[Sample], None],
        afterwards: Afterwards = nothing_else,
    ) -> None:
        """Once, in the way of this driver. Raises BluetoothError, unless only what came after the sample, or the
        parting, went wrong.
        """
        station, samples = self.station, list[Sample]()

        def say(sample: Sample) -> None:
            samples.append(sample)
            on_sample(sample)

        with self._watched(slot, lambda: bool(samples)) as on_link:
            await session.read(
                station.radio, self.address, driver, station.limits, on_link, say, slot.adapter, station.tape,
                afterwards,
            )  # fmt: skip

    @contextmanager
    def _watched(self, slot: Slot, done: Callable[[], bool]) -> Iterator[Callable[[LinkState], None]]:
        """What becomes of the link is told to all who want to know."""

        def on_link(state: LinkState) -> None:
            if state is LinkState.CONNECTED:
                self.station.arbiter.tell(LinkEstablished(slot.number))
                self.station.scanner.tell(Tried(self.address, linked=True))
            self.on_link(state)

        try:
            yield on_link
        except BluetoothError as error:
            if isinstance(error, ConnectFailed):
                self.station.scanner.tell(Tried(self.address, linked=False))
            elif isinstance(error, BluetoothStuck):
                self.station.scanner.tell(Doubted())
            if not done():
                raise
