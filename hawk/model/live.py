"""The newest value of each quantity of one device, each with the time it was measured.

Values come from different frames: an advertisement has no temperature, a beacon nothing but
the charge. So each keeps its own time, and none is ever shown as newer than it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hawk.model.reading import QUANTITIES, Moment, Sample, Scalar


@dataclass(frozen=True, slots=True)
class Measured:
    value: float
    moment: Moment


@dataclass(frozen=True, slots=True)
class Live:
    values: Mapping[str, Measured] = field(default_factory=dict)  # by model.reading.QUANTITIES
    status: str | None = None
    status_code: int | None = None
    status_moment: Moment | None = None
    extra: Mapping[str, Scalar] = field(default_factory=dict)
    extra_moment: Moment | None = None

    @property
    def newest(self) -> Moment | None:
        """When the youngest of the values was measured."""
        newest = self.extra_moment
        for measured in self.values.values():
            if newest is None or measured.moment.boot_time > newest.boot_time:
                newest = measured.moment
        return newest

    def older_than(self, boot_time: float) -> frozenset[str]:
        """The quantities that were measured before."""
        return frozenset(
            quantity for quantity, measured in self.values.items() if measured.moment.boot_time < boot_time
        )

    def with_sample(self, sample: Sample, moment: Moment) -> "Live":
        """Older values of what `sample` lacks stay as they are, with their own time."""
        values = dict(self.values)
        for quantity in QUANTITIES:
            if (value := getattr(sample, quantity)) is not None:
                values[quantity] = Measured(value, moment)
        extra = (sample.extra, moment) if sample.extra else (self.extra, self.extra_moment)
        if sample.status is None:
            return Live(values, self.status, self.status_code, self.status_moment, *extra)
        return Live(values, sample.status, sample.status_code, moment, *extra)
