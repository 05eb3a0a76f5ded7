"""What all Renogy drivers share: where a module talks, device ids, and how decoded registers become a reading."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hawk.drivers.api import Config, Gatt
from hawk.errors import Invalid
from hawk.model.reading import Sample, Scalar
from hawk.model.rules import Bounds, Plausibility

GATT = Gatt(
    service="0000ffd0-0000-1000-8000-00805f9b34fb",
    write="0000ffd1-0000-1000-8000-00805f9b34fb",
    notify="0000fff1-0000-1000-8000-00805f9b34fb",
    notify_service="0000fff0-0000-1000-8000-00805f9b34fb",
    acknowledged=False,
    pause=0.3,  # RS-485 behind the module needs a silence between frames
)
INTERVAL = 60.0  # [s]
MODULE = "BT-TH-"  # begins the name of a module, which tells nothing about what is behind it
WHOEVER = 255  # a device id: who is there alone answers
MEASURES = ("voltage", "current", "temperature", "state_of_charge", "power")
# Banks of 12 to 48 V, equalised at up to 64 V; inverters of 3 kW draw 300 A at 12 V.
PLAUSIBLE: Plausibility = {
    "voltage": Bounds(0, 80),
    "current": Bounds(-1000, 1000),
    "temperature": Bounds(-60, 130, max_jump=40),
    "state_of_charge": Bounds(0, 100),
    "power": Bounds(-60_000, 60_000),
}


# -- config ------------------------------------------------------------------------------------


def check_keys(config: Config, known: Collection[str]) -> None:
    """Raises Invalid."""
    for key in config:
        if key not in known:
            raise Invalid(f"there is no key {key!r}; known: {', '.join(sorted(known))}", f"/{key}")


def device_id(config: Config, default: int) -> int:
    """Raises Invalid."""
    return checked_id(config.get("device_id", default), "/device_id")


def checked_id(said: Any, where: str) -> int:
    """Raises Invalid. 0 would speak to all devices at once."""
    if isinstance(said, bool) or not isinstance(said, int) or not 1 <= said <= WHOEVER:
        raise Invalid("a device id is a whole number from 1 to 255", where)
    return said


# -- readings ----------------------------------------------------------------------------------


def finished(sample: Sample) -> Sample:
    """With the power, and with scalars alone: a list of numbers gives `cell_voltage_1`, `cell_voltage_2` ..."""
    voltage, current = sample.voltage, sample.current
    return replace(
        sample,
        power=None if voltage is None or current is None else round(voltage * current, 1),
        extra=dict(_scalars(sample.extra)),
    )


def _scalars(extra: Mapping[str, object]) -> Iterator[tuple[str, Scalar]]:
    for key, value in extra.items():
        if isinstance(value, list) and value and not isinstance(value[0], str):
            yield from ((f"{key.removesuffix('s')}_{n}", each) for n, each in enumerate(value, 1))
        elif isinstance(value, list):
            yield key, ", ".join(value)
        elif isinstance(value, int | float | str):
            yield key, value
