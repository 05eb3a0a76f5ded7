"""When the records of a download were made: counted from the question for the newest one."""

import pytest

from hawk.devices.download import _Dated
from hawk.drivers.bm6 import BM6_FAMILY
from hawk.drivers.bm6_history import PAGE, Bm6Download
from hawk.model.reading import Moment
from hawk.wire import aes
from tests.fake_bluez.history import bm6_reply

RECORDS = tuple((1200 + i % 90 << 20 | 50 << 12 | 20 << 4).to_bytes(4, "big") for i in range(PAGE + 500))


class Watch:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def moment(self) -> Moment:
        return Moment(self.utc_ms(), self.seconds)

    def utc_ms(self) -> int:
        return round(self.seconds * 1000)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def dated(watch: Watch) -> _Dated:
    return _Dated(Bm6Download(BM6_FAMILY, 51_200), watch, lambda _: None)


def answered(dated: _Dated, writes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    plain = aes.decrypt(BM6_FAMILY.key, writes[0])
    start, end = int.from_bytes(plain[3:6], "big"), int.from_bytes(plain[6:9], "big")
    more: tuple[bytes, ...] = ()
    for notification in bm6_reply(RECORDS, start, end):
        more += dated.receive(aes.encrypt(BM6_FAMILY.key, notification))
    return more


def test_the_newest_record_is_dated_by_the_first_page_and_not_by_later_ones(
    dated: _Dated, watch: Watch
) -> None:
    watch.seconds = 100
    writes = dated.begin()
    watch.seconds = 103
    writes = answered(dated, writes)
    assert writes, "there is a second page"
    watch.seconds = 160  # on another link
    assert not answered(dated, dated.begin())
    assert (dated.done, dated.newest) == (True, Moment(100_000, 100))


def test_as_long_as_nothing_came_it_is_dated_by_the_last_question(dated: _Dated, watch: Watch) -> None:
    watch.seconds = 100
    dated.begin()
    watch.seconds = 400  # that link broke
    writes = dated.begin()
    watch.seconds = 405
    answered(dated, writes)
    assert dated.newest == Moment(400_000, 400)
