"""/api/readings: the log of one device."""

import re
from collections.abc import Mapping
from typing import TypeVar

from quart import Blueprint, Response, request

from hawk.errors import NotFound
from hawk.model.address import Address, parse_address
from hawk.model.instant import parse_rfc3339
from hawk.model.reading import Source
from hawk.registry.messages import GetRegistry
from hawk.store.messages import GetReadings
from hawk.web.http import answer, endpoint, services
from hawk.web.query import Asked, Parameters, bad_cursor, bad_parameter
from hawk.web.resources import reading_resource
from hawk.web.services import LONG_DEADLINE, ask

T = TypeVar("T")

routes = Blueprint("readings", __name__, url_prefix="/api/readings")

_SOURCES = {source.word: source for source in Source}
_NEWEST_FIRST = {"-timestamp": True, "timestamp": False}
PARAMETERS = Parameters(
    names=("filter[from]", "filter[to]", "filter[source]", "filter[resolution]", "sort"),
    kinds=("readings",),
    paged=True,
)


@routes.get("/<mac>")
@endpoint(PARAMETERS)
async def list_readings(asked: Asked, mac: str) -> Response:
    """Newest first. What a removed device said stays readable."""
    wanted = wanted_readings(parse_address(mac), asked)
    page = await ask(services().store, wanted, LONG_DEADLINE)
    if not page.readings:
        await check_known(wanted.address)
    after = None if page.next is None else str(page.next)
    return answer(
        {
            "data": [asked.sparse(reading_resource(reading)) for reading in page.readings],
            "links": {"next": asked.next_link(request.path, after)},
        }
    )


def wanted_readings(address: Address, asked: Asked) -> GetReadings:
    """Raises ApiError 400."""
    _check_resolution(asked.values.get("filter[resolution]", "auto"))
    return GetReadings(
        address=address,
        since=_instant(asked, "filter[from]"),
        until=_instant(asked, "filter[to]"),
        source=_word(asked, "filter[source]", _SOURCES),
        cursor=cursor_of(asked.after),
        limit=asked.size,
        newest_first=_word(asked, "sort", _NEWEST_FIRST) is not False,
    )


def _check_resolution(word: str) -> None:
    if word in {"hour", "day"}:
        raise bad_parameter("filter[resolution]", f"cannot be {word} yet: there are no summaries so far")
    if word not in {"raw", "auto"}:
        raise bad_parameter("filter[resolution]", "is raw, hour, day or auto")


def _instant(asked: Asked, name: str) -> int | None:
    """In a query a plus sign that nobody escaped has become a blank."""
    if (text := asked.values.get(name)) is None:
        return None
    try:
        return parse_rfc3339(text.replace(" ", "+"))
    except ValueError:
        raise bad_parameter(name, "is a time such as 2026-11-23T10:30:00Z") from None


def _word(asked: Asked, name: str, words: Mapping[str, T]) -> T | None:
    if (word := asked.values.get(name)) is None:
        return None
    if word not in words:
        raise bad_parameter(name, f"is one of {', '.join(words)}")
    return words[word]


def cursor_of(place: str | None) -> int | None:
    """Of a page in the order of time. Raises ApiError 400."""
    if place is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,17}", place):
        raise bad_cursor()
    return int(place)


async def check_known(address: Address) -> None:
    """Raises NotFound for a device that nobody knows or knew."""
    snapshot = await ask(services().registry, GetRegistry())
    if address in snapshot.devices:
        return
    if not (await ask(services().store, GetReadings(address, limit=1), LONG_DEADLINE)).readings:
        raise NotFound(f"no device {address} is known, and there are no readings of it")
