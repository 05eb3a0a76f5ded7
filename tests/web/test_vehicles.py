"""/api/vehicles, over a real registry and directory."""

from pathlib import Path
from typing import Any

import pytest

from hawk.registry.messages import Discover
from hawk.web.query import encode_cursor
from tests.doubles import address
from tests.web.stage import Stage, open_stage


async def create(stage: Stage, name: str) -> Any:
    said = await stage.send("POST", "/api/vehicles", {"name": name}, "vehicles")
    assert said.status_code == 201
    return (await said.get_json())["data"]


async def test_a_vehicle_is_made_renamed_and_removed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        made = await create(stage, "Boat")
        path = f"/api/vehicles/{made['id']}"
        assert made["links"] == {"self": path}
        assert made["attributes"]["automatic"] is False
        said = await stage.send("PATCH", path, {"name": "Ship"}, "vehicles", id=made["id"])
        assert (await said.get_json())["data"]["attributes"]["name"] == "Ship"
        assert (await stage.get(path))["data"]["attributes"]["name"] == "Ship"
        assert (await stage.ask("DELETE", path)).status_code == 204
        await stage.error(await stage.ask("GET", path), 404)


async def test_a_change_of_nothing_changes_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        made = await create(stage, "Boat")
        said = await stage.send("PATCH", f"/api/vehicles/{made['id']}", {}, "vehicles")
        assert (await said.get_json())["data"]["attributes"]["name"] == "Boat"


@pytest.mark.parametrize(
    ("method", "path", "attributes", "members", "status", "pointer"),
    [
        ("POST", "", {}, {}, 422, "/data/attributes/name"),
        ("POST", "", {"name": None}, {}, 422, "/data/attributes/name"),
        ("POST", "", {"name": " "}, {}, 422, "/data/attributes/name"),
        ("POST", "", {"name": "x" * 65}, {}, 422, "/data/attributes/name"),
        ("POST", "", {"name": "A\nB"}, {}, 422, "/data/attributes/name"),
        ("POST", "", {"name": "Car", "wheels": 4}, {}, 422, "/data/attributes/wheels"),
        ("POST", "", {"name": "Car"}, {"relationships": {"owner": {}}}, 422, "/data/relationships/owner"),
        ("POST", "", {"name": "Car"}, {"id": "vehicle_7"}, 403, "/data/id"),
        ("PATCH", "/vehicle_1", {"name": "Car"}, {"id": "vehicle_7"}, 409, "/data/id"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(
    method: str,
    path: str,
    attributes: dict[str, Any],
    members: dict[str, Any],
    status: int,
    pointer: str,
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        await create(stage, "Boat")
        said = await stage.send(method, f"/api/vehicles{path}", attributes, "vehicles", **members)
        assert (await stage.error(said, status))["source"] == {"pointer": pointer}
        assert len((await stage.get("/api/vehicles"))["data"]) == 1


async def test_two_vehicles_have_two_names(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await create(stage, "Boat")
        other = await create(stage, "Car")
        await stage.error(await stage.send("POST", "/api/vehicles", {"name": "Boat"}, "vehicles"), 409)
        said = await stage.send("PATCH", f"/api/vehicles/{other['id']}", {"name": "Boat"}, "vehicles")
        assert (await stage.error(said, 409))["code"] == "conflict"


async def test_a_vehicle_with_devices_is_only_removed_when_they_move(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        boat, car = await create(stage, "Boat"), await create(stage, "Car")
        mac = await stage.configured(vehicle_id=boat["id"])
        await stage.error(await stage.ask("DELETE", f"/api/vehicles/{boat['id']}"), 409)
        await stage.error(await stage.ask("DELETE", f"/api/vehicles/{boat['id']}?move_to=vehicle_9"), 404)
        said = await stage.ask("DELETE", f"/api/vehicles/{boat['id']}?move_to={car['id']}")
        assert said.status_code == 204
        assert (await stage.get(f"/api/devices/{mac}"))["data"]["attributes"]["vehicle_id"] == car["id"]


async def test_automatic_vehicles_are_listed_once_a_device_of_theirs_is_configured(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await create(stage, "Boat")
        found = Discover(address(1), "TOY", "toy", -60, "by its name", proven=False)
        await stage.services.registry.ask(found).within(5)

        async def listed(query: str = "") -> list[str]:
            return [each["id"] for each in (await stage.get(f"/api/vehicles{query}"))["data"]]

        assert await listed() == ["vehicle_1"]
        assert await listed("?filter[automatic]=false") == ["vehicle_1"]
        assert await listed("?filter[automatic]=true") == ["vehicle_1", "vehicle_2"]
        await stage.error(await stage.ask("GET", "/api/vehicles?filter[automatic]=yes"), 400)
        await stage.configured(1)
        assert await listed() == ["vehicle_1", "vehicle_2"]


async def test_pages_are_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(11):
            await create(stage, f"Boat {number}")
        first = await stage.get("/api/vehicles?page[size]=9")
        assert [each["id"] for each in first["data"]] == [f"vehicle_{number}" for number in range(1, 10)]
        await stage.ask("DELETE", "/api/vehicles/vehicle_9")
        rest = await stage.get(first["links"]["next"])
        assert [each["id"] for each in rest["data"]] == ["vehicle_10", "vehicle_11"]
        assert rest["links"]["next"] is None
        assert (await stage.get(rest["links"]["prev"]))["data"] == first["data"][:8]


async def test_devices_can_be_included(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        boat = await create(stage, "Boat")
        await stage.configured(1, vehicle_id=boat["id"])
        await stage.configured(2)
        found = await stage.get(f"/api/vehicles/{boat['id']}?include=devices&fields[devices]=device_type")
        assert found["data"]["relationships"]["devices"]["data"] == [{"type": "devices", "id": address(1)}]
        assert [(each["id"], each["attributes"]) for each in found["included"]] == [
            (address(1), {"device_type": "TOY"})
        ]


@pytest.mark.parametrize("place", ["x", "vehicle_", "vehicle_²", "vehicle_-1", "vehicle_" + "9" * 5000])
async def test_a_forged_cursor_does_no_harm(place: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        assert (await stage.get(f"/api/vehicles?page[after]={encode_cursor(place)}"))["data"] == []
