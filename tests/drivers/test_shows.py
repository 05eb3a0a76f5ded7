"""What drivers show besides the quantities is what they say, in the units of their pages."""

import pytest

from hawk.drivers import catalogue, renogy
from hawk.drivers.api import Driver, Shown
from hawk.drivers.explain import explained
from hawk.drivers.renogy_battery import BATTERY
from hawk.drivers.renogy_drivers import CONTROLLER, DCDC, INVERTER
from hawk.drivers.renogy_modules import finished
from hawk.drivers.renogy_shunt import SHUNT
from hawk.drivers.victron import VICTRON
from hawk.model.reading import QUANTITIES, Sample
from tests.drivers.victron_vectors import ALL, Vector
from tests.test_renogy import CONTROLLER as CONTROLLER_REGISTERS
from tests.test_renogy import INVERTER as INVERTER_REGISTERS
from tests.test_renogy import LEGACY, table

SHOWING = [driver for driver in catalogue.load().drivers if driver.shows]
NOT_SHOWN = {  # what says the same in other words, or what nobody can read
    "status1", "status2", "status3", "cell_voltage_alarm", "cell_temperature_alarm", "other_alarm",
    "charge_discharge_status", "fault_high_word", "fault_low_word", "fault_word_0x0121",
    "fault_word_0x0122", "status_high_word", "status_low_word", "serial_number", "software_version", "charge_enabled",
    "discharge_enabled", "battery_type_raw", "unproven", "error_flags", "io_status", "alarm_flags", "bms_flags",
    "balancer_status",
}  # fmt: skip


def registers(found: dict[str, int]) -> dict[int, int]:
    return {int(register): word for register, word in found.items()}


SAMPLES = {
    "renogy_controller": (CONTROLLER, finished(renogy.controller(registers(CONTROLLER_REGISTERS)))),
    "renogy_dcdc": (DCDC, finished(renogy.dcdc(registers(table("V12", "V08"))))),
    "renogy_inverter": (INVERTER, finished(renogy.inverter(registers(INVERTER_REGISTERS)))),
    "renogy_battery": (BATTERY, finished(renogy.battery(registers(LEGACY)))),
    "renogy_shunt": (SHUNT, Sample(extra={"soc": 87.3, "starter_voltage": 12.61})),
}


@pytest.mark.parametrize(("driver", "sample"), SAMPLES.values(), ids=SAMPLES)
def test_what_a_renogy_device_says_is_shown(driver: Driver, sample: Sample) -> None:
    assert sample.extra.keys() - keys(driver) <= NOT_SHOWN
    assert keys(driver) & sample.extra.keys()


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.id)
def test_what_a_victron_says_is_shown(vector: Vector) -> None:
    assert vector.sample.extra.keys() - keys(VICTRON) - {"aux_mode", "output_state"} <= NOT_SHOWN


@pytest.mark.parametrize("driver", SHOWING, ids=lambda driver: driver.device_type)
def test_nothing_is_shown_twice_or_by_the_name_of_something_else(driver: Driver) -> None:
    listed = [shown.key for shown in driver.shows]
    assert len(listed) == len(set(listed))
    assert [shown for shown in driver.shows if shown.key in QUANTITIES and not shown.quantity] == []
    assert {shown.quantity for shown in driver.shows} <= {"", *QUANTITIES}


@pytest.mark.parametrize("driver", SHOWING, ids=lambda driver: driver.device_type)
def test_energy_only_ever_grows_and_is_in_watt_hours(driver: Driver) -> None:
    energy = [shown for shown in driver.shows if shown.device_class == "energy"]
    assert {(shown.unit, shown.state_class) for shown in energy} <= {("Wh", "total_increasing")}
    assert all("energy" in shown.key or shown.key == "yield_today" for shown in energy)


def test_those_that_count_energy_show_it() -> None:
    counting = {driver.device_type for driver in SHOWING if counts_energy(driver)}
    assert counting == {"renogy_controller", "renogy_dcdc", "renogy_inverter", "victron"}


def test_the_packs_of_a_hub_are_shown_together_and_one_by_one() -> None:
    hub = BATTERY.configured({"hub": [48, 49]})
    assert {"remaining_ah", "battery_48_voltage", "battery_49_cell_voltage_1"} <= keys(hub)
    assert "cycle_count" not in keys(hub)
    named = {shown.key: shown.name for shown in hub.shows}
    assert named["battery_48_current"] == "Battery 48 current"
    assert named["battery_49_bms_temperature"] == "Battery 49 BMS temperature"


def test_a_person_who_tries_a_device_sees_units_and_registers_and_what_nobody_described() -> None:
    driver, sample = SAMPLES["renogy_controller"]
    said = {each.key: each for each in explained(driver.shows, sample)}
    total = said["energy_generated_total"]
    assert (total.value, total.unit, total.origin) == (65936, "Wh", "register 284")
    assert (said["battery_voltage"].quantity, said["power"].unit) == ("voltage", "W")
    assert said["fault_high_word"].value == 0
    assert "voltage" not in said  # it is there as battery_voltage
    assert "cell_voltage_16" not in {
        each.key for each in explained(BATTERY.shows, SAMPLES["renogy_battery"][1])
    }


def keys(driver: Driver) -> set[str]:
    return {shown.key for shown in driver.shows}


def counts_energy(driver: Driver) -> bool:
    return any(is_energy(shown) for shown in driver.shows)


def is_energy(shown: Shown) -> bool:
    return shown.device_class == "energy"
