import contextlib
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import StoreUnavailable
from hawk.model.reading import Reading, Source
from hawk.store.backlog import Backlog, Waiting
from tests.store.samples import reading


def filled(count: int, size: int = 100) -> Backlog:
    backlog = Backlog(size)
    for n in range(count):
        backlog.add(reading(n, float(n)), float(n))
    return backlog


def take(backlog: Backlog, limit: int) -> list[float]:
    with backlog.taking(limit) as batch:
        return [each.sample.voltage or 0.0 for each in batch]


def fail(backlog: Backlog, limit: int, coming_meanwhile: Sequence[Reading] = ()) -> None:
    """The disk refuses a batch."""
    with contextlib.suppress(StoreUnavailable), backlog.taking(limit):
        for each in coming_meanwhile:
            backlog.add(each, 9.0)
        raise StoreUnavailable("disk full")


def test_readings_leave_in_the_order_they_came() -> None:
    backlog = filled(5)
    assert take(backlog, 3) == [0.0, 1.0, 2.0]
    assert take(backlog, 3) == [3.0, 4.0]
    assert take(backlog, 3) == []


def test_what_could_not_be_written_comes_back_to_its_place() -> None:
    backlog = filled(3)
    fail(backlog, 2, [reading(voltage=9.0)])
    assert backlog.waiting() == Waiting(4, 0.0, polled=False)
    assert take(backlog, 10) == [0.0, 1.0, 2.0, 9.0]


def test_a_full_ring_gives_up_its_oldest_and_counts_them() -> None:
    backlog = filled(7, size=4)
    assert backlog.dropped == 3
    assert take(backlog, 10) == [3.0, 4.0, 5.0, 6.0]


def test_what_comes_back_to_a_full_ring_is_the_oldest() -> None:
    backlog = filled(4, size=4)
    fail(backlog, 3, [reading(n, float(n)) for n in (4, 5)])
    assert backlog.dropped == 2
    assert take(backlog, 10) == [2.0, 3.0, 4.0, 5.0]


def test_nothing_waits_in_an_empty_backlog() -> None:
    assert Backlog().waiting() is None


def test_a_poll_is_noticed_until_it_is_written() -> None:
    backlog = filled(1)
    backlog.add(reading(source=Source.GATT), 5.0)
    backlog.add(reading(6), 6.0)
    assert backlog.waiting() == Waiting(3, 0.0, polled=True)
    take(backlog, 2)
    assert backlog.waiting() == Waiting(1, 6.0, polled=False)


@given(
    st.lists(
        st.sampled_from(Source) | st.integers(1, 5).map(lambda n: ("take", n)) | st.just(("fail", 3)),
        max_size=60,
    )
)
def test_every_reading_is_written_once_or_counted_as_dropped(steps: list[Source | tuple[str, int]]) -> None:
    backlog, added = Backlog(size=5), 0
    written: list[float] = []
    for step in steps:
        match step:
            case Source():
                backlog.add(reading(voltage=float(added), source=step), 0.0)
                added += 1
            case ("take", limit):
                written += take(backlog, limit)
            case _:
                fail(backlog, 3)
    written += take(backlog, 5)
    assert [later for earlier, later in pairwise(written) if earlier >= later] == []
    assert len(written) + backlog.dropped == added
    assert backlog.waiting() is None
