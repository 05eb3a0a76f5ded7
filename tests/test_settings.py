"""The settings of a real `hawk serve`, changed by hand and by the API."""

import itertools
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.mqtt.mosquitto import Mosquitto
from tests.service import Service, wait_until

ENVIRONMENT = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "2",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_INFLUXDB_ENABLED": "false",
}
FIRST = "02:00:00:00:00:01"
WITHIN = 2.0  # [s] an edited file holds


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data", ("serve",), **ENVIRONMENT) as service:
        yield service


def file(service: Service) -> Path:
    return service.data / "system.json"


def written(service: Service) -> Any:
    return json.loads(file(service).read_bytes())


def edit(service: Service, document: object) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    new = file(service).with_suffix(".edited")
    new.write_text(text)
    new.rename(file(service))


def config(service: Service) -> Any:
    return service.get("/api/system/config")["data"]["attributes"]


def patch(service: Service, attributes: dict[str, Any]) -> httpx.Response:
    return service.send("PATCH", "/api/system/config", attributes, "system-config", "system")


def problems(service: Service) -> list[str]:
    said: list[str] = service.get("/api/system/status")["data"]["attributes"]["settings"]["problems"]
    return said


def test_an_edited_file_holds_within_two_seconds(service: Service) -> None:
    def next_poll() -> float:
        said = service.http.get(f"/api/devices/{FIRST}/connection").json()
        return float(said["data"]["attributes"]["next_poll_in"] or 0) if "data" in said else 0.0

    wait_until(lambda: next_poll() > 3000)
    edit(service, {"polling": {"interval": 77}})
    wait_until(lambda: 0 < next_poll() <= 77, WITHIN)
    assert config(service)["polling"]["interval"] == 77
    assert service.device(FIRST)["polling_interval"] == 77


def test_a_wrong_file_changes_nothing_is_shown_and_a_mended_one_holds(service: Service) -> None:
    edit(service, {"polling": {"interval": "soon"}, "history": {"auto": False}})
    (problem,) = wait_until(lambda: problems(service), 3.0)
    assert "/polling/interval" in problem
    assert config(service)["history"]["auto"] is True
    wait_until(lambda: problems(service))
    assert service.log_text().count("/polling/interval") == 1
    edit(service, "{")
    wait_until(lambda: "cannot be read" in problems(service)[0])
    edit(service, {"polling": {"interval": 88}})
    wait_until(lambda: config(service)["polling"]["interval"] == 88, WITHIN)
    assert problems(service) == []


def test_a_change_by_the_api_touches_no_other_key(service: Service) -> None:
    before = {"version": "1.0", "garden": {"gnomes": 7}, "mqtt": {"password": "secret", "qos": 1}}
    edit(service, before)
    wait_until(lambda: config(service)["mqtt"]["password"] == "***", WITHIN)
    said = patch(service, {"mqtt": {"password": "***", "keepalive": 30}, "polling": {"interval": 99}})
    assert said.status_code == 200, said.text
    assert said.json()["meta"]["applied"] == ["mqtt.keepalive", "polling.interval"]
    assert written(service) == {
        **before,
        "mqtt": {"password": "secret", "qos": 1, "keepalive": 30},
        "polling": {"interval": 99},
    }
    assert json.loads((service.data / "system.json.last-good").read_bytes()) == before
    assert "secret" not in said.text


def test_what_cannot_follow_says_so_until_it_is_taken_back(service: Service) -> None:
    said = patch(service, {"bluetooth": {"session_timeout": 61}}).json()["meta"]
    assert (said["applied"], said["restart_required"]) == ([], ["bluetooth.session_timeout"])
    said = patch(service, {"bluetooth": {"session_timeout": None}}).json()["meta"]
    assert said["restart_required"] == []


def test_all_mistakes_are_said_at_once_and_what_the_environment_sets_is_refused(service: Service) -> None:
    said = patch(service, {"polling": {"interval": 0, "every": 1}, "mqtt": {"port": True}, "garden": {}})
    assert said.status_code == 422
    assert {each["source"]["pointer"] for each in said.json()["errors"]} == {
        "/data/attributes/garden",
        "/data/attributes/polling/interval",
        "/data/attributes/polling/every",
        "/data/attributes/mqtt/port",
    }
    said = patch(service, {"influxdb": {"enabled": True}})
    (error,) = said.json()["errors"]
    assert (said.status_code, error["code"]) == (409, "overridden")
    assert "BATTERYHAWK_INFLUXDB_ENABLED" in error["detail"]
    assert patch(service, config(service)).status_code == 200
    assert "enabled" not in written(service)["influxdb"]


def test_edits_by_hand_and_by_the_api_at_once_lose_nothing(service: Service) -> None:
    """A person edits what is there at the moment, as an editor does; each side has a key of its own."""
    edit(service, {"version": "1.0", "hand": {"n": 0}})
    accepted: list[int] = []
    enough = threading.Event()

    def by_api() -> None:
        for n in itertools.count(1):
            if enough.is_set():
                return
            said = patch(service, {"polling": {"interval": 1000 + n}})
            if said.status_code == 200:
                accepted.append(n)
            else:
                assert said.json()["errors"][0]["code"] == "changed_meanwhile", said.text

    writer = threading.Thread(target=by_api)
    writer.start()
    for n in range(6):
        writer.join(random.uniform(0.05, 0.4))  # the pace of a person who is in a hurry
        document = written(service)
        assert document["hand"]["n"] == n
        edit(service, {**document, "hand": {"n": n + 1}})
    wait_until(lambda: accepted)
    enough.set()
    writer.join()
    wait_until(lambda: patch(service, {"polling": {"interval": 5}}).status_code == 200)
    assert written(service) == {"version": "1.0", "hand": {"n": 6}, "polling": {"interval": 5}}


def test_mqtt_comes_and_goes_with_its_settings(service: Service, tmp_path: Path) -> None:
    def state() -> Any:
        return service.get("/api/system/status")["data"]["attributes"]["components"]["mqtt"]

    assert state() == "off"
    with Mosquitto(tmp_path) as broker:
        patch(service, {"mqtt": {"enabled": True, "broker": "127.0.0.1", "port": broker.port}})
        wait_until(lambda: state() == "connected")
        patch(service, {"mqtt": {"topic_prefix": "elsewhere"}})
        wait_until(lambda: state() == "connected")
        patch(service, {"mqtt": {"enabled": False}})
        wait_until(lambda: state() == "off")


def test_the_level_of_the_log_follows(tmp_path: Path) -> None:
    with Service(tmp_path / "data", ("serve",), **ENVIRONMENT, BATTERYHAWK_LOGGING_LEVEL="") as service:
        patch(service, {"logging": {"level": "ERROR", "format": "json"}})
        wait_until(lambda: config(service)["logging"]["level"] == "ERROR")
        before = service.log_text()
        patch(service, {"logging": {"level": "INFO"}})
        edit(service, {"polling": {"interval": 5}, "logging": {"format": "json"}})
        wait_until(lambda: config(service)["polling"]["interval"] == 5, WITHIN)
        new = service.log_text().removeprefix(before)
        assert all(json.loads(line)["level"] for line in new.splitlines() if line)
        assert "holds from now on" in new
