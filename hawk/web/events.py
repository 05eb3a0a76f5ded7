"""/api/events: what happens, as it happens (server-sent events)."""

from collections.abc import AsyncIterator, Callable, Iterable

from quart import Blueprint, Response, request

from hawk.errors import BadAddress
from hawk.model.address import parse_address
from hawk.web.bodies import ANY_MAC
from hawk.web.http import admission, services
from hawk.web.operation import Answer, Operation, described
from hawk.web.query import Parameter, Parameters, bad_parameter
from hawk.web.services import Services
from hawk.web.stream import TYPES, Wanted, open_stream

routes = Blueprint("events", __name__)

_EVENT_STREAM = "text/event-stream"
_QUERY = Parameters(
    (
        Parameter("types", "Only events of these types.", TYPES, many=True),
        Parameter(
            "device", "Only events of this device; vehicles and system come all the same.", form=ANY_MAC
        ),
    )
)


@routes.get("/api/events")
@described(
    Operation(
        "what happens, as it happens",
        (Answer(media=(_EVENT_STREAM,)),),
        _QUERY,
        headers=("Last-Event-ID",),
        refuses=frozenset({503}),
        speaks_jsonapi=False,
    )
)
async def get_events() -> Response:
    """`Last-Event-ID` brings back up to 1,000 readings. A client that falls more than 256 facts behind is told of
    a `gap`, and the stream ends. A comment comes every 15 s.
    """
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
    try:
        device = parse_address(text) if (text := asked.values.get("device")) is not None else None
    except BadAddress as error:
        raise bad_parameter("device", f"is an address: {error}") from None
    return Wanted(types, device)


def last_event_id(text: str | None) -> int | None:
    """None for what no stream of ours ever sent."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else None
