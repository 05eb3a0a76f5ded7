"""Any Modbus device from a JSON document alone. The keys: docs/devices/generic-modbus.md.

Read only: of Modbus it knows the functions 3 and 4.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hawk.errors import Invalid
from hawk.model.reading import Sample
from hawk.wire.fields import TYPES, Field, Value, decode
from hawk.wire.modbus import LONGEST, Registers

Json = Mapping[str, Any]
Check = Callable[[Any, str], None]

NAMES = ("generic_modbus", "generic_modbus_device")
ROLES = ("voltage", "current", "temperature", "state_of_charge", "capacity", "cycles", "power")
_UUID = re.compile(r"[0-9a-fA-F]{4}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Computed:
    key: str
    operation: str
    names: tuple[str, ...]
    precision: int | None


@dataclass(frozen=True, slots=True)
class Block:
    register: int
    words: int
    function: int


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    device_id: int
    fields: tuple[Field, ...]
    computed: tuple[Computed, ...]
    blocks: tuple[Block, ...]
    roles: Mapping[str, str]  # quantity -> key

    def sample(self, registers: Registers) -> Sample:
        found = decode(self.fields, registers)
        for each in self.computed:
            value = _compute(each, found)
            if value is not None:
                found[each.key] = value if each.precision is None else round(value, each.precision)
        values = {role: _number(found.get(key)) for role, key in self.roles.items()}
        return Sample(
            voltage=values.get("voltage"),
            current=values.get("current"),
            temperature=values.get("temperature"),
            state_of_charge=values.get("state_of_charge"),
            power=values.get("power"),
            extra=found,  # type: ignore[arg-type]  # lists too: only numbers leave through the sinks
        )


def parse(document: object) -> Profile:
    """Raises Invalid with a JSON pointer to the first mistake."""
    top = _object(document, "", _TOP, ("schema", "name", "ble", "modbus", "fields"))
    if top["schema"] != 1 or isinstance(top["schema"], bool):
        raise Invalid("the schema is 1", "/schema")
    modbus = top["modbus"]
    fields, roles = _fields(top["fields"])
    function = modbus.get("function", 3)
    return Profile(
        name=top["name"],
        device_id=modbus.get("device_id", 1),
        fields=fields,
        computed=tuple(
            _computed(each, f"/computed/{i}", roles) for i, each in enumerate(top.get("computed", []))
        ),
        blocks=_blocks(top, fields, function, modbus),
        roles=roles,
    )


# -- fields ------------------------------------------------------------------------------------


def _fields(listed: list[Json]) -> tuple[tuple[Field, ...], dict[str, str]]:
    fields, roles = list[Field](), dict[str, str]()
    for i, each in enumerate(listed):
        where = f"/fields/{i}"
        if each["key"] in {other.key for other in fields}:
            raise Invalid(f"there is a field {each['key']!r} already", f"{where}/key")
        fields.append(_field(each, where))
        if "role" in each:
            roles[each["role"]] = each["key"]
    return tuple(fields), roles


def _field(said: Json, where: str) -> Field:
    kind = said["type"]
    for needed, kinds in (("bit", ("bool",)), ("words", ("ascii", "raw")), ("flags", ("flags",))):
        if kind in kinds and needed not in said:
            raise Invalid(f"a field of type {kind} needs {needed!r}", where)
    valid, count_from = said.get("valid", {}), said.get("count_from")
    found = Field(
        said["key"],
        _number_of(said["register"]),
        kind,
        scale=said.get("scale", 1),
        offset=said.get("offset", 0),
        precision=said.get("precision"),
        words=said.get("words", 0),
        little_words=said.get("word_order") == "little",
        little_bytes=said.get("byte_order") == "little",
        high=said.get("byte") == "high",
        bit=said.get("bit", 0),
        mask=said.get("mask"),
        shift=said.get("shift", 0),
        names=_names(said.get("flags" if kind == "flags" else "map", {}), where),
        count=said.get("count", 1),
        count_from=None if count_from is None else _number_of(count_from),
        stride=said.get("stride"),
        array="count" in said or count_from is not None,
        invalid=frozenset(said.get("invalid", ())),
    )
    return replace(found, least=valid.get("min", found.least), most=valid.get("max", found.most))


def _names(said: Json, where: str) -> dict[int, str]:
    try:
        return {int(number): name for number, name in said.items()}
    except ValueError:
        raise Invalid("the keys of map and flags are numbers", where) from None


def _number_of(register: int | str) -> int:
    return register if isinstance(register, int) else int(register, 16)


# -- blocks ------------------------------------------------------------------------------------


def _blocks(top: Json, fields: tuple[Field, ...], function: int, modbus: Json) -> tuple[Block, ...]:
    """As listed; else neighbouring registers together."""
    listed = top.get("blocks")
    if listed:
        return tuple(
            Block(_number_of(each["register"]), each["words"], each.get("function", function))
            for each in listed
        )
    longest, gap = modbus.get("max_words", 60), modbus.get("max_gap", 0)
    blocks: list[Block] = []
    for start, end in sorted({(each.register, each.register + each.length * each.count) for each in fields}):
        if blocks and start <= blocks[-1].register + blocks[-1].words + gap:
            last = blocks[-1]
            words = max(end, last.register + last.words) - last.register
            if words <= longest:
                blocks[-1] = replace(last, words=words)
                continue
        blocks.append(Block(start, end - start, function))
    return tuple(blocks)


# -- computed values ---------------------------------------------------------------------------

_NAME = r"([a-z][a-z0-9_]*)"
_OPERATIONS = {
    "product": re.compile(rf"{_NAME}\s*\*\s*{_NAME}"),
    "percent": re.compile(rf"{_NAME}\s*/\s*{_NAME}\s*\*\s*100"),
    "difference": re.compile(rf"{_NAME}\s*-\s*{_NAME}"),
    "negative": re.compile(rf"-\s*{_NAME}"),
    "mean": re.compile(rf"mean\(\s*{_NAME}\s*\)"),
    "min": re.compile(rf"min\(\s*{_NAME}\s*\)"),
    "max": re.compile(rf"max\(\s*{_NAME}\s*\)"),
}


def _computed(said: Json, where: str, roles: dict[str, str]) -> Computed:
    for operation, pattern in _OPERATIONS.items():
        if match := pattern.fullmatch(said["expr"].strip()):
            if "role" in said:
                roles[said["role"]] = said["key"]
            return Computed(said["key"], operation, match.groups(), said.get("precision"))
    raise Invalid("an expression is a*b, a/b*100, a-b, -a, mean(a), min(a) or max(a)", f"{where}/expr")


def _compute(each: Computed, found: Mapping[str, Value]) -> float | None:
    if each.operation in {"mean", "min", "max"}:
        listed = found.get(each.names[0])
        values = (
            [number for value in listed if (number := _number(value)) is not None]
            if isinstance(listed, list)
            else []
        )
        if not values:
            return None
        return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}[each.operation]
    numbers = [number for name in each.names if (number := _number(found.get(name))) is not None]
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


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


# -- checks ------------------------------------------------------------------------------------


def _object(
    said: object, where: str, known: Mapping[str, Check], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise Invalid("an object is expected", where)
    for key in required:
        if key not in said:
            raise Invalid(f"{key!r} is missing", f"{where}/{key}")
    for key, value in said.items():
        if key not in known:
            raise Invalid(f"there is no key {key!r}; known: {', '.join(sorted(known))}", f"{where}/{key}")
        known[key](value, f"{where}/{key}")
    return said


def _group(known: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(said: object, where: str) -> None:
        _object(said, where, known, required)

    return check


def _listed(check: Check, least: int = 0) -> Check:
    def check_all(said: object, where: str) -> None:
        if not isinstance(said, list) or len(said) < least:
            raise Invalid(f"a list of at least {least} is expected" if least else "a list is expected", where)
        for i, each in enumerate(said):
            check(each, f"{where}/{i}")

    return check_all


def _whole(least: int, most: int) -> Check:
    def check(said: object, where: str) -> None:
        if isinstance(said, bool) or not isinstance(said, int) or not least <= said <= most:
            raise Invalid(f"a whole number from {least} to {most} is expected", where)

    return check


def _real(least: float = -1e12, most: float = 1e12) -> Check:
    def check(said: object, where: str) -> None:
        if isinstance(said, bool) or not isinstance(said, int | float) or not least <= said <= most:
            raise Invalid(f"a number from {least:g} to {most:g} is expected", where)

    return check


def _one_of(*words: object) -> Check:
    def check(said: object, where: str) -> None:
        if isinstance(said, bool) or said not in words:
            raise Invalid(f"one of {', '.join(map(str, words))} is expected", where)

    return check


def _matching(pattern: re.Pattern[str], what: str) -> Check:
    def check(said: object, where: str) -> None:
        if not isinstance(said, str) or not pattern.fullmatch(said):
            raise Invalid(f"{what} is expected", where)

    return check


def _yes_or_no(said: object, where: str) -> None:
    if not isinstance(said, bool):
        raise Invalid("true or false is expected", where)


def _register(said: object, where: str) -> None:
    if isinstance(said, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,4}", said):
        return
    _whole(0, 0xFFFF)(said, where)


def _words_by_number(said: object, where: str) -> None:
    if not isinstance(said, dict) or not all(isinstance(text, str) for text in said.values()):
        raise Invalid("an object of texts is expected", where)


_text = _matching(re.compile(r".+", re.DOTALL), "a text")
_uuid = _matching(_UUID, "a UUID, or its four hex digits,")
_key = _matching(_KEY, "a name in lower case, as battery_voltage,")
_BLOCK: Mapping[str, Check] = {
    "id": _text, "register": _register, "words": _whole(1, LONGEST), "function": _one_of(3, 4),
    "when": _one_of("every", "once"), "every": _whole(1, 10**6), "optional": _yes_or_no,
}  # fmt: skip
_FIELD: Mapping[str, Check] = {
    "key": _key, "name": _text, "register": _register, "function": _one_of(3, 4), "type": _one_of(*TYPES),
    "words": _whole(1, 64), "word_order": _one_of("big", "little"), "byte_order": _one_of("big", "little"),
    "byte": _one_of("high", "low"), "bit": _whole(0, 15), "mask": _whole(0, 2**64 - 1), "shift": _whole(0, 63),
    "map": _words_by_number, "flags": _words_by_number, "count": _whole(1, 64), "count_from": _register,
    "stride": _whole(1, 64), "scale": _real(), "offset": _real(), "precision": _whole(0, 6),
    "invalid": _listed(_whole(-(2**63), 2**64)), "valid": _group({"min": _real(), "max": _real()}),
    "role": _one_of(*ROLES), "unit": _text, "device_class": _text,
    "state_class": _one_of("measurement", "total", "total_increasing"), "icon": _text,
    "category": _one_of("diagnostic", "config"), "enabled_by_default": _yes_or_no,
}  # fmt: skip
_COMPUTED: Mapping[str, Check] = {
    "key": _key, "expr": _text, "unit": _text, "device_class": _text, "state_class": _text,
    "precision": _whole(0, 6), "role": _one_of(*ROLES),
}  # fmt: skip
_TOP: Mapping[str, Check] = {
    "schema": _one_of(1),
    "name": _text,
    "match": _group({
        "name_prefix": _listed(_text), "service_uuid": _listed(_uuid),
        "manufacturer_id": _listed(_whole(0, 0xFFFF)), "auto": _yes_or_no,
    }),
    "ble": _group({
        "write": _group(
            {"service": _uuid, "characteristic": _uuid, "mode": _one_of("auto", "with_response", "without_response")},
            ("characteristic",),
        ),
        "notify": _group({"service": _uuid, "characteristic": _uuid}, ("characteristic",)),
        "max_chunk": _whole(0, 512), "response_timeout_s": _real(0.001, 60), "inter_request_delay_s": _real(0, 10),
        "connect_delay_s": _real(0, 10), "retries": _whole(0, 5), "session": _one_of("intermittent", "persistent"),
    }, ("write", "notify")),
    "modbus": _group({
        "device_id": _whole(0, 255), "function": _one_of(3, 4), "max_words": _whole(1, LONGEST),
        "max_gap": _whole(0, 64), "strict_length": _yes_or_no, "check_id": _yes_or_no,
    }),
    "poll": _group({"interval_s": _real(1)}),
    "blocks": _listed(_group(_BLOCK, ("id", "register", "words"))),
    "fields": _listed(_group(_FIELD, ("key", "register", "type")), 1),
    "computed": _listed(_group(_COMPUTED, ("key", "expr"))),
}  # fmt: skip
