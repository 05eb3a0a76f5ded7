"""The layers of Bluetooth, each broken for real, on a D-Bus of its own."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from hawk.ble.bleak_radio.radio import BleakRadio
from hawk.ble.bluez import Bluez
from hawk.ble.claim import claimed
from hawk.doctor import reading
from hawk.doctor.bluetooth import examine, version_check
from hawk.doctor.checks import LAYERS, Check
from hawk.drivers import catalogue
from tests.fake_bluez.rig import FakeBluez
from tests.service import wait_until
from tests.test_renogy import PRO, module

SHORT = 1.0  # [s]


def examined(*wanted: str, service: str | None = None) -> Mapping[str, Check]:
    told: list[Check] = []
    if asyncio.run(examine(wanted, service, told.append, SHORT)):
        told.append(trio.run(reading.connect, BleakRadio(wanted), catalogue.load(), SHORT))
    assert sorted(check.name for check in told) == sorted(LAYERS), "each layer is told once"
    return {check.name: check for check in told}


def failed(checks: Mapping[str, Check]) -> list[str]:
    return [name for name in LAYERS if checks[name].ok is False]


def test_where_all_is_well_it_says_so_and_leaves_nothing_on() -> None:
    with FakeBluez(2) as bluez:
        checks = examined()
        wait_until(lambda: bluez.state()["discovering"] == 0)  # the bus may tell the daemon a moment later
    assert all(check.ok for check in checks.values())
    assert checks["scan"].detail == "2 devices heard in 1 s"
    assert "a BM6, was read: 11." in checks["connect"].detail  # of whichever is heard best


def test_a_battery_is_read_by_what_its_name_says_of_it() -> None:
    """This one answers to no other id than the name's."""
    with FakeBluez([module(PRO, name="RNGC12BAT280019")]):
        checks = examined()
    assert checks["connect"].detail.endswith("a renogy_battery, was read: 13.30 V")


def test_without_a_bus_nothing_above_it_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nowhere")
    checks = examined()
    assert failed(checks) == ["dbus"]
    assert "-v /run/dbus:/run/dbus" in checks["dbus"].fix
    assert {checks[name].detail for name in LAYERS[1:]} == {"not checked: dbus failed"}
    assert {checks[name].ok for name in LAYERS[1:]} == {None}


DENIED = "org.freedesktop.DBus.Error.AccessDenied"
BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"do": "crash"}, "bluez", "systemctl start bluetooth"),
    ({"do": "unplug"}, "adapter", "plug one in"),
    ({"do": "power", "on": False}, "powered", "bluetoothctl power on"),
    ({"do": "rfkill", "block": True}, "powered", "rfkill unblock bluetooth"),
    ({"do": "discovery_error", "error": "InProgress"}, "scan", "systemctl restart bluetooth"),
    ({"do": "discovery_error", "error": DENIED}, "scan", "group 'bluetooth'"),
]


@pytest.mark.parametrize(("order", "layer", "fix"), BROKEN, ids=str)
def test_a_broken_layer_is_named_with_what_to_do(order: dict[str, Any], layer: str, fix: str) -> None:
    with FakeBluez(1) as bluez:
        bluez.do(order["do"], **{name: value for name, value in order.items() if name != "do"})
        checks = examined()
    assert failed(checks) == [layer]
    assert fix in checks[layer].fix


def test_a_policy_of_the_bus_that_keeps_us_from_bluez() -> None:
    with FakeBluez(1, policy='<deny send_destination="org.bluez"/>'):
        checks = examined()
    assert failed(checks) == ["permission"]
    assert checks["scan"].detail == "not checked: permission failed"


def test_scanning_works_but_connecting_does_not() -> None:
    """As under an AppArmor profile that lets only some calls through."""
    rule = '<deny send_destination="org.bluez" send_interface="org.bluez.Device1"/>'
    with FakeBluez(1, policy=rule):
        checks = examined()
    assert failed(checks) == ["connect"]
    assert checks["scan"].ok
    assert "--security-opt apparmor=unconfined" in checks["connect"].fix


POLICIES = [
    '<deny send_destination="org.bluez" send_interface="org.bluez.Device1" send_member="Connect"/>',
    '<deny send_destination="org.bluez" send_interface="org.bluez.GattCharacteristic1"/>',
]


@pytest.mark.parametrize("rule", POLICIES)
def test_a_policy_that_lets_devices_be_called_but_not_read(rule: str) -> None:
    with FakeBluez(1, policy=rule) as bluez:
        checks = examined()
        assert bluez.state()["linked"] == []
    assert failed(checks) == ["connect"]
    assert "apparmor=unconfined" in checks["connect"].fix


def test_devices_that_refuse_every_connection() -> None:
    refusal = "le-connection-refused"
    with FakeBluez(1, connect_error="Failed", connect_message=refusal):
        checks = examined()
    assert failed(checks) == ["connect"]
    assert "50:54:7B" in checks["connect"].detail


def test_where_nothing_is_near_connecting_cannot_be_tried() -> None:
    with FakeBluez([]):
        checks = examined()
    assert failed(checks) == []
    assert checks["scan"].ok
    assert checks["connect"].ok is None


def test_devices_that_are_connected_or_paired_are_let_alone() -> None:
    """To call Disconnect would end the link of one, and stop BlueZ from looking for the other."""

    async def pair_and_connect() -> None:
        async with Bluez.opened() as bluez:
            await bluez.start_discovery("hci0")
            async with asyncio.timeout(10):
                while len(there := await bluez.devices()) < 2:
                    await asyncio.sleep(0)
            await bluez._call(there[0].path, "org.bluez.Device1", "Pair")
            await bluez._call(there[1].path, "org.bluez.Device1", "Connect")

    with FakeBluez(2, adv_interval=0.1) as bluez:
        asyncio.run(pair_and_connect())
        checks = examined()
        state = bluez.state()
    assert checks["connect"].ok is None
    assert "Disconnect" not in state["calls"]
    assert len(state["linked"]) == 1


def test_of_several_adapters_each_that_is_named_has_to_work() -> None:
    with FakeBluez(1, adapters=("hci0", "hci1")) as bluez:
        assert failed(examined("hci0", "hci1")) == []
        bluez.do("power", adapter="hci1", on=False)
        assert failed(examined()) == []
        checks = examined("hci0", "hci1")
        assert failed(checks) == ["powered"]
        assert "hci1" in checks["powered"].detail
        assert checks["scan"].ok, "the other one works"
        assert failed(examined("hci0", "hci2")) == ["adapter"]
        assert failed(examined("hci2")) == ["adapter"]


def test_scanning_is_left_to_a_service_that_runs() -> None:
    with FakeBluez(1) as bluez:
        checks = examined(service="process 7 at http://here")
        assert "StartDiscovery" not in bluez.state()["calls"]
    assert failed(checks) == []
    assert checks["powered"].ok
    assert checks["scan"].detail == "not checked: left to the service that runs (process 7 at http://here)"


async def bus_id() -> str:
    async with Bluez.opened() as bluez:
        return await bluez.bus_id()


def test_an_adapter_that_another_battery_hawk_uses_is_left_to_it() -> None:
    with FakeBluez(1), claimed(asyncio.run(bus_id()), "hci0"):
        checks = examined()
    assert checks["connect"].ok is None
    assert checks["scan"].detail == "not checked: left to another Battery Hawk, which uses hci0"


@pytest.mark.parametrize(
    ("said", "ok", "detail"),
    [
        ("bluetoothctl: 5.66\n", True, "BlueZ 5.66 answers"),
        ("5.55", True, "BlueZ 5.55 answers"),
        ("bluetoothctl: 5.50", False, "BlueZ 5.50 is too old"),
        ("", True, "BlueZ answers; its version cannot be told"),
    ],
)
def test_a_bluez_that_is_too_old_is_said(said: str, ok: bool, detail: str) -> None:
    assert (version_check(said).ok, version_check(said).detail) == (ok, detail)
