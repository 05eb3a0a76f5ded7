"""What is done with the values of a device before they are readings: corrected, then held against limits.

Both are in the device's record as JSON: `calibration` {"voltage": {"scale": 1.01, "offset": -0.05}} and
`plausibility` {"voltage": {"max": 16}}. Whoever changes them sends a merge patch (RFC 7396).
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from hawk.errors import Invalid
from hawk.model.reading import QUANTITIES, Moment

_GREATEST = 1e9  # of any number here
UNITS = {"voltage": "V", "current": "A", "temperature": "°C", "state_of_charge": "%", "power": "W"}


@dataclass(frozen=True, slots=True)
class Correction:
    """value * scale + offset; a scale of -1 turns the sign."""

    scale: float = 1.0
    offset: float = 0.0  # in the unit of the quantity


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a corrected value, in its unit; None is no limit."""

    min: float | None = None
    max: float | None = None
    max_jump: float | None = None  # from the value before: hawk/devices/judgement.py says when


Calibration = Mapping[str, Correction]  # by model.reading.QUANTITIES
Plausibility = Mapping[str, Bounds]

# Whatever a battery can be, also one of a car with 400 V. Temperatures of batteries and cases move slowly.
ANY_BATTERY: Plausibility = {
    "voltage": Bounds(-1, 1000),
    "current": Bounds(-5000, 5000),
    "temperature": Bounds(-60, 150, max_jump=40),
    "state_of_charge": Bounds(0, 100),
    "power": Bounds(-1e6, 1e6),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Those that hold for one device."""

    calibration: Calibration = field(default_factory=dict)
    plausibility: Plausibility = field(default_factory=dict)


def narrowed(family: Plausibility, own: Plausibility) -> Plausibility:
    """What a device says of itself goes before what its family says, limit by limit."""
    return {
        **family,
        **{quantity: _narrowed(family.get(quantity, Bounds()), own[quantity]) for quantity in own},
    }


def _narrowed(family: Bounds, own: Bounds) -> Bounds:
    return Bounds(
        min=family.min if own.min is None else own.min,
        max=family.max if own.max is None else own.max,
        max_jump=family.max_jump if own.max_jump is None else own.max_jump,
    )


# -- what broke them -------------------------------------------------------------------------


class Reason(enum.StrEnum):
    """The limit that a value broke."""

    MIN = "min"
    MAX = "max"
    MAX_JUMP = "max_jump"


@dataclass(frozen=True, slots=True)
class Rejected:
    quantity: str
    reason: Reason
    value: float  # corrected
    limit: float
    before: float | None = None  # what a jump went from

    def __str__(self) -> str:
        unit = UNITS[self.quantity]
        said = f"{self.quantity} {self.value:g} {unit}"
        match self.reason:
            case Reason.MIN:
                return f"{said} is less than {self.limit:g} {unit}"
            case Reason.MAX:
                return f"{said} is more than {self.limit:g} {unit}"
        return f"{said} after {self.before:g} {unit} is a jump of more than {self.limit:g} {unit}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """All of one quantity for one reason, since the service started."""

    last: Rejected
    count: int
    moment: Moment  # of the last


# -- JSON --------------------------------------------------------------------------------------

T = TypeVar("T", Correction, Bounds)


def parse_calibration(document: object) -> Calibration:
    """Raises Invalid with a JSON pointer."""
    found = _parse(document, Correction)
    for quantity, correction in found.items():
        if not 0.001 <= abs(correction.scale) <= 1000:
            raise Invalid("scale is from 0.001 to 1000, or negative", f"/{quantity}/scale")
    return found


def parse_plausibility(document: object) -> Plausibility:
    """Raises Invalid with a JSON pointer."""
    found = _parse(document, Bounds)
    for quantity, bounds in found.items():
        if bounds.min is not None and bounds.max is not None and bounds.min >= bounds.max:
            raise Invalid("min is less than max", f"/{quantity}/min")
        if bounds.max_jump is not None and bounds.max_jump <= 0:
            raise Invalid("max_jump is greater than 0", f"/{quantity}/max_jump")
    return found


def to_json(rules: Calibration | Plausibility) -> dict[str, dict[str, float]]:
    return {
        quantity: {
            name: value for name in rule.__slots__ if (value := getattr(rule, name)) is not None
        }
        for quantity, rule in rules.items()
    }  # fmt: skip


def patched(document: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null takes a member away, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    old = document if isinstance(document, Mapping) else {}
    return {
        **{key: value for key, value in old.items() if key not in patch},
        **{key: patched(old.get(key), value) for key, value in patch.items() if value is not None},
    }


def _parse(document: object, kind: type[T]) -> dict[str, T]:
    return {
        quantity: kind(**{name: _number(value, f"/{quantity}/{name}") for name, value in said.items()})
        for quantity, said in _objects(document, {each.name for each in fields(kind)})
    }


def _objects(document: object, known: set[str]) -> list[tuple[str, Mapping[str, object]]]:
    if not isinstance(document, Mapping):
        raise Invalid("an object is expected")
    for quantity, said in document.items():
        if quantity not in QUANTITIES:
            raise Invalid(f"{quantity!r} is none of {', '.join(QUANTITIES)}", f"/{_escaped(quantity)}")
        if not isinstance(said, Mapping):
            raise Invalid("an object is expected", f"/{quantity}")
        for name in said:
            if name not in known:
                words = ", ".join(sorted(known))
                raise Invalid(f"{name!r} is none of {words}", f"/{quantity}/{_escaped(name)}")
    return list(document.items())


def _number(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _GREATEST:
        return value
    raise Invalid(f"a number from -{_GREATEST:g} to {_GREATEST:g} is expected", where)


def _escaped(name: str) -> str:
    """As a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
