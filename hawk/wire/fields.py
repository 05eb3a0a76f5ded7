"""Values out of registers, by a table: what a driver of a Modbus device consists of.

A value goes: words, their order, type, mask and shift, `invalid`, scale and offset, precision,
`valid`. One that fails, or whose words are not there, is left out, never 0.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hawk.wire.modbus import Registers

Value = bool | int | float | str | list["Value"]

_WORDS = {"u32": 2, "s32": 2, "f32": 2, "u64": 4, "s64": 4}
TYPES = ("u16", "s16", "u32", "s32", "u64", "s64", "f32", "ascii", "bool", "flags", "u8", "s8", "sm8", "raw")


@dataclass(frozen=True, slots=True)
class Field:
    key: str
    register: int
    type: str = "u16"
    scale: float = 1
    offset: float = 0
    precision: int | None = None  # decimals
    words: int = 0  # of ascii and raw; else by the type
    little_words: bool = False  # the low word comes first
    little_bytes: bool = False  # in each word
    high: bool = False  # the high byte, of u8, s8 and sm8
    bit: int = 0  # of bool
    mask: int | None = None
    shift: int = 0
    names: Mapping[int, str] = field(default_factory=dict)  # raw -> text; of flags: bit -> text
    count: int = 1
    count_from: int | None = None  # the register that says how many there really are
    stride: int | None = None  # words from one to the next
    array: bool = False
    invalid: frozenset[int] = frozenset()
    least: float = -math.inf
    most: float = math.inf

    @property
    def length(self) -> int:
        """Words of one value."""
        return self.words or _WORDS.get(self.type, 1)


def elements(each: Field) -> tuple[Field, ...]:
    """Of a list, each by itself."""
    if not each.array:
        return (each,)
    step, name = each.stride or each.length, each.key.removesuffix("s")
    return tuple(
        replace(each, key=f"{name}_{i + 1}", register=each.register + i * step, count=1, array=False)
        for i in range(each.count)
    )


def decode(fields: Iterable[Field], registers: Registers) -> dict[str, Value]:
    """By key; only what is in the registers."""
    found: dict[str, Value] = {}
    for each in fields:
        value = _values(each, registers) if each.array else _value(each, each.register, registers)
        if value is not None:
            found[each.key] = value
    return found


def _values(each: Field, registers: Registers) -> Value | None:
    count = each.count
    if each.count_from is not None:
        if each.count_from not in registers:
            return None
        count = min(count, registers[each.count_from])
    step = each.stride or each.length
    if not all(each.register + i * step in registers for i in range(count)):
        return None
    values = (_value(each, each.register + i * step, registers) for i in range(count))
    return [value for value in values if value is not None]


def _value(each: Field, register: int, registers: Registers) -> Value | None:
    words = [registers.get(register + i) for i in range(each.length)]
    data = b"".join(
        word.to_bytes(2, "little" if each.little_bytes else "big") for word in words if word is not None
    )
    if len(data) < 2 * each.length:
        return None
    if each.type == "ascii":
        return data.decode("ascii", errors="replace").replace("\ufffd", "").strip(" \0")
    if each.type == "raw":
        return data.hex()
    if each.little_words:
        data = b"".join(data[i : i + 2] for i in range(len(data) - 2, -1, -2))
    if each.type == "f32":
        number: float = struct.unpack(">f", data)[0]
        return _scaled(each, number) if math.isfinite(number) else None
    return _from_integer(each, _integer(each, data))


def _integer(each: Field, data: bytes) -> int:
    match each.type:
        case "u8" | "s8" | "sm8":
            byte = data[0] if each.high else data[1]
            if each.type == "sm8":
                return -(byte & 0x7F) if byte & 0x80 else byte
            return byte - 256 if each.type == "s8" and byte & 0x80 else byte
        case "s16" | "s32" | "s64":
            return int.from_bytes(data, "big", signed=True)
        case _:
            return int.from_bytes(data, "big")


def _from_integer(each: Field, raw: int) -> Value | None:
    if each.type == "bool":
        return bool(raw >> each.bit & 1)
    if each.mask is not None:
        raw &= each.mask
    raw >>= each.shift
    if raw in each.invalid:
        return None
    if each.type == "flags":
        return [name for bit, name in each.names.items() if raw >> bit & 1]
    if each.names:
        return each.names.get(raw, f"unknown_{raw}")
    return _scaled(each, raw)


def _scaled(each: Field, raw: float) -> Value | None:
    value = raw if each.scale == 1 and not each.offset else raw * each.scale + each.offset
    if each.precision is not None:
        value = round(float(value), each.precision)
    return value if each.least <= value <= each.most else None
