"""Renogy and generic Modbus devices: the frames of the fixtures, and what must never become a value."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers import catalogue, modbus_document
from hawk.drivers.decode import answer
from hawk.drivers.modbus_profile import Profile
from hawk.errors import Invalid, ProtocolError
from hawk.wire.modbus import WRITE_ONE, Request, crc, fits, parse_reply, parse_request, sealed

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "fixtures" / "renogy-modbus-vectors.json").read_text())
EXAMPLES = {
    name: json.loads((ROOT / "docs" / "examples" / f"{name}.json").read_text())
    for name in ("renogy-rover", "vatrer-bms")
}
BY_ID = {vector["id"]: vector for vector in VECTORS}


def decoded(device: str, request: str, response: str, **more: Any) -> Any:
    document = {"id": 1, "device": device, "kind": "modbus", "request": request, "hex": response, **more}
    said = answer(catalogue.load(), document)
    assert said["id"] == 1
    json.dumps(said, allow_nan=False)
    return said


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_frame_of_the_fixture_is_in_order(vector: Any) -> None:
    assert fits(bytes.fromhex(vector["response"]))
    if vector["request"]:
        request = parse_request(bytes.fromhex(vector["request"]))
        assert request.function == WRITE_ONE or request.frame().hex() == vector["request"]


DECODED = [v for v in VECTORS if v["device"] and v["request"] and "exception_code" not in v["expected"]]


@pytest.mark.parametrize("vector", DECODED, ids=lambda vector: vector["id"])
def test_a_captured_frame_decodes_as_listed(vector: Any) -> None:
    said = decoded(vector["device"], vector["request"], vector["response"], model=vector.get("model"))
    assert {key: said["sample"].get(key) for key in vector["expected"]} == vector["expected"]


def test_current_is_positive_while_charging_in_a_sample_and_as_in_the_register_under_its_key() -> None:
    said = decoded("renogy_inverter", BY_ID["V31"]["request"], BY_ID["V31"]["response"])["sample"]
    assert (said["current"], said["battery_current"]) == (49.5, -49.5)
    said = decoded("renogy_battery", BY_ID["V26"]["request"], BY_ID["V26"]["response"], model="legacy")[
        "sample"
    ]
    assert (said["current"], said["state_of_charge"]) == (-0.86, 97.2)


@pytest.mark.parametrize(
    ("model", "current"), [("legacy", -0.12), ("rngpro", -0.12), ("pro", -1.2), ("rngc", -1.2)]
)
def test_the_scale_of_a_current_is_the_models(model: str, current: float) -> None:
    said = decoded("renogy_battery", BY_ID["V28"]["request"], BY_ID["V28"]["response"], model=model)
    assert said["sample"]["current"] == current


ROVER = BY_ID["V02"]


def test_an_exception_is_said() -> None:
    assert decoded("renogy_controller", ROVER["request"], "ff8302a101")["error"]["code"] == "modbus_exception"
    assert (
        "illegal_address"
        in decoded("renogy_controller", BY_ID["V49"]["request"], "018302c0f1")["error"]["detail"]
    )


@pytest.mark.parametrize("word", ["renogy_controller", "RenogyController", "RENOGY_CONTROLLER"])
def test_a_device_is_known_by_each_of_its_words(word: str) -> None:
    assert decoded(word, ROVER["request"], ROVER["response"])["sample"]["battery_voltage"] == 14.4


@pytest.mark.parametrize(
    ("device", "kind", "said"),
    [
        ("RenogyController", "live", "a renogy_controller has no 'live'; it has modbus"),
        ("bms", "live", "a bms has no 'live'; nothing of it can be decoded alone"),
        ("BM2", "modbus", "a BM2 has no 'modbus'; it has live, advertisement, ibeacon, history"),
    ],
)
def test_a_kind_that_a_device_has_not_is_said_with_those_that_it_has(
    device: str, kind: str, said: str
) -> None:
    answered = answer(catalogue.load(), {"device": device, "kind": kind, "hex": "00", "request": ""})
    assert answered == {"error": {"code": "unknown_kind", "detail": said}}


@pytest.mark.parametrize(
    ("device", "register", "words", "expected"),
    [  # no capture has them: the protocol page says where and how
        (
            "renogy_controller",
            20,
            "00020103 00010204",
            {"software_version": "2.1.3", "hardware_version": "1.2.4"},
        ),
        ("renogy_dcdc", 20, "00030100 00020000", {"software_version": "3.1.0", "hardware_version": "2.0.0"}),
        (
            "renogy_controller",
            289,
            "0004 0000",
            {"faults": ["battery_under_voltage_warning"], "fault_low_word": 0},
        ),
        (
            "renogy_controller",
            288,
            "8a04",
            {"load_on": True, "load_brightness": 10, "charging_state": "boost"},
        ),
        (
            "renogy_controller",
            288,
            "0a84",
            {"load_on": False, "load_brightness": 10, "charging_state": "unknown_132"},
        ),
        ("renogy_battery", 5000, "0004 0ce4 0ce5 0ce6 0ce7", {"cell_voltages": [3.3, 3.301, 3.302, 3.303]}),
        (
            "renogy_battery",
            5000,
            "0002 005a 0ce4",
            {"cell_voltages": [0.09, 3.3]},
        ),  # one is empty, none has 330 V
        ("renogy_battery", 5000, "0002 0021 0000", {"cell_voltages": [3.3, 0.0]}),
        ("renogy_dcdc", 0xE001, "1388", {"max_charge_current": 50.0}),
        ("renogy_dcdc", 0xE020, "0085", {"reverse_charging_voltage": 13.3}),
        ("renogy_dcdc", 0xE038, "0064", {"solar_cutoff_current": 1.0}),
    ],
)
def test_what_no_capture_has_is_where_the_page_says(
    device: str, register: int, words: str, expected: dict[str, Any]
) -> None:
    data = bytes.fromhex(words)
    request = sealed(bytes([255, 3]) + register.to_bytes(2, "big") + (len(data) // 2).to_bytes(2, "big"))
    reply = sealed(bytes([255, 3, len(data)]) + data)
    said = decoded(device, request.hex(), reply.hex())["sample"]
    assert {key: said.get(key) for key in expected} == expected


def test_garbage_before_a_frame_is_skipped() -> None:
    assert (
        decoded("renogy_controller", ROVER["request"], "9988" + ROVER["response"])["sample"][
            "battery_voltage"
        ]
        == 14.4
    )


def test_the_first_of_two_frames_answers_its_own_request_alone() -> None:
    identity = sealed(bytes.fromhex("ff03020011")).hex()
    both = BY_ID["V01"]["response"] + identity
    said = decoded("renogy_controller", BY_ID["V01"]["request"], both)["sample"]
    assert said == {"model": "RNG-CTRL-RVR40"}


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (ROVER["response"][:-1] + "0", "checksum"),
        (ROVER["response"][:40], "incomplete"),
        (BY_ID["V03"]["response"], "wrong_length"),  # the reply to another request
        ("31" + ROVER["response"][2:], "wrong_header"),
        ("", "wrong_header"),
        ("ff8302a102", "checksum"),  # an exception, damaged
        ("ff8303a101", "checksum"),
        ("ff8302a1", "incomplete"),
    ],
)
def test_what_does_not_answer_the_request_gives_no_value(response: str, code: str) -> None:
    assert decoded("renogy_controller", ROVER["request"], response)["error"]["code"] == code


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        (0x8190, "controller_temperature", -1),
        (0x8190, "battery_temperature", -16),
        (0x0000, "battery_temperature", 0),
    ],
)
def test_a_temperature_is_sign_and_size(word: int, key: str, value: int) -> None:
    request = Request(255, 3, 259, 1).frame().hex()
    response = sealed(bytes.fromhex(f"ff0302{word:04x}")).hex()
    assert decoded("renogy_controller", request, response)["sample"][key] == value


def test_a_wrong_question_is_refused() -> None:
    for request, code in (
        ("ff03", "wrong_length"),
        (ROVER["request"][:-1] + "0", "checksum"),
        ("zz", "bad_hex"),
    ):
        assert decoded("renogy_controller", request, ROVER["response"])["error"]["code"] == code
    factory_reset = sealed(bytes.fromhex("ff7800000001")).hex()
    assert decoded("renogy_controller", factory_reset, ROVER["response"])["error"]["code"] == "wrong_header"
    assert decoded("renogy_toaster", ROVER["request"], ROVER["response"])["error"]["code"] == "unknown_device"
    assert decoded("BM6", ROVER["request"], ROVER["response"])["error"]["code"] == "unknown_kind"
    said = decoded("renogy_battery", BY_ID["V26"]["request"], BY_ID["V26"]["response"], model="x")
    assert said["error"]["code"] == "bad_request"


def test_the_crc_is_the_documented_one() -> None:
    assert crc(bytes.fromhex("010300000001")) == 0x0A84


# -- the shunt ---------------------------------------------------------------------------------


def live(**values: int) -> str:
    frame = bytearray(110)
    frame[:4] = bytes.fromhex("42570119")
    for place, size, number in (
        (21, 3, values["current"]),
        (25, 3, values["voltage"]),
        (34, 2, values["soc"]),
        (66, 2, 215),
    ):
        frame[place : place + size] = number.to_bytes(size, "big", signed=number < 0)
    return frame.hex()


def test_a_shunt_frame_is_found_in_the_stream() -> None:
    said = decoded("renogy_shunt", "", "61d20000" + live(current=-1500, voltage=13250, soc=873))["sample"]
    assert (said["current"], said["voltage"], said["state_of_charge"], said["temperature"]) == (
        -1.5,
        13.25,
        87.3,
        21.5,
    )


def test_a_shunt_frame_with_impossible_values_gives_none() -> None:
    assert decoded("renogy_shunt", "", live(current=0, voltage=3000, soc=1))["error"]["code"] == "implausible"
    assert decoded("renogy_shunt", "", "4257010b" + "00" * 110)["error"]["code"] == "wrong_header"
    assert (
        decoded("renogy_shunt", "", live(current=0, voltage=13000, soc=1)[:-2])["error"]["code"]
        == "incomplete"
    )


# -- generic -----------------------------------------------------------------------------------


def test_the_rover_of_the_guide_decodes_as_the_guide_says() -> None:
    config, found = EXAMPLES["renogy-rover"], dict[str, Any]()
    for number in ("V01", "V02", "V03"):
        said = decoded("generic_modbus", BY_ID[number]["request"], BY_ID[number]["response"], config=config)
        found |= said["sample"]
    quantities = {"voltage": 14.4, "current": 0.04, "temperature": 25, "state_of_charge": 100}
    assert found == quantities | {
        "model": "RNG-CTRL-RVR40", "battery_soc": 100, "battery_voltage": 14.4, "battery_current": 0.04,
        "controller_temperature": 14, "battery_temperature": 25, "pv_power": 1, "energy_generated_today": 0,
        "energy_generated_total": 65936, "load_on": False, "charging_state": "boost", "fault_high_word": [],
        "battery_type": "lithium",
    }  # fmt: skip


def test_the_other_bms_of_the_guide_decodes_as_the_guide_says() -> None:
    found: dict[str, Any] = {}
    for number in ("V35", "V36"):
        config = EXAMPLES["vatrer-bms"]
        found |= decoded(
            "generic_modbus_device", BY_ID[number]["request"], BY_ID[number]["response"], config=config
        )["sample"]
    expected = {**BY_ID["V35"]["expected"], **BY_ID["V36"]["expected"]}
    del expected["temperature_count"]  # the guide's profile does not ask for it
    assert {key: found[key] for key in expected} == expected


MISTAKES = [
    ({"schema": 2}, "/schema"),
    ({"name": ""}, "/name"),
    ({"colour": "red"}, "/colour"),
    ({"fields": []}, "/fields"),
    ({"modbus": {"device_id": 256}}, "/modbus/device_id"),
    ({"modbus": {"function": 6}}, "/modbus/function"),
    ({"ble": {"write": {"characteristic": "ffd1"}}}, "/ble/notify"),
    (
        {"ble": {"write": {"characteristic": "x"}, "notify": {"characteristic": "ffd1"}}},
        "/ble/write/characteristic",
    ),
    ({"fields": [{"key": "A", "register": 1, "type": "u16"}]}, "/fields/0/key"),
    ({"fields": [{"key": "a", "register": 70000, "type": "u16"}]}, "/fields/0/register"),
    ({"fields": [{"key": "a", "register": "0xzz", "type": "u16"}]}, "/fields/0/register"),
    ({"fields": [{"key": "a", "register": 1, "type": "u17"}]}, "/fields/0/type"),
    ({"fields": [{"key": "a", "register": 1, "type": "bool"}]}, "/fields/0"),
    ({"fields": [{"key": "a", "register": 1, "type": "ascii"}]}, "/fields/0"),
    ({"fields": [{"key": "a", "register": 1, "type": "u16", "map": {"x": "y"}}]}, "/fields/0/map/x"),
    ({"fields": [{"key": "a", "register": 1, "type": "u16"}] * 2}, "/fields/1/key"),
    ({"computed": [{"key": "b", "expr": "__import__('os')"}]}, "/computed/0/expr"),
    ({"blocks": [{"id": "x", "register": 0, "words": 126}]}, "/blocks/0/words"),
]


@pytest.mark.parametrize(("change", "pointer"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_in_a_profile_is_pointed_at(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        modbus_document.parse(EXAMPLES["renogy-rover"] | change)
    assert caught.value.pointer == pointer
    said = decoded(
        "generic_modbus", ROVER["request"], ROVER["response"], config=EXAMPLES["renogy-rover"] | change
    )
    assert (said["error"]["code"], f"/config{pointer}" in said["error"]["detail"]) == ("bad_request", True)


def profile(*fields: dict[str, Any], **more: Any) -> Profile:
    return modbus_document.parse({**EXAMPLES["renogy-rover"], "blocks": [], "fields": list(fields), **more})


@pytest.mark.parametrize(
    ("field", "words", "value"),
    [
        ({"type": "s16"}, [0xFFFE], -2),
        ({"type": "u32"}, [1, 2], 0x10002),
        ({"type": "u32", "word_order": "little"}, [1, 2], 0x20001),
        ({"type": "u32", "byte_order": "little"}, [0x0100, 0x0200], 0x10002),
        ({"type": "s32"}, [0xFFFF, 0xFFFF], -1),
        ({"type": "u64"}, [0, 1, 0, 2], 0x100000002),
        ({"type": "f32"}, [0x4148, 0x0000], 12.5),
        ({"type": "f32"}, [0x7FC0, 0x0000], None),
        ({"type": "u8", "byte": "high"}, [0x1234], 0x12),
        ({"type": "s8"}, [0x12FF], -1),
        ({"type": "sm8"}, [0x0090], -16),
        ({"type": "bool", "bit": 3}, [8], True),
        ({"type": "flags", "flags": {"0": "a", "3": "b"}}, [8], ["b"]),
        ({"type": "u16", "mask": 0xF0, "shift": 4}, [0xAB], 0xA),
        ({"type": "u16", "map": {"1": "on"}}, [2], "unknown_2"),
        ({"type": "u16", "invalid": [65535]}, [65535], None),
        ({"type": "u16", "scale": -0.1, "offset": 5, "precision": 1}, [12], 3.8),
        ({"type": "u16", "valid": {"max": 10}}, [11], None),
        ({"type": "ascii", "words": 2}, [0x2041, 0x4200], "AB"),
        ({"type": "raw", "words": 1}, [0xBEEF], "beef"),
    ],
)
def test_each_type_of_a_field(field: dict[str, Any], words: list[int], value: object) -> None:
    registers = {100 + i: word for i, word in enumerate(words)}
    sample = profile({"key": "a", "register": "0x64", **field}).sample(registers)
    assert sample.extra.get("a") == value


def test_values_are_computed_of_others() -> None:
    fields = [
        {"key": "v", "register": 0, "type": "u16", "scale": 0.1, "role": "voltage"},
        {"key": "a", "register": 1, "type": "s16", "scale": 0.1},
        {"key": "cells", "register": 2, "type": "u16", "count": 3},
    ]
    computed = [
        {"key": "w", "expr": "v*a", "precision": 1, "role": "power"},
        {"key": "out", "expr": "-a", "role": "current"},
        {"key": "mean", "expr": "mean(cells)"},
        {"key": "share", "expr": "a / v * 100", "precision": 0},
        {"key": "less", "expr": "v - a", "precision": 1},
    ]
    sample = profile(*fields, computed=computed).sample({0: 130, 1: 0xFFCE, 2: 1, 3: 2, 4: 6})
    assert (sample.power, sample.current, sample.voltage) == (-65.0, 5.0, 13.0)
    assert (sample.extra["mean"], sample.extra["share"], sample.extra["less"]) == (3, -38.0, 18.0)


def test_without_blocks_neighbours_are_asked_together() -> None:
    fields = [{"key": f"f{n}", "register": n, "type": "u16"} for n in (10, 11, 13, 20, 21)]
    asked = profile(*fields, modbus={"max_gap": 1}).turns
    assert [(turn.block.register, turn.block.words) for turn in asked] == [(10, 4), (20, 2)]


# -- damage ------------------------------------------------------------------------------------


@given(st.binary(max_size=120))
def test_noise_answers_nothing(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_reply(parse_request(bytes.fromhex(ROVER["request"])), data)


def test_a_damaged_reply_gives_no_value() -> None:
    chance = random.Random(6)
    for _ in range(20_000):
        vector = chance.choice(DECODED)
        frame = bytearray.fromhex(vector["response"])
        frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        with pytest.raises(ProtocolError):
            parse_reply(parse_request(bytes.fromhex(vector["request"])), bytes(frame))


CONFIGS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["fields", "ble", "schema", "key"]), inner)
    ),
    max_leaves=6,
)


@given(CONFIGS)
def test_any_document_is_a_profile_or_a_refusal(document: Any) -> None:
    with pytest.raises(Invalid):
        modbus_document.parse(document)


@given(st.sampled_from(sorted(modbus_document.FIELD)), CONFIGS)
def test_any_value_in_a_field_is_taken_or_refused(key: str, value: Any) -> None:
    field = {"key": "a", "register": 1, "type": "u16", key: value}
    try:
        profile(field).sample({1: 7, 2: 8})
    except Invalid as error:
        assert error.pointer.startswith("/fields/0")
