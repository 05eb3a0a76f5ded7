"""/api/devices/{mac}/recording: what passes the radio of one device, line by line, as it happens.

Nothing of it touches a disk here: whoever asks keeps it.
"""

from collections.abc import AsyncIterator, Callable

import trio
from quart import Blueprint, Response, request

from hawk.ble.recording import Event, Line, LinesLost, header_line, line_bytes
from hawk.clock import Clock
from hawk.model.address import Address, parse_address
from hawk.web.http import admission, services
from hawk.web.operation import Answer, Operation, described
from hawk.web.query import Parameter, Parameters
from hawk.web.services import AccessChanged, Services, StreamsEnd

QUEUE = 1000  # lines that a slow client may be behind
PULSE = 15.0  # [s] between empty lines, which keep proxies from closing the stream
MINUTES, MOST_MINUTES = 30, 24 * 60

routes = Blueprint("recording", __name__)

QUERY = Parameters((Parameter("minutes", f"{MINUTES} if nobody says.", least=1, most=MOST_MINUTES),))
_JSON_LINES = "application/jsonl"


@routes.get("/api/devices/<mac>/recording")
@described(
    Operation(
        "what passes its radio, as it happens",
        (Answer(media=(_JSON_LINES,)),),
        QUERY,
        refuses=frozenset({503}),
        speaks_jsonapi=False,
    )
)
async def get_recording(mac: str) -> Response:
    """Also of a device that is not configured, or was never heard."""
    address = parse_address(mac)
    asked = QUERY.parse(request.args.items(multi=True))
    seconds = int(asked.values.get("minutes", MINUTES)) * 60.0
    ours = services()
    ours.streams.check_room(ours.settings.api.max_streams)
    headers = {"X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(b"", 200, headers, content_type=_JSON_LINES)
    response = Response(_lines(ours, address, seconds, admission()), 200, headers, content_type=_JSON_LINES)
    response.timeout = None  # Quart ends a response after a minute otherwise
    return response


async def _lines(
    ours: Services, address: Address, seconds: float, admitted: Callable[[], bool] = lambda: True
) -> AsyncIterator[bytes]:
    recorder, end = StreamRecorder(ours.clock), trio.current_time() + seconds

    def hear_of_end(fact: object) -> None:
        if isinstance(fact, StreamsEnd) or not admitted():
            recorder.end()

    stop = ours.system.bus.subscribe(hear_of_end, (StreamsEnd, AccessChanged))
    try:
        with ours.streams.counted(), ours.tape.listening(recorder.hear, address):
            yield header_line(ours.clock.moment(), simulated=ours.simulated)
            while (now := trio.current_time()) < end:
                line = b"\n"
                with trio.move_on_at(min(now + PULSE, end)):
                    line = await recorder.lines.receive()
                yield line
    except trio.EndOfChannel:
        return
    finally:
        stop()


class StreamRecorder:
    """Lines for one client. One that does not keep up loses some, and is told how many."""

    def __init__(self, clock: Clock, size: int = QUEUE) -> None:
        self._clock = clock
        self._send, self.lines = trio.open_memory_channel[bytes](size)
        self._lost = 0

    def hear(self, address: Address, event: Event) -> None:
        try:
            if self._lost:
                self._put(address, LinesLost(self._lost))
                self._lost = 0
            self._put(address, event)
        except trio.WouldBlock:
            self._lost += 1
        except trio.ClosedResourceError:
            pass  # the server is about to stop

    def end(self) -> None:
        """After what waits already."""
        self._send.close()

    def _put(self, address: Address, event: Event) -> None:
        self._send.send_nowait(line_bytes(Line(address, self._clock.moment(), event)))
