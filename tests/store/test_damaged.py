"""Ranges around pages that cannot be read, without a file."""

from bisect import bisect_left, bisect_right

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hawk.store.damaged import BATCH, EARLIEST, Row, recovered
from hawk.store.soundness import is_sound

START = EARLIEST + 10**10
ROWS_ON_PAGE = 60


class Pages:
    """Rows in order, so many on a page; some pages are bad."""

    def __init__(self, times: list[int], bad: set[int]) -> None:
        self.times, self.bad, self.reads = times, bad, 0

    def is_bad(self, at: int) -> bool:
        return at // ROWS_ON_PAGE in self.bad

    def read(self, low: int, high: int, backwards: bool) -> tuple[list[Row], bool]:
        self.reads += 1
        first, last = bisect_left(self.times, low), bisect_right(self.times, high)
        rows: list[Row] = []
        for at in range(last - 1, first - 1, -1) if backwards else range(first, last):
            if self.is_bad(at):
                return rows, False
            rows.append((self.times[at],))
            if len(rows) == BATCH:
                return rows, True
        return rows, not self.is_bad(min(max(first, 0), len(self.times) - 1))

    def all(self) -> list[int]:
        latest = self.times[-1] + 86_400_000
        return [row[0] for rows in recovered(self.read, -(2**53), latest) for row in rows]


@given(
    interval=st.sampled_from([1000, 60_000, 3_600_000]),
    pages=st.integers(1, 120),
    bad=st.sets(st.integers(0, 119), max_size=6),
)
@example(interval=1000, pages=120, bad={0})  # more rows than are read at once behind the first page
def test_all_rows_come_back_but_those_of_bad_pages_and_what_is_short_between_two(
    interval: int, pages: int, bad: set[int]
) -> None:
    times = [START + n * interval for n in range(pages * ROWS_ON_PAGE)]
    disk = Pages(times, bad)
    found = disk.all()
    assert found == sorted(set(found))
    good = {at for n, at in enumerate(times) if not disk.is_bad(n)}
    assert set(found) <= good
    alone = {n for n in range(pages) if n not in bad and not {n - 1, n + 1} & bad}
    if min(bad, default=pages) > 0 and pages - 1 not in bad:  # where it begins and ends can be read
        assert {times[n * ROWS_ON_PAGE] for n in alone} <= set(found)
    if len(bad & set(range(pages))) <= 1:
        assert set(found) == good


def test_a_table_of_which_nothing_can_be_read_is_given_up_soon() -> None:
    disk = Pages([START + n for n in range(600)], set(range(10)))
    assert disk.all() == []
    assert disk.reads < 20_000


def test_nonsense_in_the_place_of_a_time_ends_nothing_and_is_left_out() -> None:
    def read(low: int, high: int, backwards: bool) -> tuple[list[Row], bool]:
        return [("x",), (low - 5,), (None,)], True

    assert [row for rows in recovered(read, 0, START) for row in rows] == []


scalars = st.none() | st.integers() | st.floats() | st.text() | st.binary()


@given(st.lists(scalars, min_size=4, max_size=4))
def test_whatever_a_damaged_page_says_is_judged_without_an_error(row: list[object]) -> None:
    assert is_sound(("ts", "source", "extra", "voltage_n"), row) in {True, False}


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("ts", 5, 2**60),
        ("seq", 1, -1),
        ("source", 3, 4),
        ("voltage", 12.5, "12.5"),
        ("extra", '{"a": 1}', "[1]"),
        ("extra", None, "{"),
        ("status", "normal", b"normal"),
        ("voltage_n", 7, None),
        ("voltage_min", None, b""),
    ],
)
def test_a_value_is_judged_by_its_column(column: str, good: object, bad: object) -> None:
    assert is_sound((column,), [good])
    assert not is_sound((column,), [bad])
