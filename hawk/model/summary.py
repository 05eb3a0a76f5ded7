"""What the readings of an hour or of a day come to."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from hawk.model.address import Address

HOUR, DAY = 3_600_000, 86_400_000  # [ms]


class Resolution(enum.StrEnum):
    """How much time a summary is about; hours and days are those of UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def span(self) -> int:
        """[ms]"""
        return HOUR if self is Resolution.HOUR else DAY


def start_of(utc: int, span: int) -> int:
    """[ms since the epoch] of the hour or day that holds it."""
    return utc // span * span


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Of one quantity, over the readings that had it; there was at least one."""

    count: int
    min: float
    max: float
    sum: float
    last: float

    @property
    def mean(self) -> float:
        return self.sum / self.count


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one device. Names are those of its first reading, also when it is made again with more of them."""

    device_id: Address
    resolution: Resolution
    start: int  # [ms since the epoch]
    count: int  # readings, whatever they measured
    values: Mapping[str, Aggregate]  # by quantity (see hawk/model/reading.py); absent is what nobody measured
    device_type: str
    device_name: str
    vehicle_id: str | None
    vehicle_name: str | None
    gateway_id: str
    simulated: bool
    seq: int  # from the same numbers as those of readings; another one each time it changes
