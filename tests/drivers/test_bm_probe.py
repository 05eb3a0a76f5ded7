"""Finding out which of the BM family a device is, by what it answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers.bm2 import FAMILY
from hawk.drivers.bm6 import BM6_FAMILY, BM7_FAMILY
from hawk.drivers.bm_drivers import BM2, BM6, BM7
from hawk.drivers.bm_probe import BmProbe
from hawk.errors import BluetoothError, SilentDevice, Undecodable
from hawk.wire import aes

REQUEST = bytes.fromhex("d1550700000000000000000000000000")
ACKNOWLEDGEMENT = bytes.fromhex("d15507ff000000000000000000000000")


def test_a_bm2_is_known_by_its_captured_stream_and_nothing_is_written_to_it() -> None:
    probe = BmProbe()
    assert probe.begin() == ()
    assert probe.receive(bytes.fromhex("3627d57495cb945e11d392c800a28bfa")) == ()  # BM2-N-K1
    assert probe.found is not None
    assert (probe.found.device_type, probe.done) == ("BM2", True)


@pytest.mark.parametrize(
    ("frame", "device_type"),
    [
        ("5a7a41c3a57ca1fa9247f76557c5d618", "BM6"),  # BM6-N-1, captured
        ("1c829ba4d766aa9e8443f622854143ce", "BM7"),  # BM7-P-1
        (aes.encrypt(BM7_FAMILY.key, ACKNOWLEDGEMENT).hex(), "BM7"),
    ],
)
def test_a_frame_says_by_its_key_what_it_is_whichever_was_asked(frame: str, device_type: str) -> None:
    probe = BmProbe()
    probe.begin()
    assert probe.silent() == (aes.encrypt(BM6_FAMILY.key, REQUEST),)
    probe.receive(bytes.fromhex(frame))
    assert probe.found is not None
    assert probe.found.device_type == device_type


def test_the_keys_are_tried_in_turn_and_then_it_is_said_to_be_silent() -> None:
    probe = BmProbe()
    probe.begin()
    assert probe.quiet == 2.5
    written = [probe.silent(), probe.silent()]
    assert written == [(aes.encrypt(each.key, REQUEST),) for each in (BM6_FAMILY, BM7_FAMILY)]
    assert probe.quiet == 4.0
    with pytest.raises(SilentDevice):
        probe.silent()


def test_a_stream_under_an_unknown_key_is_said_to_be_that_and_gives_no_type() -> None:
    probe = BmProbe()
    probe.begin()
    frames = [aes.encrypt(b"another key 1234", bytes([n]) + REQUEST[1:]) for n in range(40)]
    with pytest.raises(Undecodable, match="none of the known keys"):
        [probe.receive(frame) for frame in frames]
    assert probe.found is None


@given(st.lists(st.binary(max_size=40), max_size=50))
def test_noise_is_no_monitor(frames: list[bytes]) -> None:
    probe = BmProbe()
    probe.begin()
    try:
        for frame in frames:
            probe.receive(frame)
    except BluetoothError:
        pass
    assert probe.found is None


def test_all_of_the_family_can_be_asked() -> None:
    assert {driver.probe for driver in (BM6, BM7, BM2)} == {BM6.probe}
    assert FAMILY.reversed_address
