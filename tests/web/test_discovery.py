"""/api/discovery, over a real registry and directory."""

from pathlib import Path
from typing import Any

import pytest

from hawk.jobs.messages import Found, Job, JobState, ReadOf, StartDiscovery
from hawk.registry.messages import Discover
from hawk.web.resources import job_resource
from tests.doubles import address
from tests.web.stage import Stage, open_stage, reading


async def found(stage: Stage, number: int) -> None:
    said = Discover(address(number), "TOY", f"Toy {number}", -60, "a name", proven=False)
    await stage.services.registry.ask(said).within(5)


async def test_the_list_has_what_waits_for_configuration_page_by_page(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in (1, 2, 3):
            await found(stage, number)
        await stage.configured(4)
        first = await stage.get("/api/discovery?page[size]=2")
        rest = await stage.get(first["links"]["next"])
        everything = [*first["data"], *rest["data"]]
        assert [each["id"] for each in everything] == [address(1), address(2), address(3)]
        assert (first["meta"], rest["links"]["next"]) == ({"total": 3}, None)
        attributes = everything[0]["attributes"]
        assert everything[0]["type"] == "discoveries"
        assert (attributes["name"], attributes["rssi"], attributes["reason"]) == ("Toy 1", -60, "a name")
        assert attributes["first_seen"] <= attributes["last_seen"]
        assert (await stage.send("POST", f"/api/devices/{address(1)}")).status_code == 200
        assert (await stage.get("/api/discovery"))["meta"] == {"total": 2}


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({}, StartDiscovery()),
        ({"duration": 30}, StartDiscovery(30.0)),
        ({"duration": None, "connect": True}, StartDiscovery(connect=True)),
    ],
)
async def test_looking_around_is_a_job(attributes: dict[str, Any], wanted: StartDiscovery) -> None:
    asked: list[StartDiscovery] = []

    def start(message: StartDiscovery) -> Job:
        asked.append(message)
        return Job("abc", "discovery", None)

    async with open_stage(scripts={"jobs": {StartDiscovery: start}}) as stage:
        said = await stage.send("POST", "/api/discovery", attributes, "jobs")
        assert (said.status_code, said.headers["Location"]) == (202, "/api/jobs/abc")
        assert "relationships" not in (await said.get_json())["data"]
        assert (await stage.ask("POST", "/api/discovery")).status_code == 202
    assert asked == [wanted, StartDiscovery()]


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"duration": 0.5}, "duration"),
        ({"duration": 301}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": "10"}, "duration"),
        ({"connect": 1}, "connect"),
        ({"days": 1}, "days"),
    ],
)
async def test_a_wrong_wish_is_refused_with_its_place(attributes: dict[str, Any], pointer: str) -> None:
    async with open_stage() as stage:
        said = await stage.send("POST", "/api/discovery", attributes, "jobs")
        assert (await stage.error(said, 422))["source"] == {"pointer": f"/data/attributes/{pointer}"}


def test_what_was_found_and_said_is_the_result() -> None:
    said = ReadOf(address(2), code="silent", detail="no answer")
    result = Found((address(1), address(2)), (address(2),), (ReadOf(address(1), reading(1)), said))
    job = job_resource(Job("abc", "discovery", None, JobState.DONE, 1.0, result))["attributes"]["result"]
    assert (job["found"], job["new"]) == ([address(1), address(2)], [address(2)])
    assert job["read"][0]["reading"]["voltage"] == 12.6
    assert job["read"][1] == {
        "id": address(2),
        "reading": None,
        "error": {"code": "silent", "detail": "no answer"},
    }
