"""What the store can be told and asked.

A `Reading` is itself the command to keep it: `await store.send(reading)`. It is acknowledged
by `ReadingsStored` on the bus. Queries see what is on the disk, and raise StoreUnavailable
while that cannot be read.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

from actors import Query
from hawk.model.address import Address
from hawk.model.cranking import Cranking, CrankingEvent
from hawk.model.reading import Reading, Sample, Source
from hawk.model.summary import Resolution, Summary


class Durability(enum.StrEnum):
    """How soon a reading goes to the disk."""

    PROMPT = "prompt"  # as soon as the one before is written
    SD = "sd"  # gathered, which spares the card; one that was polled for goes at once


class Stream(enum.StrEnum):
    """What a sink can read; both are numbered from the same `seq`."""

    READING = "reading"  # GetReadingsAfter
    ROLLUP = "rollup"  # GetSummariesAfter


class StoreState(enum.StrEnum):
    OK = "ok"
    DEGRADED = "degraded"  # the disk refuses, and readings wait in memory, or it is about to


@dataclass(frozen=True, slots=True)
class GetLatest(Query[Reading | None]):
    """The newest reading that is not history; newest as it was stored, not by its clock."""

    address: Address


@dataclass(frozen=True, slots=True)
class GetLatestOfAll(Query[tuple[Reading, ...]]):
    """The same for each device that has one."""


@dataclass(frozen=True, slots=True)
class Page:
    readings: tuple[Reading, ...]
    next: int | None  # the cursor of the page after this one; None when it is the last


@dataclass(frozen=True, slots=True)
class GetReadings(Query[Page]):
    """Readings of one device in the order of time. What is stored meanwhile never shifts a page."""

    address: Address
    since: int | None = None  # [ms since the epoch], inclusive, as is `until`
    until: int | None = None
    source: Source | None = None
    cursor: int | None = None  # `next` of the page before
    limit: int = 100
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class GetReadingsAfter(Query[tuple[Reading, ...]]):
    """The next ones of all devices, in the order of `seq`."""

    seq: int
    limit: int = 500


@dataclass(frozen=True, slots=True)
class GetSummariesAfter(Query[tuple[Summary, ...]]):
    """The next ones of all devices, hours and days, in the order of `seq`. One that changes comes again."""

    seq: int
    limit: int = 500


@dataclass(frozen=True, slots=True)
class SummaryPage:
    summaries: tuple[Summary, ...]
    next: int | None  # the cursor of the page after this one; None when it is the last


@dataclass(frozen=True, slots=True)
class GetSummaries(Query[SummaryPage]):
    """Hours or days of one device in the order of time. The one that runs is not there yet, the day that
    runs has the hours that are over.
    """

    address: Address
    resolution: Resolution
    since: int | None = None  # [ms since the epoch], inclusive, as is `until`; those that reach into it count
    until: int | None = None
    cursor: int | None = None  # `next` of the page before
    limit: int = 100
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class ChooseResolution(Query[Resolution | None]):
    """What suits a span of time (hawk/store/tiers.py), and is still there of it; None is single readings."""

    address: Address
    since: int | None = None  # [ms since the epoch]; None is all that there is
    until: int | None = None  # None is now


@dataclass(frozen=True, slots=True)
class Point:
    """Of a curve; `start` in ms since the epoch."""

    start: int
    count: int
    min: float
    max: float
    mean: float


@dataclass(frozen=True, slots=True)
class GetCurve(Query[tuple[Point, ...]]):
    """One quantity of a device, in at most so many points of equal width, the oldest first; none where
    nothing was measured.
    """

    address: Address
    quantity: str  # of QUANTITIES
    since: int  # [ms since the epoch], inclusive
    until: int  # exclusive
    points: int = 500
    resolution: Resolution | None = None  # what it is made of; None is single readings


@dataclass(frozen=True, slots=True)
class Cursor:
    seq: int  # all up to it was delivered, refused or given up
    dropped: int  # of these, those that never arrived: refused, or purged because they waited too long


@dataclass(frozen=True, slots=True)
class GetCursor(Query[Cursor | None]):
    """None for a sink that never moved it: it has read nothing."""

    sink: str
    stream: Stream


@dataclass(frozen=True, slots=True)
class MoveCursor(Query[None]):
    """Answered when it is on the disk. A cursor never moves back. Raises StoreUnavailable."""

    sink: str
    stream: Stream
    seq: int
    refused: int = 0  # rows up to `seq` that the sink would not take; added to `dropped`


@dataclass(frozen=True, slots=True)
class CountUnsent(Query[int]):
    """Rows beyond the cursor: exact, but 100,000 also means more.

    The newest `seq` less that of the cursor is no count: streams share their numbers, and a row that
    changes leaves its old one unused.
    """

    sink: str
    stream: Stream


@dataclass(frozen=True, slots=True)
class HoldPurging(Query[None]):
    """No reading is purged before these sinks have it, unless it waits for too long; others may miss it.
    Summaries wait for those of them that ever moved a cursor there. Replaces what was said before.

    Until it is said for the first time, every sink that has a cursor holds.
    """

    sinks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Imported:
    """`since` and `until` in ms since the epoch; None where nothing came."""

    records: int  # that came
    stored: int  # of them; the log had the others, or they were no measurement
    since: int | None
    until: int | None
    rejected: int = 0  # values that were not believed, of records that the log did not have


@dataclass(frozen=True, slots=True)
class ImportHistory(Query[Imported]):
    """What a device remembered, into the log in batches; never told as ReadingsStored, for nothing of it
    is news. The same again changes nothing. Raises StoreUnavailable; what was stored by then stays.
    """

    newest: Reading  # of whom, and when record 0 was made; its sample says nothing
    records: tuple[bytes, ...]  # the newest first
    sample: Callable[[bytes], Sample | None]  # of a record
    interval: float  # [s] between two records
    cranking: Callable[[bytes], CrankingEvent | None] = lambda _: None  # the start that a record tells of
    uncertain: bool = False  # which end of the records is the newest


@dataclass(frozen=True, slots=True)
class LastStart:
    """What a device remembers of the engine's starts."""

    cranking: Cranking | None  # None: of none
    stored: bool = False  # the log did not have it


@dataclass(frozen=True, slots=True)
class KeepCranking(Query[LastStart]):
    """Told as CrankingStored, if it is new. The same again changes nothing. Raises StoreUnavailable."""

    cranking: Cranking  # its moment has a UTC


@dataclass(frozen=True, slots=True)
class CrankingPage:
    found: tuple[Cranking, ...]
    next: int | None  # the cursor of the page after this one; None when it is the last


@dataclass(frozen=True, slots=True)
class GetCranking(Query[CrankingPage]):
    """The starts of one device in the order of time."""

    address: Address
    cursor: int | None = None  # `next` of the page before
    limit: int = 100
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """The log had the others already, from a source that is as good."""

    stored: int
    late: int  # their hour was purged, and lives on in its summary


@dataclass(frozen=True, slots=True)
class ImportReadings(Query[Kept]):
    """Readings of a file, each with its UTC, in one transaction. Never told as ReadingsStored, for they are no
    news. Raises StoreUnavailable; nothing is stored then.
    """

    readings: tuple[Reading, ...]


@final
@dataclass(frozen=True, slots=True)
class Counts:
    readings: int
    cranking_events: int
    undated: int  # wait for a trusted clock, or belong to a boot that never had one
    bytes: int  # on the disk
    unsummed: int = 0  # hours that have no summary yet, or not one of all their readings


@dataclass(frozen=True, slots=True)
class Purged:
    """What left the log since the start."""

    rows: int = 0  # readings and summaries
    for_size: int = 0  # readings among them that would have stayed, had there been room
    dropped: Mapping[str, int] = field(default_factory=dict)  # rows that these sinks had not got
    too_big: bool = False  # and there is nothing left to give up
    waits: str | None = None  # why nothing is purged for its age just now


@final
@dataclass(frozen=True, slots=True)
class SalvageStatus:
    """Of a damaged log, whose readings are brought into the new one."""

    file: str
    readings: int  # found so far
    expected: int | None  # as the damaged log counted them; None if it does not tell
    done: bool = False


@dataclass(frozen=True, slots=True)
class StoreStatus:
    state: StoreState
    reason: str | None  # why it is degraded
    durability: Durability
    counts: Counts | None  # None while the disk cannot be read
    seq: int | None  # the last one given; None while the file could not be opened
    waiting: int  # readings on their way to the disk
    dropped: int  # readings lost since start because the disk refused for too long
    set_aside: str | None = None  # a damaged file of this name was replaced by a new one
    fix: str | None = None  # what to do about `reason`
    salvage: SalvageStatus | None = None  # the last one since start
    late: int = 0  # readings refused since start: their hour was purged, and lives on in its summary
    purged: Purged = field(default_factory=Purged)


@dataclass(frozen=True, slots=True)
class GetStoreStatus(Query[StoreStatus]):
    pass


@dataclass(frozen=True, slots=True)
class Flush(Query[None]):
    """Answered when all that came before it is on the disk. Raises StoreUnavailable."""
