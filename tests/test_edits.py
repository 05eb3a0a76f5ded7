"""devices.json and vehicles.json of a real `hawk serve`, edited by hand while it runs."""

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service import Service, wait_until

ENVIRONMENT = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "2",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_INFLUXDB_ENABLED": "false",
    "BATTERYHAWK_ZEROCONF_ENABLED": "false",
}
FIRST, SECOND, NEW = "02:00:00:00:00:01", "02:00:00:00:00:02", "50:54:7B:00:00:07"
WITHIN = 2.0  # [s] an edited file holds
_KEPT = ["devices.json.last-good", "vehicles.json.last-good"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data", ("serve",), **ENVIRONMENT) as service:
        wait_until(lambda: len(devices(service)) == 2)
        yield service


def read(service: Service, name: str) -> Any:
    return json.loads((service.data / name).read_bytes())


def edit(service: Service, name: str, document: object) -> None:
    """As an editor does."""
    text = document if isinstance(document, str) else json.dumps(document)
    new = service.data / f"{name}.edited"
    new.write_text(text)
    new.rename(service.data / name)


def edit_device(service: Service, address: str, **record: Any) -> None:
    document = read(service, "devices.json")
    document["devices"][address] = {**document["devices"].get(address, {}), **record}
    edit(service, "devices.json", document)


def devices(service: Service) -> dict[str, Any]:
    return {each["id"]: each["attributes"] for each in service.get("/api/devices")["data"]}


def vehicles(service: Service) -> dict[str, str]:
    found = service.get("/api/vehicles", **{"filter[automatic]": "true"})["data"]
    return {each["id"]: each["attributes"]["name"] for each in found}


def problems(service: Service) -> list[str]:
    said: list[str] = service.get("/api/system/status")["data"]["attributes"]["registry"]["problems"]
    return said


def rename(service: Service, address: str, name: str) -> httpx.Response:
    return service.send("PATCH", f"/api/devices/{address}", {"friendly_name": name}, "devices", address)


def test_an_edited_device_is_another_one_within_two_seconds(service: Service) -> None:
    def next_poll() -> float:
        said = service.http.get(f"/api/devices/{FIRST}/connection").json()
        return float(said["data"]["attributes"]["next_poll_in"] or 0) if "data" in said else 0.0

    wait_until(lambda: next_poll() > 3000)
    edit_device(service, FIRST, friendly_name="Starter", polling_interval=77)
    wait_until(lambda: devices(service)[FIRST]["friendly_name"] == "Starter", WITHIN)
    assert service.device(FIRST)["polling_interval"] == 77
    wait_until(lambda: 0 < next_poll() <= 77, WITHIN)


def test_devices_and_vehicles_come_and_go_by_hand(service: Service) -> None:
    edit(service, "vehicles.json", {"version": "1.0", "vehicles": {"boat": {"name": "Boat"}}})
    wait_until(lambda: vehicles(service).get("boat") == "Boat", WITHIN)
    edit_device(service, NEW, device_type="BM6", friendly_name="House", vehicle_id="boat")
    wait_until(lambda: NEW in devices(service), WITHIN)
    assert devices(service)[NEW]["vehicle_name"] == "Boat"
    document = read(service, "devices.json")
    del document["devices"][NEW], document["devices"][SECOND]
    edit(service, "devices.json", document)
    wait_until(lambda: NEW not in devices(service), WITHIN)


def test_a_wrong_edit_changes_nothing_is_shown_and_is_never_overwritten(service: Service) -> None:
    name = devices(service)[FIRST]["friendly_name"]
    record = {"device_type": 6, "polling_interval": "often", "friendly_name": "Wrong"}
    edit(service, "devices.json", {"devices": {FIRST: record}})
    damaged = (service.data / "devices.json").read_bytes()
    said = wait_until(lambda: problems(service), 3.0)
    assert [each.split(": ")[:2] for each in said] == [
        ["devices.json", f"/devices/{FIRST}/device_type"],
        ["devices.json", f"/devices/{FIRST}/polling_interval"],
    ]
    for path in ("/api/devices", "/api/vehicles"):
        assert service.get(path)["data"]
    assert devices(service)[FIRST]["friendly_name"] == name
    refused = rename(service, FIRST, "Ours")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "changed_meanwhile")
    assert "/polling_interval" in refused.json()["errors"][0]["detail"]
    assert (service.data / "devices.json").read_bytes() == damaged
    assert service.log_text().count("polling_interval: 'often'") == 1
    record = {"device_type": "BM6", "friendly_name": "Mended"}
    edit(service, "devices.json", {"devices": {FIRST: record}})
    wait_until(lambda: devices(service)[FIRST]["friendly_name"] == "Mended", WITHIN)
    assert problems(service) == []
    assert rename(service, FIRST, "Ours").status_code == 200


def test_what_is_damaged_when_it_stops_is_said_at_the_next_start(service: Service) -> None:
    assert rename(service, FIRST, "Ours").status_code == 200
    edit(service, "vehicles.json", "{")
    wait_until(lambda: problems(service), 3.0)
    service.stop()
    assert (service.data / "vehicles.json").read_text() == "{"
    with Service(service.data, ("serve",), **ENVIRONMENT) as again:
        warnings = again.get("/api/system/status")["data"]["attributes"]["warnings"]
        assert any("vehicles.json.damaged-" in each for each in warnings)
        assert devices(again)[FIRST]["friendly_name"] == "Ours"
    assert [file.read_text() for file in service.data.glob("vehicles.json.damaged-*")] == ["{"]


def test_edits_by_hand_and_by_the_api_at_once_lose_nothing(service: Service) -> None:
    accepted: list[str] = []
    enough = threading.Event()

    def by_api() -> None:
        n = 0
        while not enough.is_set():
            said = rename(service, FIRST, f"Api {n}")
            if said.status_code == 200:
                accepted.append(f"Api {n}")
            else:
                assert said.json()["errors"][0]["code"] == "changed_meanwhile", said.text
            n += 1

    writer = threading.Thread(target=by_api)
    writer.start()
    for n in range(8):
        writer.join(random.uniform(0.05, 0.4))  # the pace of a person who is in a hurry
        edit_device(service, SECOND, bought=n, friendly_name=f"Hand {n}")
        wait_until(lambda n=n: devices(service)[SECOND]["friendly_name"] == f"Hand {n}", WITHIN)  # type: ignore[misc]  # mypy knows no default of a lambda
        assert read(service, "devices.json")["devices"][SECOND]["bought"] == n
    wait_until(lambda: accepted)
    enough.set()
    writer.join()
    wait_until(lambda: rename(service, FIRST, "Last").status_code == 200)
    written = read(service, "devices.json")["devices"]
    assert (written[FIRST]["friendly_name"], written[SECOND]["friendly_name"]) == ("Last", "Hand 7")
    assert written[SECOND]["bought"] == 7
    kept = sorted(each.name for each in service.data.glob("*.json.*"))
    assert kept == _KEPT


def test_a_file_of_a_newer_program_is_left_alone(service: Service) -> None:
    edit(service, "devices.json", {"version": "2.0", "devices": {}})
    (said,) = wait_until(lambda: problems(service), 3.0)
    assert "version '2.0'" in said
    assert "update Battery Hawk" in said
    assert rename(service, FIRST, "Ours").status_code == 409
    assert read(service, "devices.json") == {"version": "2.0", "devices": {}}
    assert len(devices(service)) == 2
