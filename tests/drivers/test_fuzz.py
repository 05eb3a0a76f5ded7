"""Damaged and random bytes: nothing but ProtocolError, and no reading from a damaged frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers import bm6, catalogue
from hawk.drivers.api import Driver
from hawk.drivers.decode import answer
from hawk.errors import ProtocolError
from hawk.model.address import parse_address
from hawk.model.advertisement import Advertisement
from hawk.wire import aes
from tests.drivers import fuzz, history_fuzz, modbus_fuzz

DRIVERS = catalogue.load()
ADDRESS = parse_address("50:54:7B:00:00:01")


@pytest.mark.parametrize("driver", [d for d in DRIVERS.drivers if d.gatt], ids=lambda d: d.device_type)
@given(data=st.binary(max_size=64))
def test_any_notification_is_decoded_or_refused(driver: Driver, data: bytes) -> None:
    try:
        sample = driver.codec().receive_data(data)
    except ProtocolError:
        return
    assert sample is None or fuzz.plausible(sample)


@pytest.mark.parametrize("driver", DRIVERS.drivers, ids=lambda d: d.device_type)
@given(company=st.integers(0, 0xFFFF), data=st.binary(max_size=30))
def test_any_advertisement_is_understood_or_refused(driver: Driver, company: int, data: bytes) -> None:
    try:
        heard = driver.hear(Advertisement(ADDRESS, None, -60, "hci0", {company: data}))
    except ProtocolError:
        return
    assert heard is None or not heard.proven, "a random block held the sender's address"


@pytest.mark.parametrize("device", ["BM6", "BM7"])
@given(data=st.binary(min_size=16, max_size=16))
def test_a_frame_under_another_key_is_no_reading(device: str, data: bytes) -> None:
    """By chance a random block is a valid frame once in 2^24 times 200 or so."""
    with pytest.raises(ProtocolError):
        DRIVERS.driver(device).codec().receive_data(data)


@given(plain=st.binary(min_size=13, max_size=13))
def test_a_bm6_frame_that_decodes_says_what_its_bytes_say(plain: bytes) -> None:
    frame = b"\xd1\x55\x07" + plain
    try:
        sample = DRIVERS.driver("BM6").codec().receive_data(aes.encrypt(bm6.BM6_FAMILY.key, frame))
    except ProtocolError:
        assert frame[3] not in (0, 1, 0xFF) or frame[6] > 100 or not 0 < frame[7] << 8 | frame[8] < 4096
        return
    if frame[3] == 0xFF:
        assert sample is None
        return
    assert sample is not None
    assert sample.voltage == (frame[7] << 8 | frame[8]) / 100
    assert sample.temperature == (-frame[4] if frame[3] else frame[4])
    assert (sample.state_of_charge, sample.status_code) == (frame[6], frame[5])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "device": st.sampled_from(["BM6", "bm7", "BM2"]) | JSON,
        "kind": st.sampled_from(["live", "advertisement", "ibeacon", "history", "version", "cranking"])
        | JSON,
        "hex": st.binary(max_size=64).map(bytes.hex) | JSON,
        "address": st.just("50:54:7b:00:00:01") | JSON,
        "company_id": st.integers(-1, 70000) | JSON,
    },
)


@given(REQUESTS | JSON)
def test_any_request_gets_one_answer(document: object) -> None:
    said = answer(DRIVERS, document)
    assert len({"sample", "samples", "event", "error"} & said.keys()) == 1
    if isinstance(document, dict) and "id" in document:
        assert said["id"] == document["id"]


def fuzzed(run: fuzz.Run, frames: int) -> None:
    run.more(frames)
    assert run.problems() == []
    assert run.outcomes["air", "refused"] + run.outcomes["air", "nothing"] > 0


@pytest.mark.parametrize("target", fuzz.targets(), ids=lambda target: target.name)
def test_no_damaged_frame_gives_a_value_that_it_does_not_hold(target: fuzz.Target) -> None:
    fuzzed(fuzz.Run(target), 1000)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("run", "share"), [pytest.param(*each, id=each[0].target.name) for each in fuzz.runs(1_000_000)]
)
def test_nor_does_any_of_a_million(run: fuzz.Run, share: int) -> None:
    fuzzed(run, share)


def test_every_driver_is_fuzzed_in_every_kind_that_it_has() -> None:
    tried = {(target.device, target.kind) for target in fuzz.targets()}
    for driver in DRIVERS.drivers:
        kinds = set(driver.decode) or ({"live"} if driver.device_type == "renogy_shunt" else {"modbus"})
        if driver.device_type == "BM7":
            kinds -= {"ibeacon"}  # none was captured, so none is understood
        if driver.by_library is None:
            assert {(driver.device_type, kind) for kind in kinds} <= tried
    talking = {case.device_type for case in modbus_fuzz.CASES}
    assert talking == {device for device, kind in tried if kind == "modbus"}


@pytest.mark.parametrize("frames", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_over_a_link_that_damages_no_modbus_device_gets_a_value_that_it_did_not_say(frames: int) -> None:
    run = modbus_fuzz.Run(seed=6)
    run.more(frames)
    assert run.wrong == []
    assert min(run.outcomes.values()) > 10, run.outcomes


@pytest.mark.parametrize("frames", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_over_a_link_that_damages_a_history_is_right_but_for_blocks_that_noise_can_be(frames: int) -> None:
    """The charges of four records are all possible once in 41."""
    run = history_fuzz.Run("BM6")
    run.more(frames)
    assert run.outcomes["whole"] > 100
    assert run.outcomes["false"] <= run.damaged / 41


@pytest.mark.soak
def test_any_history_of_a_bm2_ends() -> None:
    """Nothing in its records tells damage."""
    run = history_fuzz.Run("BM2")
    run.more(1_000_000)
    assert run.outcomes["whole"] > 100
