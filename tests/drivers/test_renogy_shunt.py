"""The Smart Shunt 300, which is only listened to. No capture is public: frames made from the protocol page."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers.api import Codec
from hawk.drivers.renogy_shunt import SHUNT
from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from tests.fake_bluez.shunt import Shunt, history, live, notifications


def heard(codec: Codec, *pieces: bytes) -> list[Sample]:
    return [sample for piece in pieces if (sample := codec.receive_data(piece))]


def test_it_is_never_written_to() -> None:
    codec = SHUNT.codec()
    assert SHUNT.gatt.write == ""
    assert (codec.begin(), codec.wants()) == ((), ())


def test_a_frame_in_pieces_among_frames_of_history_is_one_sample() -> None:
    (said,) = heard(SHUNT.codec(), *notifications(Shunt()))
    assert (said.voltage, said.current, said.power, said.state_of_charge) == (13.25, -1.5, -19.9, 87.3)
    assert (said.temperature, said.extra["starter_voltage"], said.extra["unproven"]) == (21.5, 12.61, True)


def test_a_starter_battery_that_is_not_connected_has_no_voltage() -> None:
    (said,) = heard(SHUNT.codec(), live(Shunt(starter_millivolts=0)))
    assert "starter_voltage" not in said.extra


def test_a_frame_that_lost_a_piece_gives_nothing_and_the_next_one_is_read() -> None:
    codec, pieces = SHUNT.codec(), notifications(Shunt())
    with pytest.raises(ProtocolError, match="a piece is lost"):
        heard(codec, *pieces[:7], *pieces[8:], *pieces)
    rest = heard(codec, *notifications(Shunt(millivolts=13_300)))
    assert [said.voltage for said in rest] == [13.3]


@pytest.mark.parametrize(
    "wrong",
    [
        Shunt(millivolts=3_000), Shunt(millivolts=90_000), Shunt(milliamperes=600_000), Shunt(charge=1_010),
        Shunt(temperature=2_000), Shunt(milliamperes=-400_000, millivolts=48_000),
    ],
    ids=str,
)  # fmt: skip
def test_values_that_cannot_be_give_no_sample(wrong: Shunt) -> None:
    with pytest.raises(ProtocolError) as caught:
        heard(SHUNT.codec(), live(wrong))
    assert caught.value.reason == "implausible"


def test_history_alone_is_no_sample() -> None:
    assert heard(SHUNT.codec(), history(), history()) == []


@given(st.integers(0, 100_000))
def test_a_stream_with_losses_and_noise_says_the_truth_or_nothing(seed: int) -> None:
    """Whole pieces are lost, or noise comes between frames; no checksum could tell a bit that flipped."""
    chance, codec = random.Random(seed), SHUNT.codec()
    for _ in range(6):
        for piece in [*notifications(Shunt()), *notifications(Shunt())]:
            if chance.random() < 0.05:
                continue
            try:
                sample = codec.receive_data(piece)
            except ProtocolError:
                continue
            if sample is not None:
                assert (sample.voltage, sample.current, sample.state_of_charge) == (13.25, -1.5, 87.3)
