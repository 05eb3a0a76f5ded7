"""Looking around: which devices are there that are none of ours yet, and what each of them says."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import trio

from actors import ActorCrashed, ActorDeadError, ActorRef, AskTimeout
from hawk.ble.messages import LookAround
from hawk.clock import Clock
from hawk.devices.messages import POLL_WITHIN, ReadOnce
from hawk.directory.messages import ListDevices
from hawk.errors import HawkError
from hawk.jobs.messages import Found, ReadOf, StartDiscovery
from hawk.model.address import Address
from hawk.model.device import DeviceView, Lifecycle

WITHIN = 5.0  # [s] for an answer from memory
NOTED_WITHIN = 1.0  # [s] what was heard at the very end is on the disk and in the directory
STEPS = 20  # of the progress while it listens
LISTENING = 0.5  # of all the work, where each device is read afterwards

Advance = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Discoverer:
    scanner: ActorRef[Any]
    directory: ActorRef[Any]
    trials: ActorRef[Any]
    clock: Clock
    duration: float  # [s] unless somebody says otherwise

    async def discover(self, wanted: StartDiscovery, advance: Advance) -> Found:
        """`advance` is told how far it is, from 0 to 1. Raises BluetoothError while nothing can be heard."""
        known, since = await self._views(), self.clock.moment().boot_time
        share = LISTENING if wanted.connect else 1.0
        await self._listen(wanted.duration or self.duration, lambda part: advance(share * part))
        there = heard_since(await self._views(), since)
        found = summed_up(there, {view.device.address for view in known})
        if not wanted.connect:
            return found
        return Found(found.addresses, found.new, await self._read_all(there, advance))

    async def _listen(self, seconds: float, advance: Advance) -> None:
        failures: list[HawkError | AskTimeout | ActorCrashed] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell_time, seconds, advance)
            try:
                await self.scanner.ask(LookAround(seconds)).within(seconds + WITHIN)
            except (
                HawkError,
                AskTimeout,
                ActorCrashed,
            ) as error:  # through the nursery it would come as a group
                failures.append(error)
            nursery.cancel_scope.cancel()
        if failures:
            raise failures[0]
        await trio.sleep(NOTED_WITHIN)

    async def _read_all(self, there: Collection[DeviceView], advance: Advance) -> tuple[ReadOf, ...]:
        """One after the other: they share a radio."""
        read = list[ReadOf]()
        for view in there:
            read.append(await self._read(view))
            advance(LISTENING + (1 - LISTENING) * len(read) / len(there))
        return tuple(read)

    async def _read(self, view: DeviceView) -> ReadOf:
        address = view.device.address
        try:
            trial = await self.trials.ask(ReadOnce(view.device, view.vehicle_name)).within(POLL_WITHIN)
        except HawkError as error:
            return ReadOf(address, code=error.outcome, detail=str(error))
        except (AskTimeout, ActorCrashed, ActorDeadError):
            return ReadOf(address, code="timeout", detail=f"{address} took too long: try again")
        return ReadOf(address, trial.reading)

    async def _views(self) -> tuple[DeviceView, ...]:
        views: tuple[DeviceView, ...] = await self.directory.ask(ListDevices()).within(WITHIN)
        return views


async def _tell_time(seconds: float, advance: Advance) -> None:
    for step in range(STEPS):
        advance(step / STEPS)
        await trio.sleep(seconds / STEPS)
    advance(1.0)


def heard_since(views: Iterable[DeviceView], boot_time: float) -> tuple[DeviceView, ...]:
    """Those that wait for configuration and were heard since then."""
    return tuple(
        view
        for view in views
        if view.device.lifecycle is Lifecycle.DISCOVERED
        and view.last_seen is not None
        and view.last_seen.boot_time >= boot_time
    )


def summed_up(there: Iterable[DeviceView], known: Collection[Address]) -> Found:
    addresses = tuple(view.device.address for view in there)
    return Found(addresses, tuple(address for address in addresses if address not in known))
