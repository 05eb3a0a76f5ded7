"""What passes the radio is overheard by whoever listens, and by nobody else."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hawk.ble.radio import Limits
from hawk.ble.recording import (
    Decoded,
    DriverChosen,
    Event,
    Heard,
    LinkMoved,
    Outcome,
    Received,
    SessionBegan,
    SessionEnded,
    Written,
)
from hawk.ble.redecoding import explain
from hawk.ble.tape import Tape, TapedRadio
from hawk.devices import session
from hawk.devices.exchange import LiveExchange
from hawk.errors import LinkLost, Undecodable
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample
from tests.doubles import TOY, ScriptedRadio, Session, address, advert, toys

SAID = Sample(voltage=12.6, status="normal")
UP = [LinkMoved(LinkState.CONNECTING), LinkMoved(LinkState.CONNECTED)]
DOWN = [LinkMoved(LinkState.DISCONNECTING), LinkMoved(LinkState.DISCONNECTED)]


class Ears:
    def __init__(self) -> None:
        self.heard: list[tuple[Address, Event]] = []

    def hear(self, address: Address, event: Event) -> None:
        self.heard.append((address, event))

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.heard]


async def talk(tape: Tape, radio: TapedRadio, number: int = 1) -> None:
    exchange = LiveExchange(tape.codec(address(number), TOY))
    await radio.converse(address(number), TOY.needed_gatt(), exchange, Limits(), lambda _: None, "hci1")


def taped(scripted: ScriptedRadio) -> tuple[Tape, TapedRadio]:
    tape = Tape()
    return tape, TapedRadio(scripted, tape, partial(explain, toys()))


async def test_a_session_is_overheard_from_the_link_to_its_end(autojump_clock: MockClock) -> None:
    scripted, ears = ScriptedRadio(), Ears()
    scripted.script(1, Session(frames=(b"ok", b"nonsense", b"12.60")))
    tape, radio = taped(scripted)
    with tape.listening(ears.hear):
        await talk(tape, radio)
    wrong = Outcome("TOY", None, "not_a_reading", "b'nonsense' is no toy frame")
    assert ears.events == [
        DriverChosen("TOY"), SessionBegan(TOY.needed_gatt(), "hci1"), *UP, Written(b"?"),
        Received(b"ok"), Decoded(Outcome("TOY")),
        Received(b"nonsense"), Decoded(wrong),
        Received(b"12.60"), Decoded(Outcome("TOY", SAID)),
        *DOWN, SessionEnded("ok"),
    ]  # fmt: skip


async def test_requests_that_are_repeated_are_overheard_and_so_is_the_failure(
    autojump_clock: MockClock,
) -> None:
    scripted, ears = ScriptedRadio(), Ears()
    scripted.script(1, Session(frames=(b"nonsense",)))
    tape, radio = taped(scripted)
    with tape.listening(ears.hear), pytest.raises(Undecodable) as refused:
        await talk(tape, radio)
    assert ears.events.count(Written(b"?")) == 4
    assert ears.events[-1] == SessionEnded("undecodable", str(refused.value))


async def test_a_session_that_is_cancelled_says_so(autojump_clock: MockClock) -> None:
    scripted, ears = ScriptedRadio(), Ears()
    scripted.script(1, Session(frames=()))
    tape, radio = taped(scripted)
    with tape.listening(ears.hear), trio.move_on_after(1):
        await talk(tape, radio)
    assert ears.events[-1] == SessionEnded("cancelled")


async def test_advertisements_are_overheard_with_what_they_say(autojump_clock: MockClock) -> None:
    scripted, ears = ScriptedRadio(), Ears()
    tape, radio = taped(scripted)
    came: list[object] = []
    adverts = [advert(1, "12.60"), advert(1, "nonsense"), advert(2, name="MUTE"), advert(3, name="Phone")]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.scan, came.append)
        await trio.sleep(0.1)
        scripted.hear(adverts[0])  # nobody listens yet
        with tape.listening(ears.hear):
            for each in adverts:
                scripted.hear(each)
        nursery.cancel_scope.cancel()
    assert came == [adverts[0], *adverts]
    assert ears.events == [
        Heard(adverts[0], Outcome("TOY", SAID)),
        Heard(adverts[1], Outcome("TOY", None, "not_a_reading", "b'nonsense' is no toy frame")),
        Heard(adverts[2], Outcome("MUTE")),
        Heard(adverts[3], Outcome()),
    ]


async def test_who_records_one_device_hears_of_no_other(autojump_clock: MockClock) -> None:
    scripted, ears, all_of_it = ScriptedRadio(), Ears(), Ears()
    tape, radio = taped(scripted)
    with tape.listening(ears.hear, address(2)), tape.listening(all_of_it.hear):
        await talk(tape, radio, 1)
        assert ears.heard == []
        await talk(tape, radio, 2)
    assert {whom for whom, _ in ears.heard} == {address(2)}
    assert all_of_it.heard[-len(ears.heard) :] == ears.heard


async def test_while_nobody_listens_codec_and_conversation_are_the_real_ones(
    autojump_clock: MockClock,
) -> None:
    scripted, ears = ScriptedRadio(), Ears()
    tape, radio = taped(scripted)
    with tape.listening(ears.hear, address(2)):
        pass
    assert type(tape.codec(address(2), TOY)) is TOY.codec
    await talk(tape, radio, 2)
    assert ears.heard == []
    assert not tape.wanted(address(2))


async def test_a_link_that_is_lost_is_lost_for_the_caller_too(autojump_clock: MockClock) -> None:
    scripted, ears = ScriptedRadio(), Ears()
    scripted.script(1, Session(frames=(), lose=LinkLost("gone")))
    tape, radio = taped(scripted)
    with tape.listening(ears.hear), pytest.raises(LinkLost):
        await talk(tape, radio)
    assert ears.events[-1] == SessionEnded("link_lost", "gone")


class BorrowedSession:
    """Of a library that does all by itself."""

    def __init__(self, device: Any, advertisement: Any) -> None:
        pass

    async def connect(self) -> None: ...

    async def read(self) -> Sample:
        return SAID

    async def disconnect(self) -> None: ...


async def test_of_a_session_by_a_library_the_link_and_the_sample_are_overheard(
    autojump_clock: MockClock,
) -> None:
    ears, samples = Ears(), list[Sample]()
    tape, radio = taped(ScriptedRadio())
    driver = replace(TOY, gatt=None, by_library=BorrowedSession)
    with tape.listening(ears.hear):
        await session.read(radio, address(1), driver, Limits(), lambda _: None, samples.append, tape=tape)
    assert samples == [SAID]
    assert ears.events == [
        DriverChosen("TOY"), *UP, Decoded(Outcome("TOY", SAID)),
        LinkMoved(LinkState.DISCONNECTED), SessionEnded("ok"),
    ]  # fmt: skip
