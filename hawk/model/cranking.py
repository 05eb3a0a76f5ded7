"""A start of the engine: what a monitor remembers of it, and with who and when."""

from dataclasses import dataclass
from typing import final

from hawk.model.reading import Reading


@dataclass(frozen=True, slots=True)
class CrankingEvent:
    """What a device says of one start. What it does not keep is None, or no samples."""

    minimum_voltage: float  # [V] the lowest sample
    status_code: int | None = None  # raw; what it means is disputed
    voltage: float | None = None  # [V] as the device says; not the lowest sample
    duration: float | None = None  # [s]
    age: int | None = None  # [s] when it was read, in steps of 2 minutes
    samples: tuple[float, ...] = ()  # [V]
    sample_interval: float | None = None  # [s] from one sample to the next

    @property
    def voltage_before(self) -> float | None:
        """[V] The first sample: in all captures the fall begins after it."""
        return self.samples[0] if self.samples else None


@final
@dataclass(frozen=True, slots=True)
class Cranking:
    """A start with who and when."""

    by: Reading  # which device, and when it was; its sample says nothing
    event: CrankingEvent
    uncertain: bool = False  # when it was is a guess
