"""Where imported readings go: into the log itself, or to the service that is writing it just now."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Protocol

from hawk import datafolder
from hawk.archive.attribution import attributed
from hawk.archive.batches import whole_hours
from hawk.archive.json_lines import dumps
from hawk.cli.running import NoService, Running, find
from hawk.clock import Clock, SystemClock
from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.errors import AlreadyRunning
from hawk.model.attributes import reading_attributes
from hawk.model.reading import Reading
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import Snapshot
from hawk.store.messages import Kept
from hawk.store.readings import Log

LARGEST = 48 * 1024  # bytes of readings in a request; the service takes 64 KiB with what is around them


class Keeper(Protocol):
    def keep(self, readings: Sequence[Reading]) -> Kept:
        """Raises StoreUnavailable, and what a service refuses."""


@dataclass(frozen=True, slots=True)
class OwnLog:
    log: Log
    fleet: Snapshot
    gateway_id: str
    clock: Clock

    def keep(self, readings: Sequence[Reading]) -> Kept:
        known = [attributed(each, self.fleet, self.gateway_id) for each in readings]
        return self.log.append_imported(known, self.clock.moment())


@dataclass(frozen=True, slots=True)
class ThroughService:
    service: Running

    def keep(self, readings: Sequence[Reading]) -> Kept:
        parts = [self._send(part) for part in _parts(readings)]
        return Kept(sum(part.stored for part in parts), sum(part.late for part in parts))

    def _send(self, readings: Sequence[Reading]) -> Kept:
        said = {"readings": [_said(each) for each in readings]}
        document = {"data": {"type": "reading-imports", "attributes": said}}
        counts = self.service.ask("POST", "/api/readings", document)["meta"]
        return Kept(counts["stored"], counts["late"])


def folder_and_clock(data: Path | None) -> tuple[Path, SystemClock]:
    """Raises ConfigurationError."""
    folder = datafolder.choose(data, os.environ)
    return folder, SystemClock(load(folder / "system.json", os.environ).settings.clock.trust)


@contextmanager
def keeper(path: Path, clock: Clock) -> Iterator[Keeper]:
    """Raises AlreadyRunning when somebody has the folder who is no service, and ConfigurationError."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(DataFolder.open(path))
        except AlreadyRunning as error:
            yield ThroughService(_service(path, error))
            return
        log = stack.enter_context(Log.open(folder.readings_db))
        fleet = RegistryFiles(folder.devices_json, folder.vehicles_json).snapshot
        yield OwnLog(log, fleet, folder.gateway_id(), clock)


def _service(path: Path, otherwise: AlreadyRunning) -> Running:
    try:
        return find(path)
    except NoService:
        raise otherwise from None


def _parts(readings: Sequence[Reading]) -> Iterator[Sequence[Reading]]:
    while (fitting := _fitting(readings)) < len(readings):
        count = whole_hours(readings[:fitting])
        yield readings[:count]
        readings = readings[count:]
    if readings:
        yield readings


def _fitting(readings: Sequence[Reading]) -> int:
    """How many of the first go into one request; at least one."""
    sizes = accumulate(len(dumps(_said(each))) + 1 for each in readings)
    return max(1, sum(1 for _ in takewhile(lambda size: size <= LARGEST, sizes)))


def _said(reading: Reading) -> dict[str, object]:
    """What is there of it."""
    return {name: value for name, value in reading_attributes(reading).items() if value not in (None, "", {})}
