"""Work that takes longer than a request: what it is, how far it is, how it ended."""

import enum
from dataclasses import dataclass

from actors import Query
from hawk.model.address import Address
from hawk.model.reading import Reading
from hawk.store.messages import Imported, LastStart


class JobState(enum.StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ReadOf:
    """What a discovered device said when it was read once, or why it said nothing."""

    address: Address
    reading: Reading | None = None  # nobody keeps it
    code: str | None = None  # of the error
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was heard while somebody looked around and is none of ours yet, by address."""

    addresses: tuple[Address, ...]
    new: tuple[Address, ...]  # those of them that nobody knew before
    read: tuple[ReadOf, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    kind: str  # "history", "cranking" or "discovery"
    address: Address | None  # None where it is about no single device
    state: JobState = JobState.RUNNING
    progress: float = 0.0  # 0 to 1, of the most that may come; jumps to 1 at the end
    result: Imported | LastStart | Found | None = None  # when it is done
    code: str | None = None  # of the error, when it failed
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class StartHistory(Query[Job]):
    """Of a device that is configured."""

    address: Address
    days: float | None = None  # None: all that it remembers


@dataclass(frozen=True, slots=True)
class StartCranking(Query[Job]):
    """To read the last start that a configured device remembers."""

    address: Address


@dataclass(frozen=True, slots=True)
class StartDiscovery(Query[Job]):
    """To listen, and then to read once each device that is found."""

    duration: float | None = None  # [s] of listening; None: the setting
    connect: bool = False


@dataclass(frozen=True, slots=True)
class GetJob(Query[Job]):
    """Raises NotFound; the last hundred are known."""

    id: str


@dataclass(frozen=True, slots=True)
class CancelJob(Query[Job]):
    """One that has ended stays as it ended. Raises NotFound."""

    id: str
