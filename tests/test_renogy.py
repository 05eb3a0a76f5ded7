"""Renogy's devices, read by the whole program over the simulated bluetoothd with unmodified bleak."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.test_modbus import BY_ID
from tests.fake_bluez import modbus
from tests.fake_bluez.modbus import Module
from tests.fake_bluez.monitors import RENOGY, SHUNT, Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.fake_bluez.shunt import Shunt
from tests.service import Service, wait_until

MAC = "60:98:66:ED:FC:11"
NAME = "BT-TH-66EDFC11"


def table(*names: str, **texts: str) -> dict[str, int]:
    """Of captured frames, and of texts at registers such as `at_12`."""
    found = modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in names))
    for place, text in texts.items():
        data, first = text.encode().ljust(16), int(place.removeprefix("at_"))
        found |= {first + i // 2: int.from_bytes(data[i : i + 2], "big") for i in range(0, 16, 2)}
    return {str(register): word for register, word in found.items()}


CONTROLLER = table("V01", "V02", "V03")
LEGACY, PRO, PACK_48 = table("V25", "V26"), table("V28", "V29"), table("V23", "V24", "V20")
INVERTER = table("V30", "V31", "V32", "V34")


def module(registers: dict[str, int], device_id: int = 255, **more: Any) -> Monitor:
    return Monitor(MAC, RENOGY, registers=registers, device_id=device_id, module=Module(**more))


@contextmanager
def running(
    monitor: Monitor, folder: Path, device_type: str | None, delay: float = 0.05, **attributes: Any
) -> Iterator[tuple[FakeBluez, Service]]:
    """Configured; with no type as what it was found to be."""
    with (
        FakeBluez([monitor], adv_interval=0.2, reply_delay=delay) as bluez,
        Service(folder / "data") as service,
    ):
        if device_type is None:
            wait_until(lambda: service.http.get(f"/api/devices/{monitor.address}").status_code == 200)
            assert service.configure(monitor.address, **attributes).status_code == 200
        else:
            said = service.configure(monitor.address, device_type=device_type, **attributes)
            assert said.status_code == 201, said.text
        yield bluez, service


def first(service: Service, within: float = 40.0) -> Mapping[str, Any]:
    return wait_until(lambda: service.readings(MAC), within)[0]


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_a_controller_that_somebody_named_is_read(delay: float, tmp_path: Path) -> None:
    with running(module(CONTROLLER), tmp_path, "RenogyController", delay) as (bluez, service):
        reading = first(service)
        assert (reading["device_type"], reading["source"]) == ("renogy_controller", "gatt")
        assert (reading["voltage"], reading["current"], reading["power"]) == (14.4, 0.04, 0.6)
        assert (reading["temperature"], reading["state_of_charge"], reading["status"]) == (25, 100, "boost")
        extra = reading["extra"]
        assert (extra["model"], extra["pv_power"], extra["faults"]) == ("RNG-CTRL-RVR40", 1, "")
        assert (extra["energy_generated_today"], extra["energy_generated_total"]) == (0, 65936)
        assert service.device(MAC)["polling_interval"] == 60
        wait_until(lambda: not bluez.state()["linked"])
        assert bluez.state()["notifying"] == []
        assert {bytes.fromhex(each)[1] for each in bluez.do("asked", address=MAC)} == {3}


def test_a_controller_with_another_device_id_is_read_by_it(tmp_path: Path) -> None:
    monitor = module({}, packs={"17": CONTROLLER, "48": LEGACY})  # not alone: nobody understands 255
    with running(monitor, tmp_path, "renogy_controller", config={"device_id": 17}) as (_, service):
        assert first(service)["voltage"] == 14.4


def test_an_answer_after_the_next_question_is_not_taken_for_its_own(tmp_path: Path) -> None:
    with running(module(CONTROLLER, late=[12], lateness=4.3), tmp_path, "renogy_controller") as (_, service):
        reading = first(service)
        assert (reading["voltage"], reading["extra"]["model"]) == (14.4, "RNG-CTRL-RVR40")
        assert reading["extra"]["battery_type"] == "lithium"


@pytest.mark.parametrize(("model", "mute"), [("RBC50D1S-G6", [288]), ("RBC50D1S-G4", [])])
def test_a_dcdc_charger_is_read_in_the_blocks_of_its_generation(
    model: str, mute: list[int], tmp_path: Path
) -> None:
    registers = table("V12", "V08", at_12=model) | {"289": 0}
    with running(module(registers, mute=mute), tmp_path, "renogy_dcdc") as (bluez, service):
        reading = first(service)
        assert (reading["voltage"], reading["current"], reading["status"]) == (14.4, 1.25, "boost")
        assert reading["extra"]["energy_generated_total"] == 82745
        asked = [bytes.fromhex(each) for each in bluez.do("asked", address=MAC)]
        assert any(each[2:4] == b"\x01\x20" for each in asked) is (not mute)


def test_a_battery_whose_name_tells_its_model_needs_no_config(tmp_path: Path) -> None:
    """Both UUIDs twice, and no other write than one without response."""
    monitor = module(PRO, device_id=48, ids=[255], name="RNGRBP12200LFP-1   ", twice=True, write="command")
    with running(monitor, tmp_path, None) as (_, service):
        reading = first(service)
        assert (reading["device_type"], reading["voltage"], reading["current"]) == (
            "renogy_battery",
            13.3,
            -1.2,
        )
        assert (reading["state_of_charge"], reading["extra"]["cycle_count"]) == (98.6, 6)
        latest = service.device(MAC)["latest_reading"]
        assert latest["extra"]["capacity_ah"] == 211.93


def test_a_write_that_is_done_but_not_acknowledged_is_no_failure(tmp_path: Path) -> None:
    registers = table("V13", "V15", "V17", "V19")
    monitor = module(registers, name="RNGPRO12BATT100", write="unacknowledged", services=False)
    with running(monitor, tmp_path, None) as (_, service):
        reading = first(service)
        assert (reading["voltage"], reading["current"], reading["temperature"]) == (14.4, 0.0, 16.1)
        assert reading["extra"]["cell_voltage_4"] == 3.6


def test_a_battery_that_contradicts_its_config_gets_no_current(tmp_path: Path) -> None:
    monitor = module(PRO, name="RNGC12BAT280019")
    with running(monitor, tmp_path, None, config={"model": "legacy"}) as (_, service):
        reading = first(service)
        assert (reading["voltage"], reading["current"], reading["power"]) == (13.3, None, None)
        assert "its name 'RNGC12BAT280019' says rngc (0.1 A a step)" in reading["extra"]["note"]


def test_packs_behind_a_hub_are_one_reading(tmp_path: Path) -> None:
    second = table("V22", at_5122="RBT50LFP48S")
    hub = module({}, packs={"48": PACK_48, "49": second})
    with running(hub, tmp_path, "renogy_battery", config={"hub": [48, 49]}) as (_, service):
        reading = first(service)
        assert (reading["voltage"], reading["current"], reading["state_of_charge"]) == (51.4, 3.26, 99.6)
        assert (reading["extra"]["battery_48_voltage"], reading["extra"]["battery_49_voltage"]) == (
            50.4,
            52.4,
        )


def test_a_pack_that_is_missing_behind_a_hub_is_named_and_nothing_is_summed(tmp_path: Path) -> None:
    hub = module({}, packs={"48": PACK_48, "50": {"0": 0}})
    with running(hub, tmp_path, "renogy_battery", config={"hub": [48, 49]}) as (_, service):
        reading = first(service)
        assert (reading["voltage"], reading["current"], reading["state_of_charge"]) == (50.4, None, None)
        assert reading["extra"]["batteries_missing"] == "49"
        assert reading["extra"]["battery_48_current"] == 3.26


def test_an_inverter_with_a_name_of_its_own_is_read_once_it_listens(tmp_path: Path) -> None:
    monitor = module(INVERTER, device_id=32, name="BTRIC12345", asleep=True, longest=10)
    with running(monitor, tmp_path, None) as (_, service):
        reading = first(service)
        assert (reading["device_type"], reading["voltage"]) == ("renogy_inverter", 51.2)
        assert (reading["current"], reading["extra"]["battery_current"]) == (49.5, -49.5)
        assert (reading["status"], reading["extra"]["load_active_power"]) == ("constant_voltage", 20)
        assert reading["extra"]["ac_input_frequency"] == 60.01


def test_a_shunt_is_listened_to(tmp_path: Path) -> None:
    with running(Monitor(MAC, SHUNT, shunt=Shunt()), tmp_path, None) as (bluez, service):
        reading = first(service)
        assert (reading["device_type"], reading["voltage"], reading["current"]) == (
            "renogy_shunt",
            13.25,
            -1.5,
        )
        assert (reading["state_of_charge"], reading["temperature"]) == (87.3, 21.5)
        assert reading["extra"] == {"soc": 87.3, "starter_voltage": 12.61, "unproven": True}
        assert "WriteValue" not in bluez.state()["calls"]


@pytest.mark.parametrize("config", [{"model": "x"}, {"hub": [48, 48]}, {"device_id": 0}])
def test_a_wrong_config_is_refused_with_its_place(config: dict[str, Any], tmp_path: Path) -> None:
    with Service(tmp_path / "data", BATTERYHAWK_BLUETOOTH_BACKEND="simulated") as service:
        said = service.configure(MAC, device_type="renogy_battery", config=config)
        assert said.status_code == 422
        pointer = said.json()["errors"][0]["source"]["pointer"]
        assert pointer.startswith(f"/data/attributes/config/{next(iter(config))}")
