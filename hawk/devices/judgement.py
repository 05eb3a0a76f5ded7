"""Which values of a sample are believed. Pure: the caller brings the time, and keeps what is known.

Each value is corrected as the device's record says, then held against its limits. One that is not
believed is left out; the rest of the sample stays. docs/calibration.md says it for people.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from hawk.drivers.api import Driver
from hawk.model.device import Device
from hawk.model.reading import QUANTITIES, Sample, Scalar
from hawk.model.rules import Bounds, Calibration, Correction, Reason, Rejected, Rules, narrowed

JUMP_WITHIN = 600.0  # [s] of the last believed value; later than that anything may have happened
CONFIRMED_AFTER = 1.0  # [s] sooner it may be the same measurement, heard twice
PRECISION = 6  # decimals of a corrected value
_PRODUCT = 0.051  # [W] of rounding: drivers give a power that they compute to 0.1


@dataclass(frozen=True, slots=True)
class Value:
    value: float
    at: float  # [s]


@dataclass(frozen=True, slots=True)
class Known:
    """Of each quantity the last value that was believed, and a jump after it that waits for the next."""

    believed: Mapping[str, Value] = field(default_factory=dict)
    doubted: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    sample: Sample  # corrected, without what was rejected
    rejected: tuple[Rejected, ...]
    known: Known  # for the next one

    @property
    def nothing_left(self) -> bool:
        values = (getattr(self.sample, quantity) for quantity in QUANTITIES)
        return bool(self.rejected) and all(value is None for value in values)


def rules_of(device: Device, driver: Driver) -> Rules:
    return Rules(device.calibration, narrowed(driver.plausible, device.plausibility))


def judge(sample: Sample, at: float, known: Known, rules: Rules) -> Judged:
    """`at` is in seconds of the clock by which `known` was gathered; samples may come in either order."""
    corrected = correct(sample, rules.calibration)
    believed, doubted = dict(known.believed), dict(known.doubted)
    rejected = list[Rejected]()
    for quantity in QUANTITIES:
        if (value := getattr(corrected, quantity)) is None:
            continue
        said = Value(value, at)
        doubt = _doubt(quantity, said, known, rules.plausibility.get(quantity, Bounds()))
        if doubt is None:
            believed[quantity] = said
            doubted.pop(quantity, None)
            continue
        rejected.append(doubt)
        if doubt.reason is Reason.MAX_JUMP:
            doubted[quantity] = _first(doubted.get(quantity), said, doubt.limit)
    return Judged(_without(corrected, sample, rejected), tuple(rejected), Known(believed, doubted))


class Remembered:
    """The records that a device remembered, each judged by itself: they come in any order, and a jump is no
    news after days.
    """

    def __init__(self, rules: Rules, sample: Callable[[bytes], Sample | None]) -> None:
        self._rules, self._sample = rules, sample
        self.rejected: list[Rejected] = []

    def sample(self, raw: bytes) -> Sample | None:
        """Of one record, without what is not believed; None if nothing is left."""
        if (said := self._sample(raw)) is None:
            return None
        judged = judge(said, 0.0, Known(), self._rules)
        self.rejected += judged.rejected
        return None if judged.nothing_left else judged.sample


# -- correcting --------------------------------------------------------------------------------


def correct(sample: Sample, calibration: Calibration) -> Sample:
    """What the device said stays as `raw_voltage` and so on in `extra`, where it was changed."""
    found: dict[str, float] = {}
    for quantity, correction in calibration.items():
        if (value := getattr(sample, quantity)) is not None:
            found[quantity] = _corrected(quantity, value, correction)
    if "power" not in calibration and _power_follows(sample) and found.keys() & {"voltage", "current"}:
        voltage, current = (found.get(each, getattr(sample, each)) for each in ("voltage", "current"))
        found["power"] = round(voltage * current, 1)
    changed = {quantity: value for quantity, value in found.items() if value != getattr(sample, quantity)}
    if not changed:
        return sample
    raw = {f"raw_{quantity}": getattr(sample, quantity) for quantity in changed}
    return replace(sample, extra={**sample.extra, **raw}, **changed)  # type: ignore[arg-type]  # quantities


def _corrected(quantity: str, value: float, correction: Correction) -> float:
    """A charge that was a percentage remains one."""
    found = round(value * correction.scale + correction.offset, PRECISION)
    if quantity == "state_of_charge" and 0 <= value <= 100:
        return min(max(found, 0), 100)
    return found


def _power_follows(sample: Sample) -> bool:
    """It is voltage times current, whoever multiplied them: what is wrong with these is wrong with it."""
    voltage, current, power = sample.voltage, sample.current, sample.power
    if voltage is None or current is None or power is None:
        return False
    return abs(power - voltage * current) <= _PRODUCT


# -- doubting ----------------------------------------------------------------------------------


def _doubt(quantity: str, said: Value, known: Known, bounds: Bounds) -> Rejected | None:
    if bounds.min is not None and said.value < bounds.min:
        return Rejected(quantity, Reason.MIN, said.value, bounds.min)
    if bounds.max is not None and said.value > bounds.max:
        return Rejected(quantity, Reason.MAX, said.value, bounds.max)
    before = known.believed.get(quantity)
    if bounds.max_jump is None or before is None or not _jumps(before, said, bounds.max_jump):
        return None
    if _confirms(known.doubted.get(quantity), said, bounds.max_jump):
        return None
    return Rejected(quantity, Reason.MAX_JUMP, said.value, bounds.max_jump, before.value)


def _jumps(before: Value, now: Value, most: float) -> bool:
    return abs(now.at - before.at) <= JUMP_WITHIN and _distance(before, now) > most


def _confirms(doubted: Value | None, now: Value, most: float) -> bool:
    """Two in a row that agree are believed: a real change is never locked out."""
    return (
        doubted is not None
        and abs(now.at - doubted.at) >= CONFIRMED_AFTER
        and _distance(doubted, now) <= most
    )


def _distance(one: Value, other: Value) -> float:
    return round(abs(one.value - other.value), PRECISION)


def _first(doubted: Value | None, now: Value, most: float) -> Value:
    """Of several that agree within a second the first: it must become old enough to be confirmed."""
    return now if doubted is None or _distance(doubted, now) > most else doubted


def _without(corrected: Sample, sample: Sample, rejected: list[Rejected]) -> Sample:
    """With the voltage goes what the device concludes from it, its status; with a factor a product."""
    if not rejected:
        return corrected
    gone: set[str] = {each.quantity for each in rejected}
    if gone & {"voltage", "current"} and _power_follows(sample):
        gone.add("power")
    nothing: dict[str, None] = dict.fromkeys(gone)
    if "voltage" in gone:
        nothing |= {"status": None, "status_code": None}
    raw = {f"raw_{quantity}" for quantity in gone}
    extra: dict[str, Scalar] = {key: value for key, value in corrected.extra.items() if key not in raw}
    return replace(corrected, extra=extra, **nothing)  # type: ignore[arg-type]  # all may be None
