"""Devices in vehicles, from either side, over a real registry and directory."""

from pathlib import Path
from typing import Any

import pytest
from quart import Response

from hawk.registry.messages import Discover
from tests.doubles import address
from tests.web.stage import Stage, open_stage

A, B, C = (address(number) for number in (1, 2, 3))
BOAT, CAR = "vehicle_1", "vehicle_2"


async def harbour(stage: Stage) -> None:
    """A boat and a car; the devices 1 and 2 are in the boat."""
    for name in ("Boat", "Car"):
        await stage.send("POST", "/api/vehicles", {"name": name}, "vehicles")
    for number in (1, 2):
        await stage.configured(number, vehicle_id=BOAT)


def links(*addresses: str) -> dict[str, Any]:
    return {"data": [{"type": "devices", "id": each} for each in addresses]}


async def crew(stage: Stage, vehicle_id: str) -> list[str]:
    """The same from every side."""
    found = (await stage.get(f"/api/vehicles/{vehicle_id}/relationships/devices"))["data"]
    whole = await stage.get(f"/api/vehicles/{vehicle_id}?include=devices")
    related = await stage.get(f"/api/vehicles/{vehicle_id}/devices")
    assert whole["data"]["relationships"]["devices"]["data"] == found
    assert [{"type": each["type"], "id": each["id"]} for each in related["data"]] == found
    assert [each["id"] for each in whole["included"]] == [each["id"] for each in found]
    return [each["id"] for each in found]


async def send(stage: Stage, method: str, vehicle_id: str, *addresses: str) -> Response:
    path = f"/api/vehicles/{vehicle_id}/relationships/devices"
    return await stage.ask(method, path, json=links(*addresses))


async def test_devices_join_and_leave_a_vehicle(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        said = await send(stage, "POST", CAR, B)
        assert (said.status_code, (await said.get_json())["data"]) == (200, links(B)["data"])
        assert (await crew(stage, BOAT), await crew(stage, CAR)) == ([A], [B])
        await send(stage, "POST", CAR, B)  # again: nothing changes
        await send(stage, "DELETE", CAR, A, B)  # who is not in it is not taken out of another
        assert (await crew(stage, BOAT), await crew(stage, CAR)) == ([A], [])
        alone = await stage.get(f"/api/devices/{B}/relationships/vehicle")
        assert alone["data"] is None


async def test_the_devices_of_a_vehicle_are_set_as_a_whole(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        await stage.configured(3, vehicle_id=CAR)
        await send(stage, "PATCH", BOAT, B, C)
        assert (await crew(stage, BOAT), await crew(stage, CAR)) == ([B, C], [])
        devices = {"devices": links(A)}
        said = await stage.send(
            "PATCH", f"/api/vehicles/{BOAT}", {"name": "Ship"}, "vehicles", relationships=devices
        )
        assert (await said.get_json())["data"]["relationships"]["devices"]["data"] == links(A)["data"]
        said = await stage.send(
            "POST", "/api/vehicles", {"name": "Camper"}, "vehicles", relationships=devices
        )
        assert said.status_code == 201
        assert (await crew(stage, BOAT), await crew(stage, "vehicle_3")) == ([], [A])


async def test_the_vehicle_of_a_device_is_read_and_changed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        here = f"/api/devices/{A}"
        link = await stage.get(f"{here}/relationships/vehicle")
        assert link == (await stage.get(here))["data"]["relationships"]["vehicle"]
        assert link["links"] == {"self": f"{here}/relationships/vehicle", "related": f"{here}/vehicle"}
        assert (await stage.get(f"{here}/vehicle?fields[vehicles]=name"))["data"]["attributes"] == {
            "name": "Boat"
        }
        for data in ({"type": "vehicles", "id": CAR}, None):
            said = await stage.ask("PATCH", f"{here}/relationships/vehicle", json={"data": data})
            assert (said.status_code, (await said.get_json())["data"]) == (200, data)
        assert (await stage.get(f"{here}/vehicle"))["data"] is None


async def test_an_automatic_vehicle_that_somebody_puts_a_device_into_stays(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(1)
        await stage.configured(2)
        await send(stage, "POST", BOAT, B)
        assert [each["id"] for each in (await stage.get("/api/vehicles?filter[automatic]=true"))["data"]] == [
            BOAT
        ]
        await send(stage, "PATCH", BOAT)
        assert (await stage.get(f"/api/vehicles/{BOAT}"))["data"]["attributes"]["automatic"] is False


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "pointer"),
    [
        (
            "PATCH",
            f"/api/devices/{A}/relationships/vehicle",
            {"data": {"type": "vehicles", "id": "x"}},
            404,
            "/data",
        ),
        (
            "PATCH",
            f"/api/devices/{A}/relationships/vehicle",
            {"data": {"type": "devices", "id": A}},
            422,
            "/data",
        ),
        ("PATCH", f"/api/devices/{A}/relationships/vehicle", {"data": links(A)["data"]}, 422, "/data"),
        ("PATCH", f"/api/devices/{C}/relationships/vehicle", {"data": None}, 404, None),
        ("GET", f"/api/devices/{C}/relationships/vehicle", None, 404, None),
        ("GET", f"/api/devices/{C}/vehicle", None, 404, None),
        ("PATCH", f"/api/vehicles/{CAR}/relationships/devices", links(A, C), 404, "/data"),
        ("POST", f"/api/vehicles/{CAR}/relationships/devices", links(C), 404, "/data"),
        ("POST", f"/api/vehicles/{CAR}/relationships/devices", {"data": None}, 422, "/data"),
        ("DELETE", f"/api/vehicles/{CAR}/relationships/devices", {"data": [{"id": A}]}, 422, "/data/0"),
        ("POST", "/api/vehicles/vehicle_9/relationships/devices", links(A), 404, None),
        ("GET", "/api/vehicles/vehicle_9/relationships/devices", None, 404, None),
        ("GET", "/api/vehicles/vehicle_9/devices", None, 404, None),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place_and_changes_nothing(
    method: str, path: str, document: Any, status: int, pointer: str | None, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        before = await stage.get("/api/devices")
        error = await stage.error(await stage.ask(method, path, json=document), status)
        assert error.get("source", {}).get("pointer") == pointer
        assert await stage.get("/api/devices") == before


async def test_an_ignored_device_is_in_no_vehicle(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        await stage.send("PATCH", f"/api/devices/{A}", {"status": "ignored"})
        assert await crew(stage, BOAT) == [B]
        await stage.error(await send(stage, "POST", BOAT, A), 409)


async def test_a_device_that_nobody_configured_can_be_put_into_a_vehicle(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        found = Discover(C, "TOY", "toy", -60, "by its name", proven=False)
        await stage.services.registry.ask(found).within(5)
        await send(stage, "POST", CAR, C)
        assert await crew(stage, CAR) == [C]
        vehicles = (await stage.get("/api/vehicles?filter[automatic]=true"))["data"]
        assert [each["id"] for each in vehicles] == [BOAT, CAR]


async def test_every_relationship_leads_where_it_says(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await harbour(stage)
        for listed in ("/api/devices", "/api/vehicles"):
            for resource in (await stage.get(listed))["data"]:
                for name, relationship in resource["relationships"].items():
                    for link in relationship.get("links", {}).values():
                        if name != "connection":  # answered by the device's actor
                            await stage.get(link)


async def test_a_vehicle_that_is_told_of_nothing_stays_as_it_is(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(1)
        before = await stage.get(f"/api/vehicles/{BOAT}")
        await stage.send("PATCH", f"/api/vehicles/{BOAT}", {}, "vehicles")
        assert await stage.get(f"/api/vehicles/{BOAT}") == before
