"""What follows from what a sink answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import (
    BatchPartlyRefused,
    BatchRefused,
    BatchTooLarge,
    SinkBusy,
    SinkDenied,
    SinkError,
    SinkUnreachable,
)
from hawk.sinks.messages import SinkState
from hawk.sinks.policy import Pace, Parts, Patience, Verdict, next_limit, rest_after, verdict

GONE, DENIED = SinkUnreachable("gone"), SinkDenied("no")


@pytest.mark.parametrize(
    ("error", "failures", "awaited", "state", "wait"),
    [
        (GONE, 1, True, "down", 1.0),
        (GONE, 2, True, "down", 2.0),
        (GONE, 6, True, "down", 32.0),
        (GONE, 7, True, "down", 60.0),
        (GONE, 10_000, True, "down", 60.0),
        (GONE, 1, False, "looking", 600.0),
        (GONE, 10_000, False, "looking", 600.0),
        (SinkBusy("later", 7), 5, True, "down", 7.0),
        (SinkBusy("later", 0), 5, True, "down", 1.0),
        (SinkBusy("later", 1e9), 5, True, "down", 3600.0),
        (SinkBusy("later"), 3, True, "down", 4.0),
        (DENIED, 1, True, "denied", 60.0),
        (DENIED, 2, True, "denied", 120.0),
        (DENIED, 4, True, "denied", 300.0),
        (DENIED, 1, False, "denied", 60.0),
    ],
)
def test_how_long_it_waits(error: SinkError, failures: int, awaited: bool, state: str, wait: float) -> None:
    said = verdict(error, failures, awaited=awaited, chance=0.5, patience=Patience())
    assert said == Verdict(SinkState(state), wait)


@given(st.integers(1, 10**9), st.floats(0, 1), st.booleans())
def test_it_never_waits_less_than_a_moment_or_more_than_a_minute(
    failures: int, chance: float, busy: bool
) -> None:
    error = SinkBusy("x") if busy else GONE
    said = verdict(error, failures, awaited=True, chance=chance, patience=Patience())
    assert 0.75 <= said.wait <= 60


@pytest.mark.parametrize(
    ("limit", "came", "then"),
    [(500, 0, 500), (500, 499, 500), (500, 500, 5000), (5000, 5000, 5000), (5000, 4999, 500), (5000, 0, 500)],
)
def test_a_full_page_means_there_is_more(limit: int, came: int, then: int) -> None:
    assert next_limit(limit, came, Pace()) == then


@pytest.mark.parametrize(
    ("rows", "took", "behind", "rest"),
    [
        (5000, 0.2, True, 0.8),
        (5000, 3.0, True, 0.0),
        (500, 0.05, True, 0.05),
        (1, 0.25, False, 0.75),
        (1, 5.0, False, 0.0),
    ],
)
def test_a_replay_is_no_faster_than_the_server_is_allowed(
    rows: int, took: float, behind: bool, rest: float
) -> None:
    assert rest_after(rows, took, behind=behind, pace=Pace()) == pytest.approx(rest)


# -- rows that are refused ---------------------------------------------------------------------


def deliver(rows: list[int], bad: set[int], most: int = 10**9) -> tuple[Parts[int], list[int], int]:
    """To a sink that takes all or nothing, no `bad` row and at most so many. What it took, in how many calls."""
    parts, took, calls = Parts[int].of(rows), list[int](), 0
    while parts.waiting:
        calls += 1
        part = parts.waiting[0]
        if len(part) > most:
            parts = parts.answered(BatchTooLarge("413"))
        elif bad & set(part):
            parts = parts.answered(BatchRefused("400"))
        else:
            took += part
            parts = parts.taken()
    return parts, took, calls


def test_one_bad_row_of_five_hundred_is_found_in_twenty_calls() -> None:
    parts, took, calls = deliver(list(range(500)), {321})
    assert (parts.refused, parts.causes) == (1, ("400",))
    assert took == [n for n in range(500) if n != 321]
    assert calls < 20


@given(st.integers(0, 60), st.sets(st.integers(0, 60)), st.integers(1, 60))
def test_all_rows_but_the_bad_ones_are_taken_once_and_in_order(count: int, bad: set[int], most: int) -> None:
    rows = list(range(count))
    parts, took, _ = deliver(rows, bad, most)
    assert took == [n for n in rows if n not in bad]
    assert parts.refused == len(bad & set(rows))


def test_a_single_row_that_is_too_large_is_refused() -> None:
    parts, took, _ = deliver([1, 2], set(), most=0)
    assert (took, parts.refused) == ([], 2)


def test_what_was_kept_of_a_part_is_not_sent_again() -> None:
    parts = Parts[int].of([1, 2, 3]).answered(BatchPartlyRefused("too old", 2))
    assert (parts.waiting, parts.settled, parts.refused) == ((), [1, 2, 3], 2)


def test_nothing_is_no_part() -> None:
    assert Parts[int].of([]).waiting == ()
