"""Reading what a device remembers: over as many links as it takes, each no longer than any other session."""

from collections.abc import Callable
from dataclasses import dataclass

import trio

from hawk.clock import Clock
from hawk.devices.poll import PASSING
from hawk.devices.visit import Visitor
from hawk.drivers.api import Download, Gatt, History
from hawk.errors import BluetoothError, SilentDevice
from hawk.model.reading import Moment

IN_VAIN = 5  # links in a row that brought nothing
PAUSE = 2.0  # [s] between two links: others have their turn


@dataclass(frozen=True, slots=True)
class Downloaded:
    records: tuple[bytes, ...]  # the newest first
    newest: Moment  # when the first was asked for
    certain: bool  # which end is the newest


class _Dated:
    """A download that knows when its first record was asked for."""

    def __init__(self, download: Download, clock: Clock, on_progress: Callable[[int], None]) -> None:
        self._download, self._clock, self._on_progress = download, clock, on_progress
        self.quiet, self.newest = download.quiet, clock.moment()

    @property
    def done(self) -> bool:
        return self._download.done

    def begin(self) -> tuple[bytes, ...]:
        if self._download.records:
            self._download.elapsed(self._clock.moment().boot_time - self.newest.boot_time)
        return self._asked(self._download.begin())

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        writes = self._download.receive(frame)
        self._on_progress(self._download.received)
        return self._asked(writes)

    def silent(self) -> tuple[bytes, ...]:
        return self._asked(self._download.silent())

    def _asked(self, writes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if writes and not self._download.records:
            self.newest = self._clock.moment()
        return writes


async def download(
    visitor: Visitor, gatt: Gatt, history: History, most: int, on_progress: Callable[[int], None]
) -> Downloaded:
    """Raises BluetoothError or Busy when link after link brings nothing."""
    talk = history.download(most)
    dated = _Dated(talk, visitor.station.clock, on_progress)
    vain = 0
    while True:
        before = len(talk.records)
        try:
            sighted = await visitor.wait_until_heard()
            async with visitor.slot(sighted.adapter) as slot:
                await visitor.talk(slot, gatt, dated)
        except BluetoothError as error:
            vain = vain + 1 if len(talk.records) <= before else 0
            if vain >= IN_VAIN or not isinstance(error, (*PASSING, SilentDevice)):
                raise
        if talk.done:
            return Downloaded(tuple(talk.records), dated.newest, talk.certain)
        await trio.sleep(PAUSE)
