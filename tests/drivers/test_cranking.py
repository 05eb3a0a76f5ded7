"""Reading the last start that a BM6 or BM7 remembers, from captured events and a device as the protocol page has it."""

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.devices.exchange import LiveExchange
from hawk.drivers.bm2 import cranking_of
from hawk.drivers.bm6 import BM6_FAMILY, BM7_FAMILY
from hawk.drivers.bm6_cranking import Bm6Recollection
from hawk.drivers.bm6_history import Bm6Download
from hawk.drivers.bm_drivers import BM2, BM6, BM7
from hawk.drivers.bm_family import Family
from hawk.errors import BluetoothError, ProtocolError, SilentDevice, Undecodable
from hawk.wire import aes
from tests.drivers import cranking_fuzz, vectors
from tests.drivers.cranking_fuzz import LIVE, blocks
from tests.drivers.vectors import Vector
from tests.fake_bluez.cranking import NOTHING, Start, reply
from tests.fake_bluez.history import bm6_reply

ASKED = bytes.fromhex("d15503").ljust(16, b"\0")
WAVE = [1260] * 9 + [*range(700, 1052)]


def sealed(*plain: bytes, family: Family = BM6_FAMILY) -> list[bytes]:
    return [aes.encrypt(family.key, each) for each in plain]


def answer(start: Start | None) -> list[bytes]:
    return sealed(*reply(start, LIVE))


def hear(talk: Bm6Recollection, frames: Sequence[bytes]) -> list[bytes]:
    """What it writes meanwhile, in plain."""
    return [aes.decrypt(BM6_FAMILY.key, write) for frame in frames for write in talk.receive(frame)]


def begun() -> Bm6Recollection:
    talk = Bm6Recollection(BM6_FAMILY)
    assert [aes.decrypt(BM6_FAMILY.key, each) for each in talk.begin()] == [ASKED]
    return talk


@pytest.mark.parametrize("vector", vectors.of("cranking_stream"), ids=lambda v: v.id)
def test_a_captured_event_is_believed_when_it_came_twice(vector: Vector) -> None:
    talk, stream, said = begun(), blocks(bytes.fromhex(vector.hex)), vector.expected
    assert (hear(talk, stream), talk.done) == ([ASKED], False)
    assert (hear(talk, stream), talk.done) == ([], True)
    event = talk.event
    assert (event.status_code, event.voltage) == (said["event_status"], said["header_voltage"])
    assert (event.minimum_voltage, event.voltage_before) == (said["min_voltage"], said["first_sample"])
    assert (event.duration, event.age) == (said["duration_ms"] / 1000, 120 * said["age_units_2min"])
    assert (len(event.samples), event.sample_interval) == (said["sample_count"], 0.01)


def test_both_families_offer_it_and_a_bm2_does_not() -> None:
    for driver, family in ((BM6, BM6_FAMILY), (BM7, BM7_FAMILY)):
        assert driver.cranking is not None
        assert driver.cranking().begin() == tuple(sealed(ASKED, family=family))
    assert BM2.cranking is None


def test_an_event_whose_voltage_is_not_its_third_lowest_sample_must_come_three_times() -> None:
    talk, odd = begun(), answer(Start(WAVE, volts=1260))
    assert (hear(talk, odd * 2), talk.done) == ([ASKED, ASKED], False)
    hear(talk, odd)
    assert talk.event.voltage == 12.60


def test_live_frames_and_several_blocks_in_a_notification_change_nothing() -> None:
    talk = begun()
    plain = [LIVE, *reply(Start(WAVE), LIVE), LIVE]
    hear(talk, [aes.encrypt(BM6_FAMILY.key, b"".join(plain[i : i + 3])) for i in range(0, len(plain), 3)])
    hear(talk, answer(Start(WAVE)))
    assert talk.event.samples == tuple(each / 100 for each in WAVE)


@pytest.mark.parametrize("count", [1, 2, 3, 351, 352, 353, 1000])
def test_a_waveform_of_any_length_ends_at_the_mark_wherever_it_stands_in_a_block(count: int) -> None:
    talk, wave = begun(), [1100 + i % 200 for i in range(count)]
    hear(talk, answer(Start(wave, volts=1111)) * 3)
    assert talk.event.samples == tuple(each / 100 for each in wave)


def test_a_device_without_an_event_says_so_and_is_asked_once() -> None:
    talk = begun()
    assert (hear(talk, answer(None)), talk.done) == ([], False)
    assert (talk.silent(), talk.done, talk.event) == ((), True, None)


def test_while_live_values_go_on_three_of_them_are_silence() -> None:
    talk = begun()
    assert (hear(talk, [*answer(None), *sealed(LIVE, LIVE)]), talk.done) == ([], False)
    hear(talk, sealed(LIVE))
    assert (talk.done, talk.event) == (True, None)


def test_an_acknowledgement_before_the_event_is_not_taken_for_none() -> None:
    talk = begun()
    hear(talk, answer(Start(WAVE, acknowledged=True)) * 2)
    assert talk.event is not None


@pytest.mark.parametrize("lost", [[0], [1], [17], [33], [3, 9, 20]])
def test_an_event_of_which_blocks_are_missing_is_asked_for_again(lost: list[int]) -> None:
    """Three lost blocks are 32 whole samples: what is left looks like an event."""
    talk, wave = begun(), [1000 + i for i in range(352)]
    broken = answer(Start(wave, loses=lost))
    written = hear(talk, broken)
    while not written and not talk.done:
        written = [aes.decrypt(BM6_FAMILY.key, each) for each in talk.silent()]
    assert written == [ASKED]
    hear(talk, answer(Start(wave)) * 2)
    assert talk.event.samples == tuple(each / 100 for each in wave)


def test_a_start_while_we_are_connected_is_told_unasked_and_counts() -> None:
    talk, new = begun(), Start([each + 7 for each in WAVE])
    before = answer(Start(WAVE))
    assert hear(talk, before[:12]) == []
    assert hear(talk, answer(new)) == [ASKED]
    hear(talk, answer(new))
    assert talk.event.samples[0] == 12.67


def test_its_age_may_grow_between_two_answers() -> None:
    talk = begun()
    young, old = answer(Start(WAVE)), answer(Start(WAVE, at=1.0))
    hear(talk, young + old)
    assert talk.done
    assert (talk.event.age or 0) > 120


def test_a_device_that_never_tells_the_same_twice_is_not_believed() -> None:
    talk = begun()
    told = [frame for number in range(9) for frame in answer(Start([each + number for each in WAVE]))]
    with pytest.raises(Undecodable, match="never the same again"):
        hear(talk, told)


def test_a_device_that_does_not_know_the_command_is_silent() -> None:
    talk = begun()
    with pytest.raises(SilentDevice):
        hear(talk, sealed(LIVE) * 40)
    talk = begun()
    assert [len(talk.silent()) for _ in range(4)] == [1, 1, 1, 1]
    with pytest.raises(SilentDevice):
        talk.silent()


def test_a_stream_without_an_end_does_not_grow_for_ever() -> None:
    talk = begun()
    begin, more = sealed(bytes.fromhex("d1550301047502e40000fffffe525525"), bytes.fromhex("52" * 16))
    with pytest.raises(BluetoothError):
        hear(talk, [begin, *[more] * 5000])


@given(st.lists(st.binary(max_size=200), max_size=60))
def test_random_bytes_give_no_event(frames: list[bytes]) -> None:
    for driver in (BM6, BM7):
        assert driver.cranking is not None
        talk = driver.cranking()
        talk.begin()
        with contextlib.suppress(BluetoothError):
            for frame in frames:
                talk.receive(frame)
        assert talk.event is None


@pytest.mark.parametrize("seed", [6, 60, 600])
def test_damaged_answers_give_no_event_that_was_not_told(seed: int) -> None:
    run = cranking_fuzz.fuzz(8000, seed)
    assert run.wrong == []
    assert run.ends["event"]


# -- told unasked, while something else is read ----------------------------------------------------


def test_a_start_that_is_told_before_the_first_live_value_does_not_spoil_a_poll() -> None:
    exchange = LiveExchange(BM6.codec())
    exchange.begin()
    for frame in [*sealed(bytes.fromhex("d15507ff").ljust(16, b"\0")), *answer(Start(WAVE))[:4]]:
        exchange.receive(frame)
    event = [each for each in reply(Start(WAVE), NOTHING) if each != NOTHING]
    for frame in sealed(*event):
        exchange.receive(frame)
    assert (exchange.undecodable, exchange.done) == (0, False)
    exchange.receive(sealed(LIVE)[0])
    assert exchange.sample.voltage == 13.66


def test_without_a_start_before_them_such_blocks_are_foreign() -> None:
    codec = BM6.codec()
    with pytest.raises(ProtocolError):
        codec.receive_data(sealed(b"\x52" * 16)[0])


@pytest.mark.parametrize("at", [1, 3, 8])
def test_a_start_that_is_told_in_the_middle_of_a_history_does_not_come_into_it(at: int) -> None:
    records = [(1200 + k << 20 | 80 << 12 | 21 << 4).to_bytes(4, "big") for k in range(300)]
    download = Bm6Download(BM6_FAMILY, 51_200)
    download.begin()
    page = sealed(*bm6_reply(records, 0, 4000))
    event = sealed(*(each for each in reply(Start(WAVE), NOTHING) if each != NOTHING))
    again = [write for frame in (*page[:at], *event, *page[at:]) for write in download.receive(frame)]
    assert (len(again), download.done) == (1, False)
    for frame in page:
        download.receive(frame)
    assert download.records == records


# -- BM2 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "lowest"),
    [
        (f"{1287 << 20 | 973 << 4:08x}", 9.73),
        (f"{1287 << 20:08x}", None),
        ("00000000", None),
        (f"{1287 << 20 | 3858 << 4:08x}", None),  # above the voltage of the same two minutes
    ],
)
def test_a_record_of_a_bm2_may_tell_of_a_start_but_never_its_curve(record: str, lowest: float | None) -> None:
    event = cranking_of(bytes.fromhex(record))
    assert (event and event.minimum_voltage) == lowest
    if event:
        assert (event.samples, event.duration, event.status_code) == ((), None, None)


def test_the_answer_with_nothing_is_as_described() -> None:
    assert bytes.fromhex("d15503ff000000000000000000000000") == NOTHING
