"""Captured frames of other makes' Modbus devices, read by a JSON document alone."""

from typing import Any

import pytest

from hawk.drivers import catalogue
from hawk.drivers.decode import answer
from tests.drivers.test_modbus import BY_ID


def number(key: str, register: int, scale: float = 1, kind: str = "u16", **more: Any) -> dict[str, Any]:
    """With as many decimals as the scale has."""
    precision = {} if scale == 1 else {"scale": scale, "precision": len(str(scale)) - 2}
    return {"key": key, "register": register, "type": kind, **precision, **more}


GOBEL = [
    number("current", 0, 0.01, "s16"), number("voltage", 1, 0.01), number("soc", 2), number("soh", 3),
    number("remaining_ah", 4, 0.01), number("capacity_ah", 5, 0.01), number("cycle_count", 7),
    number("cell_count", 15, kind="u8"), number("cell_voltages", 16, 0.001, count=4),
    number("temperature_count", 46, kind="u8"), number("temperature_1", 47, 0.1, "s16"),
    number("mosfet_temperature", 57, 0.1, "s16", invalid=[-1]),
]  # fmt: skip
LIPOWER = [
    number("remaining_ah", 0x400), number("soc", 0x401), number("runtime_hours", 0x402),
    number("runtime_minutes", 0x403), number("current_sign_word", 0x404), number("current_abs", 0x405, 0.01),
    number("voltage", 0x406, 0.1), number("power_abs", 0x407),
]  # fmt: skip
HACIEN = [
    number("temperature", 0xD026, 0.1, offset=-38), number("charge_current", 0xD032, 0.1),
    number("discharge_current", 0xD033, 0.1), number("soc", 0xD034), number("soh", 0xD035),
    number("remaining_ah", 0xD036, 0.01), number("capacity_ah", 0xD037, 0.01), number("cycle_count", 0xD039),
    number("cell_voltages", 0xD000, 0.001, count=32, invalid=[0xEE49]), number("voltage", 0xD025, 0.01),
    number("cell_voltage_max", 0xD020, 0.001), number("cell_voltage_min", 0xD021, 0.001),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fields"),
    [("V37", GOBEL), ("V38", LIPOWER), ("V39", HACIEN), ("V40", HACIEN), ("V41", HACIEN)],
)
def test_a_frame_decodes_as_listed(name: str, fields: list[dict[str, Any]]) -> None:
    vector = BY_ID[name]
    config = {
        "schema": 1, "name": vector["title"], "modbus": {}, "fields": fields,
        "ble": {"write": {"characteristic": "ffe1"}, "notify": {"characteristic": "ffe1"}},
    }  # fmt: skip
    document = {"device": "generic_modbus", "kind": "modbus", "config": config}
    said = answer(catalogue.load(), document | {"request": vector["request"], "hex": vector["response"]})
    assert said["sample"] == vector["expected"]
