"""A recording that is played: the same is heard, the same is said, at the same pace, marked as simulated."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from hawk.ble.radio import Limits, Radio
from hawk.ble.recording import (
    Decoded,
    DriverChosen,
    Heard,
    Line,
    LinkMoved,
    Outcome,
    Received,
    SessionBegan,
    SessionEnded,
    Written,
)
from hawk.ble.recording_file import recording_to
from hawk.ble.redecoding import Redecoder, explain
from hawk.ble.replay import LARGEST, ReplayedRadio, read_script, script_of
from hawk.ble.tape import Tape, TapedRadio
from hawk.devices.exchange import LiveExchange
from hawk.drivers import catalogue
from hawk.drivers.catalogue import Catalogue
from hawk.drivers.renogy_drivers import CONTROLLER
from hawk.errors import Busy, ConnectTimedOut, Invalid, LinkLost, NotHeard, SilentDevice, Undecodable
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Moment, Sample
from tests.ble.test_recording import lines
from tests.doubles import TOY, ScriptedRadio, Session, VirtualClock, address, advert, toys
from tests.drivers.test_modbus import BY_ID, EXAMPLES


def heard(at: float, said: str, number: int = 1) -> Line:
    return Line(address(number), Moment(None, 500 + at), Heard(advert(number, said), Outcome("TOY")))


async def listened(radio: Radio, seconds: float) -> list[tuple[float, Advertisement]]:
    """What was heard meanwhile, and when."""
    came: list[tuple[float, Advertisement]] = []
    began = trio.current_time()
    with trio.move_on_after(seconds):
        await radio.scan(lambda each: came.append((round(trio.current_time() - began, 3), each)))
    return came


def times(came: list[tuple[float, Advertisement]]) -> list[tuple[float, str]]:
    return [(at, each.manufacturer_data[0x0701].decode()) for at, each in came]


async def read(radio: Radio, number: int = 1, tape: Tape | None = None) -> tuple[Sample | None, float]:
    """The sample, and how long it took."""
    exchange = LiveExchange((tape or Tape()).codec(address(number), TOY))
    began = trio.current_time()
    await radio.converse(address(number), TOY.needed_gatt(), exchange, Limits(), lambda _: None)
    return exchange.sample, trio.current_time() - began


async def recorded(
    tmp_path: Path, scripted: ScriptedRadio, act: Callable[[TapedRadio, Tape], object], drivers: Catalogue
) -> Path:
    path, tape = tmp_path / "recording.jsonl", Tape()
    radio = TapedRadio(scripted, tape, partial(explain, drivers))
    with recording_to(path, VirtualClock(), simulated=False) as recorder, tape.listening(recorder.hear):
        await act(radio, tape)  # type: ignore[misc]  # some acts are awaited, all are of one list
    return path


# -- hearing -----------------------------------------------------------------------------------


async def test_what_was_heard_is_heard_again_at_its_pace_and_from_the_beginning_at_the_end(
    autojump_clock: MockClock,
) -> None:
    radio = ReplayedRadio(script_of([heard(0, "1"), heard(2.5, "2"), heard(4, "3")]))
    came = await listened(radio, 8.9)
    assert times(came) == [(0, "1"), (2.5, "2"), (4, "3"), (5, "1"), (7.5, "2")]
    assert radio.simulated
    assert all(each.simulated for _, each in came)


async def test_it_can_be_played_faster(autojump_clock: MockClock) -> None:
    radio = ReplayedRadio(script_of([heard(0, "1"), heard(10, "2")]), speed=10)
    assert times(await listened(radio, 2.5)) == [(0, "1"), (1, "2"), (2, "1")]


async def test_a_scan_that_is_begun_anew_goes_on_where_the_recording_is(autojump_clock: MockClock) -> None:
    radio = ReplayedRadio(script_of([heard(0, "1"), heard(10, "2"), heard(20, "3")]))
    assert times(await listened(radio, 5)) == [(0, "1")]
    await trio.sleep(6)
    assert times(await listened(radio, 15)) == [(9, "3"), (10, "1")]


async def test_a_clock_that_was_set_neither_stops_it_nor_turns_it_back(autojump_clock: MockClock) -> None:
    script = script_of([heard(0, "1"), heard(1e9, "2"), heard(-400, "3"), heard(-399, "4")])
    assert [at for at, _ in script.adverts] == [0, 3600, 3600, 3601]


async def test_a_recording_without_anything_is_silence(autojump_clock: MockClock) -> None:
    radio = ReplayedRadio(script_of([]))
    assert await listened(radio, 1000) == []
    with pytest.raises(NotHeard):
        await read(radio)


async def test_a_device_that_was_read_and_not_heard_is_heard_all_the_same(autojump_clock: MockClock) -> None:
    begin = [SessionBegan(TOY.needed_gatt()), LinkMoved(LinkState.CONNECTED), Written(b"?"), Received(b"1")]
    script = script_of(Line(address(2), Moment(None, at), e) for at, e in enumerate(begin))  # type: ignore[arg-type]  # any event, also a wrong one
    ((_, advertisement),) = await listened(ReplayedRadio(script), 1)
    assert advertisement == Advertisement(address(2), None, -60, "hci0", simulated=True)


# -- talking -----------------------------------------------------------------------------------


async def test_a_session_is_played_as_it_was(autojump_clock: MockClock, tmp_path: Path) -> None:
    scripted = ScriptedRadio()
    scripted.script(1, Session(frames=(b"ok", b"nonsense", b"12.60")))

    async def act(radio: TapedRadio, tape: Tape) -> None:
        assert (await read(radio, tape=tape))[0] == Sample(voltage=12.6, status="normal")

    radio = ReplayedRadio(read_script(await recorded(tmp_path, scripted, act, toys())))
    sample, took = await read(radio)
    assert sample == Sample(voltage=12.6, status="normal")
    assert took == pytest.approx(0.5 + 3 * 0.1 + 0.2)
    assert [(each.address, each.device_type) for each in radio.fleet] == [(address(1), "TOY")]


async def test_the_sessions_of_a_device_come_in_turn_with_their_failures(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    scripted = ScriptedRadio()
    refuse, lose = ConnectTimedOut("too far"), LinkLost("gone")
    sessions = (Session(), Session(refuse=refuse), Session(frames=(), lose=lose), Session(frames=(b"13.10",)))
    scripted.script(1, *sessions, Session(frames=(b"x",) * 12))
    errors = {1: ConnectTimedOut, 2: LinkLost, 4: Undecodable}

    async def act(radio: Radio, tape: Tape) -> None:
        for number in range(5):
            if number in errors:
                with pytest.raises(errors[number]):
                    await read(radio, tape=tape)
            else:
                sample, _ = await read(radio, tape=tape)
                assert sample is not None and sample.voltage == {0: 12.6, 3: 13.1}[number]

    radio = ReplayedRadio(read_script(await recorded(tmp_path, scripted, act, toys())))
    for _ in range(2):
        await act(radio, Tape())


async def test_an_answer_that_came_to_a_repeated_request_comes_to_it_again(autojump_clock: MockClock) -> None:
    def line(at: float, event: object) -> Line:
        return Line(address(1), Moment(None, at), event)  # type: ignore[arg-type]  # any event, also a wrong one

    script = script_of([
        line(0, SessionBegan(TOY.needed_gatt())), line(0, LinkMoved(LinkState.CONNECTING)),
        line(1, LinkMoved(LinkState.CONNECTED)), line(1, Written(b"?")), line(5, Written(b"?")),
        line(5.5, Received(b"12.60")), line(8, SessionEnded("ok")),
    ])  # fmt: skip
    sample, took = await read(ReplayedRadio(script))
    assert sample is not None and sample.voltage == 12.6
    assert took == pytest.approx(1 + 4 + 0.5 + 0.2)


async def test_it_says_when_it_has_no_answer_to_what_is_asked(autojump_clock: MockClock) -> None:
    def line(event: object) -> Line:
        return Line(address(1), Moment(None, 0), event)  # type: ignore[arg-type]  # any event, also a wrong one

    begin = [line(SessionBegan(TOY.needed_gatt())), line(LinkMoved(LinkState.CONNECTED))]
    other = [*begin, line(Written(b"history")), line(Received(b"..")), line(SessionEnded("ok"))]
    ours = [*begin, line(Written(b"?")), line(Received(b"12.60")), line(SessionEnded("ok"))]
    with pytest.raises(SilentDevice, match="no answer"):
        await read(ReplayedRadio(script_of(other)))
    sample, _ = await read(ReplayedRadio(script_of([*other, *ours])))
    assert sample is not None and sample.voltage == 12.6


async def test_a_recording_that_ends_in_a_session_loses_the_link_there(autojump_clock: MockClock) -> None:
    cut = [
        Line(address(1), Moment(None, at), event)  # type: ignore[arg-type]  # any event, also a wrong one
        for at, event in enumerate(
            [SessionBegan(TOY.needed_gatt()), LinkMoved(LinkState.CONNECTED), Written(b"?")]
        )
    ]
    with pytest.raises(LinkLost, match="ends here"):
        await read(ReplayedRadio(script_of(cut)))


async def test_one_session_with_a_device_at_a_time(autojump_clock: MockClock) -> None:
    begin = [SessionBegan(TOY.needed_gatt()), LinkMoved(LinkState.CONNECTED), Written(b"?"), Received(b"1")]
    radio = ReplayedRadio(script_of(Line(address(1), Moment(None, at), e) for at, e in enumerate(begin)))  # type: ignore[arg-type]  # any event, also a wrong one
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, radio)
        await trio.sleep(1.5)
        assert await radio.links() == (address(1),)
        with pytest.raises(Busy):
            await read(radio)
    assert await radio.links() == ()


async def test_modbus_conversations_are_played_reply_by_reply(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Captured frames in fragments of 20 bytes, to be decoded the same at once, again, and played."""
    frames = [bytes.fromhex(BY_ID[name]["response"]) for name in ("V01", "V02")]
    fragments = tuple(frame[i : i + 20] for frame in frames for i in range(0, len(frame), 20))
    scripted, samples = ScriptedRadio(), list[Sample | None]()
    refused = bytes.fromhex("ff8302a101")
    scripted.script(1, Session(frames=(fragments[0], fragments[1], refused, *fragments[2:])))

    async def act(radio: Radio, tape: Tape) -> None:
        exchange = LiveExchange(tape.codec(address(1), CONTROLLER))
        await radio.converse(address(1), CONTROLLER.needed_gatt(), exchange, Limits(), lambda _: None)
        samples.append(exchange.sample)

    drivers = catalogue.load()
    path = await recorded(tmp_path, scripted, act, drivers)
    await act(ReplayedRadio(read_script(path)), Tape())
    assert samples[0] == samples[1] is not None


# -- files -------------------------------------------------------------------------------------


def test_a_recording_that_cannot_be_played_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="missing"):
        read_script(tmp_path / "missing")
    huge = tmp_path / "huge.jsonl"
    with huge.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(Invalid, match="at most"):
        read_script(huge)


@given(st.lists(lines(), max_size=12))
def test_any_recording_makes_a_script(found: list[Line]) -> None:
    script = script_of(found)
    heard = [line.address for line in found if isinstance(line.event, Heard)]
    assert len(script.adverts) == len(heard) + len(script.sessions.keys() - set(heard))
    assert all(0 <= at <= script.length for at, _ in script.adverts)


@given(st.lists(lines(), max_size=12))
def test_any_recording_is_decoded_again_or_refused_in_words(found: list[Line]) -> None:
    redecoder = Redecoder(catalogue.load())
    for line in found:
        outcome = redecoder.outcome(line)
        assert (outcome is not None) == isinstance(line.event, Heard | Received)


@given(
    st.sampled_from([each.device_type for each in catalogue.load().drivers]),
    st.lists(
        st.builds(Written, st.binary(max_size=20)) | st.builds(Received, st.binary(max_size=40)), max_size=12
    ),
)
def test_any_frames_are_decoded_again_without_a_crash(
    device_type: str, events: list[Written | Received]
) -> None:
    redecoder = Redecoder(catalogue.load())
    for event in (DriverChosen(device_type), *events):
        redecoder.outcome(Line(address(1), Moment(None, 0), event))


async def test_a_session_is_decoded_again_as_it_was(autojump_clock: MockClock) -> None:
    scripted, tape, found = ScriptedRadio(), Tape(), list[Line]()
    radio = TapedRadio(scripted, tape, partial(explain, toys()))
    scripted.script(1, Session(frames=(b"ok", b"nonsense", b"12.60")))
    with tape.listening(lambda whom, event: found.append(Line(whom, Moment(None, 0), event))):
        await read(radio, tape=tape)
    redecoder = Redecoder(toys())
    again = [outcome for line in found if (outcome := redecoder.outcome(line)) is not None]
    assert again == [line.event.outcome for line in found if isinstance(line.event, Decoded)]
    assert len(again) == 3


def test_a_device_that_needs_a_config_is_decoded_again_with_it() -> None:
    def again(config: dict[str, Any] | None) -> Outcome | None:
        redecoder = Redecoder(catalogue.load(), config)
        events = (DriverChosen("generic_modbus"), Received(b"\xff\x03"))
        return [redecoder.outcome(Line(address(1), Moment(None, 0), event)) for event in events][-1]

    without = again(None)
    assert without is not None
    assert (without.code, "config" in without.detail) == ("bad_request", True)
    assert again(EXAMPLES["renogy-rover"]) == Outcome("generic_modbus")
