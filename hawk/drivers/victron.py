"""Victron's "Instant Readout": sealed advertisements of SmartShunt, BMV, SmartSolar, Orion and others.

Heard only. AES-CTR with a key for each device, which VictronConnect shows; a byte of the key in front tells
a wrong one in 255 of 256 cases, and nothing else in it is checked. The library victron-ble opens it and
reads the numbers. The codes (states, errors, alarms) are read here: the library knows them one by one and
raises when two alarms sound at once, or for one that is newer than itself.
Sources, and how sure we are of each kind: docs/devices/victron.md.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Any

from hawk.drivers.api import Config, Driver, Heard
from hawk.drivers.victron_shows import SHOWS
from hawk.errors import Invalid, LibraryMissing, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample, Scalar

COMPANY = 0x02E1
_READOUT = 0x10  # the first byte, of a product's advertisement
_HEAD = 8  # bytes before what is sealed
_KEY = re.compile(r"[0-9a-fA-F]{32}")
_HOW_TO_GET_IT = (
    "VictronConnect shows it, in the device's settings, Product info, Instant readout via Bluetooth"
    " (switch it on), Show"
)

_STATES = {
    0: "off", 1: "low_power", 2: "fault", 3: "bulk", 4: "absorption", 5: "float", 6: "storage", 7: "equalize",
    8: "passthru", 9: "inverting", 10: "assisting", 11: "power_supply", 244: "sustain", 245: "starting_up",
    246: "repeated_absorption", 247: "recondition", 248: "battery_safe", 249: "active", 252: "external_control",
}  # fmt: skip
_ALARMS = (
    "low_voltage", "high_voltage", "low_soc", "low_starter_voltage", "high_starter_voltage", "low_temperature",
    "high_temperature", "mid_voltage", "overload", "dc_ripple", "low_ac_voltage", "high_ac_voltage", "short_circuit",
    "bms_lockout",
)  # fmt: skip
_METERS = {  # 16 bits, signed: sources below zero
    0x10000 - 9: "solar_charger", 0x10000 - 8: "wind_charger", 0x10000 - 7: "shaft_generator", 0x10000 - 6: "alternator",
    0x10000 - 5: "fuel_cell", 0x10000 - 4: "water_generator", 0x10000 - 3: "dc_dc_charger", 0x10000 - 2: "ac_charger",
    0x10000 - 1: "generic_source", 1: "generic_load", 2: "electric_drive", 3: "fridge", 4: "water_pump", 5: "bilge_pump",
    6: "dc_system", 7: "inverter", 8: "water_heater",
}  # fmt: skip
_OFF_REASONS = (
    "no_input_power", "switched_off", "switched_off_by_register", "remote_input", "protection", "pay_as_you_go",
    "bms", "engine_shutdown", "analysing_input_voltage",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """Where it stands in the opened record, little endian. The library gets `blank` instead."""

    key: str
    start: int
    length: int
    words: tuple[str, ...] = ()  # of its bits; without, it is a number
    blank: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    length: int  # bytes; the library would read noise beyond the end of a shorter one
    codes: tuple[Code, ...] = ()
    none: Mapping[str, float] = field(
        default_factory=dict
    )  # numbers that mean "not there" and that it lets pass


_STATE = Code("state", 0, 1, blank=0xFF)
_ERROR = Code("error", 1, 1, blank=0xFF)
_ALARM = Code("alarm", 4, 2, _ALARMS)
_NONE = {"current": 2097.151, "midpoint_voltage": 655.35}  # the first is what a Battery Sense says
_RECORDS: Mapping[str, Record] = {  # by the library's name
    "BatteryMonitor": Record(15, (_ALARM,), _NONE),
    "BatterySense": Record(15, (_ALARM,), _NONE),
    "DcEnergyMeter": Record(11, (Code("meter_type", 0, 2, blank=1), _ALARM), _NONE),
    "SolarCharger": Record(12, (_STATE, _ERROR)),
    "DcDcConverter": Record(10, (_STATE, _ERROR, Code("off_reason", 6, 4, _OFF_REASONS))),
    "OrionXS": Record(14, (_STATE, _ERROR, Code("off_reason", 10, 4, _OFF_REASONS))),
    "AcCharger": Record(13, (_STATE, _ERROR)),
    "Inverter": Record(11, (_STATE, Code("alarm", 1, 2, _ALARMS))),
    "VEBus": Record(13, (_STATE,)),
    "MultiRS": Record(14, (Code("state", 0, 1), Code("error", 1, 1)), {"battery_voltage": 163.83}),
    "LynxSmartBMS": Record(16, none={"soc": 102.3}),
    "SmartLithium": Record(16),
    "SmartBatteryProtect": Record(15, (
        _STATE, Code("output_state", 1, 1, blank=0xFF), Code("error", 2, 1, blank=0xFF), Code("alarm", 3, 2, _ALARMS),
        Code("warning", 5, 2, _ALARMS), Code("off_reason", 11, 4, _OFF_REASONS),
    )),
}  # fmt: skip
_DROPPED = frozenset({  # what was blanked, and what is said elsewhere
    "device_state", "charge_state", "charger_error", "error_code", "alarm_reason", "warning_reason",
    "off_reason", "output_state", "meter_type", "temperature_kelvin", "cell_voltages",
})  # fmt: skip
# The first of these that a record has is the quantity; "output" is what charges the battery.
_QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "voltage": ("voltage", "battery_voltage", "output_voltage1", "output_voltage"),
    "current": (
        "current",
        "battery_charging_current",
        "battery_current",
        "output_current1",
        "output_current",
    ),
    "temperature": ("battery_temperature", "temperature"),
    "state_of_charge": ("soc",),
}


# -- hearing -----------------------------------------------------------------------------------


def readout(advertisement: Advertisement) -> bytes | None:
    data = advertisement.manufacturer_data.get(COMPANY)
    return data if data is not None and len(data) > _HEAD and data[0] == _READOUT else None


def hear_sealed(advertisement: Advertisement) -> Heard | None:
    """Without a key: that it is Victron's, and no more."""
    if readout(advertisement) is None:
        return None
    return Heard(
        Sample(), proven=False, recordable=False, reason="Victron's readout, sealed: it needs its key"
    )


def hear(key: str, advertisement: Advertisement) -> Heard | None:
    data = readout(advertisement)
    if data is None:
        return None
    sample = open_readout(key, data)
    return Heard(sample, proven=False, recordable=sample.voltage is not None, reason="opened with its key")


def open_readout(key: str, data: bytes) -> Sample:
    """Raises ProtocolError."""
    from victron_ble.devices import detect_device_type
    from victron_ble.exceptions import AdvertisementKeyMismatchError

    if len(data) <= _HEAD or data[0] != _READOUT:
        raise ProtocolError("wrong_header", "Victron's readout begins with 10 and has more than 8 bytes")
    kind = detect_device_type(data)
    if kind is None or (record := _RECORDS.get(kind.__name__)) is None:
        raise ProtocolError("unknown_kind", f"there is no word yet for a record of kind {data[4]:02x}")
    if len(data) - _HEAD < record.length:
        raise ProtocolError(
            "wrong_length", f"such a record has {record.length} bytes, this one {len(data) - _HEAD}"
        )
    parser = kind(key)
    try:
        opened = parser.decrypt(data)
    except AdvertisementKeyMismatchError:
        raise ProtocolError("wrong_key", f"its key is not this one: {_HOW_TO_GET_IT}") from None
    try:
        said = parser.parse_decrypted(_blanked(opened, record.codes))
    except ValueError as error:  # a code that it does not know, of those that are left to it
        raise ProtocolError("implausible", f"victron-ble cannot read it: {error}") from None
    model = kind.data_type(parser.get_model_id(data), said).get_model_name()
    return _sample(kind.__name__, said, _codes(opened, record.codes), model)


def _blanked(opened: bytes, codes: tuple[Code, ...]) -> bytes:
    record = bytearray(opened)
    for code in codes:
        record[code.start : code.start + code.length] = code.blank.to_bytes(code.length, "little")
    return bytes(record)


def _codes(opened: bytes, codes: tuple[Code, ...]) -> Mapping[Code, int]:
    return {code: int.from_bytes(opened[code.start : code.start + code.length], "little") for code in codes}


# -- what it says ------------------------------------------------------------------------------


def _sample(kind: str, said: Mapping[str, Any], codes: Mapping[Code, int], model: str) -> Sample:
    none = _RECORDS[kind].none
    numbers = {key: value for key, value in said.items() if value is not None and value != none.get(key)}
    if kind == "SmartBatteryProtect":
        numbers["voltage"] = numbers.pop("input_voltage", None)
    if kind == "DcEnergyMeter" and "current" in numbers:
        numbers["meter_current"] = numbers.pop(
            "current"
        )  # of a source or a load: whose sign is not the battery's
    if kind == "MultiRS" and "yield_today" in numbers:
        numbers["yield_today"] = round(numbers["yield_today"] * 1000)  # in Wh, as the solar chargers have it
    found: dict[str, Any] = {quantity: _first(numbers, keys) for quantity, keys in _QUANTITIES.items()}
    if (
        kelvin := numbers.get("temperature_kelvin")
    ) is not None and 0 < kelvin < 655.35:  # all ones: no sensor
        found["temperature"] = round(kelvin - 273.15, 2)
    state = next((value for code, value in codes.items() if code.key == "state" and value != 0xFF), None)
    sample = Sample(
        **found, status=None if state is None else _STATES.get(state, "unknown"), status_code=state
    )
    _refuse_impossible(sample)
    extra = {} if model.startswith("<") else {"model": model}
    return replace(sample, power=_power(sample), extra=extra | dict(_extra(numbers)) | dict(_words(codes)))


def _first(numbers: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    return next((numbers.pop(key) for key in keys if numbers.get(key) is not None), None)


def _refuse_impossible(sample: Sample) -> None:
    """What a wrong key that passed as right gives, as a rule."""
    if sample.voltage is not None and not 0 <= sample.voltage <= 100:
        raise ProtocolError("implausible", f"a voltage of {sample.voltage} V")
    if sample.state_of_charge is not None and sample.state_of_charge > 100:
        raise ProtocolError("implausible", f"a state of charge of {sample.state_of_charge} %")


def _power(sample: Sample) -> float | None:
    if sample.voltage is None or sample.current is None:
        return None
    return round(sample.voltage * sample.current, 1)


def _extra(numbers: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    for key, value in numbers.items():
        if key not in _DROPPED:
            yield key, value.name.lower() if isinstance(value, Enum) else value
    for number, volts in enumerate(numbers.get("cell_voltages", ()), 1):
        if volts is not None and math.isfinite(volts):  # endless: beyond what the record can say
            yield f"cell_voltage_{number}", volts


def _words(codes: Mapping[Code, int]) -> Iterator[tuple[str, Scalar]]:
    for code, value in codes.items():
        if code.words:
            bits = (word for bit, word in enumerate(code.words) if value >> bit & 1)
            yield code.key, ", ".join(bits)
        elif code.key == "meter_type":
            yield code.key, _METERS.get(value, "unknown")
        elif code.key != "state" and value != 0xFF:
            yield code.key, value


# -- the driver --------------------------------------------------------------------------------


def _configured(driver: Driver, config: Config) -> Driver:
    for key in config:
        if key != "key":
            raise Invalid(f"a {driver.device_type} has no {key!r} to configure, only its 'key'", f"/{key}")
    if "key" not in config:
        raise Invalid(f"the key of its advertisements is needed: {_HOW_TO_GET_IT}", "/key")
    key = config["key"]
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Invalid("the key of its advertisements has 32 hex digits", "/key")
    try:
        import victron_ble.devices  # noqa: F401  # whether it is there
    except ImportError:
        raise LibraryMissing(driver.device_type, "victron-ble", "victron") from None
    return replace(driver, hear=partial(hear, key), decode={"advertisement": partial(_decode, key)})


def _decode(key: str, data: bytes, _: Address | None) -> Sample:
    """`data` may begin with the company, e102."""
    company = COMPANY.to_bytes(2, "little")
    return open_readout(key, data.removeprefix(company))


def _decode_sealed(*_: object) -> Sample:
    raise ProtocolError("bad_request", "it is sealed: give its key, as 'config': {'key': ...}")


VICTRON = Driver(
    device_type="victron",
    description="Victron SmartShunt, BMV, SmartSolar, Orion and others by their sealed advertisements",
    names=frozenset(),
    measures=("voltage", "current", "temperature", "state_of_charge", "power"),
    of_many_kinds=True,
    shows=SHOWS,
    hear=hear_sealed,
    decode={"advertisement": _decode_sealed},
    aliases=frozenset({"VictronBLE", "victron_ble"}),
    configure=_configured,
    secrets=frozenset({"key"}),
)  # fmt: skip
