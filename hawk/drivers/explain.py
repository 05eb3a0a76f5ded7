"""What a device said, value by value, for a person who tries it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hawk.drivers.api import Shown
from hawk.model.reading import QUANTITIES, Sample, Scalar

UNITS = {"voltage": "V", "current": "A", "temperature": "°C", "state_of_charge": "%", "power": "W"}


@dataclass(frozen=True, slots=True)
class Explained:
    key: str
    value: Scalar  # None: it was not there, or was left out
    unit: str = ""
    raw: Scalar = None  # before anything was made of it
    origin: str = ""  # "register 257"
    quantity: str = ""  # of the reading, if it is one


def explained(shows: Sequence[Shown], sample: Sample) -> tuple[Explained, ...]:
    """As its driver describes the values, and what there is that it does not describe."""
    known = {word for shown in shows for word in (shown.key, shown.quantity)}
    rest = (each for each in _undescribed(sample) if each.key not in known)
    return *_described(shows, sample), *rest


def _described(shows: Sequence[Shown], sample: Sample) -> Iterator[Explained]:
    for shown in shows:
        key = shown.key
        if shown.optional and key not in sample.raw and key not in sample.extra:
            continue  # it has none
        yield Explained(
            key, sample.extra.get(key), shown.unit, sample.raw.get(key), shown.origin, shown.quantity
        )


def _undescribed(sample: Sample) -> Iterator[Explained]:
    for quantity in QUANTITIES:
        if (value := getattr(sample, quantity)) is not None:
            yield Explained(quantity, value, UNITS[quantity], quantity=quantity)
    for key in ("status", "status_code"):
        if (value := getattr(sample, key)) is not None:
            yield Explained(key, value)
    for key, value in sample.extra.items():
        yield Explained(key, value)
