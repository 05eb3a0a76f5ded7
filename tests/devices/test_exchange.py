import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.devices.exchange import GARBAGE, LiveExchange
from hawk.drivers.api import Pace, Write
from hawk.drivers.bm6 import BM6_FAMILY
from hawk.drivers.bm_drivers import BM6
from hawk.errors import Implausible, ProtocolError, SilentDevice, Undecodable
from hawk.model.reading import Sample
from hawk.wire import aes
from tests.doubles import ToyCodec, toy_sample

REQUESTS = Pace().requests


def test_the_first_sample_ends_it_and_is_told_at_once() -> None:
    told: list[Sample] = []
    exchange = LiveExchange(ToyCodec(), told.append)
    assert exchange.begin() == (b"?",)
    ends = []
    for frame in (b"ok", b"12.60", b"99.99"):
        exchange.receive(frame)
        ends.append(exchange.done)
    assert ends == [False, True, True]
    assert told == [exchange.sample] == [toy_sample(b"12.60")]


def test_a_device_that_says_nothing_is_asked_four_times_in_all() -> None:
    exchange = LiveExchange(ToyCodec())
    asked = [exchange.begin(), *(exchange.silent() for _ in range(REQUESTS - 1))]
    assert asked == [(b"?",)] * REQUESTS
    with pytest.raises(SilentDevice, match="4 requests"):
        exchange.silent()


def test_an_acknowledgement_is_no_answer() -> None:
    exchange = LiveExchange(ToyCodec())
    exchange.begin()
    for _ in range(REQUESTS - 1):
        exchange.receive(b"ok")
        exchange.silent()
    with pytest.raises(SilentDevice):
        exchange.silent()


def test_frames_of_another_family_are_counted_and_named() -> None:
    exchange = LiveExchange(ToyCodec())
    exchange.begin()
    exchange.receive(b"\xff")
    exchange.receive(b"soup")
    for _ in range(REQUESTS - 1):
        exchange.silent()
    with pytest.raises(Undecodable, match=r"2 frames .* not_a_reading: b'soup' is no toy frame"):
        exchange.silent()
    assert exchange.sample is None


def test_a_device_that_streams_another_language_is_not_listened_to_for_ever() -> None:
    exchange = LiveExchange(ToyCodec())
    exchange.begin()
    for _ in range(GARBAGE - 1):
        exchange.receive(b"soup")
    with pytest.raises(Undecodable, match=f"{GARBAGE} frames"):
        exchange.receive(b"soup")


def test_values_that_cannot_be_are_told_from_another_language() -> None:
    dead = aes.encrypt(BM6_FAMILY.key, bytes.fromhex("d155070015003200000000000000000000")[:16])
    exchange = LiveExchange(BM6.codec())
    for _ in range(GARBAGE - 1):
        exchange.receive(dead)
    with pytest.raises(Implausible, match=r"values that cannot be.*0\.00 V"):
        exchange.receive(dead)


def test_single_bad_frames_do_no_harm() -> None:
    exchange = LiveExchange(ToyCodec())
    exchange.begin()
    exchange.receive(b"soup")
    exchange.receive(b"12.60")
    assert exchange.sample == toy_sample(b"12.60")


@given(
    st.lists(
        st.binary(max_size=8) | st.sampled_from([b"ok", b"12.60", b"1 low", b"-0"]), max_size=GARBAGE - 1
    )
)
def test_no_sample_but_what_a_frame_said(frames: list[bytes]) -> None:
    exchange = LiveExchange(ToyCodec())
    exchange.begin()
    for frame in frames:
        exchange.receive(frame)
    assert exchange.sample == next(iter(filter(None, map(decoded, frames))), None)


def decoded(frame: bytes) -> Sample | None:
    try:
        return ToyCodec().receive_data(frame)
    except ProtocolError:
        return None


# -- the pace of a device ----------------------------------------------------------------------


class TwoQuestions:
    """Asks `1`, then `2`; leaves the first after three askings."""

    def __init__(self) -> None:
        self._question, self._asked, self._answered = b"1", 0, False

    def begin(self) -> tuple[Write, ...]:
        if self._asked == 3:
            self._question = b"2"
        self._asked += 1
        return (Write(self._question),)

    def receive_data(self, data: bytes) -> Sample | None:
        if data != self._question:
            return None
        self._answered = self._question == b"1"
        self._question = b"2"
        return None if self._answered else Sample(voltage=1.0)

    def wants(self) -> tuple[Write, ...]:
        answered, self._answered = self._answered, False
        return (Write(b"2"),) if answered else ()


def paced() -> LiveExchange:
    return LiveExchange(TwoQuestions(), pace=Pace(patience=5.0, requests=3))


def test_it_is_as_patient_as_the_driver_says() -> None:
    exchange = paced()
    assert (exchange.quiet, LiveExchange(ToyCodec()).quiet) == (5.0, 4.0)
    assert exchange.begin() == (b"1",)
    assert exchange.receive(b"1") == (b"2",)
    assert [exchange.silent(), exchange.silent()] == [(b"2",)] * 2
    with pytest.raises(SilentDevice, match="3 requests"):
        exchange.silent()


def test_a_question_that_is_left_unanswered_does_not_count_against_the_next() -> None:
    exchange = paced()
    assert [exchange.begin(), exchange.silent(), exchange.silent()] == [(b"1",)] * 3
    assert [exchange.silent() for _ in range(3)] == [(b"2",)] * 3
    with pytest.raises(SilentDevice, match="3 requests"):
        exchange.silent()


def test_a_device_may_be_asked_once_alone() -> None:
    exchange = LiveExchange(ToyCodec(), pace=Pace(requests=1))
    exchange.begin()
    with pytest.raises(SilentDevice, match=r"1 request\."):
        exchange.silent()
