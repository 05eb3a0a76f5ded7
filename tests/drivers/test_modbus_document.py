"""The document that describes a Modbus device: what it accepts has an effect, the rest is refused with its place."""

from typing import Any

import pytest

from hawk.drivers.modbus_document import parse
from hawk.drivers.modbus_profile import Profile
from hawk.errors import Invalid
from hawk.model.advertisement import Advertisement
from hawk.wire.modbus import INPUT
from tests.doubles import address

BASE = "-0000-1000-8000-00805f9b34fb"
VOLTS = {"key": "volts", "register": 1, "type": "u16"}
CELLS = {"key": "cells", "register": 10, "type": "u16", "count": 4}
MINIMAL: dict[str, Any] = {
    "schema": 1,
    "name": "a device",
    "ble": {"write": {"characteristic": "FFD1"}, "notify": {"characteristic": "fff1"}},
    "modbus": {},
    "fields": [VOLTS],
}


def read(**changes: Any) -> Profile:
    return parse(MINIMAL | changes)


def ble(**changes: Any) -> Profile:
    return read(ble=MINIMAL["ble"] | changes)


def asked(profile: Profile) -> list[tuple[int, int, int]]:
    """Function, register, words."""
    return [(turn.block.function, turn.block.register, turn.block.words) for turn in profile.turns]


# -- where and how it talks --------------------------------------------------------------------


def test_short_uuids_are_expanded_and_services_may_be_left_out() -> None:
    gatt = read().gatt
    assert (gatt.write, gatt.notify) == (f"0000ffd1{BASE}", f"0000fff1{BASE}")
    assert (gatt.service, gatt.notify_service) == ("", "")
    full = "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"
    gatt = ble(write={"service": full, "characteristic": "ffd1"}).gatt
    assert gatt.service == full.lower()


@pytest.mark.parametrize(
    ("mode", "acknowledged"), [("auto", False), ("with_response", True), ("without_response", False)]
)
def test_the_way_of_writing_is_the_documents(mode: str, acknowledged: bool) -> None:
    assert ble(write={"characteristic": "ffd1", "mode": mode}).gatt.acknowledged is acknowledged


def test_the_pace_is_the_documents() -> None:
    made = read()
    assert (made.pace.patience, made.pace.requests, made.gatt.settle, made.gatt.pause) == (5.0, 2, 0.0, 0.3)
    made = ble(response_timeout_s=2, retries=0, connect_delay_s=1, inter_request_delay_s=0)
    assert (made.pace.patience, made.pace.requests, made.gatt.settle, made.gatt.pause) == (2, 1, 1, 0)


def test_the_dialect_is_the_documents() -> None:
    dialect = read(modbus={"strict_length": False, "check_id": False}).dialect
    assert (dialect.strict_length, dialect.check_id) == (False, False)
    assert ble(max_chunk=4, retries=3).dialect.piece == 4
    assert ble(retries=3).dialect.tries == 4
    assert read(modbus={"device_id": 34}).device_id == 34
    assert (read().interval, read(poll={"interval_s": 3600}).interval) == (60, 3600)


def advert(**fields: Any) -> Advertisement:
    return Advertisement(**{"address": address(1), "name": None, "rssi": -60, "adapter": "hci0"} | fields)


@pytest.mark.parametrize(
    ("match", "heard", "fits"),
    [
        ({}, {"name": "BT-TH-1"}, False),
        ({"name_prefix": []}, {"name": "BT-TH-1"}, False),
        ({"name_prefix": ["X", "BT-TH-"]}, {"name": "BT-TH-1"}, True),
        ({"name_prefix": ["BT-TH-"]}, {}, False),
        ({"name_prefix": ["BT-TH-"]}, {"name": "bt-th-1"}, False),  # names are compared as they are
        ({"service_uuid": ["FFD0"]}, {"service_uuids": (f"0000ffd0{BASE}",)}, True),
        ({"manufacturer_id": [57676]}, {"manufacturer_data": {57676: b""}}, True),
        ({"name_prefix": ["BT"], "service_uuid": ["FFD0"]}, {"name": "BT"}, False),
        (
            {"name_prefix": ["BT"], "service_uuid": ["FFD0"], "auto": False},
            {"name": "BT", "service_uuids": (f"0000ffd0{BASE}",)},
            True,
        ),
    ],
)
def test_of_each_list_of_a_match_one_has_to_fit(match: Any, heard: Any, fits: bool) -> None:
    assert read(match=match).match.fits(advert(**heard)) is fits


# -- what is asked -----------------------------------------------------------------------------


def field(register: int, **more: Any) -> dict[str, Any]:
    return {"key": f"f{register}_{more.get('function', 3)}", "register": register, "type": "u16", **more}


def test_without_blocks_what_the_fields_need_is_asked_in_as_few_questions_as_may_be() -> None:
    gaps = [field(n) for n in (10, 11, 13, 20, 21)]
    assert asked(read(fields=gaps)) == [(3, 10, 2), (3, 13, 1), (3, 20, 2)]
    assert asked(read(fields=gaps, modbus={"max_gap": 1})) == [(3, 10, 4), (3, 20, 2)]
    assert asked(read(fields=gaps, modbus={"max_gap": 6, "max_words": 10})) == [(3, 10, 4), (3, 20, 2)]
    wide = [field(10, type="u64"), field(14, type="u32")]
    assert asked(read(fields=wide, modbus={"max_words": 1})) == [(3, 10, 4), (3, 14, 2)], "a value is torn"


def test_lists_are_asked_with_their_stride_and_the_register_of_their_length() -> None:
    cells = field(100, count=3, stride=4, count_from=90)
    assert asked(read(fields=[cells])) == [(3, 90, 1), (3, 100, 1), (3, 104, 1), (3, 108, 1)]
    assert asked(read(fields=[field(100, count=64, stride=64)], modbus={"max_gap": 64})) != []


def test_input_registers_are_others_than_holding_registers() -> None:
    profile = read(fields=[field(5), field(5, function=4), field(6, function=4)])
    assert asked(profile) == [(3, 5, 1), (4, 5, 2)]
    sample = profile.sample({5: 1, INPUT + 5: 2, INPUT + 6: 3})
    assert sample.extra == {"f5_3": 1, "f5_4": 2, "f6_4": 3}
    assert asked(read(fields=[field(5)], modbus={"function": 4})) == [(4, 5, 1)]


def test_a_field_is_of_the_registers_that_the_block_which_reads_it_asks_for() -> None:
    blocks = [{"id": "a", "register": 0, "words": 4, "function": 4}]
    assert read(blocks=blocks).fields[0].register == INPUT + 1


def test_blocks_that_may_fail_are_asked_first() -> None:
    blocks = [
        {"id": "a", "register": 0, "words": 4},
        {"id": "b", "register": 10, "words": 2, "optional": True},
        {"id": "c", "register": 20, "words": 3, "when": "once"},
        {"id": "d", "register": 30, "words": 3, "when": "every", "every": 5},
    ]
    turns = read(blocks=blocks).turns
    assert [turn.block.name for turn in turns] == ["b", "a", "c", "d"]
    assert [(turn.once, turn.every) for turn in turns] == [(False, 1), (False, 1), (True, 1), (False, 5)]


# -- what is refused ---------------------------------------------------------------------------

BLOCK = {"id": "a", "register": 0, "words": 4}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"schema": 1.0}, "/schema", "one of 1"),
    ({"schema": True}, "/schema", "one of 1"),
    ({"a/b~c": 1}, "/a~1b~0c", "no key"),
    ({"match": {"auto": True}}, "/match/auto", "added by itself"),
    ({"ble": MINIMAL["ble"] | {"session": "persistent"}}, "/ble/session", "intermittent"),
    ({"modbus": {"function": 3.0}}, "/modbus/function", "one of 3, 4"),
    ({"poll": {"interval_s": 0.5}}, "/poll/interval_s", "from 1"),
    ({"blocks": [BLOCK | {"optional": True}]}, "/blocks", "not optional"),
    ({"blocks": [BLOCK | {"when": "once"}]}, "/blocks", "at every poll"),
    ({"blocks": [BLOCK | {"every": 2}]}, "/blocks", "at every poll"),
    ({"blocks": [BLOCK | {"when": "once", "every": 2}]}, "/blocks/0/every", "once"),
    ({"blocks": [BLOCK, BLOCK | {"register": 9}]}, "/blocks/1/id", "'a' already"),
    ({"blocks": [BLOCK, BLOCK | {"id": "b"}]}, "/blocks/1/register", "'a' asks for the same"),
    ({"blocks": [BLOCK | {"register": 65533}]}, "/blocks/0/words", "65535"),
    ({"blocks": [BLOCK | {"register": 2}]}, "/fields/0/register", "no block reads register 1"),
    ({"blocks": [BLOCK], "fields": [VOLTS | {"register": 3, "type": "u32"}]}, "/fields/0/register", "register 4"),
    ({"blocks": [BLOCK], "fields": [VOLTS | {"function": 4}]}, "/fields/0/register", "no block reads register 1"),
    ({"fields": [VOLTS | {"register": 65535, "type": "u32"}]}, "/fields/0/register", "65535"),
    ({"fields": [CELLS | {"register": 65530, "stride": 3}]}, "/fields/0/register", "65535"),
    ({"fields": [VOLTS | {"words": 2}]}, "/fields/0/words", "means nothing to a field of type u16"),
    ({"fields": [VOLTS | {"word_order": "big"}]}, "/fields/0/word_order", "means nothing"),
    ({"fields": [VOLTS | {"bit": 1}]}, "/fields/0/bit", "means nothing"),
    ({"fields": [VOLTS | {"type": "bool", "bit": 1, "scale": 2}]}, "/fields/0/scale", "means nothing"),
    ({"fields": [VOLTS | {"type": "f32", "mask": 1}]}, "/fields/0/mask", "means nothing"),
    ({"fields": [VOLTS | {"type": "ascii", "words": 1, "role": "voltage"}]}, "/fields/0/role", "means nothing"),
    ({"fields": [VOLTS | {"type": "flags", "flags": {"16": "x"}}]}, "/fields/0/flags/16", "from 0 to 15"),
    ({"fields": [VOLTS | {"type": "flags", "flags": {"-1": "x"}}]}, "/fields/0/flags/-1", "from 0 to 15"),
    ({"fields": [VOLTS | {"map": {"1": "on"}, "scale": 2}]}, "/fields/0/scale", "has a map"),
    ({"fields": [VOLTS | {"map": {"1": 1}}]}, "/fields/0/map/1", "a text"),
    ({"fields": [VOLTS | {"map": {}}]}, "/fields/0/map", "object"),
    ({"fields": [VOLTS | {"count_from": 3}]}, "/fields/0/count_from", "count"),
    ({"fields": [VOLTS | {"stride": 3}]}, "/fields/0/stride", "count"),
    ({"fields": [CELLS | {"role": "voltage"}]}, "/fields/0/role", "mean()"),
    ({"fields": [VOLTS | {"valid": {"min": 2, "max": 1}}]}, "/fields/0/valid", "greater"),
    ({"fields": [VOLTS | {"role": "power"}, CELLS], "computed": [{"key": "w", "expr": "-volts", "role": "power"}]},
     "/computed/0/role", "'volts' is the power already"),
    ({"computed": [{"key": "volts", "expr": "-volts"}]}, "/computed/0/key", "already"),
    ({"fields": [CELLS, VOLTS | {"key": "cell_2"}]}, "/fields/1/key", "'cell_2' already"),
    ({"fields": [VOLTS | {"key": "cell_2"}, CELLS]}, "/fields/1/key", "'cell_2' would be there twice"),
    ({"fields": [CELLS], "computed": [{"key": "cell_4", "expr": "max(cells)"}]}, "/computed/0/key", "already"),
    ({"computed": [{"key": "w", "expr": "volts * amps"}]}, "/computed/0/expr", "no number 'amps'"),
    ({"computed": [{"key": "w", "expr": "mean(volts)"}]}, "/computed/0/expr", "no list 'volts'"),
    ({"computed": [{"key": "w", "expr": "-w"}]}, "/computed/0/expr", "no number 'w'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "pointer", "words"), REFUSED, ids=[f"{c} {p}"[:60] for c, p, _ in REFUSED]
)
def test_what_has_no_effect_or_cannot_be_is_refused(change: Any, pointer: str, words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("(", r"\(").replace(")", r"\)")) as caught:
        read(**change)
    assert caught.value.pointer == pointer


def test_values_are_computed_of_those_before() -> None:
    computed = [{"key": "minus", "expr": "-volts"}, {"key": "plus", "expr": "-minus", "role": "voltage"}]
    assert read(computed=computed).sample({1: 7}).voltage == 7


# -- what it says of its values ----------------------------------------------------------------


def test_each_value_says_how_it_is_shown() -> None:
    said = {
        "name": "Voltage", "unit": "V", "device_class": "voltage", "state_class": "measurement", "icon": "mdi:flash",
        "category": "diagnostic", "enabled_by_default": False, "role": "voltage",
    }  # fmt: skip
    fields = [VOLTS | said, field(2, map={"0": "off", "1": "on"}), field(3, type="bool", bit=0), CELLS]
    volts, state, switch, *cells, mean = read(
        fields=fields, computed=[{"key": "mean", "expr": "mean(cells)", "unit": "V"}]
    ).shows
    assert (volts.name, volts.unit, volts.device_class, volts.state_class) == (
        "Voltage",
        "V",
        "voltage",
        "measurement",
    )
    assert (volts.icon, volts.category, volts.enabled, volts.quantity) == (
        "mdi:flash", "diagnostic", False, "voltage",
    )  # fmt: skip
    assert (state.options, switch.on_or_off, state.optional) == (("off", "on"), True, False)
    assert [(cell.key, cell.origin, cell.optional) for cell in cells] == [
        (f"cell_{n}", f"register {9 + n}", True) for n in (1, 2, 3, 4)
    ]
    assert (volts.origin, mean.origin, mean.unit) == ("register 1", "mean(cells)", "V")


def test_a_reading_has_each_of_a_list_in_its_place_and_what_was_in_the_registers() -> None:
    fields = [
        VOLTS | {"scale": 0.1, "precision": 1, "valid": {"max": 10}},
        CELLS | {"scale": 0.001, "precision": 3, "invalid": [0xFFFF], "count_from": 5},
        field(2, key="full", role="capacity"),
        field(3, type="flags", flags={"0": "hot", "1": "cold", "2": "wet"}),
        field(4, map={"1": "on"}),
    ]
    said = {1: 144, 2: 90, 3: 6, 4: 1, 5: 3, 10: 3300, 11: 0xFFFF, 12: 3302, 13: 3303}
    sample = read(fields=fields).reading(said)
    assert sample.extra == {
        "cell_1": 3.3, "cell_3": 3.302, "full": 90, "capacity": 90, "f3_3": "cold, wet", "f4_3": "on",
    }  # fmt: skip
    assert sample.raw == {
        "volts": 144, "cell_1": 3300, "cell_2": 0xFFFF, "cell_3": 3302, "full": 90, "f3_3": 6, "f4_3": 1,
    }  # fmt: skip
