"""What a device actor can be asked."""

from dataclasses import dataclass, field

from actors import Query
from hawk.drivers.api import Shown
from hawk.model.device import Device, DeviceView, Transition
from hawk.model.reading import Moment, Reading
from hawk.model.rules import Plausibility
from hawk.store.messages import Imported, LastStart


@dataclass(frozen=True, slots=True)
class Configure:
    """What the registry says of a device, now."""

    device: Device
    vehicle_name: str | None


POLL_WITHIN = 330.0  # [s] for PollNow: to be heard, for a slot, a session, and all that once more


@dataclass(frozen=True, slots=True)
class PollNow(Query[Reading]):
    """Reads the device at once; while it is being read already, answers with that reading.
    Raises BluetoothError with the reason, Busy when other devices keep the radio, Paused or HeardOnly.
    """


@dataclass(frozen=True, slots=True)
class Trial:
    """What a device said that need not be registered."""

    reading: Reading  # nobody keeps it
    shows: tuple[Shown, ...]  # how its driver describes the values


@dataclass(frozen=True, slots=True)
class ReadOnce(Query[Trial]):
    """Reads a device as this record says, registered or not. Raises BluetoothError with the reason,
    Busy, Paused, NotFound for its type, or Invalid for its config.
    """

    device: Device
    vehicle_name: str | None = None


@dataclass(frozen=True, slots=True)
class Release(Query[Moment]):
    """To a device, or to the group for all: lets the link go and makes none for so long. Hearing
    goes on. Answered with the end of it.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class EndRelease(Query[None]):
    """To a device, or to the group for all."""


@dataclass(frozen=True, slots=True)
class ReleasesChanged:
    """To each device, by the group."""


@dataclass(frozen=True, slots=True)
class DownloadHistory(Query[Imported]):
    """What the device remembers, into the log; progress is on the bus. Raises NoHistory, Busy, Paused,
    ClockUncertain, BluetoothError or StoreUnavailable. To give up the question ends it.
    """

    days: float | None = None  # None: all


@dataclass(frozen=True, slots=True)
class ReadCranking(Query[LastStart]):
    """The last start of the engine that the device remembers, into the log. Raises NoCranking, Busy, Paused,
    ClockUncertain, BluetoothError or StoreUnavailable. To give up the question ends it.
    """


@dataclass(frozen=True, slots=True)
class GetView(Query[DeviceView]):
    pass


@dataclass(frozen=True, slots=True)
class Connection:
    """How the link to a device did."""

    view: DeviceView
    transitions: tuple[Transition, ...]  # the last 50, oldest first
    next_poll: float | None  # [s] from now; None while a poll is running, and for a device that is only heard
    limits: Plausibility = field(default_factory=dict)  # that hold


@dataclass(frozen=True, slots=True)
class GetConnection(Query[Connection]):
    pass
