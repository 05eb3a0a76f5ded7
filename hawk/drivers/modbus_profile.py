"""What a JSON document says of a Modbus device: what to ask for, and what the answers mean. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hawk.drivers.api import Gatt, Pace, Shown
from hawk.drivers.modbus_codec import Block, Dialect
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample, Scalar
from hawk.wire.fields import Field, Value, decode, elements
from hawk.wire.modbus import INPUT, READ_INPUT, Registers

_UNTOUCHED = {
    "scale": 1,
    "offset": 0,
    "precision": None,
    "invalid": frozenset[int](),
    "names": dict[int, str](),
}


@dataclass(frozen=True, slots=True)
class Match:
    """What a device of this kind advertises. Of each list that is not empty one has to fit."""

    name_starts: tuple[str, ...] = ()
    services: frozenset[str] = frozenset()
    companies: frozenset[int] = frozenset()

    def fits(self, advertisement: Advertisement) -> bool:
        asked = (
            (self.name_starts, (advertisement.name or "").startswith(self.name_starts)),
            (self.services, not self.services.isdisjoint(advertisement.service_uuids)),
            (self.companies, not self.companies.isdisjoint(advertisement.manufacturer_data)),
        )
        fits = [fit for listed, fit in asked if listed]
        return bool(fits) and all(fits)


@dataclass(frozen=True, slots=True)
class Turn:
    """A block, and how often it is asked for."""

    block: Block
    once: bool = False  # what it says does not change
    every: int = 1  # polls

    @property
    def always(self) -> bool:
        return not self.block.optional and not self.once and self.every == 1

    @property
    def addresses(self) -> range:
        first = self.block.register + (INPUT if self.block.function == READ_INPUT else 0)
        return range(first, first + self.block.words)


@dataclass(frozen=True, slots=True)
class Computed:
    key: str
    operation: str
    names: tuple[str, ...]
    precision: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    device_id: int
    fields: tuple[Field, ...]
    computed: tuple[Computed, ...]
    turns: tuple[Turn, ...]
    roles: Mapping[str, str]  # quantity -> key
    shows: tuple[Shown, ...]
    gatt: Gatt
    dialect: Dialect
    pace: Pace
    interval: float  # [s]
    match: Match = field(default_factory=Match)

    def sample(self, registers: Registers) -> Sample:
        found = decode(self.fields, registers)
        for each in self.computed:
            value = compute(each, found)
            if value is not None:
                found[each.key] = value if each.precision is None else round(value, each.precision)
        values = {role: number(found.get(key)) for role, key in self.roles.items()}
        return Sample(
            voltage=values.get("voltage"),
            current=values.get("current"),
            temperature=values.get("temperature"),
            state_of_charge=values.get("state_of_charge"),
            power=values.get("power"),
            extra=found,  # type: ignore[arg-type]  # lists too: `reading` makes text of them
        )

    def reading(self, registers: Registers) -> Sample:
        """The same for the log: of a list `cell_voltages` each one in its place, as `cell_voltage_1`,
        `cell_voltage_2` ...; capacity and cycles under these names; and what was in the registers.
        """
        said = self.sample(registers)
        fields = [each for listed in self.fields for each in _present(listed, registers)]
        computed = {each.key: said.extra[each.key] for each in self.computed if each.key in said.extra}
        extra = {key: _scalar(value) for key, value in decode(fields, registers).items()} | computed
        for role in ("capacity", "cycles"):
            if (key := self.roles.get(role)) in extra:
                extra.setdefault(role, extra[key])
        raw = decode(map(_raw, fields), registers)
        return replace(said, extra=extra, raw={key: _scalar(value) for key, value in raw.items()})


def _present(each: Field, registers: Registers) -> tuple[Field, ...]:
    """As many as the device says that there are."""
    found = elements(each)
    return found if each.count_from is None else found[: registers.get(each.count_from, 0)]


def _raw(each: Field) -> Field:
    """As the type says, before anything else is made of it."""
    kind = "u16" if each.type == "flags" else each.type
    return replace(each, type=kind, least=-math.inf, most=math.inf, **_UNTOUCHED)  # type: ignore[arg-type]  # mypy does not look into **


def _scalar(value: Value) -> Scalar:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


# -- computed values ---------------------------------------------------------------------------


def compute(each: Computed, found: Mapping[str, Value]) -> float | None:
    value = _of_list(each, found) if each.operation in {"mean", "min", "max"} else _of_numbers(each, found)
    return value if value is not None and math.isfinite(value) else None


def _of_list(each: Computed, found: Mapping[str, Value]) -> float | None:
    listed = found.get(each.names[0])
    values = [n for value in listed if (n := number(value)) is not None] if isinstance(listed, list) else []
    if not values:
        return None
    return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}[each.operation]


def _of_numbers(each: Computed, found: Mapping[str, Value]) -> float | None:
    numbers = [n for name in each.names if (n := number(found.get(name))) is not None]
    if len(numbers) < len(each.names):
        return None
    match each.operation:
        case "negative":
            return -numbers[0]
        case "product":
            return numbers[0] * numbers[1]
        case "difference":
            return numbers[0] - numbers[1]
    return 100 * numbers[0] / numbers[1] if numbers[1] else None


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
