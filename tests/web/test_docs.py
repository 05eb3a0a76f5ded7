"""docs/api.md is complete."""

import re
from pathlib import Path

import pytest

from hawk.directory.messages import VehicleView
from hawk.model.device import DeviceView
from hawk.model.summary import Resolution, Summary
from hawk.model.vehicle import Member, Vehicle, summarise
from hawk.web import readings
from hawk.web.app import create_app
from hawk.web.resources import device_resource, reading_resource, summary_resource, vehicle_resource
from hawk.web.stream import TYPES
from tests.doubles import NOON, VirtualClock, address, device
from tests.web.stage import reading

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ENDPOINT = re.compile(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`?]*)` \|", re.MULTILINE)
VEHICLE = Vehicle("vehicle_1", "Boat", None)
DAY = Summary(address(1), Resolution.DAY, NOON, 1, {}, "BM6", "Starter", None, None, "0123456789ab", False, 1)


def served() -> set[str]:
    rules = create_app(None).url_map.iter_rules()  # type: ignore[arg-type]  # nothing is asked of it
    return {
        f"{method} {rule.rule}".replace("<mac>", "{mac}")
        .replace("<vehicle_id>", "{id}")
        .replace("<job_id>", "{id}")
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_what_is_served_is_documented_and_the_other_way_round() -> None:
    assert set(ENDPOINT.findall(PAGE)) == served()


def section(title: str) -> str:
    _, _, rest = PAGE.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


async def test_every_attribute_is_documented() -> None:
    summary = summarise(VEHICLE, [Member.of(DeviceView(device()))], VirtualClock().moment())
    vehicle = vehicle_resource(VehicleView(VEHICLE, (), summary, listed=True))["attributes"]
    documented = {
        "Devices": device_resource(DeviceView(device()), 3600.0)["attributes"].keys(),
        "Readings": reading_resource(reading())["attributes"].keys(),
        "Hours and days": summary_resource(DAY)["attributes"].keys(),
        "Vehicles": vehicle.keys(),
    }
    for title, attributes in documented.items():
        assert [name for name in attributes if f"`{name}`" not in section(title)] == [], title


@pytest.mark.parametrize("name", [*TYPES, "hello", "gap", "bye"])
def test_every_event_is_documented(name: str) -> None:
    assert f"`{name}`" in section("Events")


@pytest.mark.parametrize("name", [each.name for each in readings.PARAMETERS.own])
def test_every_filter_of_readings_is_documented(name: str) -> None:
    assert f"`{name}`" in section("Readings")
