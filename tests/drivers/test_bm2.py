"""When a BM2's frame is believed."""

import random

import pytest

from hawk.drivers.bm2 import FAMILY, decode_live
from hawk.drivers.bm_drivers import BM2
from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from hawk.wire import aes
from tests.drivers import vectors


def sealed(plain: str) -> bytes:
    return aes.encrypt(FAMILY.key, bytes.fromhex(plain.ljust(32, "0")))


def volts(*frames: bytes) -> list[float | None]:
    """What one session makes of these, one after the other."""
    codec, said = BM2.codec(), list[float | None]()
    for frame in frames:
        try:
            sample = codec.receive_data(frame)
        except ProtocolError:
            sample = None
        said.append(sample.voltage if sample else None)
    return said


ZERO_END, OTHER_END = "f55081640100fa", "f55081640100fa0000000000000000ff"


def test_a_frame_as_in_the_captures_is_believed_at_once() -> None:
    assert volts(sealed(ZERO_END)) == [12.88]
    for vector in vectors.of("notify_live"):
        if vector.device == "BM2":
            assert volts(bytes.fromhex(vector.hex)) != [None], vector.id


def test_one_with_another_end_only_with_the_next() -> None:
    assert volts(sealed(OTHER_END), sealed(OTHER_END)) == [None, 12.88]
    assert volts(sealed(OTHER_END), sealed(ZERO_END)) == [None, 12.88]


@pytest.mark.parametrize("place", range(9, 16))
def test_each_of_the_last_seven_bytes_counts(place: int) -> None:
    plain = bytearray(bytes.fromhex(ZERO_END).ljust(16, b"\0"))
    plain[place] = 1
    assert volts(sealed(plain.hex())) == [None]


def test_two_that_disagree_confirm_nothing() -> None:
    far = OTHER_END.replace("f5508", "f5408")
    assert volts(sealed(OTHER_END), sealed(far), sealed(OTHER_END)) == [None, None, None]


def test_noise_between_them_ends_the_waiting() -> None:
    assert volts(sealed(OTHER_END), bytes(16), sealed(OTHER_END)) == [None, None, None]


def test_noise_is_not_believed() -> None:
    chance, passed = random.Random(6), 0
    for _ in range(2_000):
        frames = [chance.randbytes(16) for _ in range(20)]
        assert set(volts(*frames)) == {None}
        passed += sum(_reads(frame) for frame in frames)
    assert passed > 5  # that a single look would have taken for frames


def _reads(frame: bytes) -> bool:
    try:
        return isinstance(decode_live(frame), Sample)
    except ProtocolError:
        return False
