"""Reads the JSON document that describes a Modbus device. The keys: docs/devices/generic-modbus.md.

Whatever it accepts has an effect; what would have none is refused, with its place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from hawk.drivers.api import Gatt, Pace, Shown
from hawk.drivers.document import (
    Check,
    Json,
    check_object,
    group,
    listed,
    matching,
    numbered,
    one_of,
    real,
    text,
    whole,
    yes_or_no,
)  # fmt: skip
from hawk.drivers.modbus_codec import Block, Dialect
from hawk.drivers.modbus_profile import Computed, Match, Profile, Turn
from hawk.errors import Invalid
from hawk.wire.fields import TYPES, Field, elements
from hawk.wire.modbus import INPUT, LONGEST, READ_HOLDING, READ_INPUT

ROLES = ("voltage", "current", "temperature", "state_of_charge", "capacity", "cycles", "power")
INTERVAL = 60.0  # [s] of polling, unless the document says another
_REGISTERS = 0x10000
_BASE = "-0000-1000-8000-00805f9b34fb"  # of the UUIDs that have a short form

_INTEGERS = frozenset({"u16", "s16", "u32", "s32", "u64", "s64", "u8", "s8", "sm8"})
_NUMBERS = _INTEGERS | {"f32"}
_ONLY_OF = {  # which types a key says something of
    "words": {"ascii", "raw"},
    "word_order": {"u32", "s32", "u64", "s64", "f32"},
    "byte": {"u8", "s8", "sm8"},
    "bit": {"bool"},
    "flags": {"flags"},
    "mask": _INTEGERS | {"flags"},
    "shift": _INTEGERS | {"flags"},
    "invalid": _INTEGERS | {"flags"},
    "map": _INTEGERS,
    **dict.fromkeys(("scale", "offset", "precision", "valid", "role"), _NUMBERS),
}
_NEEDED = {"bool": "bit", "ascii": "words", "raw": "words", "flags": "flags"}
_NOT_WITH_MAP = ("scale", "offset", "precision", "valid", "role")


def parse(document: object) -> Profile:
    """Raises Invalid with a JSON pointer to the first mistake."""
    top = check_object(document, "", _TOP, ("schema", "name", "ble", "modbus", "fields"))
    function = top["modbus"].get("function", READ_HOLDING)
    turns = tuple(_turns(top.get("blocks", []), function))
    fields = tuple(_fields(top["fields"], turns, function))
    _check_registers(fields, turns)
    computed = tuple(_computed(top.get("computed", []), fields))
    modbus, ble = top["modbus"], top["ble"]
    return Profile(
        name=top["name"],
        device_id=modbus.get("device_id", 1),
        fields=fields,
        computed=computed,
        turns=turns or tuple(_grouped(fields, modbus.get("max_words", 60), modbus.get("max_gap", 0))),
        roles=_roles(top),
        shows=tuple(_shown(top, fields)),
        gatt=_gatt(ble),
        dialect=Dialect(
            tries=ble.get("retries", 1) + 1,
            piece=ble.get("max_chunk", 0),
            strict_length=modbus.get("strict_length", True),
            check_id=modbus.get("check_id", True),
            silences=2,  # an answer that is later than that never comes
        ),
        pace=Pace(patience=ble.get("response_timeout_s", 5.0), requests=ble.get("retries", 1) + 1),
        interval=top.get("poll", {}).get("interval_s", INTERVAL),
        match=_match(top.get("match", {})),
    )


# -- where and how it talks --------------------------------------------------------------------


def _gatt(ble: Json) -> Gatt:
    write, notify = ble["write"], ble["notify"]
    return Gatt(
        service=_uuid(write.get("service", "")),
        write=_uuid(write["characteristic"]),
        notify=_uuid(notify["characteristic"]),
        notify_service=_uuid(notify.get("service", "")),
        acknowledged=write.get("mode") == "with_response",
        settle=ble.get("connect_delay_s", 0.0),
        pause=ble.get("inter_request_delay_s", 0.3),
    )


def _uuid(said: str) -> str:
    return (f"0000{said}{_BASE}" if len(said) == 4 else said).lower()


def _match(said: Json) -> Match:
    return Match(
        name_starts=tuple(said.get("name_prefix", ())),
        services=frozenset(map(_uuid, said.get("service_uuid", ()))),
        companies=frozenset(said.get("manufacturer_id", ())),
    )


# -- blocks ------------------------------------------------------------------------------------


def _turns(blocks: list[Json], function: int) -> Iterator[Turn]:
    """Those that may fail first: the last one completes the sample."""
    found = list[Turn]()
    for i, said in enumerate(blocks):
        turn, where = _turn(said, function, f"/blocks/{i}"), f"/blocks/{i}"
        for other in found:
            if other.block.name == turn.block.name:
                raise Invalid(f"there is a block {turn.block.name!r} already", f"{where}/id")
            if other.addresses == turn.addresses:
                raise Invalid(f"block {other.block.name!r} asks for the same", f"{where}/register")
        found.append(turn)
    if found and not any(turn.always for turn in found):
        raise Invalid("one block at least is asked for at every poll, and not optional", "/blocks")
    yield from sorted(found, key=lambda turn: not turn.block.optional)


def _turn(said: Json, function: int, where: str) -> Turn:
    register, words, once = _number_of(said["register"]), said["words"], said.get("when") == "once"
    if register + words > _REGISTERS:
        raise Invalid(
            f"the last register is 65535: {words} words from {register} on are too many", f"{where}/words"
        )
    if once and "every" in said:
        raise Invalid("a block that is asked for once is not asked for every so often", f"{where}/every")
    block = Block(
        register,
        words,
        optional=said.get("optional", False),
        function=said.get("function", function),
        name=said["id"],
    )
    return Turn(block, once, said.get("every", 1))


def _grouped(fields: Iterable[Field], most: int, gap: int) -> Iterator[Turn]:
    """Neighbours together. A value is never torn: its words are of one instant only in one reply."""
    spans = sorted({(span.start, span.stop) for each in fields for span in _spans(each)})
    start, stop = spans[0]
    for first, end in spans[1:]:
        same = first // INPUT == start // INPUT and first <= stop + gap
        if same and max(stop, end) - start <= most:
            stop = max(stop, end)
        else:
            yield _automatic(start, stop)
            start, stop = first, end
    yield _automatic(start, stop)


def _automatic(start: int, stop: int) -> Turn:
    function = READ_INPUT if start >= INPUT else READ_HOLDING
    return Turn(Block(start % INPUT, stop - start, function=function, name=f"at {start % INPUT}"))


def _spans(each: Field) -> Iterator[range]:
    """Where its values are, one by one."""
    step = each.stride or each.length
    for i in range(each.count):
        first = each.register + i * step
        yield range(first, first + each.length)
    if each.count_from is not None:
        yield range(each.count_from, each.count_from + 1)


# -- fields ------------------------------------------------------------------------------------


def _fields(said: list[Json], turns: tuple[Turn, ...], function: int) -> Iterator[Field]:
    keys = set[str]()
    for i, each in enumerate(said):
        where = f"/fields/{i}"
        if each["key"] in keys:
            raise Invalid(f"there is a field {each['key']!r} already", f"{where}/key")
        _check_keys(each, where)
        found = _field(each, _space(each, turns, function))
        names = {found.key, *(one.key for one in elements(found))}
        if clash := min(names & keys, default=None):
            raise Invalid(f"{clash!r} would be there twice", f"{where}/key")
        keys |= names
        yield found


def _check_keys(said: Json, where: str) -> None:
    kind = said["type"]
    if (needed := _NEEDED.get(kind)) is not None and needed not in said:
        raise Invalid(f"a field of type {kind} needs {needed!r}", where)
    for key in said:
        if kind not in _ONLY_OF.get(key, TYPES):
            raise Invalid(f"{key!r} means nothing to a field of type {kind}", f"{where}/{key}")
        if "map" in said and key in _NOT_WITH_MAP:
            raise Invalid(f"what has a map is text: {key!r} means nothing to it", f"{where}/{key}")
    for key in ("count_from", "stride"):
        if key in said and "count" not in said:
            raise Invalid(f"{key!r} needs 'count': how many there can be at most", f"{where}/{key}")
    if "count" in said and "role" in said:
        raise Invalid("a list is no quantity: compute its mean(), min() or max()", f"{where}/role")
    valid = said.get("valid", {})
    if "min" in valid and "max" in valid and valid["min"] > valid["max"]:
        raise Invalid("'min' is greater than 'max'", f"{where}/valid")


def _space(said: Json, turns: tuple[Turn, ...], function: int) -> int:
    """Which registers it is of: as it says itself, or the block that reads it, or the document."""
    register = _number_of(said["register"])
    blocks = (turn.block for turn in turns if register in _plain(turn.block))
    said_function = said.get("function") or next((block.function for block in blocks), function)
    return INPUT if said_function == READ_INPUT else 0


def _plain(block: Block) -> range:
    return range(block.register, block.register + block.words)


def _field(said: Json, space: int) -> Field:
    valid, count_from = said.get("valid", {}), said.get("count_from")
    found = Field(
        said["key"],
        _number_of(said["register"]) + space,
        said["type"],
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
        names={int(number): name for number, name in said.get("flags", said.get("map", {})).items()},
        count=said.get("count", 1),
        count_from=None if count_from is None else _number_of(count_from) + space,
        stride=said.get("stride"),
        array="count" in said,
        invalid=frozenset(said.get("invalid", ())),
    )
    return replace(found, least=valid.get("min", found.least), most=valid.get("max", found.most))


def _check_registers(fields: tuple[Field, ...], turns: tuple[Turn, ...]) -> None:
    """Without blocks they are made of the fields."""
    read = {address for turn in turns for address in turn.addresses}
    for i, each in enumerate(fields):
        where, spans = f"/fields/{i}/register", list(_spans(each))
        if max(span.stop for span in spans) > (each.register // INPUT + 1) * INPUT:
            raise Invalid(f"{each.key!r} ends after the last register, 65535", where)
        certain = spans if each.count_from is None else [spans[0], spans[-1]]
        missing = next((address for span in certain for address in span if address not in read), None)
        if turns and missing is not None:
            raise Invalid(f"no block reads register {missing % INPUT}, of which {each.key!r} is made", where)


def _number_of(register: int | str) -> int:
    return register if isinstance(register, int) else int(register, 16)


# -- computed values ---------------------------------------------------------------------------

_NAME = r"([a-z][a-z0-9_]*)"
_OF_LISTS = frozenset({"mean", "min", "max"})
_OPERATIONS = {
    "product": re.compile(rf"{_NAME}\s*\*\s*{_NAME}"),
    "percent": re.compile(rf"{_NAME}\s*/\s*{_NAME}\s*\*\s*100"),
    "difference": re.compile(rf"{_NAME}\s*-\s*{_NAME}"),
    "negative": re.compile(rf"-\s*{_NAME}"),
    **{word: re.compile(rf"{word}\(\s*{_NAME}\s*\)") for word in _OF_LISTS},
}


def _computed(said: list[Json], fields: tuple[Field, ...]) -> Iterator[Computed]:
    """Of fields, and of what was computed before."""
    numbers = {each.key for each in fields if each.type in _NUMBERS and not each.names and not each.array}
    lists = {each.key for each in fields if each.type in _NUMBERS and not each.names and each.array}
    keys = {each.key for each in fields} | {one.key for each in fields for one in elements(each)}
    for i, each in enumerate(said):
        where = f"/computed/{i}"
        if each["key"] in keys:
            raise Invalid(f"there is a value {each['key']!r} already", f"{where}/key")
        found = _expression(each, f"{where}/expr")
        fits, what = (lists, "list") if found.operation in _OF_LISTS else (numbers, "number")
        for name in found.names:
            if name not in fits:
                raise Invalid(f"there is no {what} {name!r} before it", f"{where}/expr")
        keys.add(found.key)
        numbers.add(found.key)
        yield found


def _expression(said: Json, where: str) -> Computed:
    for operation, pattern in _OPERATIONS.items():
        if match := pattern.fullmatch(said["expr"].strip()):
            return Computed(said["key"], operation, match.groups(), said.get("precision"))
    raise Invalid("an expression is a*b, a/b*100, a-b, -a, mean(a), min(a) or max(a)", where)


# -- what it is to people ----------------------------------------------------------------------


def _values(top: Json) -> Iterator[tuple[str, Json]]:
    """Fields and computed ones, with their places."""
    for part in ("fields", "computed"):
        for i, each in enumerate(top.get(part, [])):
            yield f"/{part}/{i}", each


def _roles(top: Json) -> Mapping[str, str]:
    roles = dict[str, str]()
    for where, each in _values(top):
        if (role := each.get("role")) in roles:
            raise Invalid(f"{roles[role]!r} is the {role} already", f"{where}/role")
        if role is not None:
            roles[role] = each["key"]
    return roles


def _shown(top: Json, fields: tuple[Field, ...]) -> Iterator[Shown]:
    for said, each in zip(top["fields"], fields, strict=True):
        for one in elements(each):
            yield _as_said(said, one.key, f"register {one.register % INPUT}", optional=each.array)
    for said in top.get("computed", []):
        yield _as_said(said, said["key"], said["expr"])


def _as_said(said: Json, key: str, origin: str, *, optional: bool = False) -> Shown:
    return Shown(
        key=key,
        name=said.get("name", ""),
        origin=origin,
        unit=said.get("unit", ""),
        device_class=said.get("device_class", ""),
        state_class=said.get("state_class", ""),
        icon=said.get("icon", ""),
        category=said.get("category", ""),
        enabled=said.get("enabled_by_default", True),
        on_or_off=said.get("type") == "bool",
        options=tuple(said.get("map", {}).values()),
        quantity=said.get("role", ""),
        optional=optional,
    )


# -- the shape of the document -----------------------------------------------------------------


def _register(said: object, where: str) -> None:
    if isinstance(said, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,4}", said):
        return
    whole(0, _REGISTERS - 1)(said, where)


def _never_by_itself(said: object, where: str) -> None:
    yes_or_no(said, where)
    if said:
        raise Invalid("no device is added by itself: say false, and add it with 'hawk devices add'", where)


def _session(said: object, where: str) -> None:
    one_of("intermittent", "persistent")(said, where)
    if said == "persistent":
        raise Invalid("a link is held only while a device is read: say 'intermittent', or nothing", where)


_UUID = matching(
    re.compile(r"[0-9a-fA-F]{4}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "a UUID, or its four hex digits,",
)
_KEY = matching(re.compile(r"[a-z][a-z0-9_]*"), "a name in lower case, as battery_voltage,")
_STATE_CLASS = one_of("measurement", "total", "total_increasing")
_BLOCK: Mapping[str, Check] = {
    "id": text, "register": _register, "words": whole(1, LONGEST), "function": one_of(3, 4),
    "when": one_of("every", "once"), "every": whole(1, 10**6), "optional": yes_or_no,
}  # fmt: skip
FIELD: Mapping[str, Check] = {
    "key": _KEY, "name": text, "register": _register, "function": one_of(3, 4), "type": one_of(*TYPES),
    "words": whole(1, 64), "word_order": one_of("big", "little"), "byte_order": one_of("big", "little"),
    "byte": one_of("high", "low"), "bit": whole(0, 15), "mask": whole(0, 2**64 - 1), "shift": whole(0, 63),
    "map": numbered(-(2**63), 2**64 - 1), "flags": numbered(0, 15), "count": whole(1, 64),
    "count_from": _register, "stride": whole(1, 64), "scale": real(), "offset": real(), "precision": whole(0, 6),
    "invalid": listed(whole(-(2**63), 2**64 - 1)), "valid": group({"min": real(), "max": real()}),
    "role": one_of(*ROLES), "unit": text, "device_class": text, "state_class": _STATE_CLASS, "icon": text,
    "category": one_of("diagnostic", "config"), "enabled_by_default": yes_or_no,
}  # fmt: skip
_COMPUTED: Mapping[str, Check] = {
    "key": _KEY, "expr": text, "name": text, "precision": whole(0, 6), "role": one_of(*ROLES), "unit": text,
    "device_class": text, "state_class": _STATE_CLASS, "icon": text,
    "category": one_of("diagnostic", "config"), "enabled_by_default": yes_or_no,
}  # fmt: skip
_TOP: Mapping[str, Check] = {
    "schema": one_of(1),
    "name": text,
    "match": group({
        "name_prefix": listed(text), "service_uuid": listed(_UUID),
        "manufacturer_id": listed(whole(0, 0xFFFF)), "auto": _never_by_itself,
    }),
    "ble": group({
        "write": group(
            {"service": _UUID, "characteristic": _UUID, "mode": one_of("auto", "with_response", "without_response")},
            ("characteristic",),
        ),
        "notify": group({"service": _UUID, "characteristic": _UUID}, ("characteristic",)),
        "max_chunk": whole(0, 512), "response_timeout_s": real(0.001, 60), "inter_request_delay_s": real(0, 10),
        "connect_delay_s": real(0, 10), "retries": whole(0, 5), "session": _session,
    }, ("write", "notify")),
    "modbus": group({
        "device_id": whole(0, 255), "function": one_of(3, 4), "max_words": whole(1, LONGEST),
        "max_gap": whole(0, 64), "strict_length": yes_or_no, "check_id": yes_or_no,
    }),
    "poll": group({"interval_s": real(1, 1e9)}),
    "blocks": listed(group(_BLOCK, ("id", "register", "words"))),
    "fields": listed(group(FIELD, ("key", "register", "type")), 1),
    "computed": listed(group(_COMPUTED, ("key", "expr"))),
}  # fmt: skip

__all__ = ["FIELD", "ROLES", "parse"]
