"""Victron's sealed advertisements: the published captures, alarms in plenty, wrong keys, a missing library."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers import catalogue
from hawk.drivers.contract import RULES, Advert, Exhibit, Rule
from hawk.drivers.decode import answer
from hawk.drivers.sane import fault
from hawk.drivers.victron import VICTRON, open_readout
from hawk.errors import Invalid, LibraryMissing, ProtocolError
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from tests.drivers.victron_vectors import ALL, BY_ID, KEY, MAC, Vector, heard, sealed

SHUNT = BY_ID["BM1"]


def opened(record_type: int, record: str | bytes) -> Sample:
    data = bytes.fromhex(record) if isinstance(record, str) else record
    return open_readout(KEY, sealed(record_type, data))


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.id)
def test_a_captured_advertisement_says_what_is_listed(vector: Vector) -> None:
    said = VICTRON.configured(vector.config).hear(vector.advertisement)
    assert said is not None
    assert said.sample == vector.sample
    assert said.recordable is (vector.sample.voltage is not None)
    assert not said.proven


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.id)
def test_it_keeps_the_contract(rule: Rule, vector: Vector) -> None:
    rule(Exhibit(VICTRON, adverts=[Advert(vector.advertisement, vector.sample)], config=vector.config))


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.id)
def test_hawk_decode_opens_it_with_the_key(vector: Vector) -> None:
    asked: dict[str, Any] = {"device": "victron", "kind": "advertisement", "config": vector.config}
    for more in ({"hex": "e102" + vector.data.hex()}, {"company_id": 0x02E1, "hex": vector.data.hex()}):
        said = answer(catalogue.load(), asked | more)["sample"]
        assert said.get("voltage") == vector.sample.voltage
        assert "mac" not in said


def test_hawk_decode_without_the_key_says_that_it_is_needed() -> None:
    asked = {"device": "victron", "kind": "advertisement", "hex": SHUNT.data.hex()}
    assert "give its key" in answer(catalogue.load(), asked)["error"]["detail"]
    said = answer(catalogue.load(), asked | {"config": {"key": "12"}})["error"]
    assert (said["code"], "/config/key" in said["detail"]) == ("bad_request", True)


# -- states, errors, alarms ----------------------------------------------------------------------


def test_two_alarms_at_once_are_two_words_and_no_reason_to_be_silent() -> None:
    """The library raises for them, though not for one alone."""
    sample = opened(2, "ffffe6040500feff010000000080fe0c")
    assert (sample.voltage, sample.extra["alarm"]) == (12.54, "low_voltage, low_soc")


@pytest.mark.parametrize(
    ("record_type", "record", "says"),
    [
        (1, "fa63" + "6c050e000300130000fe", {"status": "unknown", "status_code": 250}),
        (4, "0500" + "2305" + "6405" + "81000000", {"status": "float", "voltage": 13.8}),
        (15, "fd00" + "6405" + "6400" + "c404" + "7800" + "00000000", {"voltage": 13.8, "current": 10.0}),
        (11, "fa2a" + "80ff33940000d20200001402", {"voltage": 51.71, "status": "unknown"}),
    ],
)
def test_codes_that_are_newer_than_the_library_are_no_reason_to_be_silent(
    record_type: int, record: str, says: dict[str, Any]
) -> None:
    sample = opened(record_type, record)
    assert {name: getattr(sample, name) for name in says} == says


def test_reasons_to_be_off_are_words() -> None:
    assert opened(4, "0500230564058100" + "0000").extra["off_reason"] == "no_input_power, engine_shutdown"


def test_what_is_not_there_is_absent() -> None:
    nothing = opened(1, "ffffff7fff7fffffffffff01")
    assert nothing == Sample(extra={})
    assert opened(11, "0900ff7fff3fff7fff7fffffffff") == Sample(
        status="inverting", status_code=9, extra={"error": 0, "active_ac_in": "ac_in_1"}
    )
    lynx = opened(10, "00 ffff ff7f ff7f 0000 0000 fcffffff ff")
    assert (lynx.voltage, lynx.current, lynx.state_of_charge, lynx.temperature) == (None,) * 4


def test_a_shunt_without_its_temperature_sensor_gives_no_temperature() -> None:
    assert opened(2, "ffffe6040000ffff020000000080fede").temperature is None


def test_cells_beyond_what_the_record_can_say_are_left_out() -> None:
    """Below 2.61 V and above 3.85 V the library gives endless numbers."""
    sample = opened(5, bytes(6) + bytes.fromhex("00e0e3f1f8ffff") + bytes.fromhex("ff2c35"))
    assert fault(sample) is None
    assert "cell_voltage_1" not in sample.extra


def test_the_current_of_an_energy_meter_is_under_its_own_key() -> None:
    assert (BY_ID["EM1"].sample.current, BY_ID["EM1"].sample.extra["meter_current"]) == (None, 0.0)


# -- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.id)
def test_one_that_is_cut_short_is_no_reading(vector: Vector) -> None:
    """The library would fill it up with noise."""
    shortest = 18  # that of a DC-DC converter
    for length in range(shortest):
        with pytest.raises(ProtocolError) as refused:
            open_readout(vector.key, vector.data[:length])
        assert refused.value.reason in {"wrong_header", "wrong_length"}


def test_a_wrong_key_is_said_with_where_the_right_one_is() -> None:
    wrong = VICTRON.configured({"key": "00" + SHUNT.key[2:]})
    with pytest.raises(ProtocolError, match="VictronConnect shows it") as refused:
        wrong.hear(SHUNT.advertisement)
    assert refused.value.reason == "wrong_key"
    assert SHUNT.key not in str(refused.value)


def test_a_kind_of_record_that_nobody_knows_is_said() -> None:
    with pytest.raises(ProtocolError, match="kind 77"):
        opened(0x77, bytes(16))


def test_other_advertisements_of_victron_and_of_others_say_nothing() -> None:
    driver = VICTRON.configured(SHUNT.config)
    assert driver.hear(heard(bytes.fromhex("01309c49739a63de006f0000cc7174d2"))) is None
    assert driver.hear(heard(b"\x10")) is None
    assert driver.hear(Advertisement(MAC, "BM6", -60, "hci0", {76: SHUNT.data})) is None


@given(st.binary(max_size=30))
def test_any_bytes_are_a_sample_or_refused(data: bytes) -> None:
    try:
        sample = open_readout(
            KEY, b"\x10\x00\x00\x00" + data[:1] + b"\x34\x12" + bytes.fromhex(KEY[:2]) + data[1:]
        )
    except ProtocolError:
        return
    assert fault(sample) is None


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({}, "/key"),
        ({"key": 5}, "/key"),
        ({"key": "abc"}, "/key"),
        ({"key": "x" * 32}, "/key"),
        ({"key": KEY + "0"}, "/key"),
        ({"key": "***"}, "/key"),
        ({"key": KEY, "pin": 1}, "/pin"),
    ],
)
def test_a_wrong_config_is_refused_without_a_word_of_the_key(config: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        VICTRON.configured(config)
    assert refused.value.pointer == pointer
    assert KEY not in str(refused.value)


def test_the_key_is_in_any_case() -> None:
    said = VICTRON.configured({"key": SHUNT.key.upper()}).hear(SHUNT.advertisement)
    assert said is not None
    assert said.sample.voltage == 12.53


# -- without key, without library ----------------------------------------------------------------


def test_without_a_key_a_device_is_known_and_says_nothing() -> None:
    found = catalogue.load().hear(SHUNT.advertisement)
    assert found is not None
    assert (found.driver.device_type, found.heard.sample) == ("victron", Sample())
    assert found.reason == "Victron's readout, sealed: it needs its key"


def test_it_is_heard_only() -> None:
    assert VICTRON.heard_only
    assert VICTRON.secrets == {"key"}
    assert catalogue.load().driver("VictronBLE") is VICTRON


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "victron_ble"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "victron_ble", None)  # as if it were not there
    with pytest.raises(LibraryMissing) as refused:
        VICTRON.configured(SHUNT.config)
    assert str(refused.value) == (
        "victron needs the library victron-ble, which is not installed: pip install 'battery-hawk[victron]'"
    )
    asked = {"device": "victron", "kind": "advertisement", "config": SHUNT.config, "hex": SHUNT.data.hex()}
    assert "pip install" in answer(catalogue.load(), asked)["error"]["detail"]


@pytest.mark.parametrize(
    ("hundredths", "believed"), [(-500, False), (0, True), (1264, True), (10_000, True), (10_001, False)]
)
def test_a_voltage_that_no_battery_has_is_refused(hundredths: int, believed: bool) -> None:
    opened = b"\xff\xff" + hundredths.to_bytes(2, "little", signed=True) + bytes(11)
    driver = VICTRON.configured({"key": KEY})
    advertisement = heard(sealed(0x02, opened))
    if believed:
        said = driver.hear(advertisement)
        assert said is not None
        assert said.sample.voltage == hundredths / 100
    else:
        with pytest.raises(ProtocolError, match="a voltage of"):
            driver.hear(advertisement)
