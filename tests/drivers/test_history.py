"""Reading what a BM6 or a BM2 remembers, against devices that behave as the protocol page says."""

import contextlib
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers.api import Download
from hawk.drivers.bm2 import FAMILY as BM2_FAMILY
from hawk.drivers.bm6 import BM6_FAMILY
from hawk.drivers.bm6_history import OVERLAP, PAGE, Bm6Download
from hawk.drivers.bm_drivers import BM2, BM6
from hawk.errors import BluetoothError, SilentDevice, Undecodable
from hawk.model.reading import Sample
from hawk.wire import aes
from tests.fake_bluez.history import bm2_reply, bm2_size, bm6_reply

LIVE = bytes.fromhex("d1550700190264055600000000020000")
BM2_LIVE = bytes.fromhex("f54f414c000000000000000000000000")  # 12.68 V


def record(number: int) -> bytes:
    """Distinct ones for neighbours, as of a battery that is used."""
    return ((1200 + number % 90) << 20 | (40 + number // 90 % 60) << 12 | 21 << 4).to_bytes(4, "big")


class Device:
    """A BM6 with a link that may break and a clock that may tick at any frame."""

    def __init__(self, records: list[bytes], chance: random.Random) -> None:
        self.records, self._chance = records, chance
        self.requests: list[tuple[int, int]] = []
        self.ticks = 0  # samples taken since
        self.drop = self.tick = 0.0  # chance a notification

    def answer(self, written: bytes) -> Iterator[bytes]:
        plain = aes.decrypt(BM6_FAMILY.key, written)
        assert plain[:3] == bytes.fromhex("d15505")
        start, end = int.from_bytes(plain[3:6], "big"), int.from_bytes(plain[6:9], "big")
        self.requests.append((start, end))
        for notification in bm6_reply(tuple(self.records), start, end):
            if self._chance.random() < self.tick:
                self.ticks += 1
                self.records.insert(0, record(7919 * self.ticks))
            if self._chance.random() < 0.02:
                yield aes.encrypt(BM6_FAMILY.key, LIVE)
            yield aes.encrypt(BM6_FAMILY.key, notification)

    def link(self, download: Bm6Download) -> bool:
        """Talks until it is done; False when the link broke before."""
        writes = download.begin()
        while writes:
            more: tuple[bytes, ...] = ()
            for frame in self.answer(writes[0]):
                if self._chance.random() < self.drop:
                    return False
                more += download.receive(frame)
            writes = more
        return download.done


def read(device: Device, most: int = 51_200, links: int = 1000) -> Bm6Download:
    download = Bm6Download(BM6_FAMILY, most)
    for _ in range(links):
        download.elapsed(120.0 * device.ticks)
        if device.link(download):
            break
    assert download.done
    return download


def receive_all(download: Download, frames: list[bytes]) -> None:
    for frame in frames:
        download.receive(frame)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 39, 40, 41, PAGE - 1, PAGE, PAGE + 1, 51_200])
def test_a_whole_history_comes_in_order_and_nothing_beyond_it_is_asked_for(count: int) -> None:
    records = [record(i) for i in range(count)]
    device = Device(list(records), random.Random(1))
    assert read(device).records == records
    assert all(start < max(count, 1) for start, _ in device.requests)


def test_only_so_many_records_as_are_wanted_are_read() -> None:
    device = Device([record(i) for i in range(20_000)], random.Random(1))
    assert len(read(device, most=720).records) == PAGE
    assert len(device.requests) == 1


@given(st.integers(0, 12_000), st.integers(0, 2**32))
def test_a_link_that_breaks_and_a_device_that_goes_on_measuring_change_nothing(count: int, seed: int) -> None:
    chance = random.Random(seed)
    records = [record(i) for i in range(count)]
    device = Device(list(records), chance)
    device.drop, device.tick = 0.002, 0.003
    download = read(device)
    assert len(download.records) >= count  # it may have taken some before the first page
    assert download.records == device.records[len(device.records) - len(download.records) :]


def test_a_battery_at_rest_repeats_its_records_and_all_are_counted() -> None:
    records = [record(1)] * 9000
    device = Device(list(records), random.Random(3))
    device.drop = 0.003
    assert read(device).records == records


@pytest.mark.parametrize("ticks", [0, 1, 7])
def test_what_a_battery_at_rest_took_while_the_link_was_broken_is_told_by_the_clock(ticks: int) -> None:
    """Its records are all alike: nothing else could tell."""
    device = Device([record(1)] * 9000, random.Random(3))
    download = Bm6Download(BM6_FAMILY, 51_200)
    (write,) = download.begin()
    receive_all(download, list(device.answer(write)))
    assert len(download.records) == PAGE
    device.records += [record(1)] * ticks
    download.elapsed(120.0 * ticks + 60)
    assert device.link(download)
    assert len(download.records) == 9000


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 41, 42])
def test_the_end_mark_is_found_at_the_border_of_any_record(count: int) -> None:
    records = [record(i) for i in range(count)]
    download = Bm6Download(BM6_FAMILY, 51_200)
    data = b"".join(records) + bytes.fromhex("fffefe00") + (4 * count + 9).to_bytes(2, "big")
    acknowledged = bytes.fromhex("d15505") + count.to_bytes(2, "big")
    download.begin()
    for plain in (acknowledged, data) * (
        1 if count else 2
    ):  # an empty reply is believed the second time only
        download.receive(aes.encrypt(BM6_FAMILY.key, plain + bytes(-len(plain) % 16)))
    assert (download.done, download.records) == (True, records)


@pytest.mark.parametrize(("degrees", "said"), [(0, 0), (0x7F, 127), (0x80, None), (0xF6, None), (0xFF, None)])
def test_a_temperature_that_may_be_one_below_zero_is_not_said(degrees: int, said: int | None) -> None:
    assert BM6.history is not None
    raw = (1264 << 20 | 80 << 12 | degrees << 4).to_bytes(4, "big")
    found = BM6.history.sample(raw)
    assert found is not None
    assert (found.voltage, found.temperature, found.state_of_charge) == (12.64, said, 80)


def test_records_of_zeros_keep_their_place() -> None:
    records = [record(0), bytes(4), bytes.fromhex("00000001"), record(3), bytes(4)]
    download = read(Device(list(records), random.Random(1)))
    assert download.records == records
    assert BM6.history is not None
    assert [BM6.history.sample(each) is None for each in download.records] == [False, True, True, False, True]


def test_an_empty_reply_is_believed_the_second_time_only() -> None:
    device = Device([record(i) for i in range(50)], random.Random(1))
    download = Bm6Download(BM6_FAMILY, 51_200)
    download.begin()
    empty = aes.encrypt(BM6_FAMILY.key, bytes.fromhex("fffefe00000900000000000000000000"))
    ack = aes.encrypt(BM6_FAMILY.key, bytes.fromhex("d1550500000000000000000000000000"))
    assert download.receive(ack) == ()
    (again,) = download.receive(empty)
    for frame in device.answer(again):
        download.receive(frame)
    assert download.records == device.records


def test_a_page_of_which_a_notification_is_missing_is_asked_for_again() -> None:
    device = Device([record(i) for i in range(500)], random.Random(1))
    download = Bm6Download(BM6_FAMILY, 51_200)
    (first,) = download.begin()
    notifications = list(device.answer(first))
    again = [write for frame in notifications[:3] + notifications[4:] for write in download.receive(frame)]
    assert again == [first]
    for frame in device.answer(again[0]):
        download.receive(frame)
    assert download.records == device.records


def test_a_page_that_is_broken_every_time_ends_the_session() -> None:
    device = Device([record(i) for i in range(500)], random.Random(1))
    download = Bm6Download(BM6_FAMILY, 51_200)
    (write,) = download.begin()
    broken = [frame for number, frame in enumerate(device.answer(write)) if number not in {3, 4}]
    with pytest.raises(Undecodable):
        receive_all(download, broken * 5)


@pytest.mark.parametrize("mark", ["fffffe", "fefefe", "d15501", "d15503", "d15507"])
def test_what_is_no_record_may_stand_among_them(mark: str) -> None:
    """A mark that one driver describes at the start, one of an empty reply, answers to other commands."""
    device = Device([record(i) for i in range(100)], random.Random(1))
    download = Bm6Download(BM6_FAMILY, 51_200)
    (write,) = download.begin()
    acknowledged, *notifications = device.answer(write)
    foreign = aes.encrypt(BM6_FAMILY.key, bytes.fromhex(mark).ljust(16, b"\0"))
    receive_all(download, [acknowledged, foreign, notifications[0], foreign, *notifications[1:]])
    assert download.records == device.records


def flipped(frame: bytes) -> bytes:
    """Of the first block nothing is left; 40 times of 41 it would be no four records."""
    return bytes([frame[0] ^ 1]) + frame[1:]


def test_a_page_with_a_block_that_was_damaged_is_asked_for_again() -> None:
    device = Device([record(i) for i in range(500)], random.Random(1))
    download = Bm6Download(BM6_FAMILY, 51_200)
    (write,) = download.begin()
    notifications = list(device.answer(write))
    notifications[3] = flipped(notifications[3])
    again = [write for frame in notifications for write in download.receive(frame)]
    assert again == [write]
    receive_all(download, list(device.answer(write)))
    assert download.records == device.records


def test_a_page_with_a_notification_that_came_twice_is_asked_for_again() -> None:
    device = Device([record(i) for i in range(500)], random.Random(1))
    download = Bm6Download(BM6_FAMILY, 51_200)
    (write,) = download.begin()
    notifications = list(device.answer(write))
    notifications.insert(3, notifications[3])
    assert [write for frame in notifications for write in download.receive(frame)] == [write]


def test_an_impossible_record_that_comes_twice_is_stored_so_and_costs_only_itself() -> None:
    records = [record(0), bytes.fromhex("4e2fff50"), record(2)]  # a charge of 255 %
    assert BM6.history is not None
    download = read(Device(list(records), random.Random(1)))
    assert download.records == records
    assert [BM6.history.sample(each) is None for each in download.records] == [False, True, False]


def test_a_device_that_only_goes_on_with_live_values_is_silent() -> None:
    download = Bm6Download(BM6_FAMILY, 51_200)
    download.begin()
    with pytest.raises(SilentDevice):
        receive_all(download, [aes.encrypt(BM6_FAMILY.key, LIVE)] * 100)


@given(st.lists(st.binary(max_size=200), max_size=60))
def test_random_bytes_give_no_record(frames: list[bytes]) -> None:
    for driver in (BM6, BM2):
        assert driver.history is not None
        download = driver.history.download(1000)
        download.begin()
        with contextlib.suppress(BluetoothError):
            receive_all(download, frames)
        assert download.records == []


# -- BM2 -------------------------------------------------------------------------------------


def bm2(records: list[bytes], live: bytes = BM2_LIVE) -> list[bytes]:
    assert BM2.history is not None
    talk = BM2.history.download(51_200)
    key = BM2_FAMILY.key
    assert aes.decrypt(key, talk.begin()[0])[:2] == b"\xe7\x01"
    assert talk.receive(aes.encrypt(key, bm2_size(records))) == ()
    if talk.done:
        return talk.records
    assert talk.receive(aes.encrypt(key, live)) == ()  # it ignores what comes within a second
    (asked,) = talk.receive(aes.encrypt(key, live))
    assert aes.decrypt(key, asked)[:7] == b"\xe3\0\0\0" + (4 * len(records)).to_bytes(3, "big")
    for number, block in enumerate(bm2_reply(records)):
        if number % 7 == 3:
            talk.receive(aes.encrypt(key, live))
        talk.receive(aes.encrypt(key, block))
    return talk.records


def volts(value: float) -> bytes:
    return (round(value * 100) << 20).to_bytes(4, "big")


@pytest.mark.parametrize("count", [0, 2, 3, 4, 5, 400])
def test_a_bm2_is_read_whole_and_the_newest_comes_first(count: int) -> None:
    records = [volts(12.68 - 0.002 * i if i < 300 else 12.0) for i in range(count)]
    if count:
        records[-1] = volts(11.9)
    assert bm2(records) == records


def test_which_end_of_a_bm2_is_the_newest_is_told_by_the_voltage_of_now() -> None:
    oldest_first = [volts(12.0), volts(12.3), volts(12.68)]
    assert bm2(oldest_first)[0] == volts(12.68)


def test_a_bm2_with_like_ends_says_that_its_times_are_uncertain() -> None:
    assert BM2.history is not None
    talk, key, records = BM2.history.download(100), BM2_FAMILY.key, [volts(12.68), volts(12.0), volts(12.67)]
    talk.begin()
    for plain in (bm2_size(records), BM2_LIVE, BM2_LIVE, *bm2_reply(records)):
        talk.receive(aes.encrypt(key, plain))
    assert (talk.done, talk.certain) == (True, False)


def test_a_bm2_whose_history_is_broken_is_asked_again_and_given_up_the_third_time() -> None:
    assert BM2.history is not None
    talk, key = BM2.history.download(51_200), BM2_FAMILY.key
    records = [volts(12.68 - 0.01 * i) for i in range(20)]
    reply = list(bm2_reply(records))
    broken = ([*reply[:3], *reply[4:]], [*reply[:3], reply[2], *reply[3:]])  # one is lost; one came twice
    talk.begin()
    for blocks in (*broken, reply):
        again = [write for plain in (bm2_size(records), BM2_LIVE, BM2_LIVE, *blocks) for write in
                 talk.receive(aes.encrypt(key, plain))]  # fmt: skip
        assert aes.decrypt(key, again[0])[:1] == b"\xe3"
        assert [aes.decrypt(key, each)[:2] for each in again[1:]] == (
            [] if blocks is reply else [b"\xe7\x01"]
        )
    assert talk.records == records
    lost = BM2.history.download(51_200)
    lost.begin()
    frames = [aes.encrypt(key, plain) for plain in (bm2_size(records), BM2_LIVE, BM2_LIVE, *broken[0])]
    with pytest.raises(Undecodable, match="broken 3 times"):
        receive_all(lost, frames * 3)


def test_a_record_of_a_bm2_says_voltage_and_the_lowest_while_cranking() -> None:
    assert BM2.history is not None
    assert BM2.history.sample(bytes.fromhex("4d411111")) == Sample(
        voltage=12.36, extra={"min_crank_voltage": 2.73}
    )
    assert BM2.history.sample(bytes(4)) is None
    assert OVERLAP < PAGE
