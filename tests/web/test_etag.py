"""If-Match: a change is made from the version that is there, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart import Response

from hawk.web.etag import etag, meant_by
from tests.doubles import address
from tests.web.stage import Stage, open_stage

MAC = address(1)
DEVICE, VEHICLE = f"/api/devices/{MAC}", "/api/vehicles/vehicle_1"
TAG = st.text(st.characters(min_codepoint=35, max_codepoint=126), min_size=1)


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        (None, None),
        ("*", None),
        (" * ", None),
        ('"a"', {"a"}),
        ('"a", "b,c"', {"a", "b,c"}),
        ('W/"a", "b"', {"b"}),
        ("a", set()),
        ("", set()),
    ],
)
def test_the_tags_that_are_meant_are_found(header: str | None, meant: set[str] | None) -> None:
    assert meant_by(header) == (None if meant is None else frozenset(meant))


@given(st.lists(TAG, min_size=1))
def test_any_tag_of_ours_comes_back(tags: list[str]) -> None:
    assert meant_by(", ".join(etag(tag)["ETag"] for tag in tags)) == frozenset(tags)


@given(st.text())
def test_any_header_is_understood(header: str) -> None:
    meant_by(header)


async def tag_of(stage: Stage, path: str) -> str:
    said = await stage.ask("GET", path)
    assert said.status_code == 200
    return said.headers["ETag"]


async def change(stage: Stage, method: str, path: str, tag: str, **document: Any) -> Response:
    return await stage.ask(method, path, json=document or None, headers={"If-Match": tag})


def named(kind: str, name: str) -> dict[str, Any]:
    attribute = "name" if kind == "vehicles" else "friendly_name"
    return {"data": {"type": kind, "attributes": {attribute: name}}}


@pytest.mark.parametrize(("path", "kind"), [(DEVICE, "devices"), (VEHICLE, "vehicles")])
async def test_who_changes_an_older_version_is_refused_and_changes_nothing(
    path: str, kind: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        old = await tag_of(stage, path)
        changed = await change(stage, "PATCH", path, old, **named(kind, "Boat"))
        assert changed.status_code == 200
        assert changed.headers["ETag"] == await tag_of(stage, path) != old
        before = await stage.get(path)
        for method, document in (("PATCH", named(kind, "Ship")), ("DELETE", {})):
            error = await stage.error(await change(stage, method, path, old, **document), 412)
            assert error["code"] == "changed_meanwhile"
        assert await stage.get(path) == before


@pytest.mark.parametrize("meant", ['"x", {}', "*", None])
async def test_who_names_the_version_that_is_there_or_any_is_let_in(
    meant: str | None, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        headers = {"If-Match": meant and meant.format(await tag_of(stage, DEVICE))}
        assert (await stage.ask("DELETE", DEVICE, headers=headers)).status_code == 204


async def test_a_device_that_is_gone_is_not_found_whatever_version_is_meant(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.error(await change(stage, "DELETE", DEVICE, '"x"'), 404)
        await stage.error(await change(stage, "DELETE", VEHICLE, '"x"'), 404)


async def test_the_first_of_two_who_read_the_same_wins(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        tag = await tag_of(stage, DEVICE)
        said = [
            (await change(stage, "PATCH", DEVICE, tag, **named("devices", name))).status_code
            for name in ("Starter", "House")
        ]
        assert said == [200, 412]


async def test_a_vehicle_is_another_version_when_a_device_joins(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(1)
        tag = await tag_of(stage, VEHICLE)
        await stage.configured(2, vehicle_id="vehicle_1")
        assert await tag_of(stage, VEHICLE) != tag
        assert await tag_of(stage, f"{VEHICLE}/relationships/devices") == await tag_of(stage, VEHICLE)
