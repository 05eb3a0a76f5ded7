"""The adapter of aiobmsble: what it makes of the library's samples, its config, and what it says without it."""

import sys
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers import catalogue
from hawk.drivers.bms import BMS, sample
from hawk.drivers.sane import fault
from hawk.errors import Invalid, LibraryMissing
from hawk.model.reading import Sample

NEW_ENOUGH = sys.version_info >= (3, 12)
LIBRARY = pytest.mark.skipif(not NEW_ENOUGH, reason="aiobmsble needs Python 3.12: deploy/test looks for one")


class Mode(IntEnum):
    """As the library has it."""

    BULK = 0


class Sensor:
    """As the library's TempSensor."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        return self._value


SAID: dict[str, Any] = {  # of a JBD, by the library's own tests
    "temp_sensors": 3, "voltage": 15.6, "current": -2.87, "battery_level": 100, "cycle_charge": 4.98,
    "design_capacity": 5, "cycles": 42, "temperature": 22.133, "cycle_capacity": 77.688, "power": -44.772,
    "battery_charging": False, "runtime": 6246, "cell_count": 4, "cell_voltages": [3.43, 3.425, 3.432, 3.417],
    "temp_values": [Sensor(22.4), Sensor(22.3), Sensor(21.7)], "delta_voltage": 0.015, "problem": False,
    "problem_code": 0, "balancer": 0, "chrg_mosfet": True, "dischrg_mosfet": True,
}  # fmt: skip
JBD = Sample(
    voltage=15.6,
    current=-2.87,
    temperature=22.133,
    state_of_charge=100,
    power=-44.772,
    status="normal",
    status_code=0,
    extra={
        "model": "Jiabaida smart BMS", "temp_sensors": 3, "cycle_charge": 4.98, "design_capacity": 5, "cycles": 42,
        "cycle_capacity": 77.688, "battery_charging": False, "runtime": 6246, "cell_count": 4, "cell_voltage_1": 3.43,
        "cell_voltage_2": 3.425, "cell_voltage_3": 3.432, "cell_voltage_4": 3.417, "temperature_1": 22.4,
        "temperature_2": 22.3, "temperature_3": 21.7, "delta_voltage": 0.015, "problem": False, "balancer": 0,
        "chrg_mosfet": True, "dischrg_mosfet": True,
    },
)  # fmt: skip


def test_all_that_the_library_says_is_in_the_sample() -> None:
    assert sample("Jiabaida smart BMS", SAID) == JBD


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, None),
        ({"battery_charging": True}, "charging"),
        ({"battery_charging": False}, "normal"),
        ({"battery_charging": True, "problem_code": 0}, "charging"),
        ({"battery_charging": True, "problem_code": 4}, "critical"),
        ({"battery_charging": False, "problem": True}, "normal"),  # which may be a guess of the library's
    ],
)
def test_its_status_is_what_it_says_of_itself(said: dict[str, Any], status: str | None) -> None:
    assert sample("x", said).status == status


def test_what_is_not_measured_is_absent() -> None:
    assert sample("x", {"voltage": 13.1}) == Sample(voltage=13.1, extra={"model": "x"})
    assert sample("x", {"battery_level": 104}).state_of_charge is None


def test_packs_and_modes_are_plain_values() -> None:
    said = {
        "packs": [{"voltage": 52.1, "cell_voltages": [3.3]}, {"voltage": 52.2}],
        "battery_mode": Mode.BULK,
    }
    assert sample("x", said).extra == {
        "model": "x", "pack_1_voltage": 52.1, "pack_1_cell_voltage_1": 3.3, "pack_2_voltage": 52.2,
        "battery_mode": "bulk",
    }  # fmt: skip


@given(
    st.dictionaries(st.sampled_from([*SAID, "heater", "balance_current"]), st.floats(-500, 500), max_size=9)
)
def test_any_numbers_are_a_sample(said: dict[str, Any]) -> None:
    found = sample("x", {**said, "temp_values": [], "cell_voltages": []} | {"problem_code": 0})
    assert fault(found) is None


def test_one_type_has_a_secret_and_a_family() -> None:
    assert catalogue.load().driver("BMS") is BMS
    assert BMS.secrets == {"secret"}
    assert not BMS.heard_only


# -- the library ---------------------------------------------------------------------------------


def test_with_an_older_python_a_sentence_says_which_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hawk.drivers.bms.NEEDS", (99, 0))
    with pytest.raises(LibraryMissing, match=r"with Python 3\.12 or newer: this is 3\.\d+$"):
        BMS.configured({})


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hawk.drivers.bms.NEEDS", (3, 0))
    monkeypatch.setattr("hawk.drivers.bms.find_spec", lambda _: None)
    with pytest.raises(LibraryMissing) as refused:
        BMS.configured({"family": "jbd"})
    assert str(refused.value) == (
        "bms needs the library aiobmsble, which is not installed: pip install 'battery-hawk[bms]'"
    )


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"pin": "1"}, "/pin"),
        ({"secret": 1234}, "/secret"),
        ({"secret": "ü"}, "/secret"),
        ({"family": []}, "/family"),
    ],
)
def test_a_wrong_config_is_refused_with_its_place(config: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        BMS.configured(config)
    assert refused.value.pointer == pointer


@LIBRARY
def test_a_family_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Invalid, match=r"known: .*daly.*jbd.*seplos") as refused:
        BMS.configured({"family": "jdb"})
    assert refused.value.pointer == "/family"
    for right in ("jbd", "JBD", "jbd_bms", ""):
        assert BMS.configured({"family": right}).by_library is not None


@LIBRARY
def test_the_library_knows_some_fifty_families() -> None:
    from hawk.drivers.bms import families

    assert len(families()) > 45
    assert "dummy" not in families()
