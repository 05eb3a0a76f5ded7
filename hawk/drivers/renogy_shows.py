"""What is shown of each Renogy device, of what its driver asks for. Meanings and units: docs/devices/renogy.md."""

from collections.abc import Sequence
from dataclasses import replace

from hawk.drivers import renogy
from hawk.drivers.api import Shown
from hawk.drivers.showing import (
    about,
    ampere_hours,
    ampere_hours_counted,
    amperes,
    degrees,
    hertz,
    hidden,
    in_registers,
    percent,
    perhaps,
    times,
    volt_amperes,
    volts,
    watt_hours,
    watts,
    word,
)

_BATTERY_OF_A_CHARGER = (
    volts("battery_voltage", "Battery voltage", quantity="voltage"),
    degrees("battery_temperature", "Battery temperature", quantity="temperature"),
    percent("battery_soc", "Battery charge", quantity="state_of_charge"),
)
_SUN = (
    volts("pv_voltage", "PV voltage"),
    amperes("pv_current", "PV current"),
    watts("pv_power", "PV power"),
)
_TODAY = hidden(
    volts("battery_voltage_min_today", "Lowest battery voltage today"),
    volts("battery_voltage_max_today", "Highest battery voltage today"),
    amperes("charge_current_max_today", "Highest charging current today"),
    watts("charge_power_max_today", "Highest charging power today"),
    ampere_hours_counted("charge_ah_today", "Charge today"),
)
_GENERATED = (
    watt_hours("energy_generated_today", "Energy generated today"),
    watt_hours("energy_generated_total", "Energy generated"),
)
_CONSUMED = (
    watt_hours("energy_consumed_today", "Energy consumed today"),
    watt_hours("energy_consumed_total", "Energy consumed"),
)
_DISCHARGED = hidden(
    ampere_hours_counted("discharge_ah_today", "Discharge today"),
    ampere_hours_counted("discharge_ah_total", "Discharge in all"),
)
_LIFE = hidden(
    ampere_hours_counted("charge_ah_total", "Charge in all"),
    times("operating_days", "Days in operation", category="diagnostic"),
    times("over_discharge_count", "Times discharged too far", category="diagnostic"),
    times("full_charge_count", "Times charged in full", category="diagnostic"),
)
_CHARGING = (
    word("charging_state", "Charging state"),
    degrees("controller_temperature", "Controller temperature", category="diagnostic"),
)
_KIND = perhaps(about("battery_type", "Battery type"), about("model", "Model"))

CONTROLLER = in_registers(
    renogy.CONTROLLER,
    (
        *_BATTERY_OF_A_CHARGER,
        amperes("battery_current", "Battery current", quantity="current"),
        *_SUN,
        volts("load_voltage", "Load voltage", enabled=False),
        amperes("load_current", "Load current"),
        watts("load_power", "Load power"),
        word("load_on", "Load"),
        percent("load_brightness", "Load brightness", enabled=False),
        *_CHARGING,
        word("faults", "Faults", category="diagnostic"),
        *_GENERATED,
        *_CONSUMED,
        *_TODAY,
        *_DISCHARGED,
        *hidden(
            amperes("discharge_current_max_today", "Highest discharging current today"),
            watts("discharge_power_max_today", "Highest discharging power today"),
        ),
        *_LIFE,
        *_KIND,
    ),
)
DCDC = in_registers(
    renogy.DCDC,
    (
        *_BATTERY_OF_A_CHARGER,
        amperes("charge_current_total", "Charging current", quantity="current"),
        volts("alternator_voltage", "Alternator voltage"),
        amperes("alternator_current", "Alternator current"),
        watts("alternator_power", "Alternator power"),
        *_SUN,
        *perhaps(  # not of a G6
            watts("output_power", "Output power"),
            word("charging_mode", "Charging mode"),
            word("ignition_connected", "Ignition"),
        ),
        *_CHARGING,
        *_GENERATED,
        *_TODAY,
        *_LIFE,
        *_KIND,
    ),
)
INVERTER = in_registers(
    renogy.INVERTER,
    (
        volts("battery_voltage", "Battery voltage", quantity="voltage"),
        degrees("temperature", "Temperature", quantity="temperature"),
        volts("ac_output_voltage", "AC output voltage"),
        amperes("ac_output_current", "AC output current"),
        hertz("ac_output_frequency", "AC output frequency", enabled=False),
        *perhaps(
            volts("ac_input_voltage", "AC input voltage"),
            amperes("ac_input_current", "AC input current"),
            hertz("ac_input_frequency", "AC input frequency", enabled=False),
            percent("battery_soc", "Battery charge", quantity="state_of_charge"),
            amperes("battery_current", "Battery current", quantity="current"),
            *_SUN,
            word("charging_state", "Charging state"),
            watts("charge_power", "Charging power"),
            amperes("load_current", "Load current"),
            watts("load_active_power", "Load power"),
            volt_amperes("load_apparent_power", "Load apparent power", enabled=False),
            amperes("line_charge_current", "Charging current from the line", enabled=False),
            percent("load_percent", "Load level"),
            *_GENERATED,
            *_CONSUMED,
            *_DISCHARGED,
            *hidden(
                ampere_hours_counted("charge_ah_today", "Charge today"),
                ampere_hours_counted("charge_ah_total", "Charge in all"),
            ),
            about("model", "Model"),
        ),
    ),
)
SHUNT = (
    percent("soc", "Charge", origin="byte 34", quantity="state_of_charge"),
    *perhaps(volts("starter_voltage", "Starter battery voltage", origin="byte 30")),
)

_NOTE = word("note", "Note", category="diagnostic")  # why there is no current
_PACK = in_registers(
    renogy.BATTERY,
    (
        volts("voltage", "Voltage", quantity="voltage"),
        ampere_hours("remaining_ah", "Charge left"),
        ampere_hours("capacity_ah", "Capacity", category="diagnostic"),
        *perhaps(
            amperes("current", "Current", quantity="current", origin="register 5042"),
            percent("soc", "Charge", quantity="state_of_charge"),
            times("cycle_count", "Cycles", category="diagnostic"),
            degrees("bms_temperature", "BMS temperature", category="diagnostic"),
            word("charge_mosfet", "Charging allowed", category="diagnostic"),
            word("discharge_mosfet", "Discharging allowed", category="diagnostic"),
            word("heater_on", "Heater", enabled=False),
            word("fully_charged", "Fully charged", enabled=False),
            _NOTE,
            about("model", "Model"),
        ),
        *hidden(
            volts("cell_voltages", "Cell voltage", category="diagnostic"),
            degrees("temperatures", "Cell temperature", category="diagnostic"),
            degrees("environment_temperatures", "Environment temperature", category="diagnostic"),
            degrees("heater_temperatures", "Heater temperature", category="diagnostic"),
        ),
    ),
)


def battery(hub: Sequence[int] = ()) -> tuple[Shown, ...]:
    """Of the packs behind a hub what they are together, and then one by one."""
    if not hub:
        return _PACK
    together = (
        *perhaps(
            ampere_hours("remaining_ah", "Charge left"),
            ampere_hours("capacity_ah", "Capacity", category="diagnostic"),
            _NOTE,
        ),
        Shown(
            "batteries_answering", "Batteries that answer", state_class="measurement", category="diagnostic"
        ),
    )
    return *together, *(_of_pack(number, shown) for number in hub for shown in _PACK)


def _of_pack(number: int, shown: Shown) -> Shown:
    name = shown.name if shown.name[1].isupper() else shown.name[0].lower() + shown.name[1:]
    return replace(
        shown,
        key=f"battery_{number}_{shown.key}",
        name=f"Battery {number} {name}",
        quantity="",
        optional=True,
    )
