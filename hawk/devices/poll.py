"""One poll: wait until the device is heard, get a slot, talk, let go; again if chance was against it."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import trio

from actors import ActorCrashed, ActorRef, AskTimeout
from hawk.ble.messages import LinkEstablished, ReleaseSlot, RequestSlot, Seek, Sighted, Slot, Tried
from hawk.devices.exchange import LiveExchange
from hawk.devices.station import Station
from hawk.drivers.api import Driver
from hawk.errors import BluetoothError, Busy, ConnectFailed, HawkError, HeldByAnother, LinkLost, NotHeard
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample

SLOT_WITHIN = 1800.0  # [s] hundreds of devices may be before this one
SLOT_WITHIN_URGENT = 120.0  # [s] one session that hangs may be before it

_PASSING = (ConnectFailed, LinkLost, NotHeard)  # what another attempt often cures


@dataclass(frozen=True, slots=True)
class Polled:
    """How a poll ended; `error` is None when there was a sample."""

    error: HawkError | None
    heard: bool = True  # the device was there
    failed: int = 0  # attempts in vain; one if it was not even heard
    duration: float = 0.0  # [s] of the last session, without the waiting before it


@dataclass(frozen=True, slots=True)
class Poller:
    address: Address
    driver: Driver
    station: Station
    holder: ActorRef[Any]  # of the slot: its end gives the slot back
    urgent: bool  # a person waits
    on_link: Callable[[LinkState], None]
    on_sample: Callable[[Sample], None]  # as soon as it is there: the link takes seconds to end

    async def poll(self) -> Polled:
        failed, spent = 0, 0.0  # sessions, and seconds in them
        while True:
            try:
                sighted = await self._wait_until_heard()
            except BluetoothError as error:
                return Polled(error, heard=False, failed=failed + 1)
            polled = await self._attempt(sighted.adapter)
            if not isinstance(polled.error, _PASSING):
                return replace(polled, failed=failed + (polled.error is not None))
            failed, spent = failed + 1, spent + polled.duration
            jitter = random.random()  # noqa: S311  # spreads attempts, keeps no secret
            wait = self.station.inside_poll.wait(failed, spent, jitter)
            if wait is None:
                return replace(polled, failed=failed)
            await trio.sleep(wait)

    async def _wait_until_heard(self) -> Sighted:
        within = self.station.inside_poll.seek
        try:
            return await self.station.scanner.ask(Seek(self.address)).within(within)
        except (AskTimeout, ActorCrashed) as error:
            if self.address in await self.station.radio.links():
                raise HeldByAnother(
                    f"Another program on this machine holds the link to {self.address}, and only one can: end"
                    " it there (Home Assistant's own Bluetooth, bluetoothctl, another gateway)."
                ) from error
            raise NotHeard(
                f"{self.address} was not heard for {within:.0f} s: it is out of range or without power,"
                " or an app on a phone holds it. Go nearer, or close that app."
            ) from error

    async def _attempt(self, adapter: str) -> Polled:
        began = trio.current_time()
        try:
            async with self._slot(adapter) as slot:
                began = trio.current_time()
                await self._talk(slot)
        except (BluetoothError, Busy) as error:
            return Polled(error, duration=trio.current_time() - began)
        return Polled(None, duration=trio.current_time() - began)

    @asynccontextmanager
    async def _slot(self, adapter: str) -> AsyncIterator[Slot]:
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

    async def _talk(self, slot: Slot) -> None:
        exchange = LiveExchange(self.driver.codec(), self.on_sample)

        def on_link(state: LinkState) -> None:
            if state is LinkState.CONNECTED:
                self.station.arbiter.tell(LinkEstablished(slot.number))
                self.station.scanner.tell(Tried(self.address, linked=True))
            self.on_link(state)

        try:
            await self.station.radio.converse(
                self.address, self.driver.gatt, exchange, self.station.limits, on_link, slot.adapter
            )
        except BluetoothError as error:
            if isinstance(error, ConnectFailed):
                self.station.scanner.tell(Tried(self.address, linked=False))
            if not exchange.done:  # otherwise only the parting went wrong
                raise
