"""/api/readings by hours and days, over a real log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hawk.model.reading import Moment, Source
from hawk.model.summary import DAY
from hawk.store.messages import ChooseResolution, GetReadings, GetSummaries
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.retention import Horizons
from tests.clients.grammar import check_document
from tests.doubles import NOON, address
from tests.web.stage import Stage, open_stage, reading

MAC = address(1)
PATH = f"/api/readings/{MAC}"
NOW = Moment(NOON, 1000.0)
H = 3600.0


@asynccontextmanager
async def stage_with(folder: Path, hours: int) -> AsyncIterator[tuple[Stage, Log]]:
    """A reading in each of so many hours, the newest at NOON, which is 11:06:40."""
    with Log.open(folder / "readings.db", "boot-1") as log:
        log.append([reading(1, -n * H, voltage=12.0 + n / 4) for n in reversed(range(hours))], NOW)
        while log.summarise(None).more:
            pass
        scripts: dict[str, dict[type, Any]] = {
            "store": {
                GetReadings: lambda wanted: log.page(wanted, NOW),
                GetSummaries: log.summary_page,
                ChooseResolution: lambda wanted: log.choose_resolution(wanted, NOON + 1000),
            }
        }
        async with open_stage(folder, scripts=scripts) as stage:
            yield stage, log


async def starts(stage: Stage, query: str) -> list[str]:
    return [each["attributes"]["timestamp"] for each in (await stage.get(PATH + query))["data"]]


async def kinds(stage: Stage, query: str) -> set[tuple[str, str | None]]:
    found = (await stage.get(PATH + query))["data"]
    return {(each["type"], each["attributes"].get("resolution")) for each in found}


async def walk(stage: Stage, path: str | None, way: str) -> list[Any]:
    """All documents on the way."""
    pages = []
    while path is not None:
        pages.append(await stage.get(path))
        path = pages[-1]["links"][way]
    return pages


async def test_an_hour_shows_what_its_readings_come_to(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 3) as (stage, log):
        log.append([reading(1, 60, voltage=13.0, temperature=20.0)], NOW)
        log.summarise(None)
        newest, *_ = (await stage.get(f"{PATH}?filter[resolution]=hour"))["data"]
        assert newest["type"] == "reading-summaries"
        assert newest["id"] == f"{MAC}@2026-11-18T11:00:00.000Z@hour"
        attributes = newest["attributes"]
        assert (attributes["timestamp"], attributes["count"]) == ("2026-11-18T11:00:00.000Z", 2)
        voltage = {part: attributes[f"voltage_{part}"] for part in ("count", "min", "max", "mean", "last")}
        assert voltage == {"count": 2, "min": 12.0, "max": 13.0, "mean": 12.5, "last": 13.0}
        assert (attributes["temperature_count"], attributes["temperature_mean"]) == (1, 20.0)
        assert attributes["current_count"] is attributes["current_mean"] is None
        assert (attributes["device_name"], attributes["vehicle_name"]) == ("Toy 1", "Boat")
        assert newest["relationships"]["device"]["data"] == {"type": "devices", "id": MAC}


async def test_days_are_those_of_utc(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 30) as (stage, _):
        found = (await stage.get(f"{PATH}?filter[resolution]=day&sort=timestamp"))["data"]
        assert [(each["attributes"]["timestamp"], each["attributes"]["count"]) for each in found] == [
            ("2026-11-17T00:00:00.000Z", 18),
            ("2026-11-18T00:00:00.000Z", 12),
        ]


async def test_pages_follow_one_another_in_both_directions(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 7) as (stage, _):
        for sort, expected in (("timestamp", sorted), ("-timestamp", lambda each: sorted(each)[::-1])):
            pages = await walk(stage, f"{PATH}?filter[resolution]=hour&page[size]=3&sort={sort}", "next")
            seen = [each["attributes"]["timestamp"] for page in pages for each in page["data"]]
            assert len(seen) == 7
            assert seen == expected(seen)
            for page in pages:
                check_document(page)
            back = await walk(stage, pages[-1]["links"]["prev"], "prev")
            assert [each["data"] for each in back[::-1]] == [each["data"] for each in pages[:-1]]


async def test_a_span_takes_in_the_hour_that_it_begins_in(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 7) as (stage, _):
        span = "&filter[from]=2026-11-18T07:30:00Z&filter[to]=2026-11-18T09:00:00Z"
        assert await starts(stage, f"?filter[resolution]=hour{span}") == [
            "2026-11-18T09:00:00.000Z",
            "2026-11-18T08:00:00.000Z",
            "2026-11-18T07:00:00.000Z",
        ]


async def test_fields_can_be_chosen(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 1) as (stage, _):
        query = "?filter[resolution]=hour&fields[reading-summaries]=voltage_mean"
        (found,) = (await stage.get(PATH + query))["data"]
        assert found["attributes"] == {"voltage_mean": 12.0}


@pytest.mark.parametrize("resolution", ["hour", "day"])
async def test_a_summary_cannot_be_narrowed_to_a_source(tmp_path: Path, resolution: str) -> None:
    async with stage_with(tmp_path, 1) as (stage, _):
        said = await stage.ask("GET", f"{PATH}?filter[resolution]={resolution}&filter[source]=gatt")
        error = await stage.error(said, 400)
        assert error["source"] == {"parameter": "filter[source]"}
        assert "all sources" in error["detail"]


async def test_a_device_of_which_only_summaries_are_left_is_known(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 0) as (stage, log):
        log.append([replace(reading(1, 0), source=Source.HISTORY)], NOW)
        log.summarise(None)
        wanted = Round(Horizons(NOON + DAY, None, None, None), 2**60)
        while log.purge(wanted):
            pass
        assert await starts(stage, "") == []
        assert len(await starts(stage, "?filter[resolution]=day")) == 1
        await stage.error(await stage.ask("GET", f"/api/readings/{address(2)}?filter[resolution]=day"), 404)


# -- auto --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("", ("reading-summaries", "hour")),  # all there is: twenty days
        ("&filter[from]=2026-11-17T00:00:00Z", ("readings", None)),
        ("&filter[from]=2026-11-10T11:06:41Z", ("readings", None)),  # eight days
        ("&filter[from]=2026-11-09T00:00:00Z", ("reading-summaries", "hour")),
        ("&filter[from]=2026-11-01T00:00:00Z&filter[to]=2026-11-03T00:00:00Z", ("readings", None)),
        ("&filter[from]=2025-01-01T00:00:00Z", ("reading-summaries", "day")),
        ("&filter[from]=2025-01-01T00:00:00Z&filter[source]=advertisement", ("readings", None)),
    ],
)
async def test_auto_takes_what_suits_the_span(
    tmp_path: Path, span: str, expected: tuple[str, str | None]
) -> None:
    async with stage_with(tmp_path, 480) as (stage, _):
        assert await kinds(stage, f"?filter[resolution]=auto{span}") == {expected}


async def test_without_a_resolution_there_are_single_readings(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 480) as (stage, _):
        assert await kinds(stage, "") == {("readings", None)}


async def test_auto_takes_the_coarser_one_where_the_finer_is_gone(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 480) as (stage, log):
        old = "&filter[from]=2026-11-01T00:00:00Z&filter[to]=2026-11-03T00:00:00Z"
        wanted = Round(Horizons(NOON - 5 * DAY, None, None, None), 2**60)
        while log.purge(wanted):
            pass
        assert await kinds(stage, f"?filter[resolution]=auto{old}") == {("reading-summaries", "hour")}
        assert await kinds(stage, "?filter[resolution]=auto&filter[from]=2026-11-14T00:00:00Z") == {
            ("readings", None)
        }
        hours = Round(Horizons(NOON - 5 * DAY, NOON - 5 * DAY, None, None), 2**60)
        while log.purge(hours):
            pass
        assert await kinds(stage, f"?filter[resolution]=auto{old}") == {("reading-summaries", "day")}


async def test_the_pages_of_auto_stay_with_one_resolution(tmp_path: Path) -> None:
    async with stage_with(tmp_path, 480) as (stage, _):
        page = await stage.get(f"{PATH}?filter[resolution]=auto&page[size]=2")
        assert all("filter%5Bresolution%5D=hour" in page["links"][name] for name in ("self", "first", "next"))
