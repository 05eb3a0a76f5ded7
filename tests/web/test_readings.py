"""/api/readings: the log of one device."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart import Response

from hawk.errors import StoreUnavailable
from hawk.model.reading import Source
from hawk.model.summary import Resolution
from hawk.store.messages import GetReadings, ImportReadings, Kept
from hawk.web.jsonapi import ApiError
from hawk.web.readings import PARAMETERS, wanted_readings, wanted_resolution, wanted_summaries
from tests.doubles import NOON, VirtualClock, address
from tests.web.stage import GATEWAY, Stage, open_stage, reading

MAC = address(1)
PATH = f"/api/readings/{MAC}"


async def listed(stage: Stage, query: str = "") -> list[float]:
    return [each["attributes"]["voltage"] for each in (await stage.get(PATH + query))["data"]]


async def test_the_newest_reading_comes_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.put(*(reading(1, second, voltage=second) for second in (3, 1, 2)), reading(2, 9))
        assert await listed(stage) == [3, 2, 1]
        assert await listed(stage, "?sort=-timestamp") == [3, 2, 1]
        assert await listed(stage, "?sort=timestamp") == [1, 2, 3]


async def test_pages_follow_one_another_while_new_readings_come(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.put(*(reading(1, second, voltage=second) for second in range(5)))
        seen: list[float] = []
        page: dict[str, Any] = {"links": {"next": f"{PATH}?page[size]=2"}}
        while (path := page["links"]["next"]) is not None:
            page = await stage.get(path)
            seen += [each["attributes"]["voltage"] for each in page["data"]]
            assert "meta" not in page
            stage.shelf.put(reading(1, 100 + len(seen)))
        assert seen == [4, 3, 2, 1, 0]
        before = await stage.get(page["links"]["prev"])
        assert [each["attributes"]["voltage"] for each in before["data"]] == [2, 1]
        assert (await stage.get(before["links"]["next"]))["data"] == page["data"]


async def test_a_span_and_a_source_can_be_asked_for(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.put(*(reading(1, second, voltage=second) for second in range(5)))
        stage.shelf.put(reading(1, 5, voltage=5, source=Source.GATT))
        assert await listed(stage, "?filter[from]=2026-11-18T11:06:43Z") == [5, 4, 3]
        assert await listed(stage, "?filter[to]=2026-11-18T12:06:41%2B01:00") == [1, 0]
        assert await listed(stage, "?filter[to]=2026-11-18T12:06:41+01:00") == [1, 0]
        assert await listed(stage, "?filter[source]=gatt") == [5]


async def test_a_device_without_readings_has_an_empty_list_and_an_unknown_one_none(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.error(await stage.ask("GET", PATH), 404)
        await stage.configured()
        assert await listed(stage) == []


async def test_a_removed_device_keeps_its_readings(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.put(reading(1, 0, voltage=1))
        assert await listed(stage) == [1]
        assert await listed(stage, "?filter[source]=history") == []


async def test_fields_can_be_chosen(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.put(reading(1, 0, voltage=1))
        (found,) = (await stage.get(f"{PATH}?fields[readings]=voltage,current"))["data"]
        assert found["attributes"] == {"voltage": 1, "current": None}


async def test_a_log_that_cannot_be_read_is_503(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.trouble = StoreUnavailable("the disk refuses")
        error = await stage.error(await stage.ask("GET", PATH), 503)
        assert error["code"] == "store_unavailable"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filter[from]", "yesterday"),
        ("filter[from]", "2026-11-18T11:06:43"),
        ("filter[to]", ""),
        ("filter[source]", "radio"),
        ("filter[resolution]", "minute"),
        ("sort", "voltage"),
        ("page[after]", "eA"),
        ("page[after]", "LS01"),
    ],
)
async def test_a_wrong_parameter_is_named(name: str, value: str) -> None:
    async with open_stage() as stage:
        error = await stage.error(await stage.ask("GET", f"{PATH}?{name}={value}"), 400)
        assert error["source"] == {"parameter": name}


@pytest.mark.parametrize("resolution", ["raw", "auto"])
async def test_a_short_span_is_single_readings(resolution: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        stage.shelf.put(reading(1, 0, voltage=1))
        assert await listed(stage, f"?filter[resolution]={resolution}") == [1]


def test_a_query_becomes_a_question_to_the_log() -> None:
    asked = PARAMETERS.parse(
        [("filter[from]", "2026-11-18T11:06:40Z"), ("sort", "timestamp"), ("page[size]", "5")]
    )
    assert wanted_readings(MAC, asked) == GetReadings(MAC, since=NOON, limit=5, newest_first=False)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(PARAMETERS.known())), st.text() | st.datetimes().map(str)),
        unique_by=lambda each: each[0],
    )
)
def test_any_query_is_a_question_or_refused(arguments: list[tuple[str, str]]) -> None:
    try:
        asked = PARAMETERS.parse(arguments)
        wanted_readings(MAC, asked)
        wanted_summaries(MAC, wanted_resolution(asked) or Resolution.HOUR, asked)
    except ApiError as error:
        assert (error.status, error.parameter in dict(arguments)) == (400, True)


# -- readings of files -----------------------------------------------------------------------

SAID = {
    "device_id": MAC,
    "timestamp": "2026-11-18T10:00:00Z",
    "source": "gatt",
    "device_type": "BM6",
    "voltage": 12.5,
}


async def sent(stage: Stage, readings: Any, kind: str = "reading-imports") -> Response:
    return await stage.send("POST", "/api/readings", {"readings": readings}, kind)


async def test_readings_of_a_file_are_given_to_the_store_as_it_says_them(tmp_path: Path) -> None:
    asked: list[ImportReadings] = []

    def keep(wanted: ImportReadings) -> Kept:
        asked.append(wanted)
        return Kept(stored=1, late=0)

    async with open_stage(tmp_path, scripts={"store": {ImportReadings: keep}}) as stage:
        await stage.configured(friendly_name="Starter")
        named = {"device_name": "Old name", "vehicle_name": "Old boat", "gateway_id": "ffffffffffff"}
        said = await sent(stage, [SAID, {**SAID, "timestamp": "2026-11-18T10:01:00Z", **named}])
        assert (await said.get_json())["meta"] == {"read": 2, "stored": 1, "same": 1, "late": 0}
    (one, other) = asked[0].readings
    assert (one.device_name, one.gateway_id, one.vehicle_name) == ("Starter", GATEWAY, "Vehicle 1")
    assert (other.device_name, other.gateway_id, other.vehicle_name) == ("Old name", "f" * 12, "Old boat")
    assert one.sample.voltage == 12.5


async def test_a_reading_that_cannot_be_is_named_and_none_is_stored(tmp_path: Path) -> None:
    async with open_stage(tmp_path, scripts={"store": {}}) as stage:
        error = await stage.error(await sent(stage, [SAID, {**SAID, "voltage": 4000}]), 422)
        assert error["source"] == {"pointer": "/data/attributes/readings/1/voltage"}
        later = {**SAID, "timestamp": "2999-11-19T10:00:00Z"}
        error = await stage.error(await sent(stage, [later]), 422)
        assert error["source"] == {"pointer": "/data/attributes/readings/0/timestamp"}


@pytest.mark.parametrize("readings", [None, [], {}, [SAID] * 1001, ["x"]])
async def test_a_list_of_readings_is_needed(tmp_path: Path, readings: Any) -> None:
    async with open_stage(tmp_path, scripts={"store": {}}) as stage:
        said = await sent(stage, readings)
        assert said.status_code in {413, 422}


async def test_another_kind_of_document_is_refused(tmp_path: Path) -> None:
    async with open_stage(tmp_path, scripts={"store": {}}) as stage:
        await stage.error(await sent(stage, [SAID], "readings"), 409)


async def test_nothing_is_imported_while_the_time_is_not_known(tmp_path: Path) -> None:
    async with open_stage(tmp_path, scripts={"store": {}}) as stage:
        assert isinstance(stage.services.clock, VirtualClock)
        stage.services.clock.trusted = False
        error = await stage.error(await sent(stage, [SAID]), 503)
        assert error["code"] == "clock_uncertain"
