"""The API as jsonapi-client understands it: a client by other people, which knows nothing of ours but JSON:API."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from jsonapi_client import Inclusion, Modifier, Session
from jsonapi_client.exceptions import DocumentError
from jsonapi_client.objects import ResourceIdentifier

from tests.clients.past import remember
from tests.service import Service, wait_until

OURS = [f"02:00:00:00:00:0{number}" for number in range(1, 7)]  # the demo has two more that it finds
SCHEMA = {
    "vehicles": {
        "properties": {
            "name": {"type": "string"},
            "devices": {"relation": "to-many", "resource": ["devices"]},
        }
    }
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("clients") / "data", ("demo",)) as running:
        yield running


@pytest.fixture
def session(service: Service) -> Session:
    return Session(**options(service))


def options(service: Service, **more: Any) -> dict[str, Any]:
    """It needs a schema of what it makes, and of nothing else."""
    headers = {"Authorization": service.http.headers["Authorization"]}
    return {"server_url": f"{service.ready['url']}/api", "request_kwargs": {"headers": headers}, **more}


def test_devices_are_listed_with_their_vehicles(session: Session) -> None:
    devices = session.get("devices", Inclusion("vehicle")).resources
    assert [device.id for device in devices[:6]] == OURS
    for device in devices:
        link = device.relationships.vehicle
        included = session.fetch_resource_by_resource_identifier(
            ResourceIdentifier(session, link.as_json_resource_identifiers), cache_only=True
        )
        assert included.name == device.fields["vehicle_name"]


def test_pages_of_devices_are_followed_to_the_end(session: Session) -> None:
    listed = [device.id for device in session.iterate("devices", Modifier("page[size]=2"))]
    assert listed[:6] == OURS


def test_pages_of_readings_are_followed_to_the_end(service: Service, session: Session) -> None:
    remember(service, "02:00:00:00:00:AA", 110)
    found = session.iterate("readings/02:00:00:00:00:AA", Modifier("page[size]=20&sort=timestamp"))
    assert [each.voltage for each in found] == [12 + minute / 1000 for minute in range(110)]


def test_what_a_device_is_related_to_is_found_from_it(service: Service, session: Session) -> None:
    wait_until(lambda: service.readings("02:00:00:00:00:02"))
    device = session.get("devices", "02:00:00:00:00:02").resource
    assert device.vehicle.name == "Boat"
    assert {reading.fields["device_id"] for reading in device.readings} == {device.id}
    (connection,) = device.connection
    assert (connection.type, connection.id) == ("connections", device.id)
    assert [member.id for member in device.vehicle.devices] == [device.id]


def test_a_connection_comes_along_where_it_is_wanted(session: Session) -> None:
    device = session.get("devices/02:00:00:00:00:02", Inclusion("connection")).resource
    assert (device.connection.type, device.connection.fields["polls_failed"]) == ("connections", 0)


def test_a_vehicle_is_made_renamed_filled_and_removed(service: Service) -> None:
    """As asyncio has it: its other way expects JSON in the answer to a DELETE, which has none (204)."""
    asyncio.run(_life_of_a_vehicle(service))


async def _life_of_a_vehicle(service: Service) -> None:
    async with Session(**options(service, schema=SCHEMA, enable_async=True)) as session:
        kayak = await session.create_and_commit("vehicles", {"name": "Kayak"})
        assert kayak.url == f"{service.ready['url']}/api/vehicles/{kayak.id}"
        kayak.name = "Canoe"
        await kayak.commit()
        kayak.relationships.devices.set(["02:00:00:00:00:06"], "devices")
        await kayak.commit()
        assert service.device("02:00:00:00:00:06")["vehicle_name"] == "Canoe"
        shown = await again(session, kayak.id)
        assert shown.name == "Canoe"
        shown.relationships.devices.clear()
        await shown.commit()
        empty = await again(session, kayak.id)
        assert not empty.relationships.devices
        empty.delete()
        await empty.commit()
    assert service.http.get(f"/api/vehicles/{kayak.id}").status_code == 404


async def again(session: Session, vehicle_id: str) -> Any:
    """What it was told once it keeps, also of relationships that were changed."""
    session.invalidate()
    return (await session.get("vehicles", vehicle_id)).resource


def test_a_device_moves_to_another_vehicle_and_back(session: Session) -> None:
    for vehicle_id, name in (("vehicle_1", "Car"), ("vehicle_3", "Camper")):
        device = session.get("devices", "02:00:00:00:00:03").resource
        device.relationships.vehicle.set(vehicle_id, "vehicles")
        device.commit()
        session.invalidate()
        moved = session.get("devices", "02:00:00:00:00:03").resource
        assert (moved.vehicle.id, moved.fields["vehicle_name"]) == (vehicle_id, name)


def test_a_mistake_is_an_error_with_its_status(service: Service) -> None:
    session = Session(**options(service, schema=SCHEMA))
    for name, status in (("Boat", 409), ("", 422)):
        with pytest.raises(DocumentError) as refused:
            session.create_and_commit("vehicles", {"name": name})
        assert refused.value.errors["status_code"] == status
    with pytest.raises(DocumentError) as refused:
        session.get("vehicles", "vehicle_999")
    assert refused.value.errors["status_code"] == 404
