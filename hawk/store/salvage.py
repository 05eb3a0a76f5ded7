"""What a damaged log still has comes into the new one, in the background, between the readings of today.

First what is small, in one transaction: devices, names, cursors, the newest reading of each device. Then
summaries and readings in batches, each with a note how far it is: a kill costs no more than a batch.

Numbers: one that was given is never given again, and which were given nobody can tell of a damaged file. So a
log that follows one goes on above the milliseconds since the epoch: numbers are given more slowly than that.
"""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hawk import RELEASED
from hawk.errors import BadAddress
from hawk.model.address import Address, parse_address
from hawk.store import meta
from hawk.store.damaged import READING, DamagedLog, OldDevice
from hawk.store.messages import SalvageStatus
from hawk.store.rescue import Foundation, Names, Part, Readings, Summaries
from hawk.store.soundness import is_count, is_sound

DONE = ".rescued"  # at the end of the name of a damaged file that has nothing more to give

_LOOK = 0.05  # [s] at a time where nothing can be read
_STEPS = (86400, 3600)
_TO_COME = 86_400_000  # [ms] a clock may have been a little ahead
_GREATEST = 2**53
_NOTE = "salvage:"  # in `meta`, then the name of the damaged file
_NUMBERED = (("reading", "seq"), ("rollup", "seq"), ("sink_cursor", "seq"), ("device", "latest_seq"))


@dataclass(frozen=True, slots=True)
class Progress:
    """All parts before this one are in the new log, and of this one all up to `ts`."""

    below: int  # the numbers of the damaged file are
    part: int = 0
    device: int = 0  # its id in the damaged file
    ts: int = -_GREATEST
    readings: int = 0  # found


@dataclass(frozen=True, slots=True)
class Batch:
    part: Part
    then: Progress


# -- which files there are -------------------------------------------------------------------


def waiting(path: Path) -> list[Path]:
    """Damaged logs that were set aside from `path` and not yet gone through, the oldest first."""
    beside = path.parent.glob(f"{path.name}.corrupt-*")
    return sorted(each for each in beside if not each.name.endswith((DONE, "-wal", "-shm")))


def enter(connection: sqlite3.Connection, path: Path) -> None:
    """Notes the damaged files beside a log. To be called before it gives a number."""
    new = [each for each in waiting(path) if meta.get(connection, _NOTE + each.name) is None]
    if not new:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for each in new:
            below = max(out_of_reach(), _greatest_number(each))
            meta.raise_seq(connection, below)
            meta.put(connection, _NOTE + each.name, _noted(Progress(below)))


def note(connection: sqlite3.Connection, path: Path, progress: Progress) -> None:
    """How far it is with this damaged file."""
    meta.put(connection, _NOTE + path.name, _noted(progress))


def noted(connection: sqlite3.Connection, path: Path) -> Progress:
    return Progress(**json.loads(meta.get(connection, _NOTE + path.name) or '{"below": 0}'))


def _noted(progress: Progress) -> str:
    return json.dumps(asdict(progress))


def out_of_reach() -> int:
    """No number so great was given yet: [ms since the epoch], or when this program was made where the clock
    shows less.
    """
    made = datetime.fromisoformat(RELEASED).replace(tzinfo=UTC).timestamp()
    return max(time.time_ns() // 1_000_000, round(made) * 1000)


def _greatest_number(path: Path) -> int:
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(DamagedLog.open(path)) as old:
        return min(_GREATEST, max(old.greatest(*each) for each in _NUMBERED))
    return 0


# -- going through one -----------------------------------------------------------------------


class Unreadable(Exception):
    """Not a row."""


class Salvage:
    """For one thread at a time. What `next` gives is the same until `written` says that it is on the disk."""

    def __init__(self, path: Path, progress: Progress, summary_columns: Sequence[str]) -> None:
        """Raises Unreadable.

        `summary_columns` are those of the new log, as far as they come over as they are.
        """
        self.path, self.progress = path, progress
        try:
            self._old = DamagedLog.open(path)
        except sqlite3.DatabaseError as error:
            raise Unreadable(str(error)) from error
        self._devices = self._old.devices()
        self._columns = ("ts", "seq", "series_id", *summary_columns)
        self._pending: Batch | None = None
        self._batches = self._all()
        self.done = False

    def next(self) -> Batch | None:
        """None when a look gave nothing; then ask again, unless it is `done`."""
        until = time.monotonic() + _LOOK
        while self._pending is None and not self.done and time.monotonic() < until:
            try:
                self._pending = next(self._batches)
            except StopIteration:
                self.done = True
        return self._pending

    def written(self, batch: Batch) -> None:
        self.progress, self._pending = batch.then, None

    @property
    def status(self) -> SalvageStatus:
        counted = [each.readings for each in self._devices if is_count(each.readings)]
        return SalvageStatus(self.path.name, self.progress.readings, sum(counted) if counted else None)

    def close(self) -> None:
        self._old.close()

    # ----------------------------------------------------------------------------------------

    def _all(self) -> Iterator[Batch | None]:
        names = self._names()
        if self.progress.part == 0:
            yield Batch(Foundation.of(self._old, self._devices, names), replace(self.progress, part=1))
        for part, step in enumerate(_STEPS, start=1):
            yield from self._summaries(part, step, names)
        yield from self._readings(len(_STEPS) + 1, names)

    def _names(self) -> Names:
        addresses = {each.id: address for each in self._devices if (address := _address(each))}
        blind = {each.id for each in self._devices if not _has_latest(self._old, each)}
        return Names(
            addresses, self._old.series(), frozenset(blind), self._old.delivered(), self.progress.below
        )

    def _summaries(self, part: int, step: int, names: Names) -> Iterator[Batch | None]:
        for device, since in self._left(part, names):
            for rows in self._old.summaries(step, device, self._columns, since, out_of_reach() + _TO_COME):
                if sound := [row for row in rows if is_sound(self._columns, row)]:
                    then = replace(self.progress, part=part, device=device, ts=sound[-1][0])
                    yield Batch(Summaries(step, device, self._columns, sound, names), then)
                yield None

    def _readings(self, part: int, names: Names) -> Iterator[Batch | None]:
        for device, since in self._left(part, names):
            for rows in self._old.readings(device, since, out_of_reach() + _TO_COME):
                if sound := [row for row in rows if is_sound(READING, row)]:
                    found = self.progress.readings + len(sound)
                    then = replace(self.progress, part=part, device=device, ts=sound[-1][0], readings=found)
                    yield Batch(Readings(device, sound, names), then)
                yield None

    def _left(self, part: int, names: Names) -> Iterator[tuple[int, int]]:
        """The devices that this part has still to do, and from when on [ms]."""
        for device in sorted(names.addresses):
            done = self.progress
            if (part, device) == (done.part, done.device):
                yield device, done.ts + 1
            elif (part, device) > (done.part, done.device):
                yield device, -_GREATEST


def finish(path: Path) -> None:
    """Gives a damaged file the name that says that it can go."""
    for suffix in ("-wal", "-shm", ""):  # the database last: an interrupted rename is done again
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(path.with_name(path.name + DONE + suffix))


def _address(device: OldDevice) -> Address | None:
    with contextlib.suppress(BadAddress):
        return parse_address(str(device.mac))
    return None


def _has_latest(old: DamagedLog, device: OldDevice) -> bool:
    return is_count(device.latest_seq) and old.reading(device.latest_seq) is not None
