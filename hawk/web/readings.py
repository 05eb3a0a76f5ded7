"""/api/readings: the log of one device, as it is or by hours and days; and readings of files, into the log."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from quart import Blueprint, Response, request

from hawk.archive.attribution import attributed
from hawk.errors import NotFound
from hawk.model.address import Address, parse_address
from hawk.model.instant import parse_rfc3339
from hawk.model.reading import Source
from hawk.model.summary import Resolution
from hawk.registry.messages import GetRegistry
from hawk.store.messages import ChooseResolution, GetReadings, GetSummaries, ImportReadings
from hawk.web import bodies
from hawk.web.attributes import imported_readings
from hawk.web.http import answer, endpoint, services
from hawk.web.jsonapi import ApiError
from hawk.web.kinds import READINGS, SUMMARIES
from hawk.web.operation import Answer, page
from hawk.web.paging import Links, page_links, read
from hawk.web.query import Asked, Parameter, Parameters, bad_cursor, bad_parameter
from hawk.web.resources import reading_resource, summary_resource
from hawk.web.services import LONG_DEADLINE, ask
from hawk.web.shapes import ImportMeta

T = TypeVar("T")

routes = Blueprint("readings", __name__, url_prefix="/api/readings")

_FROM = Parameter("filter[from]", "The first instant.", form="date-time")
_TO = Parameter("filter[to]", "The last one.", form="date-time")
_SOURCES: Mapping[str, Source] = {source.word: source for source in Source}
_NEWEST_FIRST = {"-timestamp": True, "timestamp": False}
_RESOLUTIONS: Mapping[str, Resolution | None] = {"raw": None, "hour": Resolution.HOUR, "day": Resolution.DAY}
PARAMETERS = Parameters(
    (
        _FROM,
        _TO,
        Parameter("filter[source]", "How they came. Hours and days are of all sources.", tuple(_SOURCES)),
        Parameter(
            "filter[resolution]",
            "Single readings, or what they come to by hours or days; `auto` is what suits the span.",
            (*_RESOLUTIONS, "auto"),
        ),
        Parameter("sort", "The newest first, as without it, or the oldest.", tuple(_NEWEST_FIRST)),
    ),
    kinds=("readings", "reading-summaries"),
    paged=True,
)


@routes.get("/<mac>")
@endpoint("the log of one device", page(READINGS, SUMMARIES, counted=False), parameters=PARAMETERS)
async def list_readings(asked: Asked, mac: str) -> Response:
    """Newest first. What a removed device said stays readable."""
    address = parse_address(mac)
    asked = await _with_resolution(asked, address)
    links, found = await _page(asked, address)
    if not found:
        await check_known(address)
    return answer({"data": [asked.sparse(each) for each in found], "links": links})


async def _page(asked: Asked, address: Address) -> tuple[Links, list[dict[str, Any]]]:
    store = services().store
    if (resolution := wanted_resolution(asked)) is None:
        readings = await ask(store, wanted_readings(address, asked), LONG_DEADLINE)
        page = read(asked, readings.readings, readings.next)
        links = page_links(asked, request.path, page, lambda reading: str(reading.moment.utc))
        return links, [reading_resource(each) for each in page.items]
    summaries = await ask(store, wanted_summaries(address, resolution, asked), LONG_DEADLINE)
    summed = read(asked, summaries.summaries, summaries.next)
    links = page_links(asked, request.path, summed, lambda summary: str(summary.start))
    return links, [summary_resource(each) for each in summed.items]


async def _with_resolution(asked: Asked, address: Address) -> Asked:
    """`auto` becomes what it is this time, so that all pages are of one kind."""
    if asked.values.get("filter[resolution]") != "auto":
        return asked
    resolution = None
    if "filter[source]" not in asked.values:  # summaries are of all sources
        resolution = await ask(services().store, wanted_choice(address, asked), LONG_DEADLINE)
    word = "raw" if resolution is None else resolution.value
    return replace(asked, values={**asked.values, "filter[resolution]": word})


def wanted_resolution(asked: Asked) -> Resolution | None:
    """None for single readings."""
    return _RESOLUTIONS[asked.values.get("filter[resolution]", "raw")]


def wanted_choice(address: Address, asked: Asked) -> ChooseResolution:
    """Raises ApiError 400."""
    return ChooseResolution(address, _instant(asked, "filter[from]"), _instant(asked, "filter[to]"))


@routes.post("")
@endpoint("readings of a file into the log", Answer(meta=ImportMeta), body=bodies.READINGS)
async def import_readings(asked: Asked) -> Response:
    """All of them, or none. What is there already is not stored again."""
    ours = services()
    if (now := ours.clock.moment()).utc is None:
        raise ApiError(503, "clock_uncertain", "what time it is cannot be told yet: try again later")
    readings = imported_readings(asked.body, now)
    fleet = await ask(ours.registry, GetRegistry())
    known = tuple(attributed(each, fleet, ours.gateway_id) for each in readings)
    kept = await ask(ours.store, ImportReadings(known), LONG_DEADLINE)
    same = len(known) - kept.stored - kept.late
    return answer({"meta": {"read": len(known), "stored": kept.stored, "same": same, "late": kept.late}})


def wanted_readings(address: Address, asked: Asked) -> GetReadings:
    """Raises ApiError 400."""
    return GetReadings(
        address=address,
        since=_instant(asked, "filter[from]"),
        until=_instant(asked, "filter[to]"),
        source=_word(asked, "filter[source]", _SOURCES),
        cursor=cursor_of(asked),
        limit=asked.size,
        newest_first=_newest_first(asked) == (asked.before is None),
    )


def wanted_summaries(address: Address, resolution: Resolution, asked: Asked) -> GetSummaries:
    """Raises ApiError 400."""
    if "filter[source]" in asked.values:
        raise bad_parameter(
            "filter[source]", f"cannot narrow a summary of the {resolution.value}, which is of all sources"
        )
    return GetSummaries(
        address=address,
        resolution=resolution,
        since=_instant(asked, "filter[from]"),
        until=_instant(asked, "filter[to]"),
        cursor=cursor_of(asked),
        limit=asked.size,
        newest_first=_newest_first(asked) == (asked.before is None),
    )


def _newest_first(asked: Asked) -> bool:
    return _word(asked, "sort", _NEWEST_FIRST) is not False


def _instant(asked: Asked, name: str) -> int | None:
    """In a query a plus sign that nobody escaped has become a blank."""
    if (text := asked.values.get(name)) is None:
        return None
    try:
        return parse_rfc3339(text.replace(" ", "+"))
    except ValueError:
        raise bad_parameter(name, "is a time such as 2026-11-23T10:30:00Z") from None


def _word(asked: Asked, name: str, words: Mapping[str, T]) -> T | None:
    return None if (word := asked.values.get(name)) is None else words[word]


def cursor_of(asked: Asked) -> int | None:
    """Of a page in the order of time. Raises ApiError 400."""
    name = "page[after]" if asked.before is None else "page[before]"
    if (place := asked.after or asked.before) is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,17}", place):
        raise bad_cursor(name)
    return int(place)


async def check_known(address: Address) -> None:
    """Raises NotFound for a device that nobody knows or knew."""
    snapshot = await ask(services().registry, GetRegistry())
    if address in snapshot.devices:
        return
    store = services().store
    if (await ask(store, GetReadings(address, limit=1), LONG_DEADLINE)).readings:
        return
    if (await ask(store, GetSummaries(address, Resolution.DAY, limit=1), LONG_DEADLINE)).summaries:
        return
    raise NotFound(f"no device {address} is known, and there are no readings of it")
