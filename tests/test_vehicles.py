"""Vehicles from end to end: whose the batteries on the air of the simulated bluetoothd are, and what is told of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

STARTER, HOUSE, NEIGHBOUR = (f"50:54:7B:00:00:0{number}" for number in (1, 2, 3))
FLEET = [
    Monitor(STARTER, volts=12.62, adverts="sealed"),
    Monitor(HOUSE, volts=12.88, adverts="sealed"),
    Monitor(NEIGHBOUR, volts=11.4, adverts="sealed"),
]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with FakeBluez(FLEET, adv_interval=0.2, period=0.2), Service(tmp_path / "data") as service:
        wait_until(lambda: len(service.get("/api/discovery")["data"]) == len(FLEET))
        yield service


def create(service: Service, name: str) -> str:
    said = service.http.post(
        "/api/vehicles", json={"data": {"type": "vehicles", "attributes": {"name": name}}}
    )
    assert said.status_code == 201, said.text
    return said.json()["data"]["id"]


def change(service: Service, vehicle_id: str, **attributes: Any) -> None:
    said = service.send("PATCH", f"/api/vehicles/{vehicle_id}", attributes, "vehicles", vehicle_id)
    assert said.is_success, said.text


def put_into(service: Service, vehicle_id: str | None, *addresses: str) -> None:
    for address in addresses:
        said = service.configure(address, vehicle_id=vehicle_id, polling_interval=3600)
        assert said.is_success, said.text


def poll(service: Service, address: str) -> str | None:
    """The vehicle that the reading is of."""
    said = service.http.post(f"/api/devices/{address}/readings", timeout=60)
    assert said.is_success, said.text
    return said.json()["data"]["attributes"]["vehicle_name"]


def names(service: Service, **query: str) -> list[str]:
    return [each["attributes"]["name"] for each in service.get("/api/vehicles", **query)["data"]]


def summary(service: Service, vehicle_id: str) -> Any:
    return service.get(f"/api/vehicles/{vehicle_id}")["data"]["attributes"]["summary"]


def polled(service: Service, address: str) -> list[str | None]:
    """The vehicles of the readings that were asked for, the oldest first."""
    query = {"sort": "timestamp", "filter[source]": "gatt"}
    return [each["vehicle_name"] for each in service.readings(address, **query)]


def test_what_is_found_waits_in_a_vehicle_of_its_own_until_somebody_wants_it(service: Service) -> None:
    found = {"filter[automatic]": "true"}
    assert (names(service), names(service, **found)) == ([], ["Vehicle 1", "Vehicle 2", "Vehicle 3"])
    said = service.configure(STARTER, polling_interval=3600)
    assert said.json()["data"]["attributes"]["vehicle_name"] in names(service, **found)
    assert wait_until(lambda: names(service)) == [said.json()["data"]["attributes"]["vehicle_name"]]
    put_into(service, create(service, "Boat"), STARTER)
    assert wait_until(lambda: names(service) == ["Boat"])
    assert len(names(service, **found)) == 3  # the one that is empty now has gone


def test_a_boat_tells_of_its_starter_and_of_its_house_bank(service: Service) -> None:
    boat = create(service, "Boat")
    put_into(service, boat, STARTER, HOUSE)
    told = wait_until(lambda: (said := summary(service, boat)) and said["average_voltage"] == 12.75 and said)
    assert (told["total_devices"], told["connected_devices"], told["overall_health"]) == (2, 2, "good")
    assert [(each["id"], each["voltage"]) for each in told["devices"]] == [(STARTER, 12.62), (HOUSE, 12.88)]
    said = service.send("PATCH", f"/api/devices/{HOUSE}", {"friendly_name": "House bank"}, "devices", HOUSE)
    assert said.is_success
    wait_until(lambda: summary(service, boat)["devices"][1]["friendly_name"] == "House bank")
    put_into(service, create(service, "Dinghy"), HOUSE)
    wait_until(lambda: [each["id"] for each in summary(service, boat)["devices"]] == [STARTER])
    wait_until(lambda: summary(service, boat)["average_voltage"] == 12.62)


def test_what_was_measured_keeps_the_vehicle_of_its_time(service: Service) -> None:
    boat, car = create(service, "Boat"), create(service, "Car")
    put_into(service, boat, STARTER)
    assert poll(service, STARTER) == "Boat"
    put_into(service, car, STARTER)
    assert poll(service, STARTER) == "Car"
    change(service, car, name="Van")
    wait_until(lambda: service.device(STARTER)["vehicle_name"] == "Van")
    assert poll(service, STARTER) == "Van"
    said = service.send("PATCH", f"/api/devices/{STARTER}", {"vehicle_id": None}, "devices", STARTER)
    assert said.is_success
    assert poll(service, STARTER) is None
    assert polled(service, STARTER) == ["Boat", "Car", "Van", None]


def test_a_vehicle_goes_when_it_is_said_where_its_devices_go_and_its_id_never_comes_back(
    service: Service, tmp_path: Path
) -> None:
    boat, car = create(service, "Boat"), create(service, "Car")
    put_into(service, boat, STARTER, HOUSE)
    assert poll(service, STARTER) == "Boat"
    assert service.http.delete(f"/api/vehicles/{boat}").status_code == 409
    assert service.http.delete(f"/api/vehicles/{boat}", params={"move_to": car}).status_code == 204
    assert poll(service, STARTER) == "Car"
    service.stop()
    with Service(tmp_path / "data") as again:
        members = again.get(f"/api/vehicles/{car}/relationships/devices")["data"]
        assert [each["id"] for each in members] == [STARTER, HOUSE]
        assert polled(again, STARTER) == ["Boat", "Car"]
        assert create(again, "Boat") not in {boat, car}
