"""What the scanner and the arbiter can be asked and told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from actors import ActorRef, Query
from hawk.model.address import Address
from hawk.model.reading import Moment
from hawk.model.rung import Rung

# -- scanner -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sighted:
    """A device is there."""

    moment: Moment
    adapter: str  # the one that hears it best
    name: str = ""  # as it last advertised it


@dataclass(frozen=True, slots=True)
class Seek(Query[Sighted]):
    """Answered when the device is heard: at once if it was a moment ago. Scans if need be.

    The asker sets the limit; a Seek that was given up is forgotten."""

    address: Address


@dataclass(frozen=True, slots=True)
class LookAround(Query[None]):
    """Listens for so long, if nobody does anyway; answered when it is over. Raises BluetoothError while
    nothing can be heard.
    """

    seconds: float | None = None  # None = as long as a periodic scan


@dataclass(frozen=True, slots=True)
class Tried:
    """A session with a device that was heard got its link, or none."""

    address: Address
    linked: bool


@dataclass(frozen=True, slots=True)
class Doubted:
    """A session found that Bluetooth itself does not answer."""


@dataclass(frozen=True, slots=True)
class AdapterStatus:
    name: str  # "hci0"
    listening: bool
    reason: str | None  # why not; None also when nobody wants it to
    adverts_per_minute: int
    last_advert: float | None  # [s] ago; None if it never heard one
    adverts: int = 0  # heard since start
    recovery: Mapping[Rung, int] = field(default_factory=dict)  # how often each was taken for it


@final
@dataclass(frozen=True, slots=True)
class ScannerStatus:
    listening: bool
    reason: str | None  # why not
    adverts: int  # heard since start
    devices: int  # different addresses heard in the last minute
    restarts: int  # of the scan, by the lowest rung
    recovery: Mapping[Rung, int] = field(default_factory=dict)  # how often each was taken
    down_for: float | None = None  # [s] that nothing could be heard; None while it can
    dropped: int = 0  # adverts that came faster than they could be understood
    damaged: int = 0  # adverts of known devices that could not be decoded
    adapters: tuple[AdapterStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class GetScannerStatus(Query[ScannerStatus]):
    pass


# -- arbiter -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to hold one link; goes back by ReleaseSlot."""

    number: int
    address: Address
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class RequestSlot(Query[Slot]):
    """Answered when the radio is free for this device and nobody else establishes a link."""

    address: Address
    holder: ActorRef  # type: ignore[type-arg]  # whoever it is; only its end is watched
    longest: float  # [s] until the slot is taken back
    urgent: bool = False  # a person waits
    adapter: str = ""  # to connect through; each has links of its own


@dataclass(frozen=True, slots=True)
class LinkEstablished:
    """The holder's link is up: the next one may begin to connect."""

    number: int


@dataclass(frozen=True, slots=True)
class ReleaseSlot:
    number: int


@final
@dataclass(frozen=True, slots=True)
class ArbiterStatus:
    held: tuple[Slot, ...]
    waiting: int
    taken_back: int  # slots whose holder died or overran


@dataclass(frozen=True, slots=True)
class GetArbiterStatus(Query[ArbiterStatus]):
    pass
