"""The whole service and the real Home Assistant, with a real mosquitto between them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hawk.drivers.api import Driver
from hawk.drivers.bms import BMS
from hawk.drivers.victron import VICTRON
from hawk.model.device import DeviceView
from hawk.model.live import Live
from hawk.model.reading import QUANTITIES, Moment, Sample
from hawk.mqtt import payloads, topics
from hawk.mqtt.discovery import Announcer
from hawk.mqtt.entities import COUNTED, UNITS
from hawk.mqtt.messages import Message
from hawk.mqtt.payloads import Gateway
from hawk.mqtt.topics import ONLINE, Topics
from tests.doubles import NOON, device
from tests.drivers.test_bms import JBD
from tests.drivers.test_shows import SAMPLES
from tests.drivers.victron_vectors import BY_ID
from tests.fake_bluez.rig import FakeBluez
from tests.home_assistant.core import Core
from tests.mqtt.mosquitto import Mosquitto, say
from tests.service import Service, wait_until
from tests.test_mqtt import DEAF, FAST, FIRST, SECOND, poll, service, settled
from tests.test_renogy import CONTROLLER, MAC, module

pytestmark = pytest.mark.soak  # Home Assistant is half a gigabyte

NODE = "battery_hawk_020000000001"
OTHER = "battery_hawk_020000000002"  # a BM2
SOLAR, UNREAD = "battery_hawk_609866edfc11", "battery_hawk_609866edfc12"
KINDS: dict[str, tuple[Driver, Sample]] = {
    **SAMPLES,
    "bms": (BMS, JBD),
    **{f"victron {name}": (VICTRON, BY_ID[name].sample) for name in ("BM1", "SC1")},
}


def number(found: Any) -> float | None:
    try:
        return float(found["state"])
    except (TypeError, ValueError):
        return None


def shows(core: Core, running: Service, address: str = FIRST, node: str = NODE) -> bool:
    measured = running.device(address)["voltage"]
    return number(core.state_of(f"{node}_voltage")) == pytest.approx(measured, abs=0.2)


def polls(running: Service) -> int:
    connection = running.get(f"/api/devices/{FIRST}/connection")["data"]["attributes"]
    return int(connection["polls_ok"])


def test_batteries_appear_with_what_they_measure_and_nothing_is_complained_of(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker) as running:
        settled(running)
        with Core(tmp_path / "ha", broker.port) as core:
            wait_until(lambda: shows(core, running), within=60)
            poll(running, FIRST)
            wait_until(lambda: number(core.state_of(f"{NODE}_temperature")) is not None)
            devices = core.ask("devices")
            batteries = [each for each in devices if ["mqtt", NODE] in each["identifiers"]]
            assert [each["via"] for each in batteries] == [True]
            gateway = f"battery_hawk_gw_{running.ready['gateway_id']}"
            assert ["mqtt", gateway] in [each for device in devices for each in device["identifiers"]]
            entities = core.ask("entities")
            assert f"{NODE}_temperature" in entities
            assert f"{OTHER}_temperature" not in entities  # a BM2 has none
            assert core.state_of(f"{gateway}_status")["state"] == "on"
            wait_until(lambda: number(core.state_of(f"{gateway}_devices")) == 2)
            assert core.state_of(f"{NODE}_voltage")["unit_of_measurement"] == "V"
            assert core.ask("log") == []


def test_buttons_and_numbers_reach_the_service(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker) as running:
        settled(running)
        with Core(tmp_path / "ha", broker.port) as core:
            wait_until(lambda: number(core.state_of(f"{NODE}_polling_interval")), within=60)
            core.call("number.set_value", f"{NODE}_polling_interval", value=1234)
            wait_until(lambda: running.device(FIRST)["polling_interval"] == 1234)
            wait_until(lambda: number(core.state_of(f"{NODE}_polling_interval")) == 1234)
            before = polls(running)
            core.call("button.press", f"{NODE}_read_now")
            wait_until(lambda: polls(running) > before, within=60)
            core.call("button.press", f"{NODE}_release")
            wait_until(lambda: running.device(FIRST)["released_until"])
            gateway = f"battery_hawk_gw_{running.ready['gateway_id']}"
            core.call("select.select_option", f"{gateway}_log_level", option="WARN")
            wait_until(lambda: core.state_of(f"{gateway}_log_level")["state"] == "WARN")
            assert core.ask("log") == []


def test_rename_removal_kill_and_restarts_leave_no_ghost(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        with service(tmp_path / "data", broker) as running:
            settled(running)
            with Core(tmp_path / "ha", broker.port) as core:
                wait_until(lambda: shows(core, running), within=60)
                running.send("PATCH", f"/api/devices/{FIRST}", {"friendly_name": "Ketch"}, "devices", FIRST)
                wait_until(lambda: "Ketch" in [each["name"] for each in core.ask("devices")])
                running.send("PATCH", f"/api/devices/{SECOND}", {"status": "ignored"}, "devices", SECOND)
                wait_until(lambda: core.state_of(f"{OTHER}_voltage") is None)
                running.kill()
                wait_until(lambda: core.state_of(f"{NODE}_voltage")["state"] == "unavailable")
        with Core(tmp_path / "ha", broker.port) as core:  # all unavailable, but there
            wait_until(lambda: core.state_of(f"{NODE}_voltage"), within=60)
            with service(tmp_path / "data", broker, **DEAF) as running:
                wait_until(lambda: shows(core, running), within=60)
                broker.kill()
                wait_until(lambda: core.state_of(f"{NODE}_voltage")["state"] == "unavailable")
                broker.start()
                wait_until(lambda: shows(core, running), within=90)
                assert core.state_of(f"{OTHER}_voltage") is None


# -- what devices say besides ------------------------------------------------------------------


def test_a_charge_controller_counts_energy_and_tells_how_its_link_does(tmp_path: Path) -> None:
    """Another one, which nobody reads, has its entities all the same."""
    environment = {name: FAST[name] for name in ("BATTERYHAWK_MQTT_ENABLED", "BATTERYHAWK_MQTT_BROKER")}
    with (
        Mosquitto(tmp_path) as broker,
        FakeBluez([module(CONTROLLER)], adv_interval=0.2, reply_delay=0.05),
        Service(
            tmp_path / "data", ("serve",), BATTERYHAWK_MQTT_PORT=str(broker.port), **environment
        ) as running,
    ):
        for address, device_type in ((MAC, "renogy_controller"), (MAC[:-1] + "2", "renogy_dcdc")):
            assert running.configure(address, device_type=device_type).status_code == 201
        with Core(tmp_path / "ha", broker.port) as core:
            wait_until(lambda: number(core.state_of(f"{SOLAR}_energy_generated_total")) == 65936, within=60)
            energy = core.state_of(f"{SOLAR}_energy_generated_total")
            assert (energy["unit_of_measurement"], energy["device_class"]) == ("Wh", "energy")
            assert energy["state_class"] == "total_increasing"
            assert number(core.state_of(f"{SOLAR}_pv_power")) == 1
            assert core.state_of(f"{SOLAR}_charging_state")["state"] == "boost"
            assert core.state_of(f"{SOLAR}_faults")["state"] == "none"
            assert core.state_of(f"{SOLAR}_load_on")["state"] in {"on", "off"}
            wait_until(lambda: core.state_of(f"{SOLAR}_last_result")["state"] == "ok")
            for _ in range(4):  # of fewer attempts nobody would say how good the link is
                poll(running, MAC)
            wait_until(lambda: number(core.state_of(f"{SOLAR}_link_quality")) == 100)
            assert core.state_of(f"{SOLAR}_link_quality")["unit_of_measurement"] == "%"
            entities = core.ask("entities")
            assert {f"{SOLAR}_polls", f"{SOLAR}_polls_failed", f"{SOLAR}_poll_duration"} <= entities.keys()
            assert f"{UNREAD}_energy_generated_total" in entities
            assert core.state_of(f"{UNREAD}_energy_generated_total")["state"] == "unavailable"
            assert core.ask("log") == []


def told(number: int, driver: Driver, sample: Sample) -> Iterator[Message]:
    """All of a device, with every entity that its type may have, switched on."""
    here, now = Topics(), Moment(NOON, 1000.0)
    record = device(number, friendly_name=f"Device {number}", device_type=driver.device_type)
    live = Live().with_sample(sample, now)
    view = DeviceView(record, live=live, available=True, interval=60.0, heard_only=driver.heard_only)
    everything = frozenset(QUANTITIES) | {shown.key for shown in driver.shows}
    who = Gateway("0123456789ab", now)
    yield here.message(topics.AVAILABILITY, ONLINE, record.address)
    yield here.message(topics.STATE, payloads.state(view, who), record.address)
    yield here.message(topics.STATUS, payloads.status(view, who), record.address)
    yield here.message(topics.CONFIG, payloads.config(view, who), record.address)
    said = Announcer(here, "homeassistant", who.gateway_id, "1").battery(view, driver, 600.0, everything)
    yield replace(
        said, payload=said.payload.replace('"enabled_by_default":false', '"enabled_by_default":true')
    )


def test_every_kind_of_device_is_taken_without_a_complaint(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Core(tmp_path / "ha", broker.port) as core:
        say(broker.port, "battery_hawk/system/availability", ONLINE, "-r")
        expected: set[str] = set()
        for number_, (driver, sample) in enumerate(KINDS.values(), 1):
            for message in told(number_, driver, sample):
                say(broker.port, message.topic, message.payload, "-r")
            parts = json.loads(message.payload)["components"]
            expected |= {part["unique_id"] for part in parts.values()}
        assert sum("energy" in each for each in expected) >= 8
        wait_until(lambda: expected <= core.ask("entities").keys(), within=60)

        def available(entity: str) -> bool:
            state = core.state_of(entity)
            return state is not None and state["state"] != "unavailable"

        wait_until(lambda: all(map(available, expected)))
        assert core.ask("log") == []


def test_our_units_and_classes_are_its_own(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Core(tmp_path / "ha", broker.port) as core:
        theirs = core.ask("classes")
    assert {name: UNITS[name] - set(theirs[name]["units"]) for name in UNITS} == dict.fromkeys(
        UNITS, frozenset()
    )
    for name in UNITS:
        assert COUNTED.get(name, {"measurement"}) <= set(theirs[name]["state_classes"]), name
