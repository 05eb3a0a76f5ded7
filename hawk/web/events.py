"""/api/events: what happens, as it happens (server-sent events)."""

from collections.abc import AsyncIterator, Callable, Iterable

from quart import Blueprint, Response, request

from hawk.errors import BadAddress
from hawk.model.address import parse_address
from hawk.web.http import admission, services
from hawk.web.query import Parameters, bad_parameter
from hawk.web.services import Services
from hawk.web.stream import TYPES, Wanted, open_stream

routes = Blueprint("events", __name__)

_QUERY = Parameters(names=("types", "device"))
_EVENT_STREAM = "text/event-stream"


@routes.get("/api/events")
async def get_events() -> Response:
    wanted = wanted_events(request.args.items(multi=True))
    ours = services()
    ours.streams.check_room(ours.settings.api.max_streams)
    headers = {"X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(b"", 200, headers, content_type=_EVENT_STREAM)
    since = last_event_id(request.headers.get("Last-Event-ID"))
    response = Response(_bytes(ours, wanted, admission(), since), 200, headers, content_type=_EVENT_STREAM)
    response.timeout = None  # Quart ends a response after a minute otherwise
    return response


async def _bytes(
    ours: Services, wanted: Wanted, admitted: Callable[[], bool], since: int | None
) -> AsyncIterator[bytes]:
    with open_stream(ours, wanted, admitted) as stream:
        yield await stream.begin(since)
        while not stream.over:
            yield await stream.wait_more()


def wanted_events(arguments: Iterable[tuple[str, str]]) -> Wanted:
    """Raises ApiError 400."""
    asked = _QUERY.parse(arguments)
    types = frozenset(filter(None, asked.values.get("types", ",".join(TYPES)).split(",")))
    if types - set(TYPES):
        raise bad_parameter("types", f"can name {', '.join(TYPES)}")
    try:
        device = parse_address(text) if (text := asked.values.get("device")) is not None else None
    except BadAddress as error:
        raise bad_parameter("device", f"is an address: {error}") from None
    return Wanted(types, device)


def last_event_id(text: str | None) -> int | None:
    """None for what no stream of ours ever sent."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else None
