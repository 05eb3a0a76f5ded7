"""Renogy: what the registers of charge controllers, DC-DC chargers, batteries and inverters mean.

Addresses are PDU addresses. Current is positive while charging in a Sample; under its own key
(`battery_current`, `current`) a value has the sign of its register. Sources and how sure we are:
docs/devices/renogy.md; frames in tests/fixtures/renogy-modbus-vectors.json.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from hawk.wire.fields import Field, Value, decode
from hawk.wire.modbus import Registers

Decoded = dict[str, Value]


def tenths(key: str, register: int, type: str = "u16", **more: Any) -> Field:  # noqa: A002  # as the field is called in Field
    return Field(key, register, type, scale=0.1, precision=1, **more)


def hundredths(key: str, register: int, type: str = "u16", **more: Any) -> Field:  # noqa: A002  # as the field is called in Field
    return Field(key, register, type, scale=0.01, precision=2, **more)


# -- charge controllers and DC-DC chargers -----------------------------------------------------

_CHARGING = {
    0: "deactivated", 1: "activated", 2: "mppt", 3: "equalizing", 4: "boost", 5: "float", 6: "current_limiting",
}  # fmt: skip
_SYSTEM = (
    Field("system_voltage", 10, "u8", high=True),
    Field("rated_charge_current", 10, "u8"),
    Field("rated_discharge_current", 11, "u8", high=True),
    Field("product_type", 11, "u8"),
    Field("model", 12, "ascii", words=8),
    Field("software_version", 20, "raw", words=2),
    Field("hardware_version", 22, "raw", words=2),
    Field("serial_number_hex", 24, "raw", words=2),
    Field("device_id", 26, "u8"),
)
_TEMPERATURES = (
    Field("controller_temperature", 259, "sm8", high=True),
    Field("battery_temperature", 259, "sm8"),
)
_CONTROLLER_FAULTS = {
    0: "battery_over_discharge", 1: "battery_over_voltage", 2: "battery_under_voltage_warning",
    3: "load_short_circuit", 4: "load_over_power", 5: "controller_over_temperature", 6: "ambient_over_temperature",
    7: "pv_over_power", 8: "pv_input_short_circuit", 9: "pv_input_over_voltage", 10: "pv_counter_current",
    11: "pv_working_point_over_voltage", 12: "pv_reversed", 13: "anti_reverse_mos_short", 14: "charge_mos_short",
    15: "fan_alarm",
}  # fmt: skip
CONTROLLER = (
    *_SYSTEM,
    Field("battery_soc", 256, most=100),
    tenths("battery_voltage", 257),
    hundredths("battery_current", 258),
    *_TEMPERATURES,
    tenths("load_voltage", 260),
    hundredths("load_current", 261),
    Field("load_power", 262),
    tenths("pv_voltage", 263),
    hundredths("pv_current", 264),
    Field("pv_power", 265),
    tenths("battery_voltage_min_today", 267),
    tenths("battery_voltage_max_today", 268),
    hundredths("charge_current_max_today", 269),
    hundredths("discharge_current_max_today", 270),
    Field("charge_power_max_today", 271),
    Field("discharge_power_max_today", 272),
    Field("charge_ah_today", 273),
    Field("discharge_ah_today", 274),
    Field("energy_generated_today", 275),
    Field("energy_consumed_today", 276),
    Field("operating_days", 277),
    Field("over_discharge_count", 278),
    Field("full_charge_count", 279),
    Field("charge_ah_total", 280, "u32"),
    Field("discharge_ah_total", 282, "u32"),
    Field("energy_generated_total", 284, "u32"),
    Field("energy_consumed_total", 286, "u32"),
    Field("load_on", 288, "bool", bit=15),
    Field("load_brightness", 288, mask=0x7F00, shift=8),
    Field("charging_state", 288, mask=0xFF, names=_CHARGING),
    Field("charging_state_raw", 288, mask=0xFF),
    Field("fault_high_word", 289),
    Field("faults", 289, "flags", names=_CONTROLLER_FAULTS),
    Field("fault_low_word", 290),
    Field("battery_type", 0xE004, names={1: "open", 2: "sealed", 3: "gel", 4: "lithium", 5: "custom"}),
    Field("battery_type_raw", 0xE004),
)
LOAD_SWITCH = 0x010A  # written with function 6; its echo says how it stands
DCDC = (
    *_SYSTEM,
    Field("battery_soc", 256, most=100),
    tenths("battery_voltage", 257),
    hundredths("charge_current_total", 258),
    *_TEMPERATURES,
    tenths("alternator_voltage", 260),
    hundredths("alternator_current", 261),
    Field("alternator_power", 262),
    tenths("pv_voltage", 263),
    hundredths("pv_current", 264),
    Field("pv_power", 265),
    tenths("battery_voltage_min_today", 267),
    tenths("battery_voltage_max_today", 268),
    hundredths("charge_current_max_today", 269),
    Field("charge_power_max_today", 271),
    Field("charge_ah_today", 273),
    Field("energy_generated_today", 275),
    Field("operating_days", 277),
    Field("over_discharge_count", 278),
    Field("full_charge_count", 279),
    Field("charge_ah_total", 280, "u32"),
    Field("energy_generated_total", 284, "u32"),
    Field("charging_state", 288, mask=0xFF, names={**_CHARGING, 0: "standby", 8: "alternator_direct"}),
    Field("charging_state_raw", 288, mask=0xFF),
    Field("fault_word_0x0121", 289),
    Field("fault_word_0x0122", 290),
    Field("output_power", 292),
    Field("charging_mode", 293, names={
        0: "standby", 1: "alternator_to_house", 2: "house_to_starter", 3: "solar_to_house",
        4: "solar_alternator_to_house", 5: "solar_to_starter",
    }),
    Field("ignition_connected", 294, "bool"),
    hundredths("max_charge_current", 0xE001),
    Field("battery_type", 0xE004, names={0: "custom", 1: "open", 2: "sealed", 3: "gel", 4: "lithium"}),
    Field("battery_type_raw", 0xE004),
    tenths("reverse_charging_voltage", 0xE020),  # this and the next are one project's word
    hundredths("solar_cutoff_current", 0xE038),
)  # fmt: skip

# -- batteries ---------------------------------------------------------------------------------

MODELS = ("legacy", "pro", "rngpro", "rngc")
TENTHS_OF_AMPERES = ("pro", "rngc")
BATTERY = (
    Field("cell_count", 5000, most=16),
    Field("cell_voltages", 5001, array=True, count=16, count_from=5000),
    Field("temperature_count", 5017, most=16),
    tenths("temperatures", 5018, "s16", array=True, count=16, count_from=5017),
    tenths("bms_temperature", 5035, "s16"),
    Field("environment_temperature_count", 5036),
    tenths("environment_temperatures", 5037, "s16", array=True, count=2, count_from=5036),
    Field("heater_temperature_count", 5039),
    tenths("heater_temperatures", 5040, "s16", array=True, count=2, count_from=5039),
    tenths("voltage", 5043),
    Field("remaining_ah", 5044, "u32", scale=0.001, precision=3),
    Field("capacity_ah", 5046, "u32", scale=0.001, precision=3),
    Field("cycle_count", 5048),
    tenths("charge_voltage_limit", 5049),
    tenths("discharge_voltage_limit", 5050),
    hundredths("charge_current_limit", 5051),
    hundredths("discharge_current_limit", 5052, "s16"),
    Field("cell_voltage_alarm", 5100, "u32"),
    Field("cell_temperature_alarm", 5102, "u32"),
    Field("other_alarm", 5104, "u32"),
    Field("status1", 5106),
    Field("discharge_mosfet", 5106, "bool", bit=2),
    Field("charge_mosfet", 5106, "bool", bit=1),
    Field("status2", 5107),
    Field("heater_on", 5107, "bool", bit=13),
    Field("fully_charged", 5107, "bool", bit=11),
    Field("status3", 5108),
    Field("charge_discharge_status", 5109),
    Field("charge_enabled", 5109, "bool", bit=7),
    Field("discharge_enabled", 5109, "bool", bit=6),
    Field("serial_number", 5110, "ascii", words=8),
    Field("model", 5122, "ascii", words=8),
    Field("software_version", 5130, "ascii", words=2),
    Field("manufacturer", 5132, "ascii", words=10),
    Field("device_id", 5223),
)


def _battery(registers: Registers, model: str) -> Decoded:
    current = tenths if model in TENTHS_OF_AMPERES else hundredths
    found = decode((*BATTERY, current("current", 5042, "s16")), registers)
    cells = found.get("cell_voltages")
    if isinstance(cells, list):
        found["cell_voltages"] = _cells([raw for raw in cells if isinstance(raw, int)])
    remaining, capacity = found.get("remaining_ah"), found.get("capacity_ah")
    if isinstance(remaining, float) and isinstance(capacity, float) and capacity > 0:
        found["soc"] = round(100 * remaining / capacity, 1)
    return found


def _cells(raw: list[int]) -> list[Value]:
    """In 0.1 V or in 0.001 V, by firmware: no cell has 10 V."""
    coarse = all(each < 100 for each in raw if each > 0)
    return [round(each * 0.1, 1) if coarse else round(each * 0.001, 3) for each in raw]


# -- inverters ---------------------------------------------------------------------------------

_NONE = frozenset({0xFFFF})
INVERTER = (
    tenths("ac_input_voltage", 4000, invalid=_NONE),
    hundredths("ac_input_current", 4001, invalid=_NONE),
    tenths("ac_output_voltage", 4002),
    hundredths("ac_output_current", 4003),
    hundredths("ac_output_frequency", 4004),
    tenths("battery_voltage", 4005),
    tenths("temperature", 4006),
    Field("status_high_word", 4007),
    Field("status_low_word", 4008),
    hundredths("ac_input_frequency", 4009, invalid=_NONE),
    Field("device_id", 4109),
    Field("manufacturer", 4303, "ascii", words=8),
    Field("model", 4311, "ascii", words=8),
    Field("firmware_version", 4319, "ascii", words=8),
    Field("battery_soc", 4327, most=100),
    tenths("battery_current", 4328, "s16"),
    tenths("pv_voltage", 4329),
    tenths("pv_current", 4330),
    Field("pv_power", 4331),
    Field("charging_state", 4332, names={
        0: "deactivated", 1: "constant_current", 2: "constant_voltage", 4: "float", 6: "battery_activation",
        7: "battery_disconnecting",
    }),
    Field("charging_state_raw", 4332),
    Field("charge_power", 4333),
    tenths("load_current", 4408),
    Field("load_active_power", 4409),
    Field("load_apparent_power", 4410),
    tenths("line_charge_current", 4412),
    Field("load_percent", 4413),
    Field("charge_ah_today", 4543),  # these counters are one project's word
    Field("discharge_ah_today", 4544),
    Field("energy_generated_today", 4545, scale=100),  # Wh, as of the others; the register has 0.1 kWh
    Field("energy_consumed_today", 4546, scale=100),
    Field("charge_ah_total", 4550, "u32"),
    Field("discharge_ah_total", 4552, "u32"),
    Field("energy_generated_total", 4554, "u32", scale=100),
    Field("energy_consumed_total", 4556, "u32", scale=100),
)  # fmt: skip

# -- samples -----------------------------------------------------------------------------------


def controller(registers: Registers, _: str = "") -> Sample:
    found = decode(CONTROLLER, registers)
    if LOAD_SWITCH in registers and len(registers) == 1:
        found["load_on"] = bool(registers[LOAD_SWITCH])
    return _charger(found, "battery_current")


def dcdc(registers: Registers, _: str = "") -> Sample:
    return _charger(decode(DCDC, registers), "charge_current_total")


def battery(registers: Registers, model: str = "") -> Sample:
    """Raises ProtocolError for a model that does not exist; without one it is a legacy battery."""
    model = model or "legacy"
    if model not in MODELS:
        raise ProtocolError("bad_request", f"a battery's model is one of {', '.join(MODELS)}")
    found = _battery(registers, model)
    temperatures = [each for each in _list(found, "temperatures") if isinstance(each, float)]
    mean = round(sum(temperatures) / len(temperatures), 1) if temperatures else None
    return _sample(found, "voltage", _number(found, "current"), mean, "soc")


def inverter(registers: Registers, _: str = "") -> Sample:
    """Its register has + for discharging; seen on a RIV4835CSH1S."""
    found = decode(INVERTER, registers)
    current = _number(found, "battery_current")
    charging = None if current is None else -current + 0.0
    return _sample(found, "battery_voltage", charging, _number(found, "temperature"), "battery_soc")


def _charger(found: Decoded, current: str) -> Sample:
    for key in ("software_version", "hardware_version"):
        if isinstance(said := found.get(key), str):
            found[key] = ".".join(
                str(part) for part in bytes.fromhex(said)[1:]
            )  # the first byte means nothing
    temperature = _number(found, "battery_temperature")
    return _sample(found, "battery_voltage", _number(found, current), temperature, "battery_soc")


def _sample(
    found: Decoded, voltage: str, current: float | None, temperature: float | None, charge: str
) -> Sample:
    code, word = found.pop("charging_state_raw", None), found.get("charging_state")
    return Sample(
        voltage=_number(found, voltage),
        current=current,
        temperature=temperature,
        state_of_charge=_number(found, charge),
        status=word if isinstance(word, str) else None,
        status_code=code if isinstance(code, int) else None,
        extra=found,  # type: ignore[arg-type]  # lists too: only numbers leave through the sinks
    )


def _number(found: Decoded, key: str) -> float | None:
    value = found.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _list(found: Decoded, key: str) -> list[Value]:
    value = found.get(key)
    return value if isinstance(value, list) else []


DECODERS: Mapping[str, Callable[[Registers, str], Sample]] = {
    "renogy_controller": controller,
    "renogy_dcdc": dcdc,
    "renogy_battery": battery,
    "renogy_inverter": inverter,
}
