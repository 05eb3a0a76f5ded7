"""The stream of what passes the radio of one device."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from hawk.ble.recording import Event, Header, Line, LinesLost, Received, Written, header_line, read_lines
from hawk.model.reading import Moment
from hawk.web.jsonapi import ApiError
from hawk.web.recording import QUERY, StreamRecorder, _lines
from hawk.web.services import AccessChanged, StreamsEnd
from tests.doubles import VirtualClock, address
from tests.web.stage import Stage, open_stage

MAC = address(1)
HEADING = header_line(Moment(None, 0), simulated=False)


async def heard(lines: AsyncIterator[bytes], stage: Stage, *events: Event) -> list[Event]:
    """What comes of these, after the heading."""
    first = await anext(lines)
    assert isinstance(next(read_lines([first]))[1], Header)
    for event in events:
        stage.services.tape.write(MAC, event)
    return [event_of(await anext(lines)) for _ in events]


def event_of(text: bytes) -> Event:
    _, (_, line) = read_lines([HEADING, text])
    assert isinstance(line, Line)
    return line.event


async def test_it_tells_what_passes_until_its_time_is_over(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        lines, began = _lines(stage.services, MAC, 60), trio.current_time()
        events: list[Event] = [Written(b"?"), Received(b"12.60")]
        assert await heard(lines, stage, *events) == events
        assert stage.services.streams.open == 1
        assert [each async for each in lines] == [b"\n"] * 4  # so that nobody takes it for dead
        assert trio.current_time() - began == 60
        assert (stage.services.streams.open, stage.services.tape.wanted(MAC)) == (0, False)


async def test_it_ends_when_the_server_stops(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        lines = _lines(stage.services, MAC, 3600)
        await heard(lines, stage)
        stage.services.tape.write(MAC, Written(b"last"))
        stage.system.bus.publish(StreamsEnd())
        stage.services.tape.write(MAC, Written(b"too late"))
        assert [event_of(each) async for each in lines] == [Written(b"last")]


async def test_it_ends_when_who_asked_may_do_so_no_more(autojump_clock: MockClock) -> None:
    admitted = True
    async with open_stage() as stage:
        lines = _lines(stage.services, MAC, 3600, lambda: admitted)
        await heard(lines, stage)
        stage.system.bus.publish(AccessChanged())
        stage.services.tape.write(MAC, Written(b"still there"))
        admitted = False
        stage.system.bus.publish(AccessChanged())
        assert [event_of(each) async for each in lines] == [Written(b"still there")]


async def test_who_does_not_keep_up_is_told_how_much_is_lost(autojump_clock: MockClock) -> None:
    recorder = StreamRecorder(VirtualClock(), size=2)
    for number in range(5):
        recorder.hear(MAC, Written(bytes([number])))
    assert [event_of(recorder.lines.receive_nowait()) for _ in range(2)] == [Written(b"\0"), Written(b"\1")]
    recorder.hear(MAC, Written(b"after"))
    assert [event_of(recorder.lines.receive_nowait()) for _ in range(2)] == [LinesLost(3), Written(b"after")]
    recorder.hear(MAC, Written(b"x"))
    recorder.end()
    recorder.hear(MAC, Written(b"y"))


@pytest.mark.parametrize("text", ["0", "1441", "-1", "x", "", "1.5", "99999"])
def test_how_long_is_checked(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        QUERY.parse([("minutes", text)])
    assert refused.value.parameter == "minutes"


@pytest.mark.parametrize("text", ["1", "30", "1440"])
def test_it_is_a_minute_to_a_day(text: str) -> None:
    assert QUERY.parse([("minutes", text)]).values == {"minutes": text}


async def test_a_device_that_is_none_is_refused_and_the_head_opens_no_stream() -> None:
    async with open_stage() as stage:
        await stage.error(await stage.ask("GET", "/api/devices/nonsense/recording"), 400)
        said = await stage.ask("HEAD", f"/api/devices/{MAC}/recording")
        assert (said.status_code, said.headers["Content-Type"]) == (200, "application/jsonl")
        await wait_all_tasks_blocked()
        assert stage.services.streams.open == 0
