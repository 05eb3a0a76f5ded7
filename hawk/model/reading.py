"""A sample is what a device said; a reading is a sample with who, when and how."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, final

from hawk.model.address import Address

Scalar = float | int | str | bool | None

SourceWord = Literal["history", "advertisement", "gatt"]

QUANTITIES = ("voltage", "current", "temperature", "state_of_charge", "power")


class Source(enum.IntEnum):
    """How a reading came. Of two for the same instant the greater one wins."""

    HISTORY = 1
    ADVERTISEMENT = 2
    GATT = 3

    @property
    def word(self) -> SourceWord:
        return cast("SourceWord", self.name.lower())


@dataclass(frozen=True, slots=True)
class Sample:
    """The quantities in one frame. What the device does not measure is None, never 0."""

    voltage: float | None = None  # [V]
    current: float | None = None  # [A], positive while charging
    temperature: float | None = None  # [degC], of the monitor
    state_of_charge: float | None = None  # [%], as the device reports it
    power: float | None = None  # [W]
    status: str | None = None  # normal low charging floating critical unknown
    status_code: int | None = None  # raw, numbered differently in each family
    extra: Mapping[str, Scalar] = field(default_factory=dict)
    raw: Mapping[str, Scalar] = field(default_factory=dict, compare=False)
    """Of `extra`, before anything was made of it, where a driver says so: for whoever describes a device.
    Nobody keeps it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was measured.

    `boot_time` always holds: seconds of CLOCK_BOOTTIME. `utc` is milliseconds since the
    epoch, or None while the wall clock cannot be trusted (see hawk/clock.py).
    """

    utc: int | None
    boot_time: float


@final
@dataclass(frozen=True, slots=True)
class Reading:
    device_id: Address
    moment: Moment
    sample: Sample
    source: Source
    device_type: str
    device_name: str  # names as at the time of the reading
    vehicle_id: str | None
    vehicle_name: str | None
    gateway_id: str  # 12 hex digits; with `seq` it names the reading world-wide
    rssi: int | None = None  # [dBm]
    adapter: str | None = None
    simulated: bool = False
    seq: int | None = None  # given by the log; None before
