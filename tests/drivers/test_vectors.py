"""Every captured and made frame decodes as listed: through the drivers, and through `hawk decode`."""

import json
import subprocess
import sys
from typing import Any

import pytest

from hawk.drivers import catalogue
from hawk.drivers.decode import answer
from hawk.model.address import parse_address
from hawk.model.advertisement import Advertisement
from hawk.wire import aes
from tests.drivers import fuzz, vectors
from tests.drivers.vectors import Vector

DRIVERS = catalogue.load()
STATUSES = {
    "BM2": {0: "critical", 1: "normal", 2: "low", 4: "charging", 8: "floating"},
    "BM6": {0: "normal", 1: "low", 2: "charging", 7: "unknown"},
}
STATUSES["BM7"] = STATUSES["BM6"]


def sample_of(expected: dict[str, Any]) -> dict[str, Any]:
    """What is listed, in our words: absent instead of null."""
    said = {("state_of_charge" if name == "soc" else name): value for name, value in expected.items()}
    return {name: value for name, value in said.items() if value is not None}


def ask(vector: Vector) -> Any:
    return answer(DRIVERS, vector.request)


@pytest.mark.parametrize("vector", vectors.of("notify_live", "advert_encrypted"), ids=lambda v: v.id)
def test_a_sample_is_as_listed(vector: Vector) -> None:
    sample = ask(vector)["sample"]
    assert sample.pop("status") == STATUSES[vector.device][sample["status_code"]]
    assert sample == sample_of(vector.expected)


@pytest.mark.parametrize("vector", vectors.of("advert_ibeacon"), ids=lambda v: v.id)
def test_a_beacon_holds_the_charge_alone(vector: Vector) -> None:
    assert ask(vector)["sample"] == sample_of(vector.expected)


@pytest.mark.parametrize("vector", vectors.of("notify_ack"), ids=lambda v: v.id)
def test_an_acknowledgement_is_no_reading(vector: Vector) -> None:
    assert ask(vector) == {"id": vector.id, "sample": None, "note": "acknowledgement"}


@pytest.mark.parametrize("command", [0x01, 0x03, 0x05])
def test_the_answer_to_another_command_is_no_reading_whatever_follows(command: int) -> None:
    plain = bytes([0xD1, 0x55, command]) + bytes.fromhex("0017010004ab00000000020000")  # of a live frame
    request = {"device": "BM6", "kind": "live", "hex": aes.encrypt(fuzz.KEYS["BM6"], plain).hex()}
    assert answer(DRIVERS, request) == {"sample": None, "note": "not_a_reading"}


@pytest.mark.parametrize("device", fuzz.KEYS)
@pytest.mark.parametrize(
    ("hundredths", "charge", "believed"),
    [(500, 0, True), (4100, 100, True), (499, 50, False), (4101, 50, False), (1264, 101, False)],
)
def test_an_advertisement_is_believed_from_5_to_41_volts(
    device: str, hundredths: int, charge: int, believed: bool
) -> None:
    own = bytes.fromhex("50547b001122")
    plain = (
        (own[::-1] if device == "BM2" else own)
        + hundredths.to_bytes(2, "big")
        + bytes([charge, 1])
        + bytes(6)
    )
    request = {"device": device, "kind": "advertisement", "address": "50547B001122",
               "hex": aes.encrypt(fuzz.KEYS[device], plain).hex()}  # fmt: skip
    said = answer(DRIVERS, request)
    if believed:
        assert (said["sample"]["voltage"], said["sample"]["state_of_charge"]) == (hundredths / 100, charge)
    else:
        assert said["error"]["code"] == "implausible"


@pytest.mark.parametrize("vector", vectors.of("malformed"), ids=lambda v: v.id)
def test_a_malformed_frame_is_no_reading(vector: Vector) -> None:
    said = ask(vector)
    assert said.get("sample") is None
    assert "error" in said or said["note"] == "empty"
    with_reason = {"BM6-M-1": "wrong_length", "BM6-M-2": "wrong_length", "BM6-M-4": "wrong_header",
                   "BM6-M-7": "implausible", "BM6-M-8": "implausible", "BM6-M-10": "implausible",
                   "BM6-M-12": "address_mismatch", "BM7-M-1": "wrong_header", "BM2-M-2": "wrong_header"}  # fmt: skip
    if vector.id in with_reason:
        assert said["error"]["code"] == with_reason[vector.id]


@pytest.mark.parametrize("vector", vectors.of("history_records"), ids=lambda v: v.id)
def test_history_records_are_as_listed(vector: Vector) -> None:
    assert ask(vector)["samples"] == [
        each and {("state_of_charge" if name == "soc" else name): value for name, value in each.items()}
        for each in vector.expected["records"]
    ]


@pytest.mark.parametrize(
    ("device", "frame"),
    [
        ("BM6", "d1550700190264055600000000020000"), ("BM6", "d1550501000000000000000000000000"),
        ("BM7", "fffefe00040900000000000000000000"), ("BM6", "fefefe00000000000000000000000000"),
        ("BM2", "f550816400fa00000000000000000000"), ("BM2", "fffffe00000000000000000000000000"),
        ("BM2", "fffefe00001900000000000000000000"),
    ],
)  # fmt: skip
def test_a_frame_among_records_is_not_read_as_records(device: str, frame: str) -> None:
    records = bytes.fromhex("52b53170" * 4)
    sealed = aes.encrypt(fuzz.KEYS[device], records + bytes.fromhex(frame))
    said = answer(DRIVERS, {"device": device, "kind": "history", "hex": sealed.hex()})
    assert said["error"]["code"] == "wrong_header"


@pytest.mark.parametrize("vector", vectors.of("version"), ids=lambda v: v.id)
def test_a_version_is_shown_as_hex(vector: Vector) -> None:
    assert ask(vector)["sample"] == {"version": vector.expected["raw_version"]}


@pytest.mark.parametrize("vector", vectors.of("cranking_stream"), ids=lambda v: v.id)
def test_a_cranking_event_is_as_listed(vector: Vector) -> None:
    event, expected = ask(vector)["event"], vector.expected
    samples = event["samples"]
    assert event["status_code"] == expected["event_status"]
    assert (event["voltage"], event["minimum_voltage"]) == (
        expected["header_voltage"],
        expected["min_voltage"],
    )
    assert event["duration"] == expected["duration_ms"] / 1000
    assert event["age"] == expected["age_units_2min"] * 120
    assert (len(samples), samples[0], samples[-1]) == (
        expected["sample_count"], expected["first_sample"], expected["last_sample"],
    )  # fmt: skip
    assert samples.index(min(samples)) == expected["min_index"]


def test_no_kind_of_vector_is_left_out() -> None:
    ours = {*vectors.KINDS, "command", "history_frame"}
    assert {each["kind"] for each in vectors.ALL} == ours


@pytest.mark.parametrize("each", [v for v in vectors.ALL if v["kind"] == "command"], ids=lambda v: v["id"])
def test_the_cipher_is_that_of_the_devices(each: dict[str, str]) -> None:
    keys = {
        "BM6": b"leagend\xff\xfe0100009",
        "BM7": b"leagend\xff\xfe010000@",
        "BM2": b"leagend\xff\xfe1882466",
    }
    plain, sealed = bytes.fromhex(each["plaintext_hex"]), bytes.fromhex(each["ciphertext_hex"])
    assert aes.encrypt(keys[each["device"]], plain) == sealed
    assert aes.decrypt(keys[each["device"]], sealed) == plain


@pytest.mark.parametrize("device", ["BM6", "BM7"])
def test_the_request_is_the_captured_one(device: str) -> None:
    captured = next(v for v in vectors.ALL if v["id"] == f"{device}-C-07")["ciphertext_hex"]
    assert [write.data.hex() for write in DRIVERS.driver(device).codec().begin()] == [captured]


@pytest.mark.parametrize("vector", vectors.of("advert_encrypted"), ids=lambda v: v.id)
def test_an_advertisement_proves_its_family_and_no_other(vector: Vector) -> None:
    assert vector.address is not None
    sealed = bytes.fromhex(vector.hex)
    heard = Advertisement(
        address=parse_address(vector.address), name=None, rssi=-60, adapter="hci0",
        manufacturer_data={int.from_bytes(sealed[:2], "little"): sealed[2:]},
    )  # fmt: skip
    found = DRIVERS.hear(heard)
    assert found is not None
    assert (found.driver.device_type, found.heard.proven, found.reason) == (
        vector.device, True, "decrypted advertisement",
    )  # fmt: skip
    assert found.heard.sample.voltage == vector.expected["voltage"]
    others = [driver for driver in DRIVERS.drivers if driver is not found.driver]
    assert [driver.hear(heard) for driver in others] == [None] * len(others)


@pytest.mark.parametrize("vector", vectors.of("advert_ibeacon"), ids=lambda v: v.id)
def test_a_beacon_matches_one_driver_and_is_never_recorded(vector: Vector) -> None:
    data = bytes.fromhex(vector.hex)
    heard = Advertisement(
        parse_address("50:54:7B:00:00:01"), None, -60, "hci0", {int.from_bytes(data[:2], "little"): data[2:]}
    )
    matching = [(driver.device_type, said) for driver in DRIVERS.drivers if (said := driver.hear(heard))]
    assert [device_type for device_type, _ in matching] == [vector.device]
    assert not matching[0][1].recordable
    assert not matching[0][1].proven


@pytest.mark.parametrize(
    ("name", "device_type"),
    [("BM6", "BM6"), ("Battery Guard", "BM6"), ("BM300 Pro", "BM7"), ("Battery Monitor", "BM2"), ("ZX-1689", "BM2"),
     ("bm6", "BM6"), ("BM60", None), ("", None), (None, None)],
)  # fmt: skip
def test_a_name_is_a_hint_at_a_family(name: str | None, device_type: str | None) -> None:
    service = (DRIVERS.driver("BM6").gatt.service,)
    found = DRIVERS.hear(
        Advertisement(parse_address("50:54:7B:00:00:01"), name, -60, "hci0", service_uuids=service)
    )
    assert (found and found.driver.device_type) == device_type
    assert found is None or not found.heard.proven


def test_the_command_answers_each_line_in_order() -> None:
    asked = vectors.of(*vectors.KINDS)
    lines = [json.dumps(vector.request) for vector in asked] + [
        "",
        "nonsense",
        "[]",
        '{"id":7}',
        '{"id":NaN}',
    ]
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "decode", "--json-lines"],
        input="\n".join(lines).encode() + b"\n\xff\xfe\n", capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[: len(asked)] == [json.loads(json.dumps(ask(vector))) for vector in asked]
    assert [each["error"]["code"] for each in answers[len(asked) :]] == ["bad_request"] * 5
    assert answers[len(asked) + 2]["id"] == 7
