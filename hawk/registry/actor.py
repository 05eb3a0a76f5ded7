"""The registry: sole owner of devices.json and vehicles.json, which people may edit all the same.

A change is answered, and the bus told, when it is on the disk. Changes that come while
another is being written go to the disk together with the next write. What somebody edited is
taken in at the next look; a change that was made without knowing of it is refused.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from actors import Actor, Later
from hawk.clock import Clock
from hawk.errors import CannotWrite, ChangedMeanwhile
from hawk.events import DeviceDiscovered
from hawk.registry import changes, tags
from hawk.registry.changes import CanonicalType
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import (
    ChangeDevice,
    ChangeVehicle,
    Configured,
    ConfigureDevice,
    CreateVehicle,
    Discover,
    GetNotices,
    GetProblems,
    GetRegistry,
    PreviewDevice,
    RemoveDevice,
    RemoveVehicle,
    Snapshot,
)

log = logging.getLogger(__name__)

EVERY = 1.0  # [s] between two looks at the files
_OVERTAKEN = (
    "somebody edited devices.json or vehicles.json just now, and nothing was written: look at it again, and repeat"
    " what you asked for"
)


@dataclass(frozen=True, slots=True)
class _Pending:
    snapshot: Snapshot
    later: Later[Any]
    answer: Callable[[], object]  # called once the snapshot is on the disk


class RegistryActor(Actor):
    def __init__(
        self,
        files: RegistryFiles,
        clock: Clock,
        canonical_type: CanonicalType,
        auto_configure: bool,
    ) -> None:
        """`canonical_type` gives a device type its right spelling; raises NotFound, or Invalid for the config."""
        super().__init__()
        self._files, self._clock = files, clock
        self._canonical_type, self._auto_configure = canonical_type, auto_configure
        self._next = files.snapshot  # with the changes that are still on their way to the disk
        self._pending: list[_Pending] = []
        self._wake = trio.Event()
        self._at_work = trio.Lock()  # one at a time looks at the files or writes them

    async def setup(self) -> None:
        self._announce()
        self.spawn(self._write)
        self.spawn(self._keep_looking)

    def on_receive(self, message: Any) -> Any:
        now = self._clock.moment().utc
        match message:
            case GetRegistry():
                return self._files.snapshot
            case GetNotices():
                return self._files.notices
            case GetProblems():
                return self._files.problems
            case Discover():
                return self._discover(message, now)
            case ConfigureDevice(address, wanted, meant):
                tags.check_device(self._next, address, meant)
                created = address not in self._next.devices
                new = changes.configure(self._next, address, wanted, now, self._canonical_type)
                return self._commit(new, lambda: Configured(new.devices[address], created))
            case PreviewDevice(address, wanted):
                new = changes.configure(self._next, address, wanted, now, self._canonical_type)
                return Configured(new.devices[address], address not in self._next.devices)
            case ChangeDevice(address, wanted, meant):
                tags.check_device(self._next, address, meant)
                new = changes.change(self._next, address, wanted, now, self._canonical_type)
                return self._commit(new, lambda: new.devices[address])
            case RemoveDevice(address, meant):
                tags.check_device(self._next, address, meant)
                return self._commit(changes.remove_device(self._next, address))
            case CreateVehicle(name, devices):
                new = changes.create_vehicle(self._next, name, now, devices)
                return self._commit(new, lambda: new.vehicles[f"vehicle_{new.last_vehicle}"])
            case ChangeVehicle(vehicle_id, of_vehicle, meant):
                tags.check_vehicle(self._next, vehicle_id, meant)
                new = changes.change_vehicle(self._next, vehicle_id, of_vehicle)
                return self._commit(new, lambda: new.vehicles[vehicle_id])
            case RemoveVehicle(vehicle_id, move_to, meant):
                tags.check_vehicle(self._next, vehicle_id, meant)
                return self._commit(changes.remove_vehicle(self._next, vehicle_id, move_to))
            case _:
                return super().on_receive(message)

    def _discover(self, found: Discover, now: int | None) -> Any:
        new = changes.discover(self._next, found, now, configure=self._auto_configure)
        if new is self._next:
            return None
        return self._commit(new, partial(self._tell_discovered, found, new))

    def _tell_discovered(self, found: Discover, new: Snapshot) -> object:
        device = new.devices[found.address]
        moment = self._clock.moment()
        log.info("found %s, a %s (%s)", device.address, device.device_type, found.reason)
        self.publish(DeviceDiscovered(device, found.name, found.rssi, found.reason, moment))
        return device

    # -- to the disk -------------------------------------------------------------------------

    def _commit(self, new: Snapshot, answer: Callable[[], object] = lambda: None) -> Later[Any]:
        later: Later[Any] = Later()
        self._next = new
        self._pending.append(_Pending(new, later, answer))
        self._wake.set()
        return later

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            async with self._at_work:
                self._wake = trio.Event()
                batch, self._pending = self._pending, []
                if batch:
                    await self._write_batch(batch)

    async def _write_batch(self, batch: list[_Pending]) -> None:
        try:
            await trio.to_thread.run_sync(self._files.write, batch[-1].snapshot)
        except (CannotWrite, ChangedMeanwhile) as error:
            await self._look()  # so that the next try meets what is there
            self._refuse([*batch, *self._pending], error)
            return
        self._announce()
        for pending in batch:
            pending.later.resolve(pending.answer())

    async def _keep_looking(self) -> None:
        while True:
            async with self._at_work:
                if not self._pending:  # those are refused if need be when they are written
                    await self._look()
            await trio.sleep(EVERY)

    async def _look(self) -> None:
        if not await trio.to_thread.run_sync(self._files.is_to_be_looked_at, abandon_on_cancel=True):
            return
        before = self._files.snapshot
        await trio.to_thread.run_sync(self._files.look)
        if self._files.snapshot is not before:
            self._announce()
            self._refuse(self._pending, ChangedMeanwhile(_OVERTAKEN))

    def _refuse(self, pending: list[_Pending], error: CannotWrite | ChangedMeanwhile) -> None:
        self._pending, self._next = [], self._files.snapshot
        for each in pending:
            each.later.fail(error)

    def _announce(self) -> None:
        for event in changes.differences(self._files.announced, self._files.snapshot):
            self.publish(event)
        self._files.announced = self._files.snapshot
