"""`hawk scan`: over the simulated radio in virtual time, and as a whole over the simulated daemon."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner, Result
from trio.testing import MockClock

from hawk.ble.radio import Limits, Told, to_nobody
from hawk.ble.simulated import SimulatedRadio
from hawk.ble.simulated_monitor import SERVICE
from hawk.ble.tape import Tape
from hawk.cli.main import main
from hawk.cli.scan import _listen
from hawk.cli.survey import UNKNOWN, UNREADABLE, Found, Survey, table
from hawk.drivers import catalogue
from hawk.drivers.api import Proposal
from hawk.drivers.bm_drivers import BM2, BM6, BM7
from hawk.drivers.catalogue import Catalogue
from hawk.errors import NoAdapter
from hawk.model.advertisement import Advertisement
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez

LIMITS = Limits()
FAMILIES = Catalogue([BM6, BM7, BM2])
NOON = 20_000 * 86_400.0 + 43_200
FROSTY, ZERO, WARM, OLD = (f"50:54:7B:00:00:0{n}" for n in range(4))


@dataclass(frozen=True)
class Settings:
    devices: int = 4
    models: tuple[str, ...] = ("BM6", "BM2", "BM7")
    seed: int = 1
    speed: float = 1.0
    history_days: float = 0.0
    faults: tuple[str, ...] = ()


async def survey(limits: Limits | None = None, seconds: float = 20.0, **settings: Any) -> Survey:
    made = Survey(FAMILIES)
    await _listen(SimulatedRadio(Settings(**settings), start=NOON), made, seconds, limits, Tape())
    return made


def line(found: Found) -> Any:
    return json.loads(json.dumps(found.to_json()))


async def test_it_knows_the_families_by_what_they_broadcast(autojump_clock: MockClock) -> None:
    lines = [line(found) for found in (await survey()).identified()]
    assert sorted((each["address"][-2:], each["device_type"]) for each in lines) == [
        ("01", "BM6"),
        ("02", "BM2"),
        ("03", "BM7"),
        ("04", "BM6"),
    ]
    for each in lines:
        assert each["reason"] == "decrypted advertisement"
        assert each["reading"]["source"] == "advertisement"
        assert 11 < each["reading"]["voltage"] < 15
        assert "temperature" not in each["reading"]


async def test_the_nearest_comes_first(autojump_clock: MockClock) -> None:
    rssi = [found.newest.rssi for found in (await survey(devices=12)).sorted()]
    assert rssi == sorted(rssi, reverse=True)


async def test_connecting_gives_the_temperature_of_those_that_have_one(autojump_clock: MockClock) -> None:
    for each in map(line, (await survey(LIMITS)).identified()):
        assert each["error"] is None
        assert each["reading"]["source"] == "gatt"
        assert ("temperature" in each["reading"]) == (each["device_type"] != "BM2")


async def test_a_device_that_cannot_be_read_says_why_and_the_others_are_read(
    autojump_clock: MockClock,
) -> None:
    found = (await survey(LIMITS, models=("BM6",), faults=("silent", "drop", "garbage"))).identified()
    codes = {f.address[-2:]: f.error and f.error.code for f in found}
    assert codes == {"01": None, "02": "silent", "03": "link_lost", "04": "undecodable"}
    assert all(f.to_json()["reading"] for f in found)  # what was broadcast is still known


async def test_a_line_holds_the_keys_of_the_contract_and_only_what_was_measured(
    autojump_clock: MockClock,
) -> None:
    for each in map(line, (await survey()).sorted()):
        assert set(each) == {
            "address",
            "name",
            "rssi",
            "device_type",
            "reason",
            "connectable",
            "last_seen",
            "reading",
            "error",
        }
        reading = each["reading"]
        assert reading["device_id"] == each["address"]
        assert reading["source"] == "advertisement"
        assert reading["simulated"] is True
        assert reading["timestamp"].endswith("Z")
        assert {"voltage", "state_of_charge", "status", "status_code", "device_type", "rssi"} <= set(reading)
        assert not {"temperature", "current", "power", "seq"} & set(reading)


class Deaf(SimulatedRadio):
    """A radio on a machine without Bluetooth."""

    async def run(self) -> None:
        await trio.sleep_forever()

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        raise NoAdapter("This machine has no Bluetooth adapter.")


async def test_without_bluetooth_it_says_so_at_once(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    with pytest.raises(NoAdapter, match="no Bluetooth adapter"):
        await _listen(Deaf(Settings()), Survey(FAMILIES), 60, None, Tape())
    assert trio.current_time() - began < 1


def advert(**changes: Any) -> Advertisement:
    return Advertisement(**{"address": FROSTY, "name": None, "rssi": -60, "adapter": "hci0", **changes})


def test_what_no_driver_knows_is_listed_without_a_type() -> None:
    survey = Survey(FAMILIES)
    survey.heard(advert(name="Headphones", manufacturer_data={9: b"x"}), 1_700_000_000_000)
    (found,) = survey.sorted()
    said = line(found)
    assert (said["device_type"], said["reading"], said["name"]) == (None, None, "Headphones")
    assert said["reason"] == UNKNOWN
    assert said["last_seen"] == "2023-11-14T22:13:20.000Z"
    assert survey.identified() == ()
    headings, cells = table([found])
    assert headings == ("Address", "Name", "Type", "dBm", "Remark")
    assert cells[:4] == (FROSTY, "Headphones", "?", "-60")


def test_an_unknown_device_with_the_service_of_a_monitor_is_told_as_such() -> None:
    survey = Survey(FAMILIES)
    survey.heard(advert(service_uuids=(SERVICE,), manufacturer_data={9: bytes(14)}), 0)
    assert survey.sorted()[0].reason == UNREADABLE


def test_a_module_whose_name_does_not_decide_is_listed_with_the_choice() -> None:
    survey = Survey(catalogue.load())
    survey.heard(advert(name="BT-TH-66EDFC11"), 0)
    (found,) = survey.sorted()
    assert (found.driver, found.said) == (None, None)
    assert "choose renogy_battery, renogy_controller, renogy_dcdc, renogy_inverter" in found.reason


def test_what_a_module_answered_is_its_type_and_says_how_to_have_it_read() -> None:
    survey = Survey(catalogue.load())
    survey.heard(advert(name="BT-TH-66EDFC11 "), 0)
    ((found, driver),) = survey.unsure()
    assert driver.probe is not None
    survey.probed(found, Proposal("renogy_battery", {"device_id": 255}, "RBT50LFP48S"))
    survey.heard(advert(name="BT-TH-66EDFC11 "), 5)
    assert survey.unsure() == ()
    assert (found.driver and found.driver.codec().begin()[0].data[0]) == 255
    assert line(found)["reason"] == (
        "it answers as RBT50LFP48S: hawk devices add 50:54:7B:00:00:00 --type renogy_battery"
        ' (its config: {"device_id": 255})'
    )


def test_a_name_heard_once_stays() -> None:
    survey = Survey(FAMILIES)
    survey.heard(advert(name="BM6"), 0)
    survey.heard(advert(name=None, rssi=-70), 5)
    (found,) = survey.identified()
    assert (found.name, found.newest.rssi, found.last_seen) == ("BM6", -70, 5)


# -- as people have it -----------------------------------------------------------------------------


def hawk(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["scan", *arguments], env=environment)


def lines(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return {line["address"]: line for line in map(json.loads, result.stdout.splitlines())}


@pytest.fixture
def data(tmp_path: Path) -> tuple[str, ...]:
    return ("--data", str(tmp_path))


def test_it_lists_the_demo_fleet_in_a_table(data: tuple[str, ...]) -> None:
    simulated = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "3"}
    result = hawk("--duration", "1.2", *data, **simulated, COLUMNS="200")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("02:00:00:00:00:0") == 3
    assert " V" in result.stdout
    assert result.stdout.count("simulated") == 3
    assert "BM7" in result.stdout


def test_one_device_is_one_line_of_json(data: tuple[str, ...]) -> None:
    simulated = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "3"}
    result = hawk("--json", "--duration", "1.2", *data, **simulated)
    assert [line["device_type"] for _, line in sorted(lines(result).items())] == ["BM6", "BM2", "BM7"]
    assert result.stderr == ""


def test_without_bluetooth_it_exits_with_69_and_a_sentence(data: tuple[str, ...], tmp_path: Path) -> None:
    nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    result = hawk(*data, **nowhere)
    assert result.exit_code == 69
    assert "D-Bus" in result.stderr
    assert result.stdout == ""
    result = hawk("--json", *data, **nowhere)
    assert result.exit_code == 69
    assert json.loads(result.stderr)["error"]["code"] == "no_adapter"


FLEET = [
    Monitor(address=FROSTY, family="BM6", volts=12.62, temperature=-7, charge=88),
    Monitor(address=ZERO, family="BM6", volts=12.54, temperature=0, charge=100),
    Monitor(address=WARM, family="BM6", volts=13.51, temperature=31, charge=100, state=2),
    Monitor(address=OLD, family="BM2", volts=12.87, charge=97, state=1),
]


def test_three_bm6_and_a_bm2_are_found_and_read_with_the_right_numbers(data: tuple[str, ...]) -> None:
    with FakeBluez(monitors=FLEET, adv_interval=0.2, period=0.2) as bluez:
        found = lines(hawk("--json", "--connect", "--duration", "1.5", *data))
        assert bluez.state()["linked"] == []
    read = {
        address: (r["voltage"], r.get("temperature"), r["state_of_charge"], r["status"], r["source"])
        for address, r in ((address, line["reading"]) for address, line in found.items())
    }
    assert read == {
        FROSTY: (12.62, -7, 88, "normal", "gatt"),
        ZERO: (12.54, 0, 100, "normal", "gatt"),
        WARM: (13.51, 31, 100, "charging", "gatt"),
        OLD: (12.87, None, 97, "normal", "gatt"),
    }
    assert [line["error"] for line in found.values()] == [None] * 4


def test_when_nothing_is_in_range_it_says_what_to_try(data: tuple[str, ...]) -> None:
    with FakeBluez(monitors=[], adv_interval=0.2):
        result = hawk("--duration", "0.5", *data)
    assert result.exit_code == 0
    for words in ("No battery monitor", "--duration 60", "app on every phone"):
        assert words in result.stderr
