"""The whole service and the real Home Assistant, with a real mosquitto between them."""

from pathlib import Path
from typing import Any

import pytest

from tests.home_assistant.core import Core
from tests.mqtt.mosquitto import Mosquitto
from tests.service import Service, wait_until
from tests.test_mqtt import DEAF, FIRST, SECOND, poll, service, settled

pytestmark = pytest.mark.soak  # Home Assistant is half a gigabyte

NODE = "battery_hawk_020000000001"
OTHER = "battery_hawk_020000000002"  # a BM2


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
