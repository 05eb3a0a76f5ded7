"""/api/readings: the log of one device."""

from quart import Blueprint, Response, request

from hawk.errors import NotFound
from hawk.model.address import parse_address
from hawk.model.instant import parse_rfc3339
from hawk.model.reading import Source
from hawk.registry.messages import GetRegistry
from hawk.store.messages import GetReadings
from hawk.web.http import answer, arguments, negotiated, services
from hawk.web.jsonapi import Asked, bad_parameter, next_link, parse_query
from hawk.web.resources import reading_resource
from hawk.web.services import LONG_DEADLINE, ask

routes = Blueprint("readings", __name__, url_prefix="/api/readings")

_KNOWN = ("filter[from]", "filter[to]", "filter[source]", "filter[resolution]", "sort")
_SORTS = {"-timestamp": True, "timestamp": False}


@routes.get("/<mac>")
@negotiated
async def list_readings(mac: str) -> Response:
    """Newest first. What a removed device said stays readable."""
    address = parse_address(mac)
    asked = parse_query(arguments(), paged=True, known=_KNOWN)
    if asked.values.get("filter[resolution]", "raw") not in {"raw", "auto"}:
        raise bad_parameter("filter[resolution]", "can be raw or auto in this version")
    page = await ask(
        services().store,
        GetReadings(
            address=address,
            since=_instant(asked, "filter[from]"),
            until=_instant(asked, "filter[to]"),
            source=_source(asked),
            cursor=_cursor(asked),
            limit=asked.size,
            newest_first=_newest_first(asked),
        ),
        LONG_DEADLINE,
    )
    if not page.readings and address not in (await ask(services().registry, GetRegistry())).devices:
        raise NotFound(f"no device {address} is known, and there are no readings of it")
    after = None if page.next is None else str(page.next)
    return answer(
        {
            "data": [asked.sparse(reading_resource(reading)) for reading in page.readings],
            "links": {"next": next_link(request.path, asked, after)},
        }
    )


def _instant(asked: Asked, name: str) -> int | None:
    text = asked.values.get(name)
    try:
        return None if text is None else parse_rfc3339(text.replace(" ", "+"))
    except ValueError:
        raise bad_parameter(name, "is a time such as 2026-11-23T10:30:00Z") from None


def _source(asked: Asked) -> Source | None:
    word = asked.values.get("filter[source]")
    if word is None:
        return None
    for source in Source:
        if source.word == word:
            return source
    raise bad_parameter("filter[source]", "is gatt, advertisement or history")


def _cursor(asked: Asked) -> int | None:
    if asked.after is None:
        return None
    if not asked.after.lstrip("-").isdecimal() or len(asked.after) > 18:
        raise bad_parameter("page[after]", "comes from links.next")
    return int(asked.after)


def _newest_first(asked: Asked) -> bool:
    if (sort := asked.values.get("sort", "-timestamp")) not in _SORTS:
        raise bad_parameter("sort", "is timestamp or -timestamp")
    return _SORTS[sort]
