"""What a driver is: a table of facts and pure functions from bytes to samples.

No await, no clock, no logging. Everything raises ProtocolError, and nothing else, on bytes
that are no valid frame.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hawk.errors import HeardOnly, Invalid
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.cranking import CrankingEvent
from hawk.model.reading import Sample
from hawk.model.rules import ANY_BATTERY, Plausibility


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes for the device's write characteristic."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Gatt:
    """Where a device talks; UUIDs in full, lower case."""

    service: str  # "": any that has the characteristic
    write: str  # "": it talks unasked, and nothing is ever written to it
    notify: str
    notify_service: str = ""  # where it is another one than `service`
    acknowledged: bool = True  # writes, where the device offers both ways; else a refusal of one says nothing
    settle: float = 0.0  # [s] after subscribing
    pause: float = 0.0  # [s] before each write
    knock: str = ""  # to be read before the first write, on devices that do not listen until then


class Codec(Protocol):
    """One conversation with one device; made anew for each session."""

    def begin(self) -> tuple[Write, ...]:
        """What to write once notifications are on; also what to repeat when nothing comes."""
        ...

    def receive_data(self, data: bytes) -> Sample | None:
        """The sample in this notification; None if it rightly carries none. Raises ProtocolError."""
        ...

    def wants(self) -> tuple[Write, ...]:
        """What to write after the notification just received."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How patiently a device is asked. What else takes time is in its Gatt."""

    patience: float = 4.0  # [s] of silence, then the same is asked again
    requests: int = 4  # one question and its repetitions


@dataclass(frozen=True, slots=True)
class Shown:
    """How one value of `extra` is shown to people; the words are Home Assistant's."""

    key: str
    name: str = ""  # "" = made of the key
    origin: str = ""  # "register 257"
    unit: str = ""
    device_class: str = ""
    state_class: str = ""
    icon: str = ""
    category: str = ""
    enabled: bool = True  # by default
    on_or_off: bool = False
    options: tuple[str, ...] = ()  # all that an enumeration can be
    quantity: str = ""  # of the reading, if it is one
    optional: bool = False  # not every device has it, as the last of a list


@dataclass(frozen=True, slots=True)
class Heard:
    """What a driver understood of one advertisement."""

    sample: Sample
    proven: bool  # decrypted, and the inner address is the sender's: the family is certain
    recordable: bool  # a measurement of voltage; a beacon with the charge alone is not
    reason: str = "advertisement"  # in words for people: by what the family was known


class Download(Protocol):
    """A conversation (hawk.ble.radio) that reads what a device remembers. When a link is lost, the next
    one goes on with it.
    """

    quiet: float
    certain: bool  # which end of the records is the newest
    records: list[bytes]  # so far, the newest first; record k was made k * History.interval before the first

    def begin(self) -> tuple[bytes, ...]: ...

    def receive(self, frame: bytes) -> tuple[bytes, ...]: ...

    def silent(self) -> tuple[bytes, ...]: ...

    @property
    def done(self) -> bool: ...

    @property
    def received(self) -> int:
        """Records that came, also those that are not yet certain."""
        ...

    def elapsed(self, seconds: float) -> None:
        """Since the first record was asked for; said before another link is used."""
        ...


@dataclass(frozen=True, slots=True)
class History:
    """What a family remembers by itself."""

    download: Callable[[int], Download]  # so many records, as far as there are
    sample: Callable[[bytes], Sample | None]  # of a record; None for one that is no measurement
    interval: float = 120.0  # [s] from one record to the next
    most: int = 51_200  # records that a device keeps
    cranking: Callable[[bytes], CrankingEvent | None] = lambda _: None  # the start that a record tells of


class Recollection(Protocol):
    """A conversation (hawk.ble.radio) that reads the last start of the engine, where a device keeps it."""

    quiet: float

    @property
    def event(self) -> CrankingEvent | None:
        """None when it is done: the device has none."""
        ...

    def begin(self) -> tuple[bytes, ...]: ...

    def receive(self, frame: bytes) -> tuple[bytes, ...]: ...

    def silent(self) -> tuple[bytes, ...]: ...

    @property
    def done(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a device seems to be by its answers."""

    device_type: str
    config: "Config"
    words: str  # for people: what it calls itself, or what it answered


class Probe(Protocol):
    """A conversation (hawk.ble.radio) that finds out what is behind a name that several types have."""

    quiet: float
    found: Proposal | None

    def begin(self) -> tuple[bytes, ...]: ...

    def receive(self, frame: bytes) -> tuple[bytes, ...]: ...

    def silent(self) -> tuple[bytes, ...]: ...

    @property
    def done(self) -> bool: ...


class Library(Protocol):
    """A session with one device by a library that connects and talks by itself. Its methods run in the asyncio
    loop of bleak, one after the other; `disconnect` also when one of the others was cancelled or failed.
    """

    async def connect(self) -> None: ...

    async def read(self) -> Sample: ...

    async def disconnect(self) -> None: ...


class Note(enum.StrEnum):
    """Why a valid frame carries no sample."""

    ACKNOWLEDGEMENT = "acknowledgement"
    EMPTY = "empty"
    NOT_A_READING = "not_a_reading"


Config = Mapping[str, Any]  # JSON


def _the_same(driver: "Driver", _: str) -> "Driver":
    return driver


def _nobody_asks() -> Codec:
    raise TypeError("a driver without a codec was asked for one")


def _needs_no_config(driver: "Driver", config: Config) -> "Driver":
    for key in config:
        raise Invalid(f"a {driver.device_type} has nothing to configure", f"/{key}")
    return driver


@dataclass(frozen=True, slots=True)
class Driver:
    """One family of devices."""

    device_type: str  # "BM6"
    description: str  # for people: "12 V battery monitor (leagend BM6, Ancel BM200 ...)"
    names: frozenset[str]  # local names, compared without regard to case
    measures: tuple[str, ...]  # quantities it gives, of model.reading.QUANTITIES
    hear: Callable[[Advertisement], Heard | None]
    """What an advertisement says; None if it is not this family's or says nothing.
    Raises ProtocolError if it is this family's but damaged."""
    gatt: Gatt | None = None  # None, and no `library`: it is heard only, and nobody connects to it
    codec: Callable[[], Codec] = _nobody_asks
    by_library: Callable[[Any, Any], Library] | None = (
        None  # of bleak's device and its advertisement; instead of a codec
    )
    decode: Mapping[str, Callable[[bytes, Address | None], object]] = field(default_factory=dict)
    """For `hawk decode`: kind -> decoder of captured bytes, with the sender's address if it is known.
    The answer is a Sample, a Note, a CrankingEvent, or one of the types in drivers.memory."""
    history: History | None = None
    cranking: Callable[[], Recollection] | None = None
    polling_interval: float | None = None  # [s]; None = the setting polling.interval
    aliases: frozenset[str] = frozenset()
    own_name_starts: tuple[str, ...] = ()  # of names that no other family has, by case
    name_starts: tuple[str, ...] = ()  # of names that several families have: who owns it says which it is
    probe: Callable[[], Probe] | None = None  # tells which of those, or of its siblings, a device is
    probe_services: frozenset[str] = frozenset()  # advertised by its family, and by many others: may be asked
    matches: Callable[[Advertisement], bool] = lambda _: False
    """Whether a device may be of this family, where neither data nor name say so."""
    pace: Pace = field(default_factory=Pace)
    shows: tuple[Shown, ...] = ()
    of_many_kinds: bool = False  # which of all that a device has is known only once it spoke
    plausible: Plausibility = field(default_factory=lambda: ANY_BATTERY)
    """What its values can be, unless the record of a device says otherwise. Wide: a truth must never be
    rejected, on 6, 12, 24 or 48 V, while cranking or empty."""
    configure: Callable[["Driver", Config], "Driver"] = _needs_no_config
    """The driver for one device, by the `config` in its record. Raises Invalid with a pointer into it,
    and NotFound if a library is missing."""
    secrets: frozenset[str] = frozenset()  # keys of the config whose values nobody is shown

    by_name: Callable[["Driver", str], "Driver"] = _the_same
    """The driver for a device that advertises this name."""

    @property
    def words(self) -> frozenset[str]:
        """That somebody may write for its type; in lower case."""
        return frozenset(word.lower() for word in (self.device_type, *self.aliases))

    @property
    def heard_only(self) -> bool:
        return self.gatt is None and self.by_library is None

    def needed_gatt(self) -> Gatt:
        """Raises HeardOnly."""
        if self.gatt is None:
            raise HeardOnly(self.device_type)
        return self.gatt

    def configured(self, config: Config) -> "Driver":
        return self.configure(self, config)

    def named(self, name: str) -> "Driver":
        return self.by_name(self, name)
