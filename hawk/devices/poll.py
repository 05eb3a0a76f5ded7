"""One poll: a session that ends with the first sample; again if chance was against it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import trio

from hawk.ble.messages import Sighted
from hawk.devices.session import Afterwards, nothing_else
from hawk.devices.visit import Visitor
from hawk.drivers.api import Driver
from hawk.errors import BluetoothError, Busy, ConnectFailed, HawkError, LinkLost, NotHeard
from hawk.model.reading import Sample

PASSING = (ConnectFailed, LinkLost, NotHeard)  # what another attempt often cures


@dataclass(frozen=True, slots=True)
class Polled:
    """How a poll ended; `error` is None when there was a sample."""

    error: HawkError | None
    heard: bool = True  # the device was there
    failed: int = 0  # attempts in vain; one if it was not even heard
    duration: float = 0.0  # [s] of the last session, without the waiting before it


@dataclass(frozen=True, slots=True)
class Poller:
    visitor: Visitor
    driver: Driver
    on_sample: Callable[[Sample], None]  # as soon as it is there: the link takes seconds to end
    afterwards: Afterwards = nothing_else

    async def poll(self) -> Polled:
        began = trio.current_time()
        failed, spent = 0, 0.0  # sessions, and seconds in them
        vain: Polled | None = None  # the attempt that says most
        while True:
            try:
                sighted = await self.visitor.wait_until_heard()
            except BluetoothError as error:
                if vain is not None and isinstance(error, NotHeard):  # a link that failed silences some
                    return replace(vain, failed=failed)
                return Polled(error, heard=vain is not None, failed=failed + 1)
            polled = await self._attempt(sighted)
            if not isinstance(polled.error, PASSING):
                return replace(polled, failed=failed + (polled.error is not None))
            failed, spent = failed + 1, spent + polled.duration
            if vain is None or not isinstance(polled.error, NotHeard):
                vain = polled
            jitter = random.random()  # noqa: S311  # spreads attempts, keeps no secret
            elapsed = trio.current_time() - began if self.visitor.urgent else spent
            wait = self.visitor.station.inside_poll.wait(failed, elapsed, jitter)
            if wait is None:
                return replace(vain, failed=failed)
            await trio.sleep(wait)

    async def _attempt(self, sighted: Sighted) -> Polled:
        began = trio.current_time()
        try:
            driver = self.driver.named(sighted.name)
            async with self.visitor.slot(sighted.adapter) as slot:
                began = trio.current_time()
                await self.visitor.read(slot, driver, self.on_sample, self.afterwards)
        except (BluetoothError, Busy) as error:
            return Polled(error, duration=trio.current_time() - began)
        return Polled(None, duration=trio.current_time() - began)
